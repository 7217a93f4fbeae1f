//! The lease limits answers from memory while other processes write to the same store (Gray and
//! Cheriton, "Leases", SOSP 1989). `docs/consistency` has the rules in full, and the proof.
//!
//! A replica reads the change log every few milliseconds, and applies it to its table. All reads
//! are strongly consistent.
//!
//! 1. **In lease, and found**: answer from memory, until `lease` after a successful reading was sent.
//! 2. **Not found, or out of lease**: wait for a reading sent after the arrival of the request.
//! 3. **Replaced**: show the new state after one wait, when no replica serves the previous state.
//! 4. **A gap** in the log, or a start: load everything; all mocks count as replaced.
//! 5. **Read ahead of the log**: hold the result back until the log has caught up. The store
//!    promises that reads are no older than the log ([`Store`]).
//!
//! A store with a single process needs no lease and no wait.
//!
//! Time is the process's monotonic clock. Clocks need not agree on the time of day, only on the
//! length of a second, within 10 % (`clock.rs`).

use std::{
    mem,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{self, Notify, SetOnce},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Counts,
    clock::{Lease, PRECISION, suspended},
    divergence::Divergence,
    pace::Pace,
    room::Room,
    table::Table,
};
use crate::store::{Store, StoreError, Version};

/// Time after a failure until the log of an exclusive store is read again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// A replica without a lease is ready only if the last reading began within this time.
const MAX_AGE_OF_READY: Duration = Duration::from_secs(1);
/// Number of failed readings in a row after which the store counts as away.
const MAX_FAILED_READINGS: usize = 3;
/// Maximum wait of a request. The reading may go on, because it may load everything.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);
/// Number of readings after which the log must reach a version from an answer of the store.
const MAX_READINGS: usize = 10;

/// A finished reading of the log, or of the head.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) began: Instant,
    pub(super) outcome: Result<(), StoreError>,
}

/// The table of a replica, and the loop that follows the store.
pub(super) struct Follower {
    pub(super) store: Arc<dyn Store>,
    /// `None` on an exclusive store.
    lease: Option<Lease>,
    pub(super) table: RwLock<Table>,
    /// The end of the lease, in [`Self::nanoseconds`]. Unused without a lease.
    valid_until: AtomicU64,
    origin: Instant,
    suspended_before: Duration,
    last: Mutex<Reading>,
    /// Notified after each reading. A `watch` channel would wake waiting requests in random order,
    /// so a seed would not repeat its history.
    over: Notify,
    wanted: Notify,
    pace: Pace,
    /// The last catch-up with the head. Locked during the next one.
    shown: sync::Mutex<Reading>,
    pub(super) claims: sync::Mutex<Reading>,
    pub(super) counts: Counts,
    pub(super) divergence: Divergence,
    pub(super) room: Room,
    /// Set when the mocks have become too large for this process.
    pub(super) outgrown: SetOnce<StoreError>,
    /// Whether a load has succeeded.
    pub(super) has_started: AtomicBool,
}

impl Follower {
    /// With an empty table.
    pub(super) fn new(store: Arc<dyn Store>, lease: Option<Lease>, max_bytes: u64) -> Self {
        let origin = Instant::now();
        let none = Reading { began: origin, outcome: Ok(()) };
        Self {
            store,
            lease,
            table: RwLock::new(Table::unloaded()),
            valid_until: AtomicU64::new(0),
            origin,
            suspended_before: suspended(),
            last: Mutex::new(none.clone()),
            over: Notify::new(),
            wanted: Notify::new(),
            pace: Pace::new(),
            shown: sync::Mutex::new(none.clone()),
            claims: sync::Mutex::new(none),
            counts: Counts::default(),
            divergence: Divergence::default(),
            room: Room::of(max_bytes),
            outgrown: SetOnce::new(),
            has_started: AtomicBool::new(false),
        }
    }

    /// Whether this replica may answer from the table at `now`.
    ///
    /// Take `now` after the lookup, while the table is held. Then no reading can change the table and renew the lease
    /// in between, and a process notices a stop in between.
    pub(super) fn holds_lease(&self, now: Instant) -> bool {
        self.lease.is_none() || self.nanoseconds(now) < self.valid_until.load(Ordering::Acquire)
    }

    pub(super) fn is_alone(&self) -> bool {
        self.lease.is_none()
    }

    /// Whether this replica holds the lease, or is about to renew the lease.
    pub(super) fn is_current(&self) -> bool {
        let last = self.last.lock();
        self.loaded().is_ok()
            && (self.holds_lease(Instant::now()) || last.outcome.is_ok() && last.began.elapsed() < MAX_AGE_OF_READY)
    }

    /// Maximum age of the table. `None` on an exclusive store.
    pub(super) fn age(&self) -> Option<Duration> {
        let (now, end) = (self.nanoseconds(Instant::now()), self.valid_until.load(Ordering::Acquire));
        self.lease.map(|lease| (Duration::from_nanos(now) + lease.term).saturating_sub(Duration::from_nanos(end)))
    }

    /// As [`Self::catch_up`], without a reading if no other process writes.
    pub(super) async fn catch_up_with_others(&self) -> Result<(), StoreError> {
        if self.is_alone() && self.loaded().is_ok() { Ok(()) } else { self.catch_up().await }
    }

