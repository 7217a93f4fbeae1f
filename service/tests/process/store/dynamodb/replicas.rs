//! Real services on one table: each serves all acknowledged writes of the others.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    proxy::{Fate, Message, Proxy},
    table::{Table, VARIABLES, server},
};
use crate::support::{Answer, Echo, PATIENCE, changes, new_endpoint};

pub fn table() -> Table {
    tokio::runtime::Runtime::new().unwrap().block_on(Table::create())
}

pub fn start(table: &Table, url: &str) -> Echo {
    let store = format!("dynamodb:{}", table.name);
    Echo::start_with(&["--store", &store], &[&VARIABLES[..], &[("AWS_ENDPOINT_URL", url)]].concat())
}

fn replicas<const COUNT: usize>() -> [Echo; COUNT] {
    let table = table();
    std::array::from_fn(|_| start(&table, server()))
}

#[test]
fn every_replica_serves_the_same_story() {
    let [one, two] = replicas();
    for turn in 0..20 {
        let (this, that) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let path = format!("/story/{turn}");
        assert_eq!(that.call("GET", &path).status, 404);
        let id = this.create("GET", &path, json!({"code": 200, "body": "first"}));
        assert_eq!(that.call("GET", &path).text(), "first");
        assert_eq!(that.call("POST", &path).status, 404);
        assert_eq!(that.patch(&id, &changes(json!({"response": {"body": "second"}}))).status, 200);
        assert_eq!(this.call("GET", &path).text(), "second");
        assert_eq!(that.post(&new_endpoint("GET", &path, json!({"code": 200}))).status, 409);
        assert_eq!(this.get(&format!("/endpoints/{id}")).status, 200);
        assert_eq!(this.delete(&id).status, 204);
        assert_eq!(that.call("GET", &path).status, 404);
    }
}

/// Each waits for the leases of the others, for as long as its own.
#[test]
fn a_service_with_another_lease_is_refused_until_all_leases_have_ended() {
    let table = table();
    let store = format!("dynamodb:{}", table.name);
    let with = |lease| {
        let variables = [&VARIABLES[..], &[("AWS_ENDPOINT_URL", server())]].concat();
        Echo::try_start(&["--store", &store, "--lease", lease, "--poll-interval", "50ms"], &variables)
    };
    let first = with("150ms").unwrap();
    let (status, errors) = with("300ms").err().expect("it is refused");
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("have a lease of 150 ms, and this one is told 300 ms"), "{errors}");
    assert!(with("150ms").is_ok());

    drop(first);
    tokio::runtime::Runtime::new().unwrap().block_on(table.forget_lease());
    assert!(with("300ms").is_ok());
}

/// A move leaves one route and takes another at one moment. A client that has seen the move finds
/// the mock everywhere at the new route only, acknowledged or not.
#[test]
fn a_moved_mock_leaves_and_arrives_on_all_replicas_at_once() {
    let services = replicas::<2>();
    for turn in 0..10 {
        let (mover, [one, two]) = (&services[turn / 2 % 2], [&services[turn % 2], &services[1 - turn % 2]]);
        let [from, to] = ["one", "two"].map(|name| format!("/move/{turn}/{name}"));
        let id = mover.create("GET", &from, json!({"code": 200, "body": "here"}));
        assert_eq!([one, two].map(|service| service.call("GET", &from).text()), ["here", "here"]);
        thread::scope(|scope| {
            let moving = scope.spawn(|| mover.patch(&id, &changes(json!({"path": to}))));
            let deadline = Instant::now() + PATIENCE;
            while one.call("GET", &from).status == 200 {
                assert!(Instant::now() < deadline, "it moves");
            }
            assert_eq!([one, two].map(|service| service.call("GET", &from).status), [404, 404]);
            assert_eq!([two, one].map(|service| service.call("GET", &to).text()), ["here", "here"]);
            assert_eq!(moving.join().unwrap().status, 200);
        });
    }
}

#[test]
fn of_racing_creations_for_a_route_one_wins() {
    let services = replicas::<3>();
    for round in 0..10 {
        let document = new_endpoint("GET", &format!("/race/{round}"), json!({"code": 200}));
        let answers: Vec<Answer> = thread::scope(|scope| {
            let race = services.each_ref().map(|service| scope.spawn(|| service.post(&document)));
            race.map(|racer| racer.join().unwrap()).into()
        });
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409]);
    }
}

#[test]
fn a_late_replica_serves_all_existing_mocks() {
    let table = table();
    let early = start(&table, server());
    early.create("GET", "/early", json!({"code": 200, "body": "here"}));
    let late = start(&table, server());
    assert_eq!(late.call("GET", "/early").text(), "here");
}

