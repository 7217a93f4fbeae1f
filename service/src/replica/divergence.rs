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
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync, task::JoinHandle, time::Instant};

use crate::store::{AdoptError, Digest, Version};

/// Maximum time from a divergence of a running replica to the load, which empties the table. Each replica waits for a
/// random part of this time: a change of an edited item makes all replicas diverge at once, and others serve meanwhile.
pub(super) const MAX_LOAD_DELAY: Duration = Duration::from_secs(10);
/// Time for which the metric shows a repaired divergence: longer than several exports.
const SHOWN_AFTER_REPAIR: Duration = Duration::from_mins(15);

/// The version of an adoption, and the number of mocks.
pub(super) type Adopted = Result<(Version, usize), AdoptError>;

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
    pub(super) wanted: AtomicBool,
    /// Each adoption by this process holds a clone. Nothing is compared meanwhile.
    pub(super) adopting: Arc<()>,
    /// The adoption that an operator wants.
    pub(super) adoption: sync::Mutex<Option<JoinHandle<Adopted>>>,
}

impl State {
    /// Found, with a load after a random time.
    fn soon() -> Self {
        Self::Found(Instant::now() + MAX_LOAD_DELAY.mul_f64(rand::random()))
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

    pub(super) fn is_adopting(&self) -> bool {
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

    /// Compares the digest of this replica at the head with the digest of the table, and counts a new divergence.
    /// Returns whether the table must be loaded now. `may_load`: the load of a divergence is due, and permitted.
    pub(super) fn compare(&self, head: Version, digests: [Digest; 2], may_load: bool, divergences: &AtomicU64) -> bool {
        let [own, all] = digests;
        let mut state = self.state.lock();
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
                divergences.fetch_add(1, Ordering::Relaxed);
                *self.found.lock() = Some(Instant::now());
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

    /// Whether there is a divergence, or was a short time ago.
    pub(super) fn is_shown(&self) -> bool {
        !matches!(*self.state.lock(), State::Unknown | State::Agrees)
            || self.found.lock().is_some_and(|at| at.elapsed() < SHOWN_AFTER_REPAIR)
    }
}
