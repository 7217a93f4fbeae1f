//! A write as a transaction, and the meaning of DynamoDB's answers.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError as Refusal,
    types::{
        AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem,
    },
};
use uuid::Uuid;

use super::{
    chain, claim,
    item::{self, Entry, Head, Item, PARTITION},
    read::is_throttled,
    timing,
};
use crate::{
    domain::{EndpointId, Mock, Route, Turns},
    store::{
        Digest, Format, StoreError, Version, WriteError, check_sizes,
        claims::{Claim, claims},
        record,
    },
};

/// One change of a write.
pub(super) struct Planned {
    id: EndpointId,
    /// The route before the write.
    old: Option<Route>,
    /// The new state of the endpoint, `None` for a deletion.
    new: Option<Mock>,
    /// Unknown attributes of the item, by later versions.
    rest: Item,
    /// The size and the digest of the item before the write. Both are 0 for a creation.
    replaced_bytes: usize,
    replaced: Digest,
    /// The required version. `None`: a new endpoint must not exist yet, and a deleted endpoint may have any version.
    expected: Option<Version>,
}

impl Planned {
    /// `old`: route and item before the write, `None` for a creation.
    pub(super) fn of(id: EndpointId, old: Option<(Route, Item)>, new: Option<Mock>, expected: Option<Version>) -> Self {
        let (old, item) = old.unzip();
        let replaced = item.as_ref().map(|item| item::digest(id, item)).unwrap_or_default();
        let item = item.unwrap_or_default();
        Self { id, old, new, rest: item::rest(&item), replaced_bytes: item::bytes(&item), replaced, expected }
    }
}

/// The changes of a write, before its version is known.
pub(super) struct Plan {
    changes: Vec<Planned>,
    claims: Vec<(String, Claim)>,
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
            change.new.as_ref().map_or(0, |endpoint| record::bytes(endpoint) + item::bytes(&change.rest))
        }))?;
        let replaced: usize = changes.iter().map(|change| change.replaced_bytes).sum();
        if replaced > MAX_REPLACED_BYTES {
            return Err(WriteError::ReplacesTooMuch { bytes: replaced });
        }
        let moves = changes.iter().map(|change| {
            let new = change.new.as_ref().map(|endpoint| &endpoint.route);
            (change.id, change.old.as_ref(), new)
        });
        let mut claims = claims(moves)?;
        // The count of turns begins anew at each change.
        for change in &changes {
            if let Some(new) = change.new.as_ref().filter(|new| new.turns.is_some()) {
                let kept = || Claim { route: new.route.clone(), left_by: Some(change.id), taken_by: Some(change.id) };
                claims.entry(new.route.claim()).or_insert_with(kept);
            }
        }
        Ok(Self { claims: claims.into_iter().collect(), changes })
    }

    /// The table's minimum format for the write.
    pub(super) fn format(&self) -> u64 {
        Format::of_write(self.changes.len(), self.changes.iter().filter_map(|change| change.new.as_ref()))
    }

    pub(super) fn after(&self, head: Head, table: &str) -> Transaction {
        let version = Version(head.version.0 + 1);
        let token = Uuid::now_v7().to_string();
        let record =
            |change: &Planned| change.new.as_ref().map(|endpoint| item::endpoint_item(endpoint, version, &change.rest));
        let records: Vec<_> = self.changes.iter().map(record).collect();
        let new = |(change, record): (&Planned, &Option<Item>)| {
            record.as_ref().map(|item| item::digest(change.id, item)).unwrap_or_default()
        };
        let digests: Vec<_> = self.changes.iter().zip(&records).map(new).collect();
        let mut next = Head { version, ..head };
        if let Some(all) = &mut next.digest {
            let replaced = self.changes.iter().map(|change| change.replaced);
            for digest in replaced.chain(digests.iter().copied()) {
                *all ^= digest;
            }
        }
        let changes = self.changes.iter().zip(&digests);
        let changes = changes.map(|(change, digest)| (change.id, change.new.clone(), *digest)).collect();
        let entry = Entry { version, changes, token: token.clone(), expires: timing::expiry_of_now() };
        let rests: Vec<_> = self.changes.iter().map(|change| &change.rest).collect();

        let mut items = vec![
            put(table, item::head_item(next), Condition::follows(head)),
            put(table, item::entry_item(&entry, &rests), Condition::default()),
        ];
        items.extend(self.changes.iter().zip(records).map(|(change, record)| {
            let version = change.expected.map(|expected| Condition::equals("version", item::number(expected.0)));
            match record {
                Some(record) => put(table, record, version.unwrap_or_else(Condition::absent)),
                None => delete(table, item::endpoint_key(change.id), version.unwrap_or_else(Condition::present)),
            }
        }));
        items.extend(self.claims.iter().map(|(key, claim)| {
            let holder = claim.left_by.map(|id| Condition::equals("endpoint_id", item::text(id.to_string())));
            let condition = holder.unwrap_or_else(Condition::absent);
            match claim.taken_by {
                Some(taker) => put(table, claim::claim_item(key, taker, self.turns(taker)), condition),
                None => delete(table, claim::claim_key(key), condition),
            }
        }));
        Transaction { after: head, next, digests, token, items }
    }

    /// The new turns of an endpoint.
    fn turns(&self, id: EndpointId) -> Option<&Turns> {
        let change = self.changes.iter().find(|change| change.id == id);
        change.and_then(|change| change.new.as_ref()?.turns.as_ref())
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
        for (at, (_, Claim { route, left_by, .. })) in self.claims.iter().enumerate() {
            let Some(reason) = failed(ENDPOINTS + self.changes.len() + at) else { continue };
            return Answer::Refused(match (left_by, reason.item()) {
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

/// The condition of a put or of a deletion. If the condition fails, DynamoDB returns the item.
#[derive(Default)]
pub(super) struct Condition {
    expression: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<Item>,
}

impl Condition {
    pub(super) fn absent() -> Self {
        Self { expression: Some(format!("attribute_not_exists({PARTITION})")), ..Self::default() }
    }

    fn present() -> Self {
        Self { expression: Some(format!("attribute_exists({PARTITION})")), ..Self::default() }
    }

    fn equals(name: &str, value: AttributeValue) -> Self {
        Self {
            expression: Some("#name = :value".into()),
            names: Some(HashMap::from([("#name".into(), name.into())])),
            values: Some(Item::from([(":value".into(), value)])),
        }
    }

    /// The head is still at this version. Before the first write, the head may be absent.
    pub(super) fn follows(head: Head) -> Self {
        let mut condition = Self::equals(head.counter(), item::number(head.version.0));
        if head.version == Version(0) {
            condition.expression = Some(format!("attribute_not_exists({PARTITION}) OR #name = :value"));
        }
        condition
    }
}

pub(super) fn put(table: &str, item: Item, condition: Condition) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .set_return_values_on_condition_check_failure(condition.expression.as_ref().map(|_| AllOld))
        .set_condition_expression(condition.expression)
        .set_expression_attribute_names(condition.names)
        .set_expression_attribute_values(condition.values);
    TransactWriteItem::builder().put(put.build().expect("it has all its parts")).build()
}

fn delete(table: &str, key: Item, condition: Condition) -> TransactWriteItem {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key))
        .return_values_on_condition_check_failure(AllOld)
        .set_condition_expression(condition.expression)
        .set_expression_attribute_names(condition.names)
        .set_expression_attribute_values(condition.values);
    TransactWriteItem::builder().delete(delete.build().expect("it has all its parts")).build()
}
