//! How a replica may answer from memory although others write to the same store: by a lease (Gray and Cheriton, "Leases: an
//! efficient fault-tolerant mechanism for distributed file cache consistency", SOSP 1989). `docs/consistency.md` has the proof.
//!
//! A replica reads the change log again and again, and applies it to its table. All reads of the store are strongly consistent.
//!
//! 1. **In lease and found**: until `lease` after a successful reading was *sent*, what the table holds is answered.
//! 2. **Not found, or out of lease**: nothing is answered before a reading that was sent after the request came, and no page of a
//!    listing is chosen from the table. Those who wait share it. The store does not answer: 503.
//! 3. **Replaced**: what a change or deletion has replaced may be answered by others until their leases are over. So for as
//!    long after it was read of, nobody is told of it: not by a mock, not by management, and not by the acknowledgement of
//!    the write.
//! 4. **A gap** in the log, or a start: everything is loaded, and all of it may have replaced something.
//! 5. **Counted or seen first**: a read of the store may show a write that the log does not show yet, or the other way round. Nobody is
//!    told of what a read has shown before the log is applied up to it ([`Follower::catch_up_to_all_shown`]); that reads are no older
//!    than the log is the store's part ([`Store`]).
//!
//! A store that one process has for itself needs none of this: there is no lease, and nothing to wait for.
//!
//! Time is this process's monotonic clock. Clocks need not agree on the time of day, only on how long a second is ([`Lease::wait`]).

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use parking_lot::{Mutex, RwLock};
use tokio::{
    sync::{self, Notify},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::table::Table;
use crate::store::{Change, Changes, Store, StoreError, Version};

/// Readings begin no closer together than this, and so do those of the head, so that no flood of misses becomes one of reads.
const APART: Duration = Duration::from_millis(12);
/// How long after a failure the log of a store that is not shared is read again.
const RETRY: Duration = Duration::from_millis(50);
/// A replica whose last reading began longer ago than this, and whose lease is over, is not ready.
const OVERDUE: Duration = Duration::from_secs(1);
/// A store that has not answered so many readings one after the other is away.
const ATTEMPTS: usize = 3;
/// Nobody waits longer for a reading, which may go on: everything may have to be loaded.
const PATIENCE: Duration = Duration::from_secs(2);
/// A version that the store has shown is in the log after so many readings, or something is wrong with the store.
const READINGS: usize = 10;

/// What a replica may answer from memory for. All replicas of a store have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// From the sending of a reading.
    pub term: Duration,
    /// From the sending of one reading to that of the next.
    pub poll: Duration,
}

impl Lease {
    /// After so long by this process's clock, a lease that began before is over by any other's that is slower by 5 % at most.
    fn wait(&self) -> Duration {
        self.term.div_f64(0.95)
    }
}

/// A reading of the log, or of the head, that is over.
#[derive(Clone)]
struct Reading {
    began: Instant,
    outcome: Result<(), StoreError>,
}

/// What has happened to a replica since its start, for its metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Readings of the log.
    pub readings: AtomicU64,
    /// How often everything was loaded.
    pub reloads: AtomicU64,
    /// Requests that waited for a reading.
    pub waits_for_reading: AtomicU64,
    /// Requests that waited until a change was settled.
    pub waits_for_settling: AtomicU64,
}

/// The table of a replica, and what keeps it in step with the store.
pub(super) struct Follower {
    store: Arc<dyn Store>,
    /// `None` where nobody else writes.
    lease: Option<Lease>,
    pub(super) table: RwLock<Table>,
    /// The end of the lease, in nanoseconds after `origin`. Where there is none, it does not end.
    valid_until: AtomicU64,
    origin: Instant,
    last: Mutex<Reading>,
    /// Another one is over. (A `watch` channel would wake those who wait in random order, and no seed would give the same history twice.)
    over: Notify,
    wanted: Notify,
    /// The last time that the log was applied up to the head. Locked while that is done again.
    shown: sync::Mutex<Reading>,
    pub(super) counts: Counts,
}

impl Follower {
    /// Loads everything from the store.
    pub(super) async fn load(store: Arc<dyn Store>, lease: Option<Lease>) -> Result<Self, StoreError> {
        let origin = Instant::now();
        let none = Reading { began: origin, outcome: Ok(()) };
        let follower = Self {
            store,
            lease,
            table: RwLock::default(),
            valid_until: AtomicU64::new(0),
            origin,
            last: Mutex::new(none.clone()),
            over: Notify::new(),
            wanted: Notify::new(),
            shown: sync::Mutex::new(none),
            counts: Counts::default(),
        };
        follower.reload().await?;
        follower.renew(origin);
        Ok(follower)
    }

    /// Whether this replica may answer from its table at `now`.
    ///
    /// That has to be a time at which the table is held, and was looked at: then a reading that has changed the table can not have
    /// renewed the lease in between, and a process that was stopped in between notices.
    pub(super) fn holds_lease(&self, now: Instant) -> bool {
        self.lease.is_none() || self.nanoseconds(now) < self.valid_until.load(Ordering::Acquire)
    }

    pub(super) fn is_alone(&self) -> bool {
        self.lease.is_none()
    }

    /// Whether this replica holds its lease, or is about to renew it.
    pub(super) fn is_current(&self) -> bool {
        let last = self.last.lock();
        self.holds_lease(Instant::now()) || last.outcome.is_ok() && last.began.elapsed() < OVERDUE
    }

    /// How old what this replica knows is at most. `None` where nobody else writes.
    pub(super) fn age(&self) -> Option<Duration> {
        let end = self.origin + Duration::from_nanos(self.valid_until.load(Ordering::Acquire));
        self.lease.map(|lease| (Instant::now() + lease.term).saturating_duration_since(end))
    }

