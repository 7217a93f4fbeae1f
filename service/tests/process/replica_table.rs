//! The table of mocks follows the store, even after an interrupted write.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use echo_service::store::StoreError;
use serde_json::json;
use tokio::{runtime::Runtime, sync::Semaphore};

use crate::{
    in_process::{self, Hook, Hooked, Operation},
    support::{PATIENCE, new_endpoint, request_bytes, try_send},
};

fn creation(service: SocketAddr, path: &str) -> Vec<u8> {
    let document = new_endpoint("GET", path, json!({"code": 200})).to_string();
    request_bytes(service, "POST", "/endpoints", "Content-Type: application/json\r\n", document.as_bytes())
}

fn call(service: SocketAddr, path: &str) -> u16 {
    try_send(service, request_bytes(service, "GET", path, "", b"")).unwrap().status
}

/// Waits until a mock is served, without a request to management, which would update the table.
fn wait_until_served(service: SocketAddr, path: &str) {
    let deadline = Instant::now() + PATIENCE;
    while call(service, path) != 200 {
        assert!(Instant::now() < deadline, "what is in the store is served");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Writes begin, and continue only when the test allows it.
#[derive(Clone)]
struct Held {
    begun: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

#[async_trait]
impl Hook for Held {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        if let Operation::Write(_) = operation {
            self.begun.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
        Ok(())
    }
}

#[test]
fn a_client_that_disconnects_during_a_write_does_not_leave_the_table_outdated() {
    let held = Held { begun: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) };
    let runtime = Runtime::new().unwrap();
    // One connection at a time: the service accepts the next one after the end of the previous one.
    let config = in_process::config(&["--max-connections", "1"]);
    let service = runtime.block_on(in_process::serve(Hooked::new(held.clone()), &config));

    let mut client = TcpStream::connect(service).unwrap();
    client.write_all(&creation(service, "/mock")).unwrap();
    runtime.block_on(held.begun.acquire()).unwrap().forget();
    drop(client);
    assert_eq!(call(service, "/mock"), 404, "the write is not done yet, and nobody waits for it any longer");

    held.released.add_permits(1);
    wait_until_served(service, "/mock");
}

/// The log is unreadable for a while; writes still take effect.
#[derive(Clone, Default)]
struct Away {
    is_away: Arc<AtomicBool>,
    readings: Arc<AtomicUsize>,
}

#[async_trait]
impl Hook for Away {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError> {
        if let Operation::ChangesSince = operation {
            self.readings.fetch_add(1, Ordering::SeqCst);
            if self.is_away.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("away".into()));
            }
        }
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }
}

#[test]
fn a_failed_log_read_is_repeated_but_not_for_each_request() {
    let away = Away::default();
    let runtime = Runtime::new().unwrap();
    let service = runtime.block_on(in_process::serve(Hooked::new(away.clone()), &in_process::config(&[])));
    away.is_away.store(true, Ordering::SeqCst);
    let before = away.readings.load(Ordering::SeqCst);
    let over = Instant::now() + Duration::from_secs(1);
    thread::scope(|scope| {
        for n in 0..8 {
            scope.spawn(move || {
                while Instant::now() < over {
                    assert_eq!(call(service, &format!("/{n}")), 503);
                }
            });
        }
    });
    let readings = away.readings.load(Ordering::SeqCst) - before;
    assert!((5..=100).contains(&readings), "as many as promised, and not one for each request: {readings}");

    let created = try_send(service, creation(service, "/mock")).unwrap();
    assert_eq!(created.status, 201, "the store has it, and no replica answers before it has asked the store");
    away.is_away.store(false, Ordering::SeqCst);
    wait_until_served(service, "/mock");
}
