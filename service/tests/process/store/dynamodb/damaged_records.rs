//! Deletions of damaged records.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use echo_service::{
    domain::Mock,
    store::{Version, Write, WriteError},
};
use serde_json::json;
use tokio::runtime::{Handle, Runtime};

use super::{
    Scene, create,
    proxy::Fate,
    replicas,
    table::{server, text},
};

/// The deletion would take the digest of the earlier state out of the digest of the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_changes_during_its_deletion_is_read_again() {
    let scene = Scene::set().await;
    let (endpoint, version) = create(&scene.other, "/claimed").await;
    let mut item = scene.table.item("ENDPOINT", &endpoint.id.to_string()).await.unwrap();
    item.insert("path".into(), text("/shown"));
    scene.table.put(item).await;
    let shown = scene.other.get(endpoint.id).await.unwrap().unwrap().endpoint;
    let changed = Mock { response: endpoint.response.clone(), ..shown };
    let (other, runtime, mut change) = (Arc::clone(&scene.other), Handle::current(), Some(changed));
    scene.proxy.on("TransactWriteItems", move |_, _| {
        if let Some(endpoint) = change.take() {
            runtime.block_on(other.write(Write::Replace { endpoint, expected: version })).unwrap();
        }
        Fate::Pass
    });
    let discard = || scene.store.write(Write::Discard { id: endpoint.id, route: Some(endpoint.route.clone()) });
    let refusal = discard().await.unwrap_err();
    assert!(matches!(refusal, WriteError::Changed), "{refusal}");
    assert_eq!(discard().await.unwrap(), Version(3));
}

/// A failure of the store, and no damage of the endpoint: the request is not repeated until its time-out.
#[test]
fn a_deletion_beside_an_unreadable_head_is_refused_at_once() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let mut head = runtime.block_on(table.item("LOG", "HEAD")).unwrap();
    head.insert("writes".into(), text("many"));
    runtime.block_on(table.put(head));
    let began = Instant::now();
    let answer = echo.delete(&id);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}
