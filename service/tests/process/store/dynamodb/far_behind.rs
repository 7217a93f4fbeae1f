//! Readings and loads of a long log cost few requests, and throttling does not make them begin again.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use echo_service::{
    domain::Verb,
    store::{Changes, StoreError, Version, Write},
};
use serde_json::json;

use super::{
    Scene, create, endpoint, pass,
    proxy::{Fate, Message},
};
use crate::store::{model::Snapshot, text_response};

/// Longer than a read of a single item takes at most.
const LONG: Duration = Duration::from_secs(6);

fn is_of_log(request: &Message) -> bool {
    request.operation() == "Query" && request.body["ExpressionAttributeValues"][":partition"]["S"] == "LOG"
}

/// A log with 70 entries of 250 KiB, a minute old for the reader. And the number of pages for which the reader asks.
async fn long_log() -> (Scene, Arc<AtomicUsize>) {
    let scene = Scene::set().await;
    let large = text_response(&"x".repeat(250 * 1024));
    for n in 0..70 {
        scene.other.write(Write::Create(endpoint(Verb::Get, &format!("/{n}"), &large))).await.unwrap();
    }
    let pages = Arc::default();
    throttle(&scene, &pages);
    (scene, pages)
}

/// Throttles later pages for a while, and counts all others.
fn throttle(scene: &Scene, pages: &Arc<AtomicUsize>) {
    let (counted, began) = (Arc::clone(pages), Instant::now());
    scene.proxy.set(move |request| {
        if !is_of_log(request) {
            return Fate::Pass;
        }
        if request.body.get("ExclusiveStartKey").is_some() && began.elapsed() < LONG {
            return Fate::Answer(Message::error(400, "ProvisionedThroughputExceededException"));
        }
        counted.fetch_add(1, Ordering::Relaxed);
        Fate::Change(Box::new(|answer| {
            for entry in answer["Items"].as_array_mut().into_iter().flatten() {
                entry["expires_at"] = json!({"N": "60"});
            }
        }))
    });
}

/// A reading, and the number of its pages. On a busy machine, DynamoDB Local needs several attempts for a first page.
async fn read(scene: &Scene, since: u64, pages: &AtomicUsize) -> (Changes, usize) {
    loop {
        pages.store(0, Ordering::Relaxed);
        match scene.store.changes_since(Version(since)).await {
            Ok(changes) => return (changes, pages.load(Ordering::Relaxed)),
            Err(error) => assert!(!error.to_string().contains("nothing was read"), "{error}"),
        }
    }
}

/// A hundred large entries would be 25 pages.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_costs_few_pages_and_throttling_does_not_begin_them_again() {
    let (scene, pages) = long_log().await;
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints.len(), 70);
    assert_eq!(pages.load(Ordering::Relaxed), 8);
    assert_eq!(read(&scene, 0, &pages).await, (Changes::Gap, 4));
    throttle(&scene, &pages);
    let (Changes::Log { changes, .. }, pages) = read(&scene, 60, &pages).await else { panic!("a gap") };
    assert_eq!((changes.len(), pages), (10, 3));
}

/// A refused transaction.
fn throttled() -> Fate {
    Fate::Answer(Message::cancelled(json!([{"Code": "ThrottlingError", "Message": "by a test"}])))
}

/// A query misses the entry, as if its transaction were under way.
fn without_entry(version: u64) -> Fate {
    Fate::Change(Box::new(move |answer| {
        if let Some(items) = answer["Items"].as_array_mut() {
            items.retain(|item| item["SK"]["S"] != format!("{version:0>20}"));
        }
    }))
}

/// Otherwise a page has 1 MB.
fn shorten(request: &mut Message) {
    if request.operation() == "Query" {
        request.body["Limit"] = json!(5);
    }
}

/// A log with 90 entries, in pages of five, and the versions before the entries.
async fn log_of_small_pages() -> (Scene, Version) {
    let scene = Scene::set().await;
    scene.proxy.set(|request| {
        shorten(request);
        Fate::Pass
    });
    let head = scene.store.load(Box::new(|_| ())).await.unwrap();
    for n in 0..90 {
        create(&scene.other, &format!("/{n}")).await;
    }
    (scene, head)
}

/// A poll waits for half a second. After several pages, a reading must not begin again.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_read_of_a_missing_entry_does_not_begin_a_long_reading_again() {
    let (scene, head) = log_of_small_pages().await;
    let since = OnceLock::new();
    scene.proxy.set(move |request| {
        shorten(request);
        match request.operation() {
            "TransactGetItems" if since.get_or_init(Instant::now).elapsed() < Duration::from_secs(1) => throttled(),
            _ => without_entry(80),
        }
    });
    let (Changes::Log { changes, .. }, _) = read(&scene, head.0 + 20, &AtomicUsize::new(0)).await else { panic!() };
    assert_eq!(changes.len(), 70);
}

/// During the load of a large table, other processes may write more than a reading may have.
#[tokio::test]
async fn a_reading_has_any_size_for_ten_minutes_after_a_load() {
    let (scene, head) = log_of_small_pages().await;
    let pages = AtomicUsize::new(0);
    let (Changes::Part { head: middle, mut changes }, _) = read(&scene, head.0, &pages).await else { panic!() };
    let (Changes::Log { head: last, changes: rest, .. }, _) = read(&scene, middle.0, &pages).await else { panic!() };
    changes.extend(rest);
    let versions: Vec<_> = changes.iter().map(|change| change.version.0).collect();
    assert_eq!(versions, (head.0 + 1..=last.0).collect::<Vec<_>>());
    assert_eq!(read(&scene, head.0, &pages).await.0, Changes::Gap, "the parts go on at their end only");

    let head = scene.store.load(Box::new(|_| ())).await.unwrap();
    for n in 100..190 {
        create(&scene.other, &format!("/{n}")).await;
    }
    pass(Duration::from_mins(11)).await;
    assert_eq!(read(&scene, head.0, &pages).await.0, Changes::Gap, "the load was long ago");
}

#[tokio::test]
async fn a_throttled_reading_is_known_as_such() {
    let scene = Scene::set().await;
    create(&scene.store, "/").await;
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"] {
        scene.proxy.set(move |_| Fate::Answer(Message::error(400, code)));
        let outcome = scene.store.changes_since(Version(0)).await;
        assert!(matches!(outcome, Err(StoreError::Throttled(_))), "{outcome:?}");
    }
    scene.proxy.set(|request| if request.operation() == "Query" { without_entry(1) } else { throttled() });
    let outcome = scene.store.changes_since(Version(0)).await;
    assert!(matches!(outcome, Err(StoreError::Throttled(_))), "{outcome:?}");
    scene.proxy.set(|_| Fate::CutBefore);
    let outcome = scene.store.changes_since(Version(0)).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
}
