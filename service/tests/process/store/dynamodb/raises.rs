//! Raising a table while processes of several versions live on it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use aws_sdk_dynamodb::types::AttributeValue;
use echo_service::{
    domain::Verb,
    store::{Store, Version, Write, WriteError},
};
use serde_json::json;

use super::{
    create, endpoint,
    formats::marks,
    proxy::{Fate, Message, Proxy},
    replicas, response,
    table::{Table, server, text},
};
use crate::store::{digests::plain, model::Snapshot};
use crate::support::{Answer, Echo, changes, request_bytes, send};

fn raise(echo: &Echo, parameters: &str) -> Answer {
    echo.manage("POST", &format!("/-/store/raise{parameters}"), "", None)
}

fn assert_raised(answer: &Answer, from: u64, to: u64, raised: bool) {
    let expected = json!({"meta": {"from": from, "to": to, "raised": raised}});
    assert_eq!((answer.status, answer.text()), (200, expected.to_string()));
}

/// A table by a process of format 1, with a mock.
async fn of_format_1() -> Table {
    let table = Table::create().await;
    table.be_of_format(1).await;
    create(&table.open().await, "/old").await;
    table
}

/// Creates two mocks at once. Format 1 does not allow such a write.
async fn create_two(store: &dyn Store, n: usize) -> Result<Version, WriteError> {
    let new = |side| Write::Create(endpoint(Verb::Get, &format!("/{side}/{n}"), &response(1)));
    store.write_all(vec![new("left"), new("right")]).await.map(|written| written.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raise_is_a_write_that_every_process_learns_of_and_that_changes_no_mock() {
    let table = of_format_1().await;
    let (echo, other) = (replicas::start(&table, server()), replicas::start(&table, server()));
    let (store, follower) = (table.open().await, table.open().await);
    let refusal = create_two(&*store, 0).await.unwrap_err();
    assert!(matches!(refusal, WriteError::NeedsFormat(2)), "{refusal}");
    let message = refusal.to_string();
    assert!(message.contains("echo-service store raise --url") && message.contains("POST /-/store/raise"), "{message}");

    for parameters in ["?dry_run=true", "?dry_run=true&to_format=5"] {
        assert_raised(&raise(&echo, parameters), 1, 5, false);
    }
    assert_raised(&raise(&echo, "?to_format=1"), 1, 1, false);
    assert_eq!(marks(&table).await, [None, None, Some(1)]);
    assert_raised(&raise(&echo, ""), 1, 5, true);
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);
    assert_raised(&raise(&other, ""), 5, 5, false);
    table.digest().await;
    let since = follower.changes_since(Version(1)).await.unwrap();
    assert_eq!(plain(since), Some((Version(3), vec![])));

    // A process without news of the raise is not refused.
    assert_eq!(create_two(&*store, 1).await.unwrap(), Version(4));
    for echo in [&echo, &other] {
        assert_eq!(echo.call("GET", "/left/1").status, 200);
        let id = echo.create("GET", &format!("/{}", echo.pid()), json!({"code": 200}));
        assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": 202}}))).status, 200);
    }
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);
    // The mark `made` tells a restored copy from the raised table.
    assert_eq!(table.item("LOG", "HEAD").await.unwrap()["made"], table.made().await);
}

/// A table without writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_head_is_raised() {
    let table = Table::create().await;
    table.be_of_format(1).await;
    let echo = replicas::start(&table, server());
    assert_raised(&raise(&echo, ""), 1, 5, true);
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);
    echo.create("GET", "/x", json!({"code": 200}));
}

