//! The shared store: one DynamoDB table for many processes.
//!
//! | PK | SK | attributes |
//! | --- | --- | --- |
//! | `ENDPOINT` | id | the endpoint field by field, `version` of its last write |
//! | `ROUTE#` and the SHA-256 of the claim (`Route::claim`) | `ROUTE` | `endpoint_id`: the claim, against duplicates. Of a mock with turns: its `series`, and `turn`, the number of taken turns |
//! | `LOG` | version, 20 digits | `endpoint_id`, the endpoint's new state (no fields: deleted), `token`, `expires_at`. In format 2 an entry may have `changes` instead: a list of such maps |
//! | `LOG` | `HEAD` | `writes`: the number of writes so far; `written` and `needed`: the format of the table ([`Format`]); `made`: the table's creation time in milliseconds; `digest` of all endpoints. In format 1 only `version`, the number of writes |
//! | `PROCESS` | id | a process: `format`, the newest known format; `limits`, a map of numbers; `renewed`, the number of renewals; `expires_at` |
//! | `LOAD` | `LOAD` | the process that loads everything again: `holder`, its id; `renewed`, the number of renewals; `expires_at` |
//! | `LEASE` | `LEASE` | `milliseconds`: the maximum age of answers from memory; `format`: the needed format. The same for all processes |
//!
//! Other attributes of an endpoint belong to later versions. Echo keeps such attributes and repeats them in the log, so
//! the names `endpoint_id`, `token`, `expires_at` and `changes` are taken.
//!
//! A version of format 1 drops the attributes of later versions, and does not start if `format` of the lease is greater
//! than 1. A running process of format 1, or a start without a lease item, finds no `version` in the head. Such a
//! process can neither read the log nor write.
//!
//! A write is a transaction of endpoint, claims, log entry and head. Isolation ("Amazon DynamoDB Transactions: How it
//! works"): a read of an item returns the state before or after a transaction. Every consistent read sees each
//! acknowledged transaction.
//!
//! But a query may see a part of a running transaction. So each entry of the log is complete by itself.
//! `TransactGetItems` tells whether a missing entry is under way or has expired: DynamoDB refuses the read until the
//! transaction is decided (`docs/consistency/proof.md`, assumptions).
//!
//! The service's rights on the table: DescribeTable, DescribeTimeToLive, GetItem, Query, PutItem, UpdateItem,
//! DeleteItem.

mod agree;
mod claim;
mod digest;
mod epoch;
mod item;
mod log;
mod member;
mod open;
mod permit;
mod processes;
mod raise;
mod read;
mod timing;
mod transaction;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata};
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use item::Head;
pub use open::TableError;
use permit::Permit;
use processes::Processes;
use timing::Turn;

use super::{
    AdoptError, Changes, Counter, Deliver, Digest, Filter, Format, Limits, Page, Raise, RaiseError, Store, StoreError,
    Stored, TurnError, Untouched, Version, Write, WriteError, Written, format,
};
use crate::{
    causes::chain,
    domain::{EndpointId, Route},
};

/// See the module.
pub struct DynamoStore {
    client: Client,
    /// For readings of the log, with shorter time-outs.
    log_client: Client,
    table: String,
    /// Limits the reads for management.
    readers: Semaphore,
    /// Writes of a process take turns: each changes the head, so two writes at once would collide.
    turn: Mutex<Turn>,
    /// The last time that DynamoDB decided a write. After each decision, queued writes wait longer for their turn.
    answered: parking_lot::Mutex<Instant>,
    /// When DynamoDB made the loaded table. A head with another time belongs to a restored table.
    made: AtomicU64,
    /// The version of the last load, or of the parts of the log after it, and the time of the end of the load.
    loaded: parking_lot::Mutex<Option<(Version, Instant)>>,
    /// The last seen head, the likely condition of the next write. A hint only, because other
    /// processes write as well.
    head: parking_lot::Mutex<Head>,
    processes: Arc<Processes>,
    permit: Permit,
    /// Renews the item of this process, if any.
    renewing: Option<AbortOnDropHandle<()>>,
}

