//! Refusals and failures of a store.

use super::{MAX_CHANGES, MAX_MOCK_BYTES, MAX_WRITE_BYTES};
use crate::domain::{EndpointId, MockPath, Route, Verb};

/// Why a mock's next turn is unknown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TurnError {
    /// No turn is taken: the mock has another series of turns by now, none, or is gone.
    #[error("the mock has changed")]
    Changed,
    /// The turn may be taken.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    #[error("all parts of the mock take {bytes} bytes as stored: at most {MAX_MOCK_BYTES} are allowed")]
    TooLarge { bytes: usize },
    #[error(
        "{changes} changes of {bytes} bytes are too many for one write: at most {MAX_CHANGES}, of {MAX_WRITE_BYTES} bytes together"
    )]
    TooMany { changes: usize, bytes: usize },
    /// More memory than all mocks together may take.
    #[error(
        "all mocks together take {used} of {limit} bytes of memory, and this write needs {bytes} more: delete mocks, or raise \
         --max-mocks-bytes (ECHO_MAX_MOCKS_BYTES)"
    )]
    Full { bytes: u64, used: u64, limit: u64 },
    #[error(
        "mocks of {verb} already have {max} patterns of paths: put the parameters into the same segments as another mock, or delete all \
         mocks of one pattern"
    )]
    TooManyShapes { verb: Verb, max: usize },
    #[error("{verb} {path} has {max} mocks already: delete one of them, or put a value that they test into the path")]
    TooManyMocks { verb: Verb, path: MockPath, max: usize },
    #[error("the write replaces mocks of {bytes} bytes, which is too much at once: change fewer of them")]
    ReplacesTooMuch { bytes: usize },
    #[error(
        "this needs format {0} of the store, which is older: raise the store with `echo-service store raise --url URL` or \
         POST /-/store/raise, and try again"
    )]
    NeedsFormat(u64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A failure of the store. The messages are for the log, not for clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store failed or cannot be reached. Trying again may help. After a write, only a new reading of the store
    /// shows whether the write took effect.
    #[error("the store failed: {0}")]
    Unavailable(String),
    /// As [`Self::Unavailable`]: too many requests for a while.
    #[error("the store failed: {0}")]
    Throttled(String),
    /// A stored record cannot be read, and trying again does not help. The message names the
    /// record.
    #[error("{0}")]
    Damaged(String),
    /// The store has more mocks than the memory of this process has room for.
    #[error(
        "all mocks together take {used} bytes of memory, and the limit of this process is {limit} bytes: give the process more memory, or \
         raise --max-mocks-bytes (ECHO_MAX_MOCKS_BYTES)"
    )]
    TooLarge { used: u64, limit: u64 },
    /// A load is under way: not all mocks are loaded yet.
    #[error("the mocks are being loaded")]
    Loading,
    /// The client stopped waiting, so the write stopped before the next sending.
    #[error("nobody waits for the write any more")]
    Abandoned,
}
