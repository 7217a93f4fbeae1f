//! Replicas that load everything again, one at a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    diverged::{FOUND, LASTING, edit, logs},
    replicas::{self, wait_for},
    table::{Item, Table, server, text},
};
use crate::support::{Echo, PATIENCE, changes};

const WAITS: &str = "another replica loads the table: this one waits";

/// Another process has the permit to load.
async fn occupy(table: &Table) {
    let item = [("PK", "LOAD"), ("SK", "LOAD"), ("holder", "another")];
    let mut item: Item = item.map(|(name, value)| (name.to_owned(), text(value))).into();
    item.insert("renewed".into(), AttributeValue::N("1".into()));
    table.put(item).await;
}

fn assert_returned(table: &Table, runtime: &Runtime) {
    let until = Instant::now() + PATIENCE;
    while runtime.block_on(table.item("LOAD", "LOAD")).is_some() {
        assert!(Instant::now() < until, "the permit is not returned");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The log does not reach back to the last reading of a stopped process.
fn fall_behind(one: &Echo, other: &Echo, table: &Table, runtime: &Runtime) {
    one.signal("STOP");
    let behind = other.create("GET", "/behind", json!({"code": 200}));
    other.delete(&behind);
    let version =
        runtime.block_on(table.item("LOG", "HEAD")).unwrap()["writes"].as_n().unwrap().parse::<u64>().unwrap();
    runtime.block_on(table.expire(version - 1));
    one.signal("CONT");
}

#[test]
fn a_replica_behind_the_log_loads_when_no_other_replica_loads() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let [one, other] = [(); 2].map(|()| replicas::start(&table, server()));
    one.create("GET", "/", json!({"code": 200}));
    runtime.block_on(occupy(&table));
    fall_behind(&one, &other, &table, &runtime);
    logs(&one, "INFO", WAITS);
    let answer = one.call("GET", "/");
    assert_eq!((answer.status, one.get("/-/ready").status, one.get("/-/live").status), (503, 503, 200));
    assert_eq!(other.call("GET", "/").status, 200, "the others serve");
    // A start does not wait for the loads of others.
    assert_eq!(replicas::start(&table, server()).call("GET", "/").status, 200);

    runtime.block_on(table.delete("LOAD", "LOAD"));
    wait_for(200, || one.call("GET", "/"));
    assert_returned(&table, &runtime);
    // The permit can be taken again.
    fall_behind(&one, &other, &table, &runtime);
    wait_for(200, || one.call("GET", "/"));
    assert_returned(&table, &runtime);
}

#[test]
fn a_replica_that_differs_from_the_table_serves_until_no_other_replica_loads() {
    /// Longer than the random wait before a load.
    const WAIT: Duration = Duration::from_secs(11);
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let one = replicas::start(&table, server());
    let ids = ["/edited", "/other"].map(|path| one.create("GET", path, json!({"code": 200})));
    runtime.block_on(async {
        occupy(&table).await;
        edit(&table, &ids[0], "edited").await;
    });
    assert_eq!(one.patch(&ids[0], &changes(json!({"response": {"code": 201}}))).status, 200);
    logs(&one, "WARN", FOUND);
    let since = Instant::now();
    while since.elapsed() < WAIT {
        assert_eq!(one.call("GET", "/edited").status, 201);
        thread::sleep(Duration::from_millis(100));
    }
    // Only the load shows this edit.
    runtime.block_on(async {
        edit(&table, &ids[1], "edited").await;
        table.delete("LOAD", "LOAD").await;
    });
    logs(&one, "WARN", LASTING);
    assert_eq!(one.call("GET", "/other").text(), "edited");
    assert_returned(&table, &runtime);
}
