//! The items of the processes on a table.

use std::{
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use echo_service::store::NEWEST_FORMAT;

use super::{
    proxy::{Fate, Message, Proxy},
    replicas,
    table::{Item, Table, VARIABLES, server},
};
use crate::support::{Echo, PATIENCE};

fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().unwrap().parse().unwrap()
}

/// The form of the items for other versions.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_renews_an_item_with_its_format_and_limits_and_removes_it_at_its_end() {
    let table = Table::create().await;
    let (mut echo, other) = (replicas::start(&table, server()), replicas::start(&table, server()));
    let [first, second] = <[Item; 2]>::try_from(table.partition("PROCESS").await).unwrap();
    assert_ne!(first["SK"], second["SK"]);
    for item in [&first, &second] {
        assert_eq!((number(item, "format"), number(item, "renewed")), (NEWEST_FORMAT, 1), "{item:?}");
        assert!(matches!(item["limits"], AttributeValue::M(_)), "{item:?}");
        let in_a_day = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 24 * 3_600;
        assert!((in_a_day - 60..=in_a_day).contains(&number(item, "expires_at")), "{item:?}");
        assert_eq!(item.len(), 6, "{item:?}");
    }
    let deadline = Instant::now() + PATIENCE;
    while table.partition("PROCESS").await.iter().any(|item| number(item, "renewed") < 2) {
        assert!(Instant::now() < deadline, "an item is not renewed");
        thread::sleep(Duration::from_millis(100));
    }
    echo.signal("TERM");
    assert_eq!(echo.wait().code(), Some(0));
    assert_eq!(table.count("PROCESS").await, 1);
    // A killed process leaves the item to the expiry.
    other.signal("KILL");
    drop(other);
    assert_eq!(table.count("PROCESS").await, 1);
}

/// Of a request that writes the item of a process.
fn renewal(request: &Message) -> Option<u64> {
    let is_of_process = request.operation() == "PutItem" && request.body["Item"]["PK"]["S"] == "PROCESS";
    is_of_process.then(|| request.body["Item"]["renewed"]["N"].as_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_keep_their_time_while_dynamodb_is_silent() {
    let (table, proxy, (sent, sendings)) = (Table::create().await, Proxy::start(), mpsc::channel());
    let _echo = replicas::start(&table, &proxy.url);
    proxy.set(move |request| {
        let Some(renewed) = renewal(request) else { return Fate::Pass };
        sent.send((renewed, Instant::now())).ok();
        Fate::Silence
    });
    let second: Vec<_> = sendings.iter().take_while(|(renewed, _)| *renewed == 2).map(|(_, at)| at).collect();
    // About: the third has just been sent.
    let (between, lasted) = (second[0].elapsed(), *second.last().unwrap() - second[0]);
    assert!(between < Duration::from_secs(10), "{between:?}");
    // After two failures, the next renewal ends within the 30 s that a process counts as live.
    assert!(between * 3 + lasted < Duration::from_secs(30), "{between:?} {lasted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_removes_its_item_after_the_last_renewal() {
    const DELAY: Duration = Duration::from_millis(300);
    let (table, proxy) = (Table::create().await, Proxy::start());
    let ((renews, renewals), (leaves, removals)) = (mpsc::channel(), mpsc::channel());
    let mut echo = replicas::start(&table, &proxy.url);
    proxy.set(move |request| {
        if renewal(request).is_some() {
            renews.send(Instant::now()).ok();
            return Fate::Delay(DELAY, Duration::ZERO);
        }
        if request.operation() == "DeleteItem" {
            leaves.send(Instant::now()).ok();
        }
        Fate::Pass
    });
    let begun = renewals.recv_timeout(PATIENCE).unwrap();
    echo.signal("TERM");
    assert_eq!(echo.wait().code(), Some(0));
    assert!(removals.recv().unwrap() - begun >= DELAY, "the renewal arrives after the removal");
    assert_eq!(table.count("PROCESS").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_no_item() {
    let (table, taken) = (Table::create().await, TcpListener::bind("127.0.0.1:0").unwrap());
    let mut first = replicas::start(&table, server());
    first.signal("TERM");
    first.wait();
    let (store, address) = (format!("dynamodb:{}", table.name), taken.local_addr().unwrap().to_string());
    let variables = [&VARIABLES[..], &[("AWS_ENDPOINT_URL", server())]].concat();
    for (arguments, words) in
        [(["--lease", "7s"], "have a lease of"), (["--management-listen", &address], "cannot listen on")]
    {
        let refusal = Echo::try_start(&[&["--store", &store], &arguments[..]].concat(), &variables).err();
        let (status, errors) = refusal.expect("it does not start");
        assert!(status.code() == Some(1) && errors.contains(words), "{errors}");
        assert_eq!(table.count("PROCESS").await, 0, "{words}");
    }
}
