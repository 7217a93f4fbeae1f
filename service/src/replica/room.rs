//! Memory for mocks: its measure, and the room that a write needs.
//!
//! Each process refuses a write that does not fit. A write on its way counts as well, so concurrent writes of a process
//! stay within the limit together. Each process knows the other processes' writes by the log only, so all processes
//! together may exceed the limit by the writes of a moment: [`MAX_EXCESS_BYTES`].

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    domain::{Mock, MockResponse},
    store::{Store, StoreError, WriteError},
};

/// The name of the limit among the limits of a process ([`Store::limits`]).
pub const LIMIT: &str = "max_mocks_bytes";

/// Maximum by which the mocks of a store may exceed the limit, in bytes; at most a quarter of the limit. All processes
/// on a table write at most 1,000 units each second to the log: with two units for each KB, 25 s of queued writes have
/// 13 MB.
const MAX_EXCESS_BYTES: u64 = 32 * 1024 * 1024;

/// The memory of a mock without its texts, in bytes. Measured on glibc with a million mocks: 390 to 434 bytes.
pub(super) const MOCK_BYTES: usize = 448;
/// The memory of the key of a path with parameters, without its text.
const KEY_BYTES: usize = 64;
/// The memory of effects, beside the path.
const EFFECTS_BYTES: usize = 192;
/// The memory of each header field after the first, without its texts.
const FIELD_BYTES: usize = 160;

/// The memory of a mock's turns, and of each response after the first one, without their texts.
const TURNS_BYTES: usize = 320;
const TURN_BYTES: usize = 320;

/// The memory of a mock's place in its set, without the name.
pub(super) const MEMBER_BYTES: usize = 112;

/// The memory of a mock, in bytes.
pub(super) fn bytes(endpoint: &Mock) -> usize {
    let Mock { route, .. } = endpoint;
    let of_response = |response: &MockResponse| {
        let fields: usize = response.headers().iter().map(|(name, value)| FIELD_BYTES + name.len() + value.len()).sum();
        fields.saturating_sub(FIELD_BYTES) + response.payload().map_or(0, |payload| payload.bytes().len())
    };
    let responses: usize = endpoint.responses().map(of_response).sum();
    let turns = endpoint.turns.as_ref().map_or(0, |turns| TURNS_BYTES + TURN_BYTES * turns.more.len());
    let path = route.path.as_str().len();
    // A pattern has a key of its own.
    let key = if route.path.shape().is_some() { KEY_BYTES + path } else { 0 };
    let when = if route.when.is_empty() { 0 } else { path + route.when.bytes() };
    let has_effects = endpoint.responses().any(|response| !response.effects().is_empty());
    let effects = if has_effects { path + EFFECTS_BYTES } else { 0 };
    let of_template = |response: &MockResponse| {
        if response.is_template() { path + EFFECTS_BYTES + response.template_bytes() } else { 0 }
    };
    let templates: usize = endpoint.responses().map(of_template).sum();
    let set = endpoint.set.as_ref().map_or(0, |_| MEMBER_BYTES);
    MOCK_BYTES + path + key + when + effects + templates + turns + set + responses
}

fn is_exceeded(limit: u64, bytes: u64) -> bool {
    bytes.saturating_sub(limit) > MAX_EXCESS_BYTES.min(limit / 4)
}

/// The room for mocks in a process.
pub(super) struct Room {
    /// The limit of this process, in bytes.
    own: u64,
    /// Taken by writes on their way.
    taken: AtomicU64,
}

/// Room for a write. The drop gives it back.
pub(super) struct Reserved<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    pub(super) fn of(own: u64) -> Self {
        Self { own, taken: AtomicU64::new(0) }
    }

    /// The smallest limit of all live processes, while all mocks take `used` bytes. A process that is too small for the
    /// store does not count, because it ends after its load or its next reading.
    pub(super) fn limit(&self, store: &dyn Store, used: u64) -> u64 {
        store.limits(LIMIT).into_iter().filter(|limit| !is_exceeded(*limit, used)).fold(self.own, u64::min)
    }

    /// Whether the mocks of a store are too large for this process.
    pub(super) fn is_exceeded_by(&self, bytes: u64) -> bool {
        is_exceeded(self.own, bytes)
    }

    /// As an error for the mocks of a whole store.
    pub(super) fn check(&self, bytes: u64) -> Result<(), StoreError> {
        if self.is_exceeded_by(bytes) { Err(StoreError::TooLarge { used: bytes, limit: self.own }) } else { Ok(()) }
    }

    /// Takes room for a write that replaces `old` bytes by `new` bytes, while all mocks take `used` bytes. A write that
    /// takes no more room than before is always accepted.
    pub(super) fn take(&self, store: &dyn Store, used: u64, old: u64, new: u64) -> Result<Reserved<'_>, WriteError> {
        let bytes = new.saturating_sub(old);
        let reserved = Reserved { room: self, bytes };
        let taken = self.taken.fetch_add(bytes, Ordering::AcqRel);
        let limit = if bytes > 0 { self.limit(store, used) } else { u64::MAX };
        if used + taken + bytes > limit {
            return Err(WriteError::Full { bytes, used, limit });
        }
        Ok(reserved)
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
