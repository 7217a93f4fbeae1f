//! The store that many processes share: one DynamoDB table.
//!
//! | PK | SK | attributes |
//! | --- | --- | --- |
//! | `ENDPOINT` | id | the endpoint field by field, `version` of the write that made it what it is |
//! | `ROUTE#` and the SHA-256 of verb and path | `ROUTE` | `endpoint_id`: the claim that makes duplicates impossible |
//! | `LOG` | version, 20 digits | `endpoint_id`, what the endpoint became (no fields: deleted), `token`, `expires_at` |
//! | `LOG` | `HEAD` | `version`: the number of writes so far |
//! | `LEASE` | `LEASE` | `milliseconds`: for how long a process may answer from memory; `format` of this layout. The same for all of them |
//!
//! A write is one transaction of all of these. What is read of transactions, and what follows ("Amazon DynamoDB
//! Transactions: How it works", isolation levels): one item is read either as before or as after a transaction, and an
//! acknowledged one is seen by every consistent read. But a query is not isolated from transactions that are being carried
//! out: it may see one item of such a transaction and not yet another. So an entry of the log says by itself what
//! the write did, and whether a missing entry is on its way or has expired is told by `TransactGetItems`: it shows a transaction of which
//! anybody has been shown a part, or is refused until that is decided (`docs/consistency.md`, what it rests on).
//!
//! Rights that the service needs on the table: DescribeTable, DescribeTimeToLive, GetItem, Query, PutItem, DeleteItem.

mod item;
mod log;
mod open;
mod read;
mod timing;
mod transaction;
mod write;

use std::{
    error::Error,
    iter,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

pub use open::TableError;
use timing::Turn;

use super::{Changes, Filter, Page, Snapshot, Store, StoreError, Stored, Version, Write, WriteError};
use crate::domain::{EndpointId, Verb};

/// See the module.
pub struct DynamoStore {
    client: Client,
    /// For readings of the log.
    log_client: Client,
    table: String,
    /// The places of those who read for management.
    readers: Semaphore,
    /// Writes of one process come one after the other: all of them change the head, so they would only be in each other's way.
    turn: Mutex<Turn>,
    /// When DynamoDB last said what has become of a write: while it does, it is worth waiting for one's turn.
    answered: parking_lot::Mutex<Instant>,
    /// The last version that was seen: where the next write most likely has to begin. A hint, because others write as well.
    head: AtomicU64,
}

impl DynamoStore {
    /// Opens a table, by what the environment says of region, credentials and endpoint (`AWS_*`). All processes that do must
    /// hold the same lease: each waits as long as its own for those of the others to be over.
    pub async fn open(table: &str, lease: Duration) -> Result<Self, TableError> {
        let store = Self::connect(&open::environment().await?, table).await?;
        open::agree(&store.client, table, lease).await?;
        Ok(store)
    }

    /// Opens a table as `aws` says.
    pub async fn connect(aws: &SdkConfig, table: &str) -> Result<Self, TableError> {
        let client = open::connect(aws, table).await?;
        Ok(Self {
            log_client: timing::of_log(&client),
            client,
            table: table.to_owned(),
            readers: Semaphore::new(read::READERS),
            turn: Mutex::new(Turn::first()),
            answered: Instant::now().into(),
            head: AtomicU64::new(0),
        })
    }

    /// The head only grows, and reads may overtake each other.
    fn saw_head(&self, head: Version) {
        self.head.fetch_max(head.0, Ordering::AcqRel);
    }
}

fn failed(error: impl Error + 'static) -> StoreError {
    StoreError(chain(&error))
}

/// An error with its causes: the SDK's outer errors say little ("service error", "dispatch failure").
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[async_trait]
impl Store for DynamoStore {
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        self.carry_out(write).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.find(id).await
    }

    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        match &filter.path {
            Some(path) => self.list_path(filter.verb, path, after, limit).await,
            None => self.list_all(after, limit).await,
        }
    }

    async fn list_verb(&self, verb: Verb, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.list_these(verb, &ids).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.settled_head().await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.read_log(version).await
    }

    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.read_all().await
    }

    fn is_shared(&self) -> bool {
        true
    }
}
