//! Replicas that load everything again, one at a time.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::{runtime::Runtime, time::sleep};

use super::{
    Scene,
    divergence::{FOUND, LASTING, edit, logs},
    pass,
    proxy::Fate,
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

const BRIEFLY: Duration = Duration::from_millis(20);

/// The number of renewals by a process, or 0 without an item.
async fn renewals(table: &Table) -> u64 {
    let item = table.item("LOAD", "LOAD").await;
    item.map_or(0, |item| item["renewed"].as_n().unwrap().parse().unwrap())
}

/// On a busy machine, some questions and renewals get lost.
#[tokio::test]
async fn a_permit_is_renewed_and_taken_over_after_30_s_without_renewals() {
    let scene = Scene::set().await;
    while !scene.store.may_load().await {
        sleep(BRIEFLY).await;
    }
    for _ in 0..8 {
        let (before, sent) = (renewals(&scene.table).await, Instant::now());
        pass(Duration::from_secs(5)).await;
        while renewals(&scene.table).await == before && sent.elapsed() < Duration::from_secs(1) {
            sleep(BRIEFLY).await;
        }
        assert!(!scene.other.may_load().await);
    }
    assert!(renewals(&scene.table).await > 3);

    scene.proxy.set(|request| if request.operation() == "PutItem" { Fate::CutBefore } else { Fate::Pass });
    let mut passed = Duration::ZERO;
    while !scene.other.may_load().await {
        pass(Duration::from_secs(1)).await;
        passed += Duration::from_secs(1);
        sleep(BRIEFLY).await;
    }
    // The last renewal may have been seen up to 5 s before.
    assert!(passed >= Duration::from_secs(24), "{passed:?}");
    scene.store.leave().await;
    assert!(renewals(&scene.table).await > 0, "the permit of the other process stays");
}

#[tokio::test]
async fn a_permit_that_was_returned_is_granted_at_once() {
    let (scene, mut granted) = (Scene::set().await, 0);
    for _ in 0..5 {
        granted += u8::from(scene.store.may_load().await);
        scene.store.has_loaded();
    }
    assert!(granted > 1, "{granted}");
}

/// On a busy machine, the removal may get lost.
#[tokio::test]
async fn a_process_that_asks_for_the_permit_leaves_no_item_at_its_end() {
    const WAY: Duration = Duration::from_millis(50);
    for _ in 0..5 {
        let scene = Scene::set().await;
        scene.proxy.set(|_| Fate::Delay(WAY, WAY));
        assert_eq!(scene.store.may_load().now_or_never(), None);
        scene.store.leave().await;
        assert!(!scene.store.may_load().await);
        if renewals(&scene.table).await == 0 {
            return;
        }
    }
    panic!("the item stays");
}

/// On a busy machine, a second question may get lost.
#[tokio::test]
async fn a_lost_question_for_the_permit_is_repeated_at_once() {
    for _ in 0..5 {
        let (scene, asked) = (Scene::set().await, Instant::now());
        scene.proxy.on("PutItem", |earlier, _| if earlier == 0 { Fate::CutBefore } else { Fate::Pass });
        while !scene.store.may_load().await {
            sleep(BRIEFLY).await;
        }
        if asked.elapsed() < Duration::from_secs(1) {
            return;
        }
    }
    panic!("the next question comes a second later");
}

/// Otherwise all other processes would wait for 30 s.
#[tokio::test]
async fn a_permit_is_returned_after_a_lost_answer_and_a_lost_removal() {
    let (scene, mut lost) = (Scene::set().await, BTreeSet::new());
    scene.proxy.set(move |request| match (request.operation(), lost.insert(request.operation().to_owned())) {
        ("PutItem", true) => Fate::CutAfter,
        ("DeleteItem", true) => Fate::CutBefore,
        _ => Fate::Pass,
    });
    assert!(!scene.store.may_load().await);
    scene.store.leave().await;
    assert_eq!(renewals(&scene.table).await, 0);
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
