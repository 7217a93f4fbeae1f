//! Readings of the log: the table follows the store.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::lease::Follower;
use crate::{
    domain::{EndpointId, Mock},
    store::{Change, Changes, Digest, StoreError, Version},
};

impl Follower {
    /// Applies a write of this process after the commit, if the table has all earlier writes. Saves a reading of the
    /// log. Returns whether the table has the write.
    pub(super) fn apply_own(&self, version: Version, changes: &[(EndpointId, Option<Mock>, Digest)]) -> bool {
        let mut table = self.table.write();
        if table.applied.0 + 1 == version.0 && !table.is_loading {
            table.apply(changes.iter().map(|(id, endpoint, digest)| (*id, endpoint.as_ref(), *digest)), self.settles());
            table.applied = version;
        }
        table.applied >= version
    }

    /// Reads the log up to the head, and applies the writes. Loads everything if the log does not suffice.
    pub(super) async fn read_log(self: &Arc<Self>) -> Result<(), StoreError> {
        let Some(since) = self.loaded().ok().map(|table| table.applied) else {
            // The last load failed, or another replica loads.
            return self.load().await;
        };
        // The replica serves until it may load. No reading waits for the answer.
        let wants_load = self.divergence.is_wanted() || self.divergence.is_due();
        let may_load = wants_load && self.store.may_load().now_or_never() == Some(true);
        if may_load && self.divergence.is_wanted() {
            self.divergence.take_wish();
            return self.load().await;
        }
        let Some((head, digest)) = self.apply_since(since).await? else { return self.load().await };
        if self.differs(head, digest, may_load) {
            return self.load().await;
        }
        if !wants_load {
            self.store.has_loaded();
        }
        Ok(())
    }

    /// Applies all writes after a version. Returns the head and its digest, or `None` if the log does not suffice.
    pub(super) async fn apply_since(
        &self,
        mut since: Version,
    ) -> Result<Option<(Version, Option<Digest>)>, StoreError> {
        loop {
            match self.store.changes_since(since).await? {
                Changes::Log { head, digest, changes } => {
                    self.apply_log(since, head, &changes)?;
                    return Ok(Some((head, digest)));
                }
                Changes::Part { head, changes } => {
                    self.apply_log(since, head, &changes)?;
                    since = head;
                }
                Changes::Gap => return Ok(None),
            }
        }
    }

    /// Applies the writes of a reading, which began at `since` and ends at `head`. An error: the mocks have become too
    /// large for this process.
    fn apply_log(&self, since: Version, head: Version, changes: &[Change]) -> Result<(), StoreError> {
        let now = Instant::now();
        // Without news, do not lock out requests that read the table.
        {
            let table = self.table.read();
            if head <= since && !table.unsettled.has_settled(now) {
                return self.room.check(table.bytes);
            }
        }
        let writes = changes.chunk_by(|one, other| one.version == other.version);
        if (writes.clone().count() as u64) < head.0 - since.0 {
            self.divergence.may_be_adopted();
        }
        let mut table = self.table.write();
        table.unsettled.forget(now);
        for write in writes {
            // `apply_own` may have applied the write during the reading.
            if write[0].version > table.applied {
                let changes = write.iter().map(|change| (change.id, change.endpoint.as_ref(), change.digest));
                table.apply(changes, self.settles());
            }
        }
        table.applied = table.applied.max(head);
        self.room.check(table.bytes)
    }
}