    /// Waits until the table has every entry of the log at the time of the call.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        if !self.has_started.load(Ordering::Acquire) {
            return Err(StoreError::Loading);
        }
        self.counts.waits_for_reading.fetch_add(1, Ordering::Relaxed);
        let readings = async {
            let (mut reading, mut failures) = (self.reading_after(Instant::now()).await, 1);
            while reading.outcome.is_err() && failures < MAX_FAILED_READINGS {
                // A store that throttles is not away.
                failures += usize::from(!matches!(reading.outcome, Err(StoreError::Throttled(_))));
                reading = self.reading_after(reading.began).await;
            }
            reading.outcome
        };
        let late = |_| {
            drop(self.loaded()?);
            Err(StoreError::Unavailable(format!(
                "the change log was not read in {} s",
                Duration::as_secs(&CATCH_UP_TIMEOUT)
            )))
        };
        timeout(CATCH_UP_TIMEOUT, readings).await.unwrap_or_else(late)
    }

    pub(super) async fn reading_after(&self, moment: Instant) -> Reading {
        self.wanted.notify_one();
        loop {
            let over = self.over.notified();
            let last = self.last.lock().clone();
            if last.began > moment {
                return last;
            }
            over.await;
        }
    }

    /// Waits until the log is applied up to `version`.
    pub(super) async fn catch_up_to(&self, version: Version) -> Result<(), StoreError> {
        for _ in 0..MAX_READINGS {
            if self.table.read().applied >= version {
                return Ok(());
            }
            self.catch_up().await?;
        }
        let why = format!("the log does not reach version {version}, which the store has shown");
        Err(StoreError::Unavailable(why))
    }

    /// Waits until the table has every write that the store has shown before the call. Single flight: a waiting request
    /// fetches the head for all requests in the queue.
    pub(super) async fn catch_up_to_all_shown(&self) -> Result<(), StoreError> {
        self.once_for_all(&self.shown, async { self.catch_up_to(self.store.head().await?).await }).await
    }

    /// A waiting call does the work, for all calls from before the start of the work.
    pub(super) async fn once_for_all<Work>(&self, last: &sync::Mutex<Reading>, work: Work) -> Result<(), StoreError>
    where
        Work: Future<Output = Result<(), StoreError>>,
    {
        let came = Instant::now();
        let mut last = last.lock().await;
        if last.began <= came {
            // An exclusive store needs no rate limit.
            if !self.is_alone() {
                sleep_until(last.began + self.pace.apart()).await;
            }
            let began = Instant::now();
            let outcome = work.await;
            // A failure also ends calls that came during the work: the wait was long enough.
            *last = Reading { began: if outcome.is_ok() { began } else { Instant::now() }, outcome };
        }
        last.outcome.clone()
    }

    /// Waits until a change is settled. Before, other replicas may not have read the change.
    pub(super) async fn settle(&self, until: Option<Instant>) {
        if let Some(until) = until {
            self.counts.waits_for_settling.fetch_add(1, Ordering::Relaxed);
            sleep_until(until).await;
        }
    }

    /// Reads the log regularly, and at once if a request waits. Does not end.
    pub(super) async fn follow(self: &Arc<Self>) {
        loop {
            let Reading { began, outcome: before } = self.last.lock().clone();
            let failed = before.is_err();
            let wanted = self.wanted.notified();
            match (self.lease, failed) {
                (Some(lease), _) => {
                    _ = timeout_at(began + lease.poll, wanted).await;
                    sleep_until(began + self.pace.between_readings(lease.poll)).await;
                }
                (None, true) => _ = timeout_at(began + RETRY_INTERVAL, wanted).await,
                (None, false) => wanted.await,
            }
            let began = Instant::now();
            let sent = self.nanoseconds(began);
            self.counts.readings.fetch_add(1, Ordering::Relaxed);
            // A panic of the store ends the reading, not the loop.
            let reading = AssertUnwindSafe(self.read_log()).catch_unwind().await;
            let outcome = reading.unwrap_or_else(|_| Err(StoreError::Unavailable("it has a fault".into())));
            if outcome.is_ok() {
                self.renew(sent);
                self.add_digest();
            }
            self.pace.learn(&outcome);
            let kind = |outcome: &Result<(), StoreError>| outcome.as_ref().err().map(mem::discriminant);
            match &outcome {
                same if kind(same) == kind(&before) => {}
                Err(error @ StoreError::TooLarge { .. }) => _ = self.outgrown.set(error.clone()),
                Err(StoreError::Loading) => tracing::info!("another replica loads the table: this one waits"),
                // Calls wait, and DynamoDB's own metric rings.
                Err(error @ StoreError::Throttled(_)) => tracing::warn!(%error, "the change log cannot be read"),
                Err(error) => tracing::error!(%error, "the change log cannot be read"),
                Ok(()) => tracing::info!("the change log can be read again"),
            }
            *self.last.lock() = Reading { began, outcome };
            self.over.notify_waiters();
        }
    }

    /// Renews the lease after a reading. `sent` is the time of the reading's sending.
    pub(super) fn renew(&self, sent: u64) {
        if let Some(lease) = self.lease {
            self.valid_until.store(sent + lease.term.as_nanos() as u64, Ordering::Release);
        }
    }

    /// When a change will be settled, if the replica reads the change now.
    pub(super) fn settles(&self) -> Option<Instant> {
        self.lease.map(|lease| Instant::now() + lease.wait())
    }

    /// The time from `origin` to a moment in the near past, including suspensions of the machine.
    pub(super) fn nanoseconds(&self, at: Instant) -> u64 {
        // Whole units: without a suspension the result is exactly the time by `Instant`.
        let units = suspended().saturating_sub(self.suspended_before).as_micros() / PRECISION.as_micros();
        (at.saturating_duration_since(self.origin).as_nanos() + units * PRECISION.as_nanos()) as u64
    }
}
