//! A damaged record costs one mock: not the start, no other mock, and no listing.

use std::{
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use redb::{Database, TableDefinition};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{
    store::dynamodb::{
        proxy::{Fate, Message, Proxy},
        replicas,
        table::{Table, server},
    },
    support::{Answer, Echo, PATIENCE, changes, new_endpoint},
};

/// With a query, because calls ignore queries.
const DAMAGED: &str = "/damaged?";

/// No answer may contain this.
const SECRET: &str = "secret-value";

pub fn assert_damaged(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (500, None), "{what}: {}", answer.text());
    assert_eq!(answer.json()["errors"][0]["code"], "damaged", "{what}");
    assert!(answer.details().contains("The log names the record"), "{what}: {}", answer.details());
    assert!(!answer.text().contains(SECRET) && !answer.text().contains("record of"), "{what}: {}", answer.text());
}

/// Makes two mocks, damages the first, and starts again.
fn one_mock_is_lost(first: &Echo, damage: impl FnOnce(&str), start: impl Fn() -> Echo, what: &str) {
    let id = first.create("GET", "/damaged", json!({"code": 200, "headers": {"X-Secret": SECRET}, "body": SECRET}));
    let other = first.create("GET", "/other", json!({"code": 200, "body": "here"}));
    damage(&id);

    let echo = start();
    let path = format!("/endpoints/{id}");
    assert_eq!(echo.call("GET", "/other").text(), "here", "{what}");
    assert_damaged(&echo.call("GET", DAMAGED), what);
    assert_eq!(echo.call("POST", "/damaged").status, 404, "{what}");
    assert_damaged(&echo.get(&path), what);
    // No error: error lines ring an alarm that rolls a deployment back.
    echo.log_line(|line| line["level"] == "WARN" && line["error"].as_str().is_some_and(|error| error.contains(&id)));
    assert_damaged(&echo.patch(&id, &changes(json!({"response": {"body": "new"}}))), what);
    for filter in ["", "?filter[verb]=GET", "?filter[path]=/other", "?page[size]=1"] {
        let listed = echo.get(&format!("/endpoints{filter}")).json();
        let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|endpoint| &endpoint["id"]).collect();
        assert_eq!(ids, [other.as_str()], "{what}, {filter}");
    }
    assert_eq!(echo.get("/endpoints?filter[path]=/damaged").json()["data"], json!([]), "{what}");
    assert_eq!(echo.get("/-/ready").status, 200, "{what}");

    // The damaged mock keeps its claim until its deletion.
    let taken = echo.post(&new_endpoint("GET", "/damaged", json!({"code": 200})));
    assert!(taken.status == 409 && taken.details().contains(&id), "{what}: {}", taken.text());
    assert_damaged(&echo.manage("DELETE", &path, "If-Match: \"1\"\r\n", None), what);
    assert_eq!(echo.delete(&id).status, 204, "{what}");
    assert_eq!((echo.delete(&id).status, echo.call("GET", "/damaged").status), (404, 404), "{what}");
    echo.create("GET", "/damaged", json!({"code": 201}));
    drop(echo);
    let again = start();
    // The table differs from its digest, so the replica loads once more after its start.
    let begin = Instant::now();
    while again.call("GET", "/damaged").status == 503 && begin.elapsed() < PATIENCE {}
    assert_eq!([&again, &again].map(|echo| echo.call("GET", "/damaged").status), [201; 2], "{what}");
    assert_eq!(again.call("GET", "/other").text(), "here", "{what}");
}

/// Changes a table of a file whose process is killed.
fn edit(first: &Echo, path: &Path, table: &str, edit: impl FnOnce(&mut redb::Table<&[u8], &[u8]>)) {
    first.signal("KILL");
    let database = loop {
        // The file is locked until then.
        if let Ok(database) = Database::open(path) {
            break database;
        }
    };
    let txn = database.begin_write().unwrap();
    edit(&mut txn.open_table(TableDefinition::new(table)).unwrap());
    txn.commit().unwrap();
}

