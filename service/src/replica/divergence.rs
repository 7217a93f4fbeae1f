//! Divergence: this replica holds other mocks than the table should have by its digest.
//!
//! Each write changes the digest in the head, and each replica computes the digest of its own table. Both are equal at
//! the same version. Causes of a difference: an edit of an item by hand, a backup that lacks items, a load that missed
//! a write, or a fault of Echo. A load repairs the replica if the table itself is right. Otherwise the replica serves
//! the table as it is, and an operator adopts the table's content.

use std::{
    mem,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Replica, lease::Follower};
use crate::store::{AdoptError, Digest, StoreError, Version, WriteError};

/// The number of attempts to adopt a digest, while other processes write first.
const ATTEMPTS: usize = 100;

/// Maximum time from a divergence of a running replica to the load, which empties the table. Each replica waits for a
/// random part of this time: a change of an edited item makes all replicas diverge at once, and others serve meanwhile.
const SPREAD: Duration = Duration::from_secs(10);

/// The comparison of this replica's digest with that of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nothing was compared since the last load.
    #[default]
    Unknown,
    Agrees,
    /// A divergence was found, and a load follows at this moment.
    Found(Instant),
    /// The load has ended.
    Loaded,
    /// The load has not repaired the divergence. No further load follows before the next adoption.
    Lasting,
}

/// The state of the comparison.
#[derive(Debug, Default)]
pub(super) struct Divergence {
    state: Mutex<State>,
    /// Whether an operator wants a load.
    wanted: AtomicBool,
}

impl Divergence {
    /// A load begins, which may read an old item.
    pub(super) fn begin_load(&self) {
        let mut state = self.state.lock();
        if *state == State::Agrees {
            *state = State::Unknown;
        }
    }

    /// Whether an operator wants a load now. The difference is known then, and the adoption follows.
    pub(super) fn take_wish(&self) -> bool {
        let is_wanted = self.wanted.swap(false, Ordering::AcqRel);
        if is_wanted {
            *self.state.lock() = State::Lasting;
        }
        is_wanted
    }
}

impl Follower {
    /// Compares the table with the digest at the head, after a reading. Returns whether the table must be loaded now.
    /// `may_be_adopted`: the reading showed a write without changes, such as an adoption.
    pub(super) fn differs(&self, head: Version, all: Option<Digest>, may_be_adopted: bool) -> bool {
        let (own, applied) = {
            let table = self.table.read();
            (table.digest, table.applied)
        };
        // Without a digest there is nothing to compare. A write of this process may have come meanwhile.
        let Some(all) = all.filter(|_| applied == head) else { return false };
        let mut state = self.divergence.state.lock();
        let found = || State::Found(Instant::now() + SPREAD.mul_f64(rand::random()));
        let now = match *state {
            _ if own == all => State::Agrees,
            State::Agrees => found(),
            State::Found(at) if Instant::now() < at => State::Found(at),
            // Unknown: the load has read an old item, or the table itself differs. Nothing old may be served.
            State::Unknown | State::Found(_) => State::Loaded,
            // Another replica may have adopted content that this replica has not loaded.
            State::Lasting if may_be_adopted => found(),
            State::Loaded | State::Lasting => State::Lasting,
        };
        match (mem::replace(&mut *state, now), now) {
            (State::Unknown | State::Agrees | State::Lasting, State::Found(_) | State::Loaded) => {
                self.counts.divergences.fetch_add(1, Ordering::Relaxed);
                let version = head.0;
                tracing::warn!(version, "this replica differs from the digest of the table, and loads the table soon");
            }
            (State::Loaded, State::Lasting) => tracing::warn!(
                "the table itself differs from its digest: see docs/runbook.md#replicas-diverged, and accept the table as it is by \
                 `echo-service store adopt --url URL`"
            ),
            (State::Found(_) | State::Loaded | State::Lasting, State::Agrees) => {
                tracing::info!("this replica agrees with the digest of the table again");
            }
            _ => {}
        }
        now == State::Loaded
    }
}

impl Replica {
    /// Loads the table, and makes the digest of its mocks the digest of the table. Returns the version of this write,
    /// and the number of mocks.
    pub async fn adopt(&self) -> Result<(Version, usize), AdoptError> {
        if !self.follower.is_alone() {
            self.follower.divergence.wanted.store(true, Ordering::Release);
            self.follower.reading_after(Instant::now()).await.outcome.map_err(WriteError::from)?;
        }
        self.adopt_own().await
    }

    /// Makes the digest of this replica the digest of the table.
    pub(super) async fn adopt_own(&self) -> Result<(Version, usize), AdoptError> {
        for _ in 0..ATTEMPTS {
            self.follower.catch_up().await.map_err(WriteError::from)?;
            let (version, digest, count) = {
                let table = self.follower.loaded().map_err(WriteError::from)?;
                (table.applied, table.digest, table.count() + table.count_damaged())
            };
            if self.store.adopt(version, digest).await? {
                let version = Version(version.0 + 1);
                tracing::warn!(version = version.0, count, "the content of the table is adopted");
                return Ok((version, count));
            }
        }
        Err(WriteError::from(StoreError::Unavailable("others write to the table all the time".into())).into())
    }

    /// Whether this replica holds other mocks than the digest of the table says.
    pub fn is_diverged(&self) -> bool {
        !matches!(*self.follower.divergence.state.lock(), State::Unknown | State::Agrees)
    }
}
