//! Restored tables. A restored table has all items of the original, including the head.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use echo_service::{
    domain::Verb,
    store::{Changes, Version, Write},
};
use serde_json::json;
use tokio::runtime::Handle;

use super::{
    endpoint,
    isolation::hide,
    layout,
    proxy::{Fate, Proxy},
    replicas, response,
    table::{Item, Table, server},
    writes_in_doubt::SENDING,
};
use crate::store::{digests::plain, model::Snapshot};
use crate::support::{Echo, changes};

/// A table with the given items. For DynamoDB, this is another table.
async fn restored(items: Vec<Item>) -> Table {
    let table = Table::create().await;
    table.put_all(items).await;
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_table_is_a_gap_for_every_replica_and_uses_no_version_twice() {
    let table = Table::create().await;
    let store = table.open().await;
    let write = |path: &str| Write::Create(endpoint(Verb::Get, path, &response(1)));
    for n in 1..=3 {
        store.write(write(&format!("/{n}"))).await.unwrap();
    }
    let backup = table.items().await;
    for n in 4..=6 {
        store.write(write(&format!("/{n}"))).await.unwrap();
    }
    assert_eq!(Snapshot::of(&*store).await.unwrap().head, Version(6), "the same table");

    let table = restored(backup).await;
    let (one, other) = (table.open().await, table.open().await);
    let loaded = Snapshot::of(&*one).await.unwrap();
    assert_eq!(loaded.endpoints.len(), 3);
    assert!(loaded.head.epoch() > 0);
    assert_eq!(Snapshot::of(&*other).await.unwrap().head, loaded.head, "begun once");
    for known in (0..=6).map(Version) {
        assert_eq!(other.changes_since(known).await.unwrap(), Changes::Gap, "{known}");
    }
    assert_eq!(plain(other.changes_since(loaded.head).await.unwrap()), Some((loaded.head, vec![])));
    let next = other.write(write("/4")).await.unwrap();
    assert_eq!(next, Version(loaded.head.0 + 1));
    assert_eq!(Snapshot::of(&*one).await.unwrap().endpoints.len(), 4);

    // And once more, of the same backup or of the restored table.
    let again = Snapshot::of(&*restored(table.items().await).await.open().await).await.unwrap();
    assert!(again.head.epoch() > next.epoch() && again.endpoints.len() == 4);
}

/// A process knows the head from before the restore, and writes without a reading.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_restored_table_follows_the_new_head() {
    let table = Table::create().await;
    let (store, other) = (table.open().await, table.open().await);
    let write = |path: &str| Write::Create(endpoint(Verb::Get, path, &response(1)));
    store.write(write("/1")).await.unwrap();
    let backup = table.items().await;
    store.write(write("/2")).await.unwrap();
    table.replace(backup).await;
    let head = Snapshot::of(&*other).await.unwrap().head;
    assert!(head.epoch() > 0);
    // A process writes nothing into a restored table before a load.
    let refusal = store.write(write("/2")).await.unwrap_err();
    assert!(refusal.to_string().contains("the table was restored"), "{refusal}");
    Snapshot::of(&*store).await.unwrap();
    assert_eq!(store.write(write("/2")).await.unwrap(), Version(head.0 + 1));
}

fn patch(echo: &Echo, id: &str, tag: &str, body: &str) -> (u16, Option<String>) {
    let document = changes(json!({"response": {"body": body}}));
    let answer = echo.manage("PATCH", &format!("/endpoints/{id}"), &format!("If-Match: {tag}\r\n"), Some(&document));
    (answer.status, answer.header("etag").map(ToOwned::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_from_before_a_restore_fails() {
    let table = Table::create().await;
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "1"}));
    let backup = table.items().await;
    let (status, second) = patch(&echo, &id, "\"1\"", "2");
    assert_eq!((status, second.as_deref()), (200, Some("\"2\"")));

    // A planted fault: without the mark, the same version comes again with other content. The test finds the lost
    // update.
    let forged = restored(backup.clone()).await;
    let mut head = forged.item("LOG", "HEAD").await.unwrap();
    head.insert("made".into(), forged.made().await);
    forged.put(head).await;
    let unaware = replicas::start(&forged, server());
    assert_eq!(patch(&unaware, &id, "\"1\"", "another 2").0, 200);
    assert_eq!(patch(&unaware, &id, "\"2\"", "3").0, 200);

    let echo = replicas::start(&restored(backup).await, server());
    let path = format!("/endpoints/{id}");
    let tag = echo.get(&path).header("etag").unwrap().to_owned();
    assert!(tag.ends_with(".1\"") && tag != "\"1\"", "{tag}");
    for before in ["\"1\"", "\"2\"", "\"0.1\""] {
        assert_eq!(patch(&echo, &id, before, "lost").0, 412, "{before}");
        assert_eq!(echo.manage("DELETE", &path, &format!("If-Match: {before}\r\n"), None).status, 412, "{before}");
        assert_eq!(echo.manage("GET", &path, &format!("If-None-Match: {before}\r\n"), None).status, 200, "{before}");
    }
    assert_eq!(echo.manage("GET", &path, &format!("If-None-Match: {tag}\r\n"), None).status, 304);
    let (status, next) = patch(&echo, &id, &tag, "2");
    assert_eq!(status, 200);
    assert_eq!(echo.get(&path).header("etag"), next.as_deref());
    assert_eq!(patch(&echo, &id, "\"2\"", "lost").0, 412);
    assert_eq!(patch(&echo, &id, next.as_deref().unwrap(), "3").0, 200);
}

