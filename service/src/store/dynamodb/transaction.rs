//! One write as one transaction, and what DynamoDB's answer says of it.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
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
    item::{self, Entry, Item, PARTITION},
    timing,
};
use crate::{
    domain::{Endpoint, EndpointId, Route},
    store::{StoreError, Version, WriteError},
};

/// What a write changes, whatever the version is going to be.
pub(super) struct Plan {
    pub id: EndpointId,
    /// What the endpoint becomes, `None` if it is deleted.
    pub endpoint: Option<Endpoint>,
    /// The version at which it must be, `None` if it must not be there yet.
    pub expected: Option<Version>,
    /// The route that must be free and is taken.
    pub take: Option<Route>,
    /// The route that is left.
    pub leave: Option<Route>,
}

/// A plan at one version. It is sent again as often as needed under one token, by which DynamoDB carries it out once at most
/// ("TransactWriteItems", idempotency; for ten minutes).
pub(super) struct Transaction {
    pub version: Version,
    pub token: String,
    pub items: Vec<TransactWriteItem>,
}

/// The places of the items in a transaction.
const HEAD: usize = 0;
const ENDPOINT: usize = 2;
const TAKE: usize = 3;

/// What an answer means.
#[derive(Debug)]
pub(super) enum Answer {
    /// Others have written: the head is there. Whatever else is wrong is found again from there.
    Moved(Version),
    /// Nothing has been changed, and nothing will be.
    Refused(WriteError),
    /// It was not carried out, and may be at another attempt.
    Busy(String),
    /// It may have been carried out, may be still, or may not.
    InDoubt(String),
}

impl Plan {
    pub(super) fn after(&self, head: Version, table: &str) -> Transaction {
        let version = Version(head.0 + 1);
        let token = Uuid::now_v7().to_string();
        let put = |item: Item| Put::builder().table_name(table).set_item(Some(item));
        let expires = timing::expiry_of_now();
        let entry = Entry { version, id: self.id, endpoint: self.endpoint.clone(), token: token.clone(), expires };

        let head_then = (head > Version(0)).then_some(head);
        let mut items = vec![
            self::put(at_version(put(item::head_item(version)), head_then)),
            self::put(put(item::entry_item(&entry))),
            match &self.endpoint {
                Some(endpoint) => self::put(at_version(put(item::endpoint_item(endpoint, version)), self.expected)),
                None => delete(
                    Delete::builder()
                        .table_name(table)
                        .set_key(Some(item::endpoint_key(self.id)))
                        .condition_expression("#version = :version")
                        .expression_attribute_names("#version", "version")
                        .expression_attribute_values(":version", item::number(self.expected.unwrap_or_default().0)),
                ),
            },
        ];
        items
            .extend(self.take.as_ref().map(|route| self::put(at_version(put(item::claim_item(route, self.id)), None))));
        items.extend(self.leave.as_ref().map(|route| {
            delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(item::claim_key(route)))
                    .condition_expression("endpoint_id = :id")
                    .expression_attribute_values(":id", item::text(self.id.to_string())),
            )
        }));
        Transaction { version, token, items }
    }

    /// What an error says of the transaction.
    pub(super) fn read(&self, error: &SdkError<Refusal>) -> Answer {
        let text = chain(error);
        let SdkError::ServiceError(service) = error else { return Answer::InDoubt(text) };
        match service.err() {
            Refusal::TransactionCanceledException(cancelled) => {
                self.read_reasons(cancelled.cancellation_reasons(), text)
            }
            Refusal::ProvisionedThroughputExceededException(_)
            | Refusal::RequestLimitExceeded(_)
            | Refusal::ThrottlingException(_) => Answer::Busy(text),
            // Of an earlier sending.
            Refusal::TransactionInProgressException(_) => Answer::InDoubt(text),
            _ if service.raw().status().is_server_error() => Answer::InDoubt(text),
            other if other.code().is_some_and(|code| code.contains("Throttl")) => Answer::Busy(text),
            _ => Answer::Refused(StoreError(text).into()),
        }
    }

    /// DynamoDB gives a reason for each item, in their order: `None` for those that are not the cause.
    fn read_reasons(&self, reasons: &[CancellationReason], text: String) -> Answer {
        let failed = |at: usize| {
            let reason: Option<&CancellationReason> = reasons.get(at);
            reason.filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
        };
        if let Some(reason) = failed(HEAD) {
            return match reason.item().map_or(Ok(Version(0)), item::head) {
                Ok(head) => Answer::Moved(head),
                Err(damaged) => Answer::Refused(damaged.into()),
            };
        }
        if let Some(reason) = failed(ENDPOINT) {
            return Answer::Refused(match (self.expected, reason.item()) {
                (None, _) => StoreError(format!("there is an endpoint {} already", self.id)).into(),
                (Some(_), None) => WriteError::Missing,
                (Some(_), Some(_)) => WriteError::Changed,
            });
        }
        // Before the route: while another transaction is at work on the endpoint, it may be gone or changed.
        if reasons.iter().any(is_busy) {
            return Answer::Busy(text);
        }
        Answer::Refused(match (failed(TAKE).map(CancellationReason::item), &self.take) {
            (Some(Some(claim)), Some(route)) => match item::holder(claim) {
                Ok(holder) => WriteError::Taken { route: route.clone(), holder },
                Err(damaged) => damaged.into(),
            },
            // A claim that is not its endpoint's, or a request that DynamoDB does not take.
            _ => StoreError(text).into(),
        })
    }
}

fn is_busy(reason: &CancellationReason) -> bool {
    let busy = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reason.code().is_some_and(|code| busy.contains(&code))
}

/// On condition that the item is at a version, or is not there at all. If it is not so, DynamoDB shows what is there instead.
fn at_version(put: PutBuilder, version: Option<Version>) -> PutBuilder {
    let put = put.return_values_on_condition_check_failure(AllOld);
    match version {
        Some(version) => put
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", item::number(version.0)),
        None => put.condition_expression(format!("attribute_not_exists({PARTITION})")),
    }
}

fn put(put: PutBuilder) -> TransactWriteItem {
    TransactWriteItem::builder().put(put.build().expect("it has all its parts")).build()
}

fn delete(delete: DeleteBuilder) -> TransactWriteItem {
    let delete = delete.return_values_on_condition_check_failure(AllOld);
    TransactWriteItem::builder().delete(delete.build().expect("it has all its parts")).build()
}
