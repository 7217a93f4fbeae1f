//! A write as a transaction, and the meaning of DynamoDB's answers.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError as Refusal,
    types::{
        CancellationReason, Delete, Put,
        ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem,
        builders::{DeleteBuilder, PutBuilder},
    },
};
use uuid::Uuid;

use super::{
    chain,
    item::{self, Entry, Head, Item, PARTITION},
    read::is_throttled,
    timing,
};
use crate::{
    domain::{Endpoint, EndpointId, Route},
    store::{
        Digest, StoreError, Version, WriteError, check_sizes,
        claims::{Claim, claims},
        record,
    },
};

/// One change of a write.
pub(super) struct Planned {
    pub id: EndpointId,
    /// The routes before and after the write.
    pub old: Option<Route>,
    pub new: Option<Route>,
    /// The new state of the endpoint, `None` for a deletion.
    pub endpoint: Option<Endpoint>,
    /// Unknown attributes of the item, by later versions.
    pub rest: Item,
    /// The replaced or deleted item.
    pub replaced: Replaced,
    /// The required version. `None`: a new endpoint must not exist yet, and a deleted endpoint may have any version.
    pub expected: Option<Version>,
}

/// The size and the digest of an item that is replaced or deleted. Both are 0 for a creation.
#[derive(Default)]
pub(super) struct Replaced {
    bytes: usize,
    digest: Digest,
}

impl Replaced {
    pub(super) fn of(id: EndpointId, item: &Item) -> Self {
        Self { bytes: item::bytes(item), digest: item::digest(id, item) }
    }
}

impl Planned {
    pub(super) fn deletion(id: EndpointId, old: Route, item: &Item, expected: Option<Version>) -> Self {
        let replaced = Replaced::of(id, item);
        Self { id, old: Some(old), new: None, endpoint: None, rest: Item::new(), replaced, expected }
    }
}

/// The changes of a write, before its version is known.
pub(super) struct Plan {
    changes: Vec<Planned>,
    claims: Vec<(Route, Claim)>,
}

/// A plan at one version. All sendings have one token, so DynamoDB carries the plan out at most once
/// ("TransactWriteItems", idempotency; for ten minutes).
pub(super) struct Transaction {
    /// The head before the write.
    after: Head,
    /// The head after the write.
    pub next: Head,
    /// The new digest of each endpoint.
    pub digests: Vec<Digest>,
    pub token: String,
    pub items: Vec<TransactWriteItem>,
}

/// The maximum size of all items that one transaction replaces or deletes. "The aggregate size of the items in the
/// transaction cannot exceed 4 MB" (`TransactWriteItems`): AWS does not say whether replaced and deleted items count.
/// The new items, and their copies in the log entry, have the rest.
const MAX_REPLACED_BYTES: usize = 3_000_000;

/// The places of the items in a transaction.
const HEAD: usize = 0;
const ENDPOINTS: usize = 2;

/// The meaning of an answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// Another process wrote first, and made this head. A retry finds any other problem again.
    Moved(Head),
    /// The write had no effect, and never will.
    Refused(WriteError),
    /// The write had no effect, and another attempt may succeed.
    Busy(String),
    /// The write may have taken effect, may still do so, or may not.
    InDoubt(String),
}

impl Plan {
    pub(super) fn of(changes: Vec<Planned>) -> Result<Self, WriteError> {
        check_sizes(changes.iter().map(|change| {
            change.endpoint.as_ref().map_or(0, |endpoint| record::bytes(endpoint) + item::bytes(&change.rest))
        }))?;
        let replaced: usize = changes.iter().map(|change| change.replaced.bytes).sum();
        if replaced > MAX_REPLACED_BYTES {
            return Err(WriteError::ReplacesTooMuch { bytes: replaced });
        }
        let claims = claims(changes.iter().map(|change| (change.id, change.old.as_ref(), change.new.as_ref())))?;
        Ok(Self { changes, claims: claims.into_iter().collect() })
    }

    /// The table's minimum format for the write.
    pub(super) fn format(&self) -> u64 {
        if self.changes.len() == 1 { 1 } else { 2 }
    }

    pub(super) fn after(&self, head: Head, table: &str) -> Transaction {
        let version = Version(head.version.0 + 1);
        let token = Uuid::now_v7().to_string();
        let put = |item: Item| Put::builder().table_name(table).set_item(Some(item));
        let remove = |key: Item| Delete::builder().table_name(table).set_key(Some(key));
        let record = |change: &Planned| {
            change.endpoint.as_ref().map(|endpoint| item::endpoint_item(endpoint, version, &change.rest))
        };
        let records: Vec<_> = self.changes.iter().map(record).collect();
        let new = |(change, record): (&Planned, &Option<Item>)| {
            record.as_ref().map(|item| item::digest(change.id, item)).unwrap_or_default()
        };
        let digests: Vec<_> = self.changes.iter().zip(&records).map(new).collect();
        let mut next = Head { version, ..head };
        if let Some(all) = &mut next.digest {
            let replaced = self.changes.iter().map(|change| change.replaced.digest);
            for digest in replaced.chain(digests.iter().copied()) {
                *all ^= digest;
            }
        }
        let changes = self.changes.iter().zip(&digests);
        let changes = changes.map(|(change, digest)| (change.id, change.endpoint.clone(), *digest)).collect();
        let entry = Entry { version, changes, token: token.clone(), expires: timing::expiry_of_now() };
        let rests: Vec<_> = self.changes.iter().map(|change| &change.rest).collect();

        let moved = follow(put(item::head_item(next)), head);
        let mut items = vec![self::put(moved), self::put(put(item::entry_item(&entry, &rests)))];
        items.extend(self.changes.iter().zip(records).map(|(change, record)| match (record, change.expected) {
            (Some(record), expected) => {
                let put = put(record);
                self::put(match expected {
                    Some(expected) => at(put, "version", expected),
                    None => absent(put),
                })
            }
            (None, expected) => {
                let there = remove(item::endpoint_key(change.id));
                delete(match expected {
                    Some(expected) => there
                        .condition_expression("#version = :version")
                        .expression_attribute_names("#version", "version")
                        .expression_attribute_values(":version", item::number(expected.0)),
                    None => there.condition_expression(format!("attribute_exists({PARTITION})")),
                })
            }
        }));
        items.extend(self.claims.iter().map(|(route, claim)| {
            match (claim.left_by, claim.taken_by) {
                (None, Some(taker)) => self::put(absent(put(item::claim_item(route, taker)))),
                (Some(holder), Some(taker)) => self::put(
                    put(item::claim_item(route, taker))
                        .return_values_on_condition_check_failure(AllOld)
                        .condition_expression("endpoint_id = :id")
                        .expression_attribute_values(":id", item::text(holder.to_string())),
                ),
                (holder, None) => delete(
                    remove(item::claim_key(route))
                        .condition_expression("endpoint_id = :id")
                        .expression_attribute_values(
                            ":id",
                            item::text(holder.map_or_else(String::new, |id| id.to_string())),
                        ),
                ),
            }
        }));
        Transaction { after: head, next, digests, token, items }
    }