#[test]
fn a_damaged_record_of_a_file_loses_only_its_mock() {
    let record = |code: u16, path: &str| {
        let headers = [["X-Secret", SECRET]];
        json!({"version": 1, "verb": "GET", "path": path, "code": code, "headers": headers, "body": SECRET}).to_string()
    };
    // The last two show a route that nobody has claimed, and the route of the other mock.
    let routes = ["no path", "/elsewhere", "/other"].map(|path| record(200, path));
    for damaged in [String::new(), SECRET.into(), record(99, "/damaged")].into_iter().chain(routes) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.redb");
        let start = || Echo::start(&["--store", &format!("file:{}", path.display())]);
        let first = start();
        let damage = |id: &str| {
            edit(&first, &path, "endpoints", |records| _ = records.insert(id.as_bytes(), damaged.as_bytes()).unwrap());
        };
        one_mock_is_lost(&first, damage, start, &damaged);
    }
}

#[test]
fn a_damaged_key_of_a_file_loses_only_its_mock() {
    for key in ["", "no id", "\u{ff}"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.redb");
        let start = || Echo::start(&["--store", &format!("file:{}", path.display())]);
        let first = start();
        let damage = |id: &str| {
            edit(&first, &path, "endpoints", |records| {
                let record = records.remove(id.as_bytes()).unwrap().unwrap().value().to_vec();
                records.insert(key.as_bytes(), record.as_slice()).unwrap();
            });
        };
        one_mock_is_lost(&first, damage, start, key);
    }
}

#[test]
fn a_damaged_log_of_a_file_makes_the_replica_load_all_mocks() {
    for (key, entry) in [(&b"no version"[..], &b""[..]), (&1_u64.to_be_bytes(), b"no ids")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.redb");
        let start = || Echo::start(&["--store", &format!("file:{}", path.display())]);
        let first = start();
        first.create("GET", "/1", json!({"code": 201}));
        edit(&first, &path, "log", |log| _ = log.insert(key, entry).unwrap());
        let echo = start();
        echo.create("GET", "/2", json!({"code": 202}));
        assert_eq!(["/1", "/2"].map(|path| echo.call("GET", path).status), [201, 202], "{key:?}");
        // A request that waits for the log learns of the claim.
        assert_eq!(echo.post(&new_endpoint("GET", "/1", json!({"code": 200}))).status, 409, "{key:?}");
    }
}

#[test]
fn a_damaged_item_of_a_table_loses_only_its_mock() {
    let runtime = Runtime::new().unwrap();
    for (name, value) in [
        ("code", AttributeValue::N("99".into())),
        ("code", AttributeValue::S(SECRET.into())),
        ("headers", AttributeValue::S(SECRET.into())),
        ("version", AttributeValue::S(SECRET.into())),
        // Impossible numbers.
        ("code", AttributeValue::N("200.5".into())),
        ("version", AttributeValue::N("1E+40".into())),
        ("version", AttributeValue::N("-1".into())),
    ] {
        let table = replicas::table();
        let start = || replicas::start(&table, server());
        let first = start();
        let damage = |id: &str| runtime.block_on(change(&table, id, &[(name, value.clone())]));
        one_mock_is_lost(&first, damage, start, &format!("{name}: {value:?}"));
        // It read the record before the damage, and the log is enough for changes.
        assert_eq!(first.call("GET", "/damaged").status, 201, "{name}");
    }
}

pub async fn change(table: &Table, id: &str, attributes: &[(&str, AttributeValue)]) {
    let mut item = table.item("ENDPOINT", id).await.unwrap();
    item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    table.put(item).await;
}