    /// Waits until all that was in the log at the time of the call is applied.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        self.counts.waits_for_reading.fetch_add(1, Ordering::Relaxed);
        let readings = async {
            let mut reading = self.reading_after(Instant::now()).await;
            for _ in 1..ATTEMPTS {
                if reading.outcome.is_ok() {
                    break;
                }
                reading = self.reading_after(reading.began).await;
            }
            reading.outcome
        };
        let late = |_| Err(StoreError(format!("the change log was not read in {} s", Duration::as_secs(&PATIENCE))));
        timeout(PATIENCE, readings).await.unwrap_or_else(late)
    }

    async fn reading_after(&self, moment: Instant) -> Reading {
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
        for _ in 0..READINGS {
            if self.table.read().applied >= version {
                return Ok(());
            }
            self.catch_up().await?;
        }
        Err(StoreError(format!("the log does not reach version {version}, which the store has shown")))
    }

    /// Waits until everything is applied that the store has shown before the call. One of those who wait asks for the head, for all who
    /// came before it did: what they were shown, that head counts.
    pub(super) async fn catch_up_to_all_shown(&self) -> Result<(), StoreError> {
        let came = Instant::now();
        let mut last = self.shown.lock().await;
        if last.began <= came {
            self.keep_apart(last.began).await;
            let began = Instant::now();
            let outcome = match self.store.head().await {
                Ok(head) => self.catch_up_to(head).await,
                Err(error) => Err(error),
            };
            // A failure may be told to those as well who came meanwhile: they have waited long enough.
            *last = Reading { began: if outcome.is_ok() { began } else { Instant::now() }, outcome };
        }
        last.outcome.clone()
    }

    /// Nobody else asks a store that is not shared, which need not be spared.
    async fn keep_apart(&self, began: Instant) {
        if !self.is_alone() {
            sleep_until(began + APART).await;
        }
    }

    /// Waits until then, for a change that others may not have read of.
    pub(super) async fn settle(&self, until: Option<Instant>) {
        if let Some(until) = until {
            self.counts.waits_for_settling.fetch_add(1, Ordering::Relaxed);
            sleep_until(until).await;
        }
    }

    /// Applies a write of this process, which was committed just now, if the table has all that came before it. The log then
    /// needs not be read.
    pub(super) fn apply_own(&self, change: &Change) -> bool {
        let mut table = self.table.write();
        if table.applied.0 + 1 == change.version.0 && !table.is_reloading {
            table.apply(change.id, change.endpoint.as_ref(), self.settles());
            table.applied = change.version;
        }
        table.applied >= change.version
    }

    /// Reads the log whenever it is time to, or somebody waits for it. Does not end.
    pub(super) async fn follow(&self) {
        loop {
            let (began, failed) = {
                let last = self.last.lock();
                (last.began, last.outcome.is_err())
            };
            let wanted = self.wanted.notified();
            match (self.lease, failed) {
                (Some(lease), _) => _ = timeout_at(began + lease.poll, wanted).await,
                (None, true) => _ = timeout_at(began + RETRY, wanted).await,
                (None, false) => wanted.await,
            }
            self.keep_apart(began).await;
            let began = Instant::now();
            self.counts.readings.fetch_add(1, Ordering::Relaxed);
            // A fault of the store ends a reading, not the following.
            let reading = AssertUnwindSafe(self.read_log()).catch_unwind().await;
            let outcome = reading.unwrap_or_else(|_| Err(StoreError("it has a fault".into())));
            if outcome.is_ok() {
                self.renew(began);
            }
            match (&outcome, failed) {
                (Err(error), false) => tracing::error!(%error, "the change log can not be read"),
                (Ok(()), true) => tracing::info!("the change log can be read again"),
                _ => {}
            }
            *self.last.lock() = Reading { began, outcome };
            self.over.notify_waiters();
        }
    }

    async fn read_log(&self) -> Result<(), StoreError> {
        let since = self.table.read().applied;
        let Changes::Log { head, changes } = self.store.changes_since(since).await? else {
            return self.reload().await;
        };
        let now = Instant::now();
        // An idle log must not stop those who serve.
        if head > since || self.table.read().has_news(now) {
            let mut table = self.table.write();
            table.forget_settled(now);
            for Change { id, endpoint, version } in changes {
                // Meanwhile this process may have applied writes of its own.
                if version > table.applied {
                    table.apply(id, endpoint.as_ref(), self.settles());
                }
            }
            table.applied = table.applied.max(head);
            table.is_reloading = false;
        }
        Ok(())
    }

    async fn reload(&self) -> Result<(), StoreError> {
        self.counts.reloads.fetch_add(1, Ordering::Relaxed);
        // What is loaded may be older than a write of this process that is applied meanwhile.
        self.table.write().is_reloading = true;
        let snapshot = self.store.load().await?;
        let mut table = Table::with(&snapshot.endpoints, snapshot.head);
        if let Some(until) = self.settles() {
            table.unsettle_all(until);
        }
        *self.table.write() = table;
        Ok(())
    }

    fn renew(&self, began: Instant) {
        if let Some(lease) = self.lease {
            self.valid_until.store(self.nanoseconds(began + lease.term), Ordering::Release);
        }
    }

    /// When what is read of now will be settled.
    fn settles(&self) -> Option<Instant> {
        self.lease.map(|lease| Instant::now() + lease.wait())
    }

    fn nanoseconds(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.origin).as_nanos() as u64
    }
}