    /// Interprets an error.
    pub(super) fn read(&self, transaction: &Transaction, error: &SdkError<Refusal>) -> Answer {
        let text = chain(error);
        let SdkError::ServiceError(service) = error else { return Answer::InDoubt(text) };
        match service.err() {
            Refusal::TransactionCanceledException(cancelled) => {
                self.read_reasons(transaction.after, cancelled.cancellation_reasons(), text)
            }
            _ if is_throttled(error) => Answer::Busy(text),
            // An earlier sending is still under way.
            Refusal::TransactionInProgressException(_) => Answer::InDoubt(text),
            _ if service.raw().status().is_server_error() => Answer::InDoubt(text),
            _ => Answer::Refused(StoreError::Unavailable(text).into()),
        }
    }

    /// DynamoDB returns a reason for each item, in order: `None` for an item without a problem.
    fn read_reasons(&self, after: Head, reasons: &[CancellationReason], text: String) -> Answer {
        let failed = |at: usize| {
            let reason: Option<&CancellationReason> = reasons.get(at);
            reason.filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
        };
        if let Some(reason) = failed(HEAD) {
            let empty = Head { version: Version(0), digest: after.digest.map(|_| Digest::default()), ..after };
            // No head: the table was emptied.
            return match reason.item().map_or(Ok(empty), item::head) {
                Ok(head) => Answer::Moved(head),
                Err(damaged) => Answer::Refused(damaged.into()),
            };
        }
        for (at, change) in self.changes.iter().enumerate() {
            let Some(reason) = failed(ENDPOINTS + at) else { continue };
            return Answer::Refused(match (change.expected, reason.item()) {
                (None, Some(_)) => {
                    StoreError::Unavailable(format!("there is an endpoint {} already", change.id)).into()
                }
                (_, None) => WriteError::Missing,
                (Some(_), Some(_)) => WriteError::Changed,
            });
        }
        // Before the routes: another transaction is changing an endpoint, so the claims may be
        // about to change.
        if reasons.iter().any(is_busy) {
            return Answer::Busy(text);
        }
        for (at, (route, claim)) in self.claims.iter().enumerate() {
            let Some(reason) = failed(ENDPOINTS + self.changes.len() + at) else { continue };
            return Answer::Refused(match (claim.left_by, reason.item()) {
                (None, Some(claim)) => match item::holder(claim) {
                    Ok(holder) => WriteError::Taken { route: route.clone(), holder },
                    Err(damaged) => damaged.into(),
                },
                // The endpoint's item and its claim disagree.
                _ => StoreError::Damaged(format!("the claim of {route} is not that of the endpoint there: {text}"))
                    .into(),
            });
        }
        // DynamoDB rejects the request itself.
        Answer::Refused(StoreError::Unavailable(text).into())
    }
}

pub(super) fn is_busy(reason: &CancellationReason) -> bool {
    let busy = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reason.code().is_some_and(|code| busy.contains(&code))
}

/// Conditional on the head.
pub(super) fn follow(next: PutBuilder, head: Head) -> PutBuilder {
    let next = at(next, head.counter(), head.version);
    match head.version {
        // Before the first write, the head may be absent.
        Version(0) => next.condition_expression(format!("attribute_not_exists({PARTITION}) OR #version = :version")),
        _ => next,
    }
}

/// Conditional on the item's version. If the condition fails, DynamoDB returns the item.
fn at(put: PutBuilder, name: &str, version: Version) -> PutBuilder {
    put.return_values_on_condition_check_failure(AllOld)
        .condition_expression("#version = :version")
        .expression_attribute_names("#version", name)
        .expression_attribute_values(":version", item::number(version.0))
}

/// Conditional on the absence of the item.
fn absent(put: PutBuilder) -> PutBuilder {
    put.return_values_on_condition_check_failure(AllOld)
        .condition_expression(format!("attribute_not_exists({PARTITION})"))
}

pub(super) fn put(put: PutBuilder) -> TransactWriteItem {
    TransactWriteItem::builder().put(put.build().expect("it has all its parts")).build()
}

fn delete(delete: DeleteBuilder) -> TransactWriteItem {
    let delete = delete.return_values_on_condition_check_failure(AllOld);
    TransactWriteItem::builder().delete(delete.build().expect("it has all its parts")).build()
}
