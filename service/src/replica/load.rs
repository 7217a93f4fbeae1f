//! Loads: the table is emptied, and the store delivers every mock.

use std::sync::{Arc, atomic::Ordering};

use parking_lot::RwLockReadGuard;
use tokio::task::spawn_blocking;

use super::{lease::Follower, table::Table};
use crate::store::StoreError;

impl Follower {
    /// Loads everything into the empty table.
    pub(super) async fn load(self: &Arc<Self>) -> Result<(), StoreError> {
        self.counts.reloads.fetch_add(1, Ordering::Relaxed);
        // The load may lack a concurrent write of this process (`apply_own`).
        let previous = self.table.write().begin_load();
        if previous.count() > 0 {
            // Not on a thread that serves: a million mocks take 0.1 s.
            spawn_blocking(move || drop(previous));
        }
        let loading = Arc::clone(self);
        let head = self.store.load(Box::new(move |delivered| loading.table.write().receive(delivered))).await?;
        self.table.write().end_load(head, self.settles());
        Ok(())
    }

    /// The table, or an error while it is being loaded.
    pub(super) fn loaded(&self) -> Result<RwLockReadGuard<'_, Table>, StoreError> {
        let table = self.table.read();
        if table.is_loading {
            return Err(StoreError::Unavailable("all mocks are being loaded".into()));
        }
        Ok(table)
    }
}
