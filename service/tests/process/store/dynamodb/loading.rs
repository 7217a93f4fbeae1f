//! Starts that take long: the listeners answer meanwhile, and no load is given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    proxy::{Fate, Message, Proxy},
    replicas,
    table::{Table, VARIABLES, server, text},
};
use crate::support::{Echo, PATIENCE, new_endpoint};

/// More than a page of DynamoDB has.
const MOCKS: usize = 8;

fn is_of_endpoints(request: &Message) -> bool {
    request.operation() == "Query" && request.body["ExpressionAttributeValues"][":partition"]["S"] == "ENDPOINT"
}

fn is_later_page(request: &Message) -> bool {
    is_of_endpoints(request) && request.body.get("ExclusiveStartKey").is_some()
}

/// A table of large mocks, and a proxy that throttles these requests, until the flag is false.
fn throttled(is_it: fn(&Message) -> bool) -> (Table, Proxy, Arc<AtomicBool>) {
    let (table, proxy, is_throttled) = (replicas::table(), Proxy::start(), Arc::new(AtomicBool::new(true)));
    let first = replicas::start(&table, server());
    for n in 0..MOCKS {
        first.create("GET", &format!("/{n}"), json!({"code": 200, "body": "x".repeat(250 * 1024)}));
    }
    let flag = Arc::clone(&is_throttled);
    proxy.set(move |request| {
        if is_it(request) && flag.load(Ordering::Relaxed) {
            return Fate::Answer(Message::error(400, "ProvisionedThroughputExceededException"));
        }
        Fate::Pass
    });
    (table, proxy, is_throttled)
}

/// A service that has begun to load.
fn loading(table: &Table, proxy: &Proxy) -> Echo {
    let mut command = Echo::command();
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--store", &format!("dynamodb:{}", table.name)]);
    command.envs(VARIABLES).env("AWS_ENDPOINT_URL", &proxy.url);
    let echo = Echo::spawn_until(&mut command, "loading").unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !(1..MOCKS).any(|n| echo.get("/-/ready").details().contains(&format!("has loaded {n} mocks so far"))) {
        assert!(Instant::now() < deadline, "{}", echo.get("/-/ready").details());
        thread::sleep(Duration::from_millis(5));
    }
    echo
}

#[test]
fn a_throttled_start_answers_health_and_503_and_is_never_given_up() {
    let (table, proxy, is_throttled) = throttled(is_later_page);
    let echo = loading(&table, &proxy);
    let count = Runtime::new().unwrap().block_on(table.count("ENDPOINT"));
    // Longer than any other read waits.
    let until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < until {
        assert_eq!(
            (echo.get("/-/live").status, echo.get("/-/ready").status, echo.get("/-/docs").status),
            (200, 503, 200)
        );
        let (call, post) = (echo.call("GET", "/0"), echo.post(&new_endpoint("GET", "/new", json!({"code": 200}))));
        for answer in [call, post, echo.get("/endpoints"), echo.manage("POST", "/-/store/raise", "", None)] {
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
            assert!(answer.details().starts_with("This process is loading all mocks"), "{}", answer.details());
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(Runtime::new().unwrap().block_on(table.count("ENDPOINT")), count, "a refused write has no effect");
    is_throttled.store(false, Ordering::Relaxed);
    echo.log_line(|line| line["message"] == "serving");
    assert_eq!(echo.get("/-/ready").status, 200);
    assert!((0..MOCKS).all(|n| echo.call("GET", &format!("/{n}")).status == 200));
}

#[test]
fn a_stop_ends_a_load_and_leaves_no_item() {
    let (table, proxy, _) = throttled(is_later_page);
    let others = Runtime::new().unwrap().block_on(table.count("PROCESS"));
    let mut echo = loading(&table, &proxy);
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert!(echo.rest_of_log().iter().any(|line| line["message"] == "stopped before the start was complete"));
    assert_eq!(Runtime::new().unwrap().block_on(table.count("PROCESS")), others);
}

/// The last requests of a load: the claims of damaged records.
#[test]
fn a_load_is_not_given_up_at_its_end() {
    let is_of_claim = |request: &Message| request.body["TransactItems"][0]["Get"]["Key"]["SK"]["S"] == "ROUTE";
    let ((table, proxy, is_throttled), runtime) = (throttled(is_of_claim), Runtime::new().unwrap());
    let mut damaged = runtime.block_on(table.partition("ENDPOINT")).pop().unwrap();
    damaged.insert("code".into(), text("99"));
    runtime.block_on(table.put(damaged));
    let mut echo = loading(&table, &proxy);
    thread::sleep(Duration::from_secs(6));
    assert_eq!(echo.try_wait(), None);
    is_throttled.store(false, Ordering::Relaxed);
    echo.log_line(|line| line["message"] == "serving");
}

/// Otherwise the process would count as live for 30 s.
#[test]
fn a_stop_during_a_slow_renewal_leaves_no_item() {
    let ((table, _, _), proxy, runtime) = (throttled(is_later_page), Proxy::start(), Runtime::new().unwrap());
    let (renews, renewals) = mpsc::channel();
    proxy.set(move |request| {
        let item = &request.body["Item"];
        if item["PK"]["S"] == "PROCESS" && item["renewed"]["N"] != "1" {
            renews.send(()).ok();
            return Fate::Delay(Duration::from_millis(400), Duration::from_millis(1_400));
        }
        if is_later_page(request) { Fate::Silence } else { Fate::Pass }
    });
    let others = runtime.block_on(table.count("PROCESS"));
    let mut echo = loading(&table, &proxy);
    renewals.recv_timeout(PATIENCE).unwrap();
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert_eq!(runtime.block_on(table.count("PROCESS")), others);
}