impl DynamoStore {
    /// Opens a table by the environment (`AWS_*`): region, credentials, endpoint. All processes must have the same
    /// lease, because each process waits for the leases of the others by its own lease. All other processes see these
    /// `limits` within 10 s ([`Store::limits`]).
    pub async fn open(table: &str, lease: Duration, limits: Limits) -> Result<Self, TableError> {
        let (client, made) = open::connect(&open::environment().await?, table).await?;
        let processes = Arc::new(Processes::of(&client, table, limits));
        let begun = async {
            // First: so a raise learns of this process, or this process reads the raised format.
            let renewing = Arc::clone(&processes).start().await;
            let renewing = renewing.map_err(|why| open::unwritable(&client, table, why.to_string()))?;
            Ok((renewing, agree::agree(&client, table, made, Some(lease)).await?))
        };
        match begun.await {
            Ok((renewing, head)) => {
                Ok(Self { renewing: Some(renewing), ..Self::of(client, table, made, head, processes) })
            }
            Err(refusal) => {
                processes.leave(None).await;
                Err(refusal)
            }
        }
    }

    /// Opens a table by `aws`, without a lease: for callers that never answer from memory.
    pub async fn connect(aws: &SdkConfig, table: &str) -> Result<Self, TableError> {
        let (client, made) = open::connect(aws, table).await?;
        let head = agree::agree(&client, table, made, None).await?;
        let processes = Arc::new(Processes::of(&client, table, Limits::new()));
        Ok(Self::of(client, table, made, head, processes))
    }

    fn of(client: Client, table: &str, made: u64, head: Head, processes: Arc<Processes>) -> Self {
        Self {
            log_client: timing::of_log(&client),
            processes,
            permit: Permit::none(),
            renewing: None,
            client,
            table: table.to_owned(),
            readers: Semaphore::new(read::MAX_READERS),
            turn: Mutex::new(Turn::first()),
            answered: Instant::now().into(),
            made: made.into(),
            loaded: None.into(),
            head: head.into(),
        }
    }

    /// Keeps the greatest head, because reads may overtake each other.
    fn saw_head(&self, head: Head) {
        let mut known = self.head.lock();
        if head.version > known.version {
            *known = head;
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes a value")]
fn failed(error: impl Error + ProvideErrorMetadata + 'static) -> StoreError {
    read::kind_of(&error)(chain(&error))
}

#[async_trait]
impl Store for DynamoStore {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        self.carry_out(writes, untouched).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.find(id).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.list_all(after, limit).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.list_chosen(&filter, &ids).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.settled_head(timing::READ_TIMEOUT).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.read_log(version).await
    }

    async fn holders(&self, routes: &BTreeSet<Route>) -> Result<BTreeMap<Route, EndpointId>, StoreError> {
        self.claimed(routes, timing::READ_TIMEOUT).await
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.next_turn(counter).await
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.count_turns(counter).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        self.read_all(deliver).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        self.raise_to(format::target(to)?, dry_run).await
    }

    fn has_digest(&self) -> Result<bool, AdoptError> {
        let head = *self.head.lock();
        if head.format == Format::FIRST { Err(WriteError::NeedsFormat(2).into()) } else { Ok(head.digest.is_some()) }
    }

    async fn adopt(&self, version: Version, digest: Digest) -> Result<bool, AdoptError> {
        self.adopt_at(version, digest).await
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn limits(&self, name: &str) -> Vec<u64> {
        self.processes.limits(name)
    }

    async fn may_load(&self) -> bool {
        self.ask_permit().await
    }

    fn has_loaded(&self) {
        self.return_permit();
    }

    async fn leave(&self) {
        self.leave_permit().await;
        if let Some(renewing) = &self.renewing {
            self.processes.leave(Some(renewing)).await;
        }
    }
}
