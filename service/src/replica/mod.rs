//! The process's copy of the store: every mock in memory, and the lease on the copy.
//!
//! The table follows the store by the change log, in order (`lease.rs` limits answers from memory). A write is
//! acknowledged after the replica has applied the write, so the client can see the write in the same process.

mod adoption;
mod answer;
mod clock;
mod damage;
mod divergence;
mod find;
mod index;
mod lease;
mod listing;
mod load;
mod log;
mod members;
pub mod metrics;
mod pace;
mod response;
mod room;
mod sets;
mod table;
#[cfg(test)]
mod tests;
mod unsettled;

use std::{
    collections::BTreeSet,
    panic,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::trace::FutureExt as _;
use parking_lot::Mutex;
use tokio::{select, sync::oneshot, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

pub use self::{
    clock::Lease,
    find::FindError,
    response::{PreparedTemplate, Reply},
    room::LIMIT as MAX_MOCKS_BYTES,
    sets::{ItemError, MAX_LISTED, Outcome, SetError},
    table::Explanation,
};
use self::{lease::Follower, room::Reserved, table::Table};
use crate::{
    domain::{EndpointId, Mock, Route},
    store::{Digest, Raise, RaiseError, Store, StoreError, Stored, Untouched, Version, Write, WriteError, Written},
};

/// Counts since the start of the replica, for its metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Readings of the log.
    pub readings: AtomicU64,
    /// Loads of everything.
    pub reloads: AtomicU64,
    /// Differences between the table and the digest of the store.
    pub divergences: AtomicU64,
    /// Requests that waited for a reading.
    pub waits_for_reading: AtomicU64,
    /// Requests that waited until a change was settled.
    pub waits_for_settling: AtomicU64,
}

/// The process's copy of the store, and the way to the store itself.
///
/// Once an answer has shown a state, no later answer of any replica shows an earlier one. For this,
/// writes and reads wait until the table has caught up, and until no replica serves the previous
/// state.
pub struct Replica {
    store: Arc<dyn Store>,
    follower: Arc<Follower>,
    following: OnceLock<AbortOnDropHandle<()>>,
    /// The routes for the next reading of claims.
    sought: Mutex<BTreeSet<Route>>,
}

impl Replica {
    /// A replica without mocks. All processes on the store must have the same `lease`. `max_bytes`: the limit of this
    /// process for the memory of all mocks.
    pub fn new(store: Arc<dyn Store>, lease: Lease, max_bytes: u64) -> Arc<Self> {
        let lease = store.is_shared().then_some(lease);
        let follower = Arc::new(Follower::new(Arc::clone(&store), lease, max_bytes));
        Arc::new(Self { store, follower, following: OnceLock::new(), sought: Mutex::default() })
    }

    /// A replica that has loaded everything, without a limit.
    pub async fn load(store: Arc<dyn Store>, lease: Lease) -> Result<Arc<Self>, StoreError> {
        let replica = Self::new(store, lease, u64::MAX);
        replica.start().await?;
        Ok(replica)
    }

    /// Loads everything from the store, and follows the store from then on. Until the end of the load, calls get
    /// [`StoreError::Loading`].
    pub async fn start(&self) -> Result<(), StoreError> {
        self.follower.start().await?;
        let following = Arc::clone(&self.follower);
        self.following.get_or_init(|| AbortOnDropHandle::new(tokio::spawn(async move { following.follow().await })));
        Ok(())
    }

    /// Whether the first load has succeeded.
    pub fn has_started(&self) -> bool {
        self.follower.has_started.load(Ordering::Acquire)
    }

    /// An id for a new mock, greater than the ids of all existing mocks, also of mocks that other replicas created.
    pub async fn next_id(&self) -> Result<EndpointId, StoreError> {
        self.follower.catch_up_with_others().await?;
        Ok(EndpointId::after(self.follower.loaded()?.newest()))
    }

    /// The epoch of the table ([`Version::epoch`]).
    pub fn epoch(&self) -> u64 {
        self.follower.table.read().applied.epoch()
    }

    /// The number of endpoints. During a load, the number so far.
    pub fn count(&self) -> usize {
        self.follower.table.read().count()
    }

    /// The memory of all mocks, in bytes.
    pub fn bytes(&self) -> u64 {
        self.follower.table.read().bytes
    }

    /// The limit for [`Self::bytes`]: the smallest limit of all live processes.
    pub fn max_bytes(&self) -> u64 {
        self.follower.room.limit(&*self.store, self.bytes())
    }

    /// Maximum age of the table. `None` if no other process writes.
    pub fn age(&self) -> Option<Duration> {
        self.follower.age()
    }

    pub fn counts(&self) -> &Counts {
        &self.follower.counts
    }

    /// Whether this replica is ready: holds the lease, or is about to renew the lease.
    pub fn is_current(&self) -> bool {
        self.follower.is_current()
    }

    pub async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        let is_known = || self.follower.loaded().map(|table| table.has(id));
        if !is_known().unwrap_or(false) {
            self.follower.catch_up().await?;
        }
        let mut found = None;
        // After a reading, an unknown endpoint does not exist, so the store need not be asked.
        if is_known()? {
            found = self.store.get(id).await?;
            let is_applied = |stored: &Stored| self.follower.table.read().applied >= stored.version;
            if !found.as_ref().is_some_and(is_applied) {
                self.follower.catch_up_to_all_shown().await?;
            }
        }
        // The route counts as well: another mock may have had the same route before.
        let route = found.as_ref().map(|stored| &stored.endpoint.route);
        self.until_settled(|table, now| table.unsettled.settles(id, route, now)).await;
        Ok(found)
    }

    /// Writes to the store, and returns when every replica serves the new state.
    ///
    /// If the caller stops waiting (hang-up, time-out), a committed write is still applied. On a
    /// shared store nothing more is sent then: the client may repeat the request, and an undecided
    /// write must not take effect after the repetition.
    pub async fn write(self: &Arc<Self>, write: Write) -> Result<Version, WriteError> {
        self.write_all(vec![write]).await
    }

    /// As [`Self::write`], for several writes at once: no answer shows one of them without the others.
    pub async fn write_all(self: &Arc<Self>, writes: Vec<Write>) -> Result<Version, WriteError> {
        let change = |write: &Write| match write {
            Write::Create(endpoint) | Write::Replace { endpoint, .. } => (endpoint.id, Some(endpoint.route.clone())),
            Write::Delete { id, .. } | Write::Discard { id, .. } => (*id, None),
        };
        let changes: Vec<_> = writes.iter().map(change).collect();
        let outcome = self.write_unsettled(writes, None).await;
        let settles = |table: &Table, now| {
            let each = changes.iter().map(|(id, route)| table.unsettled.settles(*id, route.as_ref(), now));
            each.max().flatten()
        };
        self.until_settled(settles).await;
        outcome
    }

    /// As [`Self::write_all`], but other replicas may still serve the previous state. The caller waits for that before
    /// it answers.
    async fn write_unsettled(
        self: &Arc<Self>,
        writes: Vec<Write>,
        untouched: Option<Untouched>,
    ) -> Result<Version, WriteError> {
        let replica = Arc::clone(self);
        // The end of this call drops the sender. So the task learns of a hang-up.
        let (_waits, gone) = oneshot::channel::<()>();
        // The task keeps the trace and the span of the request for its log lines.
        let work = async move { replica.carry_out(writes, untouched, gone).await };
        match tokio::spawn(work.with_current_context().in_current_span()).await {
            Ok(outcome) => outcome,
            Err(failure) => match failure.try_into_panic() {
                // Resume the panic in the request. If the write was committed, the log has it.
                Ok(panic) => {
                    _ = self.follower.catch_up().await;
                    panic::resume_unwind(panic)
                }
                Err(_) => Err(StoreError::Unavailable("the service is being stopped".into()).into()),
            },
        }
    }

    /// Raises the store ([`Store::raise`]). A raise changes no answer of a mock, so no request has to wait.
    pub async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        self.store.raise(to, dry_run).await
    }

    /// Waits until the mocks are too large for this process. The error names both sizes.
    pub async fn outgrown(&self) -> StoreError {
        self.follower.outgrown.wait().await.clone()
    }

    /// Announces the end of this process.
    pub async fn leave(&self) {
        self.store.leave().await;
    }

    async fn carry_out(
        &self,
        writes: Vec<Write>,
        untouched: Option<Untouched>,
        gone: oneshot::Receiver<()>,
    ) -> Result<Version, WriteError> {
        let change = |write: &Write| match write {
            Write::Create(endpoint) | Write::Replace { endpoint, .. } => {
                (endpoint.id, Some(endpoint.clone()), Digest::default())
            }
            Write::Delete { id, .. } | Write::Discard { id, .. } => (*id, None, Digest::default()),
        };
        let mut changes: Vec<_> = writes.iter().map(change).collect();
        let reserved = self.take_room(&changes)?;
        let outcome = select! {
            // Biased: check for a hang-up before each step of the write.
            biased;
            _ = gone, if self.store.is_shared() => Err(StoreError::Abandoned.into()),
            outcome = self.store.write_if(untouched, writes) => outcome,
        };
        match &outcome {
            Ok(Written { version, digests }) => {
                changes.iter_mut().zip(digests).for_each(|(change, digest)| change.2 = *digest);
                if !self.follower.apply_own(*version, &changes) {
                    self.follower.catch_up_to(*version).await?;
                }
            }
            // The write may have taken effect: read the log.
            Err(WriteError::Store(error)) => {
                if let (StoreError::Damaged(_), [(id, None, _)]) = (error, &changes[..]) {
                    self.follower.table.write().lose(*id);
                }
                _ = self.follower.catch_up().await;
            }
            // The refusal shows another write: wait until this replica has that write, too.
            Err(_) => self.follower.catch_up_to_all_shown().await?,
        }
        // The table counts the write from now on.
        drop(reserved);
        outcome.map(|written| written.version)
    }

    /// Checks the limits of the table for the new states of endpoints, and takes room for them.
    fn take_room(&self, changes: &[(EndpointId, Option<Mock>, Digest)]) -> Result<Reserved<'_>, WriteError> {
        let new = changes.iter().filter_map(|(_, endpoint, _)| endpoint.as_ref()).map(|new| room::bytes(new) as u64);
        // Held until the room is taken: each write counts in the table, as taken, or for a moment as both. During a
        // reload only the mocks so far count.
        let table = self.follower.table.read();
        changes.iter().filter_map(|(_, endpoint, _)| endpoint.as_ref()).try_for_each(|new| table.check(new))?;
        let old = changes.iter().map(|(id, ..)| table.bytes_of(*id)).sum();
        self.follower.room.take(&*self.store, table.bytes, old, new.sum())
    }

    /// Waits until no replica serves the previous state.
    async fn until_settled(&self, when: impl FnOnce(&Table, Instant) -> Option<Instant>) {
        let until = when(&self.follower.table.read(), Instant::now());
        self.follower.settle(until).await;
    }
}
