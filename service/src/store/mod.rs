//! Where endpoints are kept: the trait that every store implements, and what it promises.
//!
//! A store is the one truth about which endpoints exist. Replicas follow it by its change log.

mod dynamodb;
mod embedded;
mod record;

use std::fmt;

use async_trait::async_trait;

pub use dynamodb::{DynamoStore, TableError};
pub use embedded::{EmbeddedStore, OpenError};

use crate::domain::{Endpoint, EndpointId, MockPath, Route, Verb};

/// A page of a listing ends before it has more bytes as JSON, so that a listing does not take all memory.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// A point in the history of a store: the number of writes that it has accepted. Starts at 0, each write adds 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An endpoint and the version of the write that made it what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub endpoint: Endpoint,
    pub version: Version,
}

/// A conditional write: it is accepted whole or refused whole.
#[derive(Debug, Clone)]
pub enum Write {
    /// Refused with [`WriteError::Taken`] if another endpoint has the route.
    Create(Endpoint),
    /// Replaces the endpoint of the same id, if it is still at `expected`.
    Replace { endpoint: Endpoint, expected: Version },
    /// Removes the endpoint, if it is still at `expected`.
    Delete { id: EndpointId, expected: Version },
}

/// Why a write was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("{route} is taken by endpoint {holder}")]
    Taken { route: Route, holder: EndpointId },
    #[error("the endpoint does not exist")]
    Missing,
    #[error("the endpoint was changed by somebody else")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store did its work not, or not known to have. After a write, whether it took effect is unknown until the
/// store is read again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(pub String);

/// Which endpoints a listing shows: all that equal what is given.
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
    pub endpoints: Vec<Endpoint>,
    /// Whether there are more after the last of these.
    pub more: bool,
}

impl Page {
    /// The page of these endpoints, which are in the order of their ids: at most `limit`, and fewer where they are large, but one at least.
    fn of(endpoints: impl IntoIterator<Item = Result<Endpoint, StoreError>>, limit: usize) -> Result<Self, StoreError> {
        let mut filling = Filling::new(limit);
        for endpoint in endpoints {
            if !filling.add(endpoint?) {
                break;
            }
        }
        Ok(filling.page)
    }
}

/// A page that is being filled.
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
    fn add(&mut self, endpoint: Endpoint) -> bool {
        let Page { endpoints, more } = &mut self.page;
        self.bytes += json_bytes(&endpoint);
        *more = endpoints.len() == self.limit || !endpoints.is_empty() && self.bytes > MAX_PAGE_BYTES;
        if !*more {
            endpoints.push(endpoint);
        }
        !*more
    }
}

/// How many bytes an endpoint has in an answer of the API, escapes included.
pub fn json_bytes(endpoint: &Endpoint) -> usize {
    /// All but path, headers and body.
    const REST: usize = 160;
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\t' | b'\n' | b'\r' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    };
    let text = |text: &str| text.bytes().map(escaped).sum::<usize>();
    let Endpoint { route, response, .. } = endpoint;
    let headers = response.headers().iter().map(|(name, value)| name.len() + text(value) + 6).sum::<usize>();
    REST + route.path.as_str().len() + headers + response.body().map_or(0, |body| text(body.as_str()))
}

/// What one write did: what the endpoint became, `None` if it went. A store that is not shared may show what later writes have
/// made of it; a shared one shows each state, because other replicas may have served it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub version: Version,
    pub id: EndpointId,
    pub endpoint: Option<Endpoint>,
}

/// What has happened since a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Every write since, in order, up to `head`.
    Log { head: Version, changes: Vec<Change> },
    /// The log does not reach back so far, or the history is another one than the version is of: load everything.
    Gap,
}

/// Everything, at least as new as `head`: all writes up to it are in there, and later ones may be, each in whole or not yet.
/// Following the log from `head` brings all of it to the same version. Every reading of the log shows all of it from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub head: Version,
    pub endpoints: Vec<Endpoint>,
}

/// A store of endpoints. All reads are strongly consistent: they see every write that was acknowledged before they began.
///
/// An acknowledged write (`Ok`) is durable: it survives `kill -9` of the process, except in memory.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Carries out a write and returns its version. Of writes that race for one route, or for one version of an endpoint,
    /// exactly one is accepted. [`WriteError::Missing`] and [`WriteError::Changed`] are told before [`WriteError::Taken`].
    async fn write(&self, write: Write) -> Result<Version, WriteError>;

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError>;

    /// At most `limit` endpoints that match, with ids greater than `after`; fewer where they are large. The filter has a path, or is empty.
    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError>;

    /// Those of these endpoints that there are and have the verb; fewer where they are large. The ids are in order, and a page's worth.
    async fn list_verb(&self, verb: Verb, ids: Vec<EndpointId>) -> Result<Page, StoreError>;

    /// A version that counts every write that any read has shown before, and that every reading of the log reaches from now on.
    async fn head(&self) -> Result<Version, StoreError>;

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError>;

    async fn load(&self) -> Result<Snapshot, StoreError>;

    /// Whether other processes may write to the same endpoints, so that what this one has read may be old already.
    fn is_shared(&self) -> bool;
}
