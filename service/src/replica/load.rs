//! Loads: the table is emptied, and the store delivers every mock.

use std::sync::{Arc, atomic::Ordering};

use parking_lot::RwLockReadGuard;
use tokio::{task::spawn_blocking, time::Instant};

use super::{lease::Follower, table::Table};
use crate::store::StoreError;

impl Follower {
    /// The first load.
    pub(super) async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let began = self.nanoseconds(Instant::now());
        self.load().await?;
        self.renew(began);
        // A load may take longer than a lease. The service is ready with a new lease.
        let sent = Instant::now();
        if !self.holds_lease(sent) && self.read_log().await.is_ok() {
            self.renew(self.nanoseconds(sent));
        }
        // The reading may have found a gap, whose load failed.
        drop(self.loaded()?);
        self.has_started.store(true, Ordering::Release);
        Ok(())
    }

    /// Loads everything into the empty table. A replica that has served before waits until no other such replica
    /// loads.
    pub(super) async fn load(self: &Arc<Self>) -> Result<(), StoreError> {
        self.divergence.begin_load();
        // The load may lack a concurrent write of this process (`apply_own`).
        let previous = self.table.write().begin_load();
        if previous.count() > 0 {
            // Not on a thread that serves: a million mocks take 0.1 s.
            spawn_blocking(move || drop(previous));
        }
        if !self.has_started.load(Ordering::Acquire) {
            return self.load_all().await;
        }
        if !self.store.may_load().await {
            return Err(StoreError::Loading);
        }
        let outcome = self.load_all().await;
        self.store.has_loaded();
        outcome
    }

    async fn load_all(self: &Arc<Self>) -> Result<(), StoreError> {
        loop {
            self.counts.reloads.fetch_add(1, Ordering::Relaxed);
            let loading = Arc::clone(self);
            let receive = move |delivered| {
                let mut table = loading.table.write();
                let is_full = loading.room.is_exceeded_by(table.bytes);
                table.receive(delivered, is_full);
            };
            let head = self.store.load(Box::new(receive)).await?;
            {
                let mut table = self.table.write();
                self.room.check(table.bytes)?;
                table.applied = head;
            }
            // The load may have a part of a later write, and the log has the whole write.
            if self.is_alone() || self.apply_since(head).await?.is_some() {
                self.table.write().end_load(self.settles());
                return Ok(());
            }
            // The log has lost the first writes since the start of the load.
            drop(self.table.write().begin_load());
        }
    }

    /// The table, or an error while it is being loaded.
    pub(super) fn loaded(&self) -> Result<RwLockReadGuard<'_, Table>, StoreError> {
        let table = self.table.read();
        if table.is_loading {
            return Err(StoreError::Loading);
        }
        Ok(table)
    }
}
