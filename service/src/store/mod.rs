//! Stores of endpoints: the trait, and the promises of a store.
//!
//! The store is the truth about endpoints. Replicas follow the store by the change log.

mod claims;
mod digest;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod embedded;
mod error;
mod format;
mod listing;
pub mod observed;
mod record;
mod untouched;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use async_trait::async_trait;

pub use digest::{AdoptError, Digest};
#[cfg(feature = "dynamodb")]
pub use dynamodb::{DynamoStore, TableError};
pub use embedded::{EmbeddedStore, OpenError};
pub use error::{StoreError, TurnError, WriteError};
pub use format::{Format, Limits, NEWEST as NEWEST_FORMAT, Process, Raise, RaiseError};
pub use listing::{Filter, MAX_PAGE_BYTES, Page, json_bytes};
pub use observed::ObservedStore;
pub use untouched::Untouched;
pub use version::{Version, Written};

use crate::domain::{EndpointId, Mock, Route, Series};

/// Maximum size of one mock as stored, in bytes. Unknown members count as well.
pub const MAX_MOCK_BYTES: usize = 320 * 1024;
/// Maximum number of changes in a write. With two claims each, all changes fit into one transaction of DynamoDB (100
/// items).
pub const MAX_CHANGES: usize = 32;
/// Maximum size of all mocks of a write, in bytes: an entry of the log is one item of DynamoDB (400 KB).
pub const MAX_WRITE_BYTES: usize = 350_000;

/// The choice of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    File(PathBuf),
    Memory,
    /// The name of the table.
    #[cfg(feature = "dynamodb")]
    DynamoDb(String),
}

/// An endpoint, and the version of the last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub endpoint: Mock,
    pub version: Version,
}

/// A conditional write. The store accepts or refuses it as a whole.
#[derive(Debug, Clone)]
pub enum Write {
    /// [`WriteError::Taken`] if another endpoint has the route.
    Create(Mock),
    /// Replaces the endpoint with the same id, if the version is `expected`.
    Replace { endpoint: Mock, expected: Version },
    /// Removes the endpoint, if the version is `expected`.
    Delete { id: EndpointId, expected: Version },
    /// Removes an endpoint with a damaged record, and the endpoint's claim: the claim of `route`, if the record does
    /// not show the route. [`WriteError::Changed`] if the record can be read.
    Discard { id: EndpointId, route: Option<Route> },
}

/// An endpoint with an unreadable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub id: EndpointId,
    /// The endpoint's claimed route, if the store can find the claim.
    pub route: Option<Route>,
    /// Names the record, for the log.
    pub why: String,
    /// As in [`Change`].
    pub digest: Digest,
}

/// Refuses a mock that is too large for any write.
pub fn check_size(endpoint: &Mock) -> Result<(), WriteError> {
    check_sizes([record::bytes(endpoint)].into_iter())
}

/// Checks the sizes of the mocks of a write.
fn check_sizes(sizes: impl Iterator<Item = usize>) -> Result<(), WriteError> {
    let (mut changes, mut all) = (0, 0);
    for bytes in sizes {
        if bytes > MAX_MOCK_BYTES {
            return Err(WriteError::TooLarge { bytes });
        }
        changes += 1;
        all += bytes;
    }
    if changes > MAX_CHANGES || all > MAX_WRITE_BYTES {
        return Err(WriteError::TooMany { changes, bytes: all });
    }
    Ok(())
}

/// The new state of an endpoint after a write, `None` after a deletion. An exclusive store may return a later state
/// instead. A shared store returns each state, because other replicas may have served any of the states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub version: Version,
    pub id: EndpointId,
    pub endpoint: Option<Mock>,
    /// The digest of the new state. 0 after a deletion, and always in an exclusive store.
    pub digest: Digest,
}

/// The writes since a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Every write since, in order, up to `head`. `digest`: of all endpoints at `head`, if the store knows it.
    Log { head: Version, digest: Option<Digest>, changes: Vec<Change> },
    /// The next writes since, in order, up to `head`, and more follow: so much was written during a load.
    Part { head: Version, changes: Vec<Change> },
    /// The log does not reach back to the version, or the version is of another history. Load
    /// everything.
    Gap,
}