/// The record's claim is unknown, and keeping it would block the route. But a call of the route
/// names the claim.
#[test]
fn an_item_without_its_route_is_deleted_with_its_claim_after_a_call_of_the_route() {
    // The second record shows the route of no mock, the third one the route of another mock.
    for path in ["no path", "/elsewhere", "/other"] {
        let (runtime, table) = (Runtime::new().unwrap(), replicas::table());
        let first = replicas::start(&table, server());
        let id = first.create("GET", "/damaged", json!({"code": 200}));
        first.create("GET", "/other", json!({"code": 200}));
        let path = AttributeValue::S(path.into());
        runtime.block_on(change(&table, &id, &[("path", path.clone()), ("code", AttributeValue::N("99".into()))]));
        let echo = replicas::start(&table, server());
        assert_eq!((echo.call("GET", "/elsewhere").status, echo.call("GET", "/other").status), (404, 200), "{path:?}");
        assert_damaged(&echo.delete(&id), "DELETE");
        echo.log_line(|line| line["error"].as_str().is_some_and(|error| error.contains("delete both items by hand")));
        assert_eq!(runtime.block_on(table.count("ENDPOINT")), 2, "{path:?}");

        for _ in 0..2 {
            assert_damaged(&echo.call("GET", "/damaged"), "call");
        }
        assert_eq!((echo.call("PUT", "/damaged").status, echo.delete(&id).status), (404, 204), "{path:?}");
        assert_eq!(echo.call("GET", "/damaged").status, 404, "{path:?}");
        echo.create("GET", "/damaged", json!({"code": 201}));
        assert_eq!([&echo, &first].map(|echo| echo.call("GET", "/damaged").status), [201; 2], "{path:?}");
        let items = runtime.block_on(table.items());
        assert_eq!(items.iter().filter(|item| item["SK"].as_s().unwrap() == "ROUTE").count(), 2, "claims: {path:?}");
    }
}

/// A load of a table reads no claims, so the record is believed until a deletion.
#[test]
fn an_item_with_another_route_than_its_claim_is_deleted_with_its_claim() {
    for path in ["/elsewhere", "/other"] {
        for is_loaded_before in [true, false] {
            let (runtime, table) = (Runtime::new().unwrap(), replicas::table());
            let first = replicas::start(&table, server());
            let id = first.create("GET", "/damaged", json!({"code": 200}));
            first.create("GET", "/other", json!({"code": 203}));
            runtime.block_on(change(&table, &id, &[("path", AttributeValue::S(path.into()))]));
            let late = replicas::start(&table, server());
            let echo = if is_loaded_before { &first } else { &late };
            if !is_loaded_before {
                assert_eq!(echo.call("GET", "/damaged").status, 404, "{path}");
                assert_damaged(&echo.delete(&id), "DELETE");
                echo.log_line(|line| line["error"].to_string().contains("delete both items by hand"));
                assert_damaged(&echo.call("GET", "/damaged"), "call");
            }
            let etag = echo.get(&format!("/endpoints/{id}")).header("etag").unwrap().to_owned();
            let conditional =
                echo.manage("DELETE", &format!("/endpoints/{id}"), &format!("If-Match: {etag}\r\n"), None);
            assert_damaged(&conditional, "If-Match");
            assert_eq!(echo.delete(&id).status, 204, "{path}");
            assert_eq!([&first, &late].map(|echo| echo.call("GET", "/damaged").status), [404; 2], "{path}");
            echo.create("GET", "/damaged", json!({"code": 201}));
            for echo in [&first, &late] {
                let statuses = ["/damaged", "/other"].map(|path| echo.call("GET", path).status);
                assert_eq!((statuses, echo.call("GET", "/elsewhere").status), ([201, 203], 404), "{path}");
            }
            let items = runtime.block_on(table.items());
            assert_eq!(items.iter().filter(|item| item["SK"].as_s().unwrap() == "ROUTE").count(), 2, "{path}");
        }
    }
}