/// The runbook says to stop the service first. A forgotten process must not mix the mocks of both
/// tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_process_serves_the_mocks_of_a_restored_table() {
    let table = Table::create().await;
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/changed", json!({"code": 200}));
    let backup = table.items().await;
    echo.create("GET", "/made", json!({"code": 201}));
    assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": 202}}))).status, 200);
    table.replace(backup).await;
    replicas::wait_for(200, || echo.call("GET", "/changed"));
    assert_eq!(echo.call("GET", "/made").status, 404);
    echo.create("GET", "/made", json!({"code": 203}));
    let head = table.item("LOG", "HEAD").await.unwrap();
    let writes: u64 = head["writes"].as_n().unwrap().parse().unwrap();
    assert!(Version(writes).epoch() > 0, "{head:?}");
    assert_eq!(head["made"], table.made().await);
}

/// The slow process finds the new epoch, and the write in the new epoch.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_load_a_restored_table_at_once_begin_one_epoch() {
    let (first, write) = (Table::create().await, |path| Write::Create(endpoint(Verb::Get, path, &response(1))));
    first.open().await.write(write("/1")).await.unwrap();
    let (table, proxy) = (restored(first.items().await).await, Proxy::start());
    let (slow, fast) = (table.open_at(&proxy.url).await, table.open().await);
    // The slow process has read the old head, and is about to begin the epoch.
    let (handle, (told, begun)) = (Handle::current(), std::sync::mpsc::channel());
    let other = Arc::clone(&fast);
    proxy.on(SENDING, move |n, _| {
        if n == 0 {
            let head = handle.block_on(Snapshot::of(&*other)).unwrap().head;
            told.send((head, handle.block_on(other.write(write("/2"))).unwrap())).unwrap();
        }
        Fate::Pass
    });
    let loaded = Snapshot::of(&*slow).await.unwrap();
    let (head, next) = begun.try_recv().unwrap();
    assert!(head.epoch() > 0 && next == Version(head.0 + 1), "{head:?} {next:?}");
    assert_eq!((loaded.head, loaded.endpoints.len()), (next, 2));
    assert_eq!(plain(fast.changes_since(next).await.unwrap()), Some((next, vec![])));
}

/// A process without news of the restore may write by the old head. The log of the new epoch does not show the write to
/// later loads.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_just_before_an_epoch_is_loaded_even_where_a_query_does_not_show_it_yet() {
    let table = Table::create().await;
    let (late, write) = (table.open().await, |path| Write::Create(endpoint(Verb::Get, path, &response(1))));
    late.write(write("/1")).await.unwrap();
    table.replace(table.items().await).await;
    assert_eq!(late.write(write("/2")).await.unwrap(), Version(2));
    let hidden = Snapshot::of(&*late).await.unwrap();
    assert!(hidden.head.epoch() > 0);
    let id = hidden.endpoints.iter().find(|mock| mock.route.path.as_str() == "/2").unwrap().id.to_string();

    // The former state: the epoch has not begun, and the write is decided at the first read of the endpoint's item.
    table.delete("LOG", &layout::sort(hidden.head.0)).await;
    let mut head = table.item("LOG", "HEAD").await.unwrap();
    head.extend(["writes", "made"].map(|name| (name.to_owned(), AttributeValue::N("2".into()))));
    table.put(head).await;
    let (proxy, mut is_decided) = (Proxy::start(), false);
    let store = table.open_at(&proxy.url).await;
    proxy.set(move |request| match request.operation() {
        "TransactGetItems" if request.body.to_string().contains(&id) => {
            is_decided = true;
            Fate::Pass
        }
        "Query" if !is_decided => hide(std::slice::from_ref(&id)),
        _ => Fate::Pass,
    });
    assert_eq!(Snapshot::of(&*store).await.unwrap().endpoints.len(), 2);
}

/// Many entries of the old epoch do not show that the entries of the new epoch are complete.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_writes_of_an_epoch_are_loaded_even_where_a_query_does_not_show_them_yet() {
    let (first, write) = (Table::create().await, |path: &str| Write::Create(endpoint(Verb::Get, path, &response(1))));
    let store = first.open().await;
    for n in 0..110 {
        store.write(write(&format!("/{n}"))).await.unwrap();
    }
    let mut items = first.items().await;
    for item in &mut items {
        item.entry("expires_at".into()).and_modify(|expires| *expires = AttributeValue::N("1".into()));
    }
    let (table, proxy) = (restored(items).await, Proxy::start());
    let (store, other) = (table.open_at(&proxy.url).await, table.open().await);
    Snapshot::of(&*other).await.unwrap();
    let new = endpoint(Verb::Get, "/new", &response(1));
    let version = other.write(Write::Create(new.clone())).await.unwrap();
    other.write(write("/next")).await.unwrap();
    let hidden = [layout::sort(version.0), new.id.to_string()];
    proxy.on("Query", move |_, _| hide(&hidden));
    assert!(Snapshot::of(&*store).await.unwrap().endpoints.contains(&new));
}
