//! Stores of endpoints: the trait, and the promises of a store.
//!
//! The store is the truth about endpoints. Replicas follow the store by the change log.

mod claims;
mod digest;
mod dynamodb;
mod embedded;
mod error;
mod format;
pub mod observed;
mod record;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use async_trait::async_trait;

pub use digest::{AdoptError, Digest};
pub use dynamodb::{DynamoStore, TableError};
pub use embedded::{EmbeddedStore, OpenError};
pub use error::{StoreError, TurnError, WriteError};
pub use format::{Format, Limits, NEWEST as NEWEST_FORMAT, Process, Raise, RaiseError};
pub use observed::ObservedStore;
pub use version::{Version, Written};

use crate::domain::{EndpointId, Mock, MockPath, MockResponse, Payload, Route, Series, Verb};

/// Maximum size of a page of a listing as JSON, in bytes, to bound the memory.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

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

/// The endpoints of a listing: all endpoints with the given verb and path, if any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub verb: Option<Verb>,
    pub path: Option<MockPath>,
}

impl Filter {
    pub fn matches(&self, route: &Route) -> bool {
        self.verb.is_none_or(|verb| verb == route.verb) && self.path.as_ref().is_none_or(|path| *path == route.path)
    }
}

/// A part of a listing, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub endpoints: Vec<Mock>,
    /// Whether more endpoints follow.
    pub more: bool,
}

impl Page {
    /// The first page of `endpoints`, in the order of ids: at most `limit`, fewer if they are large, and at least one.
    /// Leaves out damaged records.
    fn of(endpoints: impl IntoIterator<Item = Result<Mock, StoreError>>, limit: usize) -> Result<Self, StoreError> {
        let mut filling = Filling::new(limit);
        for endpoint in endpoints.into_iter().filter_map(readable) {
            if !filling.add(endpoint?) {
                break;
            }
        }
        Ok(filling.page)
    }
}

/// Leaves out damaged records: a damaged record must not fail a listing. Replicas report damaged records at each load.
fn readable<T>(read: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
    (!matches!(read, Err(StoreError::Damaged(_)))).then_some(read)
}

/// An unfinished page.
struct Filling {
    page: Page,
    limit: usize,
    bytes: usize,
}

impl Filling {
    fn new(limit: usize) -> Self {
        Self { page: Page { endpoints: Vec::new(), more: false }, limit, bytes: 0 }
    }

    /// Adds the next endpoint, or returns false: the page is full.
    fn add(&mut self, endpoint: Mock) -> bool {
        let Page { endpoints, more } = &mut self.page;
        self.bytes += json_bytes(&endpoint);
        *more = endpoints.len() == self.limit || !endpoints.is_empty() && self.bytes > MAX_PAGE_BYTES;
        if !*more {
            endpoints.push(endpoint);
        }
        !*more
    }
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

/// Size of an endpoint in an answer of the API, in bytes, with escapes.
pub fn json_bytes(endpoint: &Mock) -> usize {
    /// Everything except path, tests and responses.
    const FIXED_BYTES: usize = 128;
    /// Everything of a response except headers, content and effects.
    const RESPONSE_BYTES: usize = 48;
    /// The longest delay and fault, and the mark of a template.
    const EFFECTS_BYTES: usize = 96;
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\t' | b'\n' | b'\r' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    };
    let text = |text: &str| text.bytes().map(escaped).sum::<usize>();
    let of_response = |response: &MockResponse| {
        let headers = response.headers().iter().map(|(name, value)| name.len() + text(value) + 6).sum::<usize>();
        let payload = response.payload().map_or(0, |payload| match payload {
            Payload::Body(body) => text(body.as_str()),
            Payload::Json(_) | Payload::Base64(_) => payload.text().len(),
        });
        let effects = if response.effects().is_empty() && !response.is_template() { 0 } else { EFFECTS_BYTES };
        RESPONSE_BYTES + headers + payload + effects
    };
    let Mock { route, .. } = endpoint;
    let responses = endpoint.responses().map(of_response).sum::<usize>();
    FIXED_BYTES + route.path.as_str().len() + route.when.as_str().len() + responses
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
    async fn write_all(&self, writes: Vec<Write>) -> Result<Written, WriteError>;

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
    /// version: each later write may be delivered as a whole, or not. The log from the version on brings all endpoints
    /// to one version. Each later reading of the log includes everything that was delivered.
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
