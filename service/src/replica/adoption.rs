//! Adoptions: the content of this replica becomes the content that the digest of the table describes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use opentelemetry::trace::FutureExt as _;
use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument as _;

use super::{
    Replica,
    divergence::{Adopted, MAX_LOAD_DELAY},
    lease::Follower,
};
use crate::store::{AdoptError, Digest, StoreError, Version, WriteError};

/// The number of attempts to adopt a digest, while other processes write first.
const MAX_ATTEMPTS: usize = 100;
/// Maximum wait for an adoption: less than the default of `--request-timeout`. The adoption goes on.
const ADOPTION_TIMEOUT: Duration = Duration::from_secs(25);

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
        self.divergence.compare(head, [own, all], may_load, &self.counts.divergences)
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
                sleep(MAX_LOAD_DELAY).await;
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
        for _ in 0..MAX_ATTEMPTS {
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
        let outcome = timeout(ADOPTION_TIMEOUT, work).await.map_err(|_| AdoptError::Unfinished)?;
        *adoption = None;
        outcome.unwrap_or_else(|failure| Err(WriteError::from(StoreError::Unavailable(failure.to_string())).into()))
    }

    /// Whether this replica holds other mocks than the digest of the table says, or did so a short time ago.
    pub fn is_diverged(&self) -> bool {
        self.follower.divergence.is_shown()
    }
}