/// Without a readable log and without a lease, a mock's state is unknown.
fn a_mock_is_soon_503_while_the_store(is_so: fn(&mut Message) -> Fate) {
    let (table, proxy) = (table(), Proxy::start());
    let (service, other) = (start(&table, &proxy.url), start(&table, server()));
    let id = service.create("GET", "/known", json!({"code": 200, "body": "before"}));

    proxy.set(is_so);
    assert_eq!(service.call("GET", "/unknown").status, 503);
    let deadline = Instant::now() + PATIENCE;
    while service.call("GET", "/known").status == 200 {
        assert!(Instant::now() < deadline, "a lease ends");
    }
    wait_for(503, || service.get("/-/ready"));
    assert_eq!(service.get("/-/live").status, 200);
    for path in ["/known", "/unknown"] {
        let answer = service.call("GET", path);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}");
        assert_eq!(answer.json()["errors"][0]["code"], "unavailable");
    }
    service.log_line(|line| line["message"] == "the change log cannot be read");
    assert_eq!(other.patch(&id, &changes(json!({"response": {"body": "after"}}))).status, 200);

    proxy.set(|_| Fate::Pass);
    wait_for(200, || service.call("GET", "/known"));
    assert_eq!(service.call("GET", "/known").text(), "after");
    assert_eq!(service.call("GET", "/unknown").status, 404);
    assert_eq!(service.get("/-/ready").status, 200);
    service.log_line(|line| line["message"] == "the change log can be read again");
}

pub fn wait_for(status: u16, ask: impl Fn() -> Answer) {
    let deadline = Instant::now() + PATIENCE;
    while ask().status != status {
        assert!(Instant::now() < deadline, "{status} in time");
    }
}

#[test]
fn without_the_store_a_mock_is_soon_503() {
    a_mock_is_soon_503_while_the_store(|_| Fate::CutBefore);
}

#[test]
fn with_throttled_log_reads_a_mock_is_soon_503() {
    a_mock_is_soon_503_while_the_store(|request| match request.operation() {
        "Query" => Fate::Answer(Message::error(400, "ProvisionedThroughputExceededException")),
        _ => Fate::Pass,
    });
}

/// Each way takes 300 ms, and a reading is waited for for 500.
#[test]
fn with_a_store_slower_than_the_time_limit_a_mock_is_soon_503() {
    const WAY: Duration = Duration::from_millis(300);
    a_mock_is_soon_503_while_the_store(|_| Fate::Delay(WAY, WAY));
}

/// The lease ends before the answer of the reading. So no call is answered from memory.
#[test]
fn with_a_store_slower_than_the_lease_each_call_waits_for_a_right_answer() {
    const WAY: Duration = Duration::from_millis(100);
    let (table, proxy) = (table(), Proxy::start());
    let (service, other) = (start(&table, &proxy.url), start(&table, server()));
    let id = other.create("GET", "/changing", json!({"code": 200, "body": "0"}));
    proxy.set(|_| Fate::Delay(WAY, WAY));
    for turn in 1..=5 {
        let body = turn.to_string();
        assert_eq!(other.patch(&id, &changes(json!({"response": {"body": body}}))).status, 200);
        for path in ["/changing", "/unknown"] {
            let asked = Instant::now();
            let answer = service.call("GET", path);
            assert!(asked.elapsed() >= 2 * WAY, "{path} after {:?}", asked.elapsed());
            assert!(if path == "/unknown" { answer.status == 404 } else { answer.text() == body }, "{answer:?}");
        }
        assert_eq!(service.get("/-/ready").status, 200);
    }
    assert_eq!(service.delete(&id).status, 204);
    assert_eq!([&service, &other].map(|service| service.call("GET", "/changing").status), [404; 2]);
}

/// A single read of the head serves all waiting requests. But the read may miss a write that was shown after its
/// sending.
#[test]
fn a_request_after_the_start_of_a_head_read_waits_for_the_next_read() {
    let (table, proxy) = (table(), Proxy::start());
    let (service, other) = (start(&table, &proxy.url), start(&table, server()));
    let id = other.create("GET", "/path", json!({"code": 200, "body": "before"}));
    let list = || service.get("/endpoints");
    assert!(list().text().contains("before"));

    // The first answer without an entry after the head is late, and the log cannot be read
    // meanwhile.
    let (asked, questions) = mpsc::channel();
    proxy.set(move |request| match request.operation() {
        "Query" if request.body.to_string().contains(r#""LOG""#) => Fate::CutBefore,
        "TransactGetItems" if request.body.to_string().contains(r#""LOG""#) => {
            let is_first = asked.send(()).is_ok();
            Fate::Delay(Duration::ZERO, if is_first { Duration::from_millis(550) } else { Duration::ZERO })
        }
        _ => Fate::Pass,
    });
    thread::scope(|scope| {
        scope.spawn(list);
        questions.recv_timeout(PATIENCE).unwrap();
        drop(questions);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(other.patch(&id, &changes(json!({"response": {"body": "after"}}))).status, 200);
        // This process has not read the change, and does not know how long others serve the previous state.
        assert_eq!(list().status, 503);
    });
}
