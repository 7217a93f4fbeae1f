//! A client that goes away in the middle of its write.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use echo_service::{
    domain::EndpointId,
    store::{Changes, EmbeddedStore, Filter, Page, Snapshot, Store, StoreError, Stored, Version, Write, WriteError},
};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    in_process,
    support::{PATIENCE, new_endpoint, request_bytes, try_send},
};

/// A store whose writes begin, and go on only when the test lets them.
struct Held {
    store: EmbeddedStore,
    begun: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

#[async_trait]
impl Store for Held {
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        self.begun.add_permits(1);
        self.released.acquire().await.unwrap().forget();
        self.store.write(write).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.store.get(id).await
    }

    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.store.list(filter, after, limit).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.store.changes_since(version).await
    }

    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.store.load().await
    }
}

#[test]
fn a_client_that_disconnects_in_the_middle_of_a_write_does_not_leave_the_table_behind() {
    let (begun, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let store = Held { store: EmbeddedStore::in_memory(), begun: Arc::clone(&begun), released: Arc::clone(&released) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // One connection at a time: the next one is served when the one before has ended for the service too.
    let address = runtime.block_on(in_process::serve(store, &in_process::config(&["--max-connections", "1"])));
    let call = || try_send(address, request_bytes(address, "GET", "/mock", "", b"")).unwrap().status;

    let document = new_endpoint("GET", "/mock", json!({"code": 200})).to_string();
    let mut client = TcpStream::connect(address).unwrap();
    client
        .write_all(&request_bytes(
            address,
            "POST",
            "/endpoints",
            "Content-Type: application/json\r\n",
            document.as_bytes(),
        ))
        .unwrap();
    runtime.block_on(begun.acquire()).unwrap().forget();
    drop(client);
    assert_eq!(call(), 404, "the write is not done yet, and nobody waits for it any longer");

    released.add_permits(1);
    // No other request to management helps the table along.
    let deadline = Instant::now() + PATIENCE;
    while call() != 200 {
        assert!(Instant::now() < deadline, "what is in the store is served");
        thread::sleep(Duration::from_millis(5));
    }
}