/// Receives each endpoint of a load with the digest, in any order. An error is an endpoint with a damaged record.
pub type Deliver = Box<dyn FnMut(Result<(Mock, Digest), Damaged>) + Send>;

/// The count of the turns that a mock has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    pub id: EndpointId,
    /// Of the mock's route ([`Route::claim`]).
    pub claim: String,
    pub series: Series,
}

/// A store of endpoints. All reads are strongly consistent: a read sees every write that was acknowledged before.
///
/// An acknowledged write (`Ok`) is durable: the write survives `kill -9` of the process, except in memory.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Carries out all writes, of different endpoints, as one version; or no write. Of writes in a
    /// race for the same route, or for the same version of an endpoint, exactly one is accepted.
    /// [`WriteError::Missing`] and [`WriteError::Changed`] take precedence over [`WriteError::Taken`].
    /// With a condition that does not hold: [`WriteError::Changed`].
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError>;

    /// Carries out all writes, without a condition.
    async fn write_all(&self, writes: Vec<Write>) -> Result<Written, WriteError> {
        self.write_if(None, writes).await
    }

    /// Carries out one write.
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        Ok(self.write_all(vec![write]).await?.version)
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError>;

    /// At most `limit` endpoints with ids greater than `after`; fewer if they are large.
    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError>;

    /// The existing endpoints among `ids` that match; fewer if they are large. `ids` are in order, and at most one
    /// page.
    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError>;

    /// A version that includes every write that any read has shown before. Each later reading of the log reaches this
    /// version.
    async fn head(&self) -> Result<Version, StoreError>;

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError>;

    /// The claimed routes among the given routes, with the holders. Needed by stores that load damaged records without
    /// a route ([`Damaged::route`]).
    async fn holders(&self, _: &BTreeSet<Route>) -> Result<BTreeMap<Route, EndpointId>, StoreError> {
        Ok(BTreeMap::new())
    }

    /// Takes the next turn of a mock, and returns its number, from 1. No other call gets the turn. The turn is durable,
    /// so that a later process does not give the turn again. Asks once: an answer that is lost may have taken the turn.
    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError>;

    /// The number of taken turns.
    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError>;

    /// Delivers all endpoints one by one, each once, and returns a version. The endpoints are at least as new as this
    /// version: each later write may be delivered as a whole, in part, or not. The log from the version on brings all
    /// endpoints to one version. Each later reading of the log includes everything that was delivered.
    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError>;

    /// Raises the store to a format, by default the newest, unless the store is written in the same or a newer format.
    /// Each write after the answer may need the format. A shared store is not raised while a live process lacks the
    /// format. With `dry_run`, nothing changes.
    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError>;

    /// Whether the store has a digest of all endpoints, as last seen. An error if the store cannot have a digest.
    fn has_digest(&self) -> Result<bool, AdoptError> {
        Err(AdoptError::NotShared)
    }

    /// Makes `digest` the digest of all endpoints, by a write without changes. Returns false if the head is not at
    /// `version`.
    async fn adopt(&self, _version: Version, _digest: Digest) -> Result<bool, AdoptError> {
        Err(AdoptError::NotShared)
    }

    /// Whether other processes may write to the same endpoints, so that data in memory may be old.
    fn is_shared(&self) -> bool;

    /// The limits with this name of the live processes on a shared store. Each process renews its item every 9 s, and
    /// counts as live for 30 s. So a killed process counts for up to 30 s; a new process is missing for up to 10 s.
    /// Versions up to commit 1cdb0ba are never listed. The limit of this process may be missing during an outage.
    fn limits(&self, _name: &str) -> Vec<u64> {
        Vec::new()
    }

    /// Asks whether this process may load everything again. On a shared store, one process does so at a time: all loads
    /// share the capacity of the store. The questions go on in the background until [`Self::has_loaded`].
    async fn may_load(&self) -> bool {
        true
    }

    /// This process has loaded, or does not want to load any more.
    fn has_loaded(&self) {}

    /// Announces the end of this process, so that other processes need not wait.
    async fn leave(&self) {}
}
