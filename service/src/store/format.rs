//! The format of a store. ARCHITECTURE.md, "How a record changes", says how a new format comes into use.
//!
//! | format | additions | can be read by |
//! | --- | --- | --- |
//! | 1 | verb, path, code, headers, body | all versions |
//! | 2 | unknown members of a mock survive a change; several changes in one entry of the log; epochs of a table | versions that know format 2 |
//! | 3 | parameters in paths, the verb ANY, priorities, tests of the request | versions that know format 3 |
//! | 4 | tests by JSONPath; lists of header fields; `json`, `base64`, `template`, `delay` and `fault`; responses in turn | versions that know format 4 |

use std::collections::BTreeMap;

use super::StoreError;
use crate::domain::{Mock, MockResponse};

/// The limits of a process by name, in the unit at the end of the name, such as `max_mocks_bytes`. Versions may add
/// limits, so a limit may be absent.
pub type Limits = BTreeMap<String, u64>;

/// A process on a shared store, by its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The same id as in the process's log.
    pub id: String,
    /// The newest format for reads and writes. 0: unknown.
    pub format: u64,
    pub limits: Limits,
}

/// The needed format of each format, from 1 to the newest known one.
const NEEDED: [u64; 5] = [1, 2, 3, 4, 5];

/// The newest known format.
pub const NEWEST: u64 = NEEDED.len() as u64;

/// The format of a store. A store with unknown members can be read if the needed format is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// The store may have members of formats up to this format.
    pub written: u64,
    /// A version of Echo without the format must not open the store.
    pub needed: u64,
}

impl Format {
    /// The format of stores from before the two numbers.
    pub(super) const FIRST: Self = Self { written: 1, needed: 1 };
    /// The format of a new store.
    pub(super) const NEW: Self = Self { written: NEWEST, needed: NEWEST };

    /// The format that a write needs, if `new` are the new states of mocks.
    pub(super) fn of_write<'a>(changes: usize, new: impl Iterator<Item = &'a Mock>) -> u64 {
        let of_mock = |mock @ Mock { route, turns, set, .. }: &Mock| match () {
            () if set.is_some() => 5,
            () if route.when.has_jsonpath() || turns.is_some() || !mock.responses().all(MockResponse::is_plain) => 4,
            () if !route.is_plain() => 3,
            () => 1,
        };
        new.map(of_mock).fold(if changes == 1 { 1 } else { 2 }, u64::max)
    }

    pub(super) const fn can_be_read(self) -> bool {
        self.needed <= NEWEST
    }

    /// The format after a raise to `to`, a known format.
    pub(super) fn raised(self, to: u64) -> Self {
        Self { written: self.written.max(to), needed: self.needed.max(NEEDED[to as usize - 1]) }
    }
}

/// The outcome of a raise, or of its dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// The format in which the store was written before.
    pub from: u64,
    pub to: u64,
    /// Whether this call has raised the store.
    pub is_done: bool,
}

/// Why a store was not raised.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    #[error("this version knows formats 1 to {NEWEST}: name one of these, or start a newer version")]
    Unknown,
    /// A process without the format could not read the store any more.
    #[error(
        "live processes do not know format {to}: {}. Replace them by a newer version, and try again; a process that was killed \
         counts as live for 30 s", .lacking.join(", ")
    )]
    Lacking { to: u64, lacking: Vec<String> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The format to which a store is raised: by default the newest.
pub(super) fn target(to: Option<u64>) -> Result<u64, RaiseError> {
    let to = to.unwrap_or(NEWEST);
    if (1..=NEWEST).contains(&to) { Ok(to) } else { Err(RaiseError::Unknown) }
}