/// The keys of the claims that a request reads.
fn claims_of(request: &Message) -> usize {
    let keys = request.body["TransactItems"].as_array().into_iter().flatten();
    keys.filter(|get| get["Get"]["Key"]["SK"]["S"] == "ROUTE").count()
}

/// A damaged record without its route makes misses read claims. Misses share these reads, and reads of management are
/// separate.
#[test]
fn misses_beside_an_item_without_its_route_share_reads_and_leave_management_alone() {
    const MISSES: usize = 120;
    let (runtime, table, proxy) = (Runtime::new().unwrap(), replicas::table(), Proxy::start());
    let first = replicas::start(&table, server());
    let [id, other] = ["/damaged", "/other"].map(|path| first.create("GET", path, json!({"code": 200})));
    runtime.block_on(change(&table, &id, &[("path", AttributeValue::S("no path".into()))]));
    let echo = replicas::start(&table, &proxy.url);
    let misses = |expected: u16, meanwhile: &dyn Fn()| {
        thread::scope(|scope| {
            let calls: Vec<_> = (0..MISSES)
                .map(|n| {
                    let echo = &echo;
                    scope.spawn(move || echo.call("GET", &format!("/missing/{n}")).status)
                })
                .collect();
            meanwhile();
            assert!(calls.into_iter().all(|call| call.join().unwrap() == expected));
        });
    };
    let (asked, readings) = mpsc::channel();
    proxy.set(move |request| match claims_of(request) {
        0 => Fate::Pass,
        claims => {
            asked.send(claims).unwrap();
            Fate::Delay(Duration::from_millis(200), Duration::ZERO)
        }
    });
    misses(404, &|| ());
    let readings: Vec<_> = readings.try_iter().collect();
    assert!(readings.len() < MISSES / 4 && readings.iter().sum::<usize>() >= MISSES, "{readings:?}");

    proxy.set(|request| if claims_of(request) > 0 { Fate::Silence } else { Fate::Pass });
    misses(503, &|| {
        for code in 201..210 {
            assert_eq!(echo.patch(&other, &changes(json!({"response": {"code": code}}))).status, 200);
        }
    });
}

/// A query, or a replica that follows the log, may still show the record: a deletion is final.
#[test]
fn a_damaged_item_is_gone_although_a_query_does_not_show_its_deletion_yet() {
    let (runtime, table) = (Runtime::new().unwrap(), replicas::table());
    let first = replicas::start(&table, server());
    let id = first.create("GET", "/damaged", json!({"code": 200}));
    runtime.block_on(change(&table, &id, &[("code", AttributeValue::N("99".into()))]));
    let damaged = runtime.block_on(table.item("ENDPOINT", &id)).unwrap();
    assert_eq!(first.delete(&id).status, 204);
    runtime.block_on(table.put(damaged));
    let echo = replicas::start(&table, server());
    assert_eq!((echo.call("GET", "/damaged").status, echo.get(&format!("/endpoints/{id}")).status), (404, 404));
}

/// A damaged entry counts as an expired one.
#[test]
fn a_damaged_log_entry_makes_the_replica_load_all_mocks() {
    let (runtime, table) = (Runtime::new().unwrap(), replicas::table());
    let echo = replicas::start(&table, server());
    echo.signal("STOP");
    let other = replicas::start(&table, server());
    other.create("GET", "/1", json!({"code": 201}));
    other.create("GET", "/2", json!({"code": 202}));
    let entry = runtime.block_on(table.items()).into_iter().find(|item| item.contains_key("token")).unwrap();
    for name in ["code", "endpoint_id", "token"] {
        let mut entry = entry.clone();
        entry.remove(name);
        runtime.block_on(table.put(entry));
        let late = replicas::start(&table, server());
        assert_eq!(["/1", "/2"].map(|path| late.call("GET", path).status), [201, 202], "{name}");
    }
    echo.signal("CONT");
    assert_eq!(["/1", "/2"].map(|path| echo.call("GET", path).status), [201, 202]);
}
