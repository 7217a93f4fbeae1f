//! Tests of DynamoDB only: several processes on a table, lost answers, late and expired items.

mod abandoned_writes;
mod batch_writes;
mod damaged_records;
mod divergence;
mod far_behind;
mod format_1;
mod formats;
pub mod in_flight_transactions;
mod isolation;
mod layout;
mod loading;
mod opening;
mod outages;
mod permits;
mod processes;
pub mod proxy;
mod raises;
pub mod replicas;
mod restored_tables;
mod sizes;
mod store_requests;
pub mod table;
mod tls;
mod two_processes;
mod unknown_outcomes;
mod writes_in_doubt;

use std::{sync::Arc, time::Duration};

use echo_service::{
    domain::{Mock, Verb},
    store::{Changes, Store, Version, Write, WriteError},
};
pub use table::InDynamoDb;

use super::{endpoint, response};
use crate::store::model::Snapshot;
use proxy::Proxy;
use table::Table;

/// A table, and two processes: `store` reaches the table through a proxy.
struct Scene {
    table: Table,
    proxy: Arc<Proxy>,
    store: Arc<dyn Store>,
    other: Arc<dyn Store>,
}

impl Scene {
    async fn set() -> Self {
        let (table, proxy) = (Table::create().await, Arc::new(Proxy::start()));
        let (store, other) = (table.open_at(&proxy.url).await, table.open().await);
        Self { table, proxy, store, other }
    }

    /// Checks after any history that log, endpoints and claims agree.
    async fn assert_sound(&self) {
        let snapshot = Snapshot::of(&*self.other).await.unwrap();
        let Changes::Log { head, digest, changes } = self.other.changes_since(Version(0)).await.unwrap() else {
            panic!("the log reaches back to the beginning");
        };
        let versions: Vec<_> = changes.iter().map(|change| change.version.0).collect();
        assert_eq!((head, versions), (snapshot.head, (1..=head.0).collect()));
        assert_eq!(digest, Some(snapshot.digest));
        let left = snapshot.endpoints.len();
        assert_eq!(self.table.count("ENDPOINT").await, left);
        assert_eq!(self.table.count("LOG").await as u64, head.0 + 1, "an entry for each write, and the head");
        let claims = self.table.count_all().await as u64 - self.table.count("LOG").await as u64 - left as u64;
        assert_eq!(claims, left as u64, "each endpoint has one claim, and nobody else has any");
    }
}

async fn create(store: &Arc<dyn Store>, path: &str) -> (Mock, Version) {
    let new = endpoint(Verb::Get, path, &response(1));
    let version = store.write(Write::Create(new.clone())).await.unwrap();
    (new, version)
}

/// Lets this time pass at once, for all stores of a test with a single thread.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// The same endpoint elsewhere.
fn moved(endpoint: &Mock, path: &str) -> Mock {
    Mock { route: self::endpoint(Verb::Put, path, &response(1)).route, ..endpoint.clone() }
}

fn holder(outcome: Result<Version, WriteError>) -> echo_service::domain::EndpointId {
    match outcome {
        Err(WriteError::Taken { holder, .. }) => holder,
        other => panic!("taken: {other:?}"),
    }
}
