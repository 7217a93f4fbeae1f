//! Epochs tell a restored table from the original.
//!
//! A restored table has an earlier head. The next writes would reuse versions that clients and replicas know already.
//! So the first process that loads a restored table begins a new epoch: the head leaps to a version that no earlier
//! table can have had. The leap is a gap in the log for every replica, and no version is used twice.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{TableDescription, TransactWriteItem},
};
use uuid::Uuid;

use super::{
    DynamoStore, chain, failed,
    item::{self, Entry, Head},
    read::MAX_LARGEST_AT_ONCE,
    timing,
    transaction::{Condition, is_busy, put},
};
use crate::store::{Format, StoreError, Version};

/// The number of attempts, while other processes write first.
const MAX_ATTEMPTS: usize = 10;

/// The time at which DynamoDB made a table, in milliseconds since 1970. A restored table is made later. 0 if the
/// description lacks the time.
pub(super) fn made(table: &TableDescription) -> u64 {
    // Rounded: DynamoDB sends a decimal fraction, and an SDK may read 0.123 as a little less.
    let milliseconds = |secs: u64, nanos: u32| secs * 1_000 + u64::from(nanos + 500_000) / 1_000_000;
    let made = table.creation_date_time().and_then(|made| Some((made.secs().try_into().ok()?, made.subsec_nanos())));
    made.map_or(0, |(secs, nanos)| milliseconds(secs, nanos))
}

impl DynamoStore {
    /// Begins a new epoch if the head was written to another table.
    pub(super) async fn check_epoch(&self) -> Result<(), StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let head = self.read_head().await?;
            // A version that knows format 1 only overwrites the head without the mark.
            if head.is_some_and(|head| head.format == Format::FIRST) {
                return Ok(());
            }
            // After the head: if somebody replaces the table in between, the description is that of the newer table.
            let described = self.client.describe_table().table_name(&self.table).send().await.map_err(failed)?;
            let made = described.table.as_ref().map_or(0, made);
            self.made.store(made, Ordering::Release);
            // A table without a head is about to be filled by somebody.
            let Some(head) = head else { return Ok(()) };
            if head.made == made || self.leap(head, made).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("the table was restored, and others write to it all the time".into()))
    }

    /// Whether a head is of another table than the loaded table.
    pub(super) fn is_of_another_table(&self, head: Head) -> bool {
        head.format != Format::FIRST && head.made != self.made.load(Ordering::Acquire)
    }

    /// Returns false if another process wrote first.
    async fn leap(&self, head: Head, made: u64) -> Result<bool, StoreError> {
        self.settle_last_writes().await?;
        // Two tables that are restored from one backup get different epochs.
        let version = Version::first_of((head.version.epoch() + 1).max(made / 1_000));
        let is_done = self.advance(head, Head { version, made, ..head }, None).await?.is_none();
        if is_done {
            tracing::warn!(from = head.version.0, to = version.0, "the table was restored: a new epoch begins");
        }
        Ok(is_done)
    }

    /// Changes the head by a write of no endpoint. So every process learns of the change in order,
    /// and no process puts the earlier head back. Returns the head of the next attempt if another
    /// process wrote first, or if DynamoDB is busy.
    pub(super) async fn advance(
        &self,
        head: Head,
        next: Head,
        beside: Option<TransactWriteItem>,
    ) -> Result<Option<Head>, StoreError> {
        let (version, token) = (next.version, Uuid::now_v7().to_string());
        let entry = Entry { version, changes: vec![], token: token.clone(), expires: timing::expiry_of_now() };
        let items = [
            put(&self.table, item::head_item(next), Condition::follows(head)),
            put(&self.table, item::entry_item(&entry, &[]), Condition::default()),
        ];
        let items = items.into_iter().chain(beside).collect();
        let sent =
            self.client.transact_write_items().client_request_token(token).set_transact_items(Some(items)).send();
        match sent.await {
            Ok(_) => {
                self.saw_head(next);
                Ok(None)
            }
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    match reasons.first().and_then(|reason| reason.item()) {
                        Some(other) => item::head(other).map(Some),
                        None if reasons.iter().any(is_busy) => Ok(Some(head)),
                        None => {
                            let reasons: Vec<_> = reasons.iter().filter_map(|reason| reason.message()).collect();
                            Err(StoreError::Unavailable(format!("{}: {}", chain(&error), reasons.join("; "))))
                        }
                    }
                }
                _ => Err(failed(error)),
            },
        }
    }

    /// Waits until every query shows the effects of the last writes. The log of the next epoch lacks these writes.
    async fn settle_last_writes(&self) -> Result<(), StoreError> {
        let (_, tail) = self.tail().await?;
        let ids: BTreeSet<_> = tail.iter().flat_map(|entry| entry.changes.iter().map(|(id, ..)| *id)).collect();
        for ids in ids.into_iter().collect::<Vec<_>>().chunks(MAX_LARGEST_AT_ONCE) {
            self.get_at_once(ids.iter().copied().map(item::endpoint_key).collect(), timing::READ_TIMEOUT).await?;
        }
        Ok(())
    }
}
