//! Deletions of damaged records.

use std::sync::Arc;

use echo_service::{
    domain::Endpoint,
    store::{Version, Write, WriteError},
};
use tokio::runtime::Handle;

use super::{Scene, create, proxy::Fate, table::text};

/// The deletion would take the digest of the earlier state out of the digest of the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_changes_during_its_deletion_is_read_again() {
    let scene = Scene::set().await;
    let (endpoint, version) = create(&scene.other, "/claimed").await;
    let mut item = scene.table.item("ENDPOINT", &endpoint.id.to_string()).await.unwrap();
    item.insert("path".into(), text("/shown"));
    scene.table.put(item).await;
    let shown = scene.other.get(endpoint.id).await.unwrap().unwrap().endpoint;
    let changed = Endpoint { response: endpoint.response.clone(), ..shown };
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