/// The proxy gives the item the format of an older version.
#[tokio::test(flavor = "multi_thread")]
async fn a_raise_is_refused_while_a_process_lacks_the_format_and_names_the_process() {
    let (table, proxy) = (of_format_1().await, Proxy::start());
    proxy.set(|request: &mut Message| {
        if request.operation() == "PutItem" && request.body["Item"]["PK"]["S"] == "PROCESS" {
            request.body["Item"]["format"]["N"] = json!("1");
        }
        Fate::Pass
    });
    let mut old = replicas::start(&table, &proxy.url);
    let item = table.partition("PROCESS").await.remove(0);
    let echo = replicas::start(&table, server());
    for parameters in ["", "?dry_run=true"] {
        let refusal = raise(&echo, parameters);
        assert_eq!(refusal.status, 409, "{}", refusal.text());
        let named = format!("{} (knows formats up to 1)", item["SK"].as_s().unwrap());
        assert!(refusal.details().contains(&named), "{}", refusal.text());
    }
    assert_eq!(marks(&table).await, [None, None, Some(1)]);
    old.create("GET", "/new", json!({"code": 200}));
    // A client may ask for a format known to the old process.
    assert_raised(&raise(&echo, "?to_format=1"), 1, 1, false);
    old.signal("TERM");
    old.wait();
    assert_raised(&raise(&echo, ""), 1, 5, true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raise_waits_while_dynamodb_is_busy_and_ends_at_once_at_a_lasting_error() {
    let (table, proxy) = (of_format_1().await, Proxy::start());
    let echo = replicas::start(&table, &proxy.url);
    let reasons =
        |code| json!([{"Code": "None"}, {"Code": code, "Message": format!("{code} by a test")}, {"Code": "None"}]);
    for (answer, words) in [
        (Message::error(400, "AccessDeniedException"), "AccessDenied"),
        (Message::cancelled(reasons("ValidationError")), "ValidationError"),
    ] {
        let (sent, sendings) = mpsc::channel();
        proxy.on("TransactWriteItems", move |_, _| {
            sent.send(()).ok();
            Fate::Answer(answer.clone())
        });
        assert_eq!(raise(&echo, "").status, 503);
        echo.log_line(|line| line.to_string().contains(words));
        assert_eq!(sendings.try_iter().count(), 1, "{words}");
    }
    proxy.on("TransactWriteItems", move |earlier, _| match earlier {
        0..5 => Fate::Answer(Message::cancelled(reasons("TransactionConflict"))),
        _ => Fate::Pass,
    });
    assert_raised(&raise(&echo, ""), 1, 5, true);
}

/// Otherwise a raise could come between, and the process would serve nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_raise_learns_of_a_process_before_the_process_reads_the_format() {
    let (table, proxy) = (of_format_1().await, Proxy::start());
    let echo = replicas::start(&table, server());
    let (refuse, refusals) = mpsc::channel();
    // The proxy outlives the test, so it must not own the process.
    let (management, mut is_next) = (echo.management, true);
    proxy.set(move |request: &mut Message| {
        let key = request.body["Item"].as_object_mut().filter(|item| item["PK"]["S"] == "PROCESS");
        if let Some(item) = key {
            item["format"]["N"] = json!("1");
        }
        if request.operation() == "GetItem" && std::mem::take(&mut is_next) {
            refuse.send(send(management, request_bytes(management, "POST", "/-/store/raise", "", b""))).unwrap();
        }
        Fate::Pass
    });
    let _old = replicas::start(&table, &proxy.url);
    let refusal = refusals.recv().unwrap();
    assert_eq!(refusal.status, 409, "{}", refusal.text());
    assert_eq!(marks(&table).await, [None, None, Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_race_with_a_raise_are_all_there_and_later_ones_are_not_refused() {
    let table = of_format_1().await;
    let echo = replicas::start(&table, server());
    let is_raised = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let (store, is_raised) = (table.open().await, Arc::clone(&is_raised));
        writers.spawn(async move {
            let (mut made, mut refused, mut after) = (0, 0, 0);
            for n in writer * 1_000.. {
                let is_after = is_raised.load(Ordering::Relaxed);
                create(&store, &format!("/single/{n}")).await;
                made += 1;
                match create_two(&*store, n).await {
                    Ok(_) => made += 2,
                    Err(WriteError::NeedsFormat(2)) if !is_after => refused += 1,
                    Err(error) => panic!("{error}"),
                }
                after += usize::from(is_after);
                if after == 3 {
                    break;
                }
            }
            (made, refused)
        });
    }
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let (answer, _echo) = tokio::task::spawn_blocking(move || (raise(&echo, ""), echo)).await.unwrap();
    assert_raised(&answer, 1, 5, true);
    is_raised.store(true, Ordering::Relaxed);
    let outcomes = writers.join_all().await;
    assert!(outcomes.iter().any(|(_, refused)| *refused > 0), "{outcomes:?}");
    let made: usize = outcomes.iter().map(|(made, _)| made).sum();
    assert_eq!(table.count("ENDPOINT").await, 1 + made);
    table.digest().await;
    let loaded = Snapshot::of(&*table.open().await).await.unwrap();
    assert_eq!(loaded.endpoints.len(), 1 + made);
    assert_eq!(table.count("LOG").await as u64, loaded.head.0 + 1, "an entry for each write, and the head");
}

/// The reason for a raise by a write: a process with an older head in memory may write that head again.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_is_put_without_a_write_is_put_back() {
    let table = Table::create().await;
    let store = table.open().await;
    create(&store, "/1").await;
    let mut head = table.item("LOG", "HEAD").await.unwrap();
    head.extend(["written", "later"].map(|name| (name.to_owned(), AttributeValue::N("7".into()))));
    table.put(head.clone()).await;
    create(&store, "/2").await;
    assert_eq!(marks(&table).await[0], Some(5), "the fault is found");
    // So a later version with a new attribute of the head has to raise the needed format.
    assert!(!table.item("LOG", "HEAD").await.unwrap().contains_key("later"));

    let version = table.item("LOG", "HEAD").await.unwrap()["writes"].as_n().unwrap().parse::<u64>().unwrap() + 1;
    head.insert("writes".into(), AttributeValue::N(version.to_string()));
    table.put(head).await;
    create(&store, "/3").await;
    assert_eq!(marks(&table).await[0], Some(7));
}

/// A version of format 1 puts the lease at each start, if the lease's format is at most 1.
#[tokio::test(flavor = "multi_thread")]
async fn the_marks_survive_the_start_of_a_version_of_format_1() {
    let table = of_format_1().await;
    let echo = replicas::start(&table, server());
    let mut lease = table.item("LEASE", "LEASE").await.unwrap();
    assert_raised(&raise(&echo, ""), 1, 5, true);
    lease.insert("format".into(), AttributeValue::N("1".into()));
    let put = table.client.put_item().table_name(&table.name).set_item(Some(lease));
    let put =
        put.condition_expression("attribute_not_exists(#f) OR #f = :f").expression_attribute_names("#f", "format");
    let put = put.expression_attribute_values(":f", AttributeValue::N("1".into()));
    assert!(put.send().await.is_err());
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);
    assert_eq!(table.item("LEASE", "LEASE").await.unwrap()["PK"], text("LEASE"));
}
