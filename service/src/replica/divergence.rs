//! Divergence: this replica holds other mocks than the table should have by its digest.
//!
//! Each write changes the digest in the head, and each replica computes the digest of its own table. Both are equal at
//! the same version. Causes of a difference: an edit of an item by hand, a backup that lacks items, a load that missed
//! a write, or a fault of Echo. A load repairs the replica if the table itself is right. Otherwise the replica serves
//! the table as it is, and an operator adopts the table's content.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::trace::FutureExt as _;
use parking_lot::Mutex;
use tokio::{
    sync,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tracing::Instrument as _;

use super::{Replica, lease::Follower};
use crate::store::{AdoptError, Digest, StoreError, Version, WriteError};

/// The number of attempts to adopt a digest, while other processes write first.
const ATTEMPTS: usize = 100;

/// Maximum time from a divergence of a running replica to the load, which empties the table. Each replica waits for a
/// random part of this time: a change of an edited item makes all replicas diverge at once, and others serve meanwhile.
const SPREAD: Duration = Duration::from_secs(10);
/// Time for which the metric shows a repaired divergence: longer than several exports.
const SHOWN: Duration = Duration::from_mins(15);
/// Maximum wait for an adoption: less than the default of `--request-timeout`. The adoption goes on.
const PATIENCE: Duration = Duration::from_secs(25);

/// The version of an adoption, and the number of mocks.
type Adopted = Result<(Version, usize), AdoptError>;

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

/// The state of the comparison, and of adoptions.
#[derive(Debug, Default)]
pub(super) struct Divergence {
    state: Mutex<State>,
    /// When the last divergence was found.
    found: Mutex<Option<Instant>>,
    /// Whether an operator wants a load.
    wanted: AtomicBool,
    /// Each adoption by this process holds a clone. Nothing is compared meanwhile.
    adopting: Arc<()>,
    /// The adoption that an operator wants.
    adoption: sync::Mutex<Option<JoinHandle<Adopted>>>,
}

impl State {
    /// Found, with a load after a random time.
    fn soon() -> Self {
        Self::Found(Instant::now() + SPREAD.mul_f64(rand::random()))
    }
}

impl Divergence {
    /// A load begins, which may read an old item.
    pub(super) fn begin_load(&self) {
        let mut state = self.state.lock();
        if *state == State::Agrees {
            *state = State::Unknown;
        }
    }

    /// Whether a divergence was found, and it is time for the load.
    pub(super) fn is_due(&self) -> bool {
        matches!(*self.state.lock(), State::Found(at) if at <= Instant::now())
    }

    /// The log has a write without changes, such as an adoption. Another replica may have adopted content that this
    /// replica has not loaded.
    pub(super) fn may_be_adopted(&self) {
        let mut state = self.state.lock();
        if *state == State::Lasting {
            *state = State::soon();
        }
    }

    fn is_adopting(&self) -> bool {
        Arc::strong_count(&self.adopting) > 1
    }

    /// Whether an operator wants a load. The adoption follows.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// The wanted load begins, or is not wanted any more.
    pub(super) fn take_wish(&self) {
        self.wanted.store(false, Ordering::Release);
    }
}

impl Follower {
    /// Compares the table with the digest at the head, after a reading. Returns whether the table must be loaded now.
    /// `may_load`: the load of a divergence is due, and permitted.
    pub(super) fn differs(&self, head: Version, all: Option<Digest>, may_load: bool) -> bool {
        let (own, applied) = {
            let table = self.table.read();
            (table.digest, table.applied)
        };
        // Without a digest there is nothing to compare. A write of this process may have come meanwhile.
        let is_adopting = self.divergence.is_adopting();
        let Some(all) = all.filter(|_| applied == head && !is_adopting) else { return false };
        let mut state = self.divergence.state.lock();
        let now = match *state {
            _ if own == all => State::Agrees,
            State::Agrees => State::soon(),
            State::Found(at) if !may_load => State::Found(at),
            // Unknown: the load has read an old item, or the table itself differs. Nothing old may be served.
            State::Unknown | State::Found(_) => State::Loaded,
            State::Loaded | State::Lasting => State::Lasting,
        };
        match (mem::replace(&mut *state, now), now) {
            (State::Unknown | State::Agrees, State::Found(_) | State::Loaded) => {
                self.counts.divergences.fetch_add(1, Ordering::Relaxed);
                *self.divergence.found.lock() = Some(Instant::now());
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

    /// Adds the digest to a table that has none, as after a raise. Every replica tries, and the first one succeeds.
    pub(super) fn add_digest(self: &Arc<Self>) {
        if !matches!(self.store.has_digest(), Ok(false)) || self.divergence.is_adopting() {
            return;
        }
        let (follower, adopting) = (Arc::clone(self), Arc::clone(&self.divergence.adopting));
        tokio::spawn(async move {
            if let Err(error) = follower.add_missing_digest().await {
                tracing::warn!(%error, "the table has no digest yet");
                sleep(SPREAD).await;
            }
            drop(adopting);
        });
    }

    async fn add_missing_digest(&self) -> Result<(), AdoptError> {
        self.catch_up().await.map_err(WriteError::from)?;
        // Another replica may have been faster.
        if matches!(self.store.has_digest(), Ok(false)) {
            self.adopt_own().await?;
        }
        Ok(())
    }

    async fn load_and_adopt(&self) -> Adopted {
        let mut reading = self.reading_after(Instant::now()).await;
        // Another replica loads first.
        while matches!(reading.outcome, Err(StoreError::Loading | StoreError::Throttled(_)))
            || self.divergence.is_wanted() && reading.outcome.is_ok()
        {
            reading = self.reading_after(reading.began).await;
        }
        reading.outcome.map_err(WriteError::from)?;
        for _ in 0..ATTEMPTS {
            self.catch_up().await.map_err(WriteError::from)?;
            if let Some(adopted) = self.adopt_own().await? {
                return Ok(adopted);
            }
        }
        Err(WriteError::from(StoreError::Unavailable("others write to the table all the time".into())).into())
    }

    /// Makes the digest of this replica the digest of the table. Returns `None` if another process writes first.
    async fn adopt_own(&self) -> Result<Option<(Version, usize)>, AdoptError> {
        let (version, digest, count) = {
            let table = self.loaded().map_err(WriteError::from)?;
            (table.applied, table.digest, table.count() + table.count_damaged())
        };
        if !self.store.adopt(version, digest).await? {
            return Ok(None);
        }
        let version = Version(version.0 + 1);
        tracing::warn!(version = version.0, count, "the content of the table is adopted");
        // A reading from before has the earlier digest.
        _ = self.catch_up_to(version).await;
        Ok(Some((version, count)))
    }
}

impl Replica {
    /// Loads the table, and makes the digest of its mocks the digest of the table. The adoption goes on after a
    /// time-out or a hang-up of the client, and the next call waits for the same adoption.
    pub async fn adopt(&self) -> Adopted {
        let mut adoption = self.follower.divergence.adoption.lock().await;
        adoption.take_if(|work| work.is_finished());
        let work = adoption.get_or_insert_with(|| {
            let follower = Arc::clone(&self.follower);
            let work = async move {
                // A reading tells the format: no load for nothing.
                follower.catch_up().await.map_err(WriteError::from)?;
                follower.store.has_digest()?;
                let _adopting = Arc::clone(&follower.divergence.adopting);
                follower.divergence.wanted.store(true, Ordering::Release);
                let adopted = follower.load_and_adopt().await;
                follower.divergence.take_wish();
                adopted
            };
            tokio::spawn(work.with_current_context().in_current_span())
        });
        let outcome = timeout(PATIENCE, work).await.map_err(|_| AdoptError::Unfinished)?;
        *adoption = None;
        outcome.unwrap_or_else(|failure| Err(WriteError::from(StoreError::Unavailable(failure.to_string())).into()))
    }

    /// Whether this replica holds other mocks than the digest of the table says, or did so a short time ago.
    pub fn is_diverged(&self) -> bool {
        let Divergence { state, found, .. } = &self.follower.divergence;
        !matches!(*state.lock(), State::Unknown | State::Agrees) || found.lock().is_some_and(|at| at.elapsed() < SHOWN)
    }
}
