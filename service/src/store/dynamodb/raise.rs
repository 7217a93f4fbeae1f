//! Writes that change no endpoint: a raise changes the marks of the head and of the lease, and an adoption the digest
//! of the head.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;

use super::{
    DynamoStore, agree,
    item::Head,
    timing::Backoff,
    transaction::{Condition, put},
};
use crate::store::{AdoptError, Digest, Format, Raise, RaiseError, StoreError, Version, WriteError};

/// The number of attempts, while other processes write first or DynamoDB is busy.
const MAX_ATTEMPTS: usize = 100;
/// Maximum age of the list of processes. A read before each attempt would let other writers be first, again and again.
const MAX_LIST_AGE: Duration = Duration::from_secs(1);

impl DynamoStore {
    pub(super) async fn raise_to(&self, to: u64, dry_run: bool) -> Result<Raise, RaiseError> {
        // Without a head, a table of format 1 has no writes yet.
        let mut head = self.read_head().await?.unwrap_or_else(|| *self.head.lock());
        let lease = self.read_item(agree::lease_key()).await?;
        let mut backoff = Backoff::default();
        let mut listed: Option<Instant> = None;
        for _ in 0..MAX_ATTEMPTS {
            let (from, format) = (head.format.written, head.format.raised(to));
            if format != head.format && listed.is_none_or(|at| at.elapsed() > MAX_LIST_AGE) {
                listed = Some(Instant::now());
                self.check_processes(to).await?;
            }
            if dry_run || format == head.format {
                return Ok(Raise { from, to, is_done: false });
            }
            let began = Instant::now();
            let made = if head.format == Format::FIRST { self.made.load(Ordering::Acquire) } else { head.made };
            let next = Head { version: Version(head.version.0 + 1), format, made, ..head };
            let marked = |lease| put(&self.table, agree::marked(lease, format), Condition::default());
            let Some(other) = self.advance(head, next, lease.clone().map(marked)).await? else {
                tracing::info!(from, to, "the table is raised");
                return Ok(Raise { from, to, is_done: true });
            };
            // Otherwise a writer that already knows the next head would always be first.
            if other.version == head.version {
                backoff.wait(began).await;
            }
            head = other;
        }
        Err(StoreError::Unavailable("others write to the table all the time, or DynamoDB is busy".into()).into())
    }

    /// The digest starts here after a raise from format 1, which has none.
    pub(super) async fn adopt_at(&self, version: Version, digest: Digest) -> Result<bool, AdoptError> {
        let head = self.read_head().await.map_err(WriteError::from)?.unwrap_or_else(|| *self.head.lock());
        let next = Head { version: Version(head.version.0 + 1), digest: Some(digest), ..head };
        Ok(head.version == version && self.advance(head, next, None).await.map_err(WriteError::from)?.is_none())
    }

    /// Refuses a format that a live process lacks.
    async fn check_processes(&self, to: u64) -> Result<(), RaiseError> {
        self.processes.read().await?;
        let lacking = self.processes.live().into_iter().filter(|process| process.format < to);
        let lacking: Vec<_> =
            lacking.map(|process| format!("{} (knows formats up to {})", process.id, process.format)).collect();
        if lacking.is_empty() { Ok(()) } else { Err(RaiseError::Lacking { to, lacking }) }
    }
}
