//! Abandoned writes. Their clients may have repeated them, and others changed the result, so an
//! abandoned write must not take effect later.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use echo_service::{
    domain::Verb,
    replica::{Lease, Replica},
    store::{Version, Write},
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    Scene, create, endpoint,
    proxy::{Fate, Proxy},
    replicas::{start, table},
    response,
    table::server,
    writes_in_doubt::SENDING,
};
use crate::store::model::Snapshot;
use crate::support::{PATIENCE, new_endpoint, request_bytes};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_waiting_caller_is_not_retried() {
    let scene = Scene::set().await;
    let lease = Lease { term: Duration::from_millis(150), poll: Duration::from_millis(50) };
    let replica = Replica::load(Arc::clone(&scene.store), lease).await.unwrap();
    scene.proxy.on(SENDING, |_, _| Fate::CutBefore);
    let write = replica.write(Write::Create(endpoint(Verb::Get, "/abandoned", &response(2))));
    assert!(timeout(Duration::from_millis(300), write).await.is_err(), "it is not known what has become of it");
    create(&scene.other, "/other").await;
    scene.proxy.set(|_| Fate::Pass);
    // Longer than any wait between sendings.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Snapshot::of(&*scene.other).await.unwrap().head, Version(1));
    // Later writes do not wait for it.
    replica.write(Write::Create(endpoint(Verb::Get, "/next", &response(2)))).await.unwrap();
    scene.assert_sound().await;
}

/// In a real service: only the connection tells.
fn is_not_planned_anew_after_its_client_has_hung_up(while_the_store: fn() -> Fate) {
    let (table, proxy) = (table(), Proxy::start());
    let (service, other) = (start(&table, &proxy.url), start(&table, server()));
    let (sent, sendings) = mpsc::channel();
    proxy.on(SENDING, move |_, _| {
        sent.send(()).ok();
        while_the_store()
    });
    let document = new_endpoint("GET", "/abandoned", json!({"code": 200})).to_string();
    let json = "Content-Type: application/vnd.api+json\r\n";
    let mut client = TcpStream::connect(service.management).unwrap();
    let request = request_bytes(service.management, "POST", "/endpoints", json, document.as_bytes());
    client.write_all(&request).unwrap();
    sendings.recv_timeout(PATIENCE).unwrap();
    let begun = Instant::now();
    drop(client);

    // An unabandoned write would be sent again within a second, for five seconds.
    while sendings.recv_timeout(Duration::from_secs(1)).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(3), "it is still sent");
    }
    other.create("GET", "/other", json!({"code": 200}));
    proxy.set(|_| Fate::Pass);
    // Writes of one process are ordered: the abandoned write would come first and take the route.
    service.create("GET", "/abandoned", json!({"code": 200}));
}

#[test]
fn a_write_of_a_disconnected_client_is_not_retried() {
    thread::scope(|scope| {
        for while_the_store in [|| Fate::CutBefore, || Fate::Silence] {
            scope.spawn(move || is_not_planned_anew_after_its_client_has_hung_up(while_the_store));
        }
    });
}
