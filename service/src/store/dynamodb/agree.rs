//! The agreements of all processes on a table: the format of items, and the lease.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};

use super::{
    chain,
    item::{self, Head, Item, PARTITION},
    open::{self, TableError},
    transaction::{Condition, put},
};
use crate::store::{Digest, Format, Version};

/// The term of the lease.
const MILLISECONDS: &str = "milliseconds";
/// The needed format, and the only mark for versions of format 1. If the mark is 1 or absent, such a version overwrites
/// the item at each start. With a greater mark, such a version does not start.
const FORMAT: &str = "format";

/// The number of attempts, while other processes make or raise the table.
const MAX_ATTEMPTS: usize = 4;

/// Reads the head of a table. Makes the head of a new table, in the newest format. Then compares the lease of this
/// process, if any, with the lease of the others.
pub(super) async fn agree(
    client: &Client,
    table: &str,
    made: u64,
    lease: Option<Duration>,
) -> Result<Head, TableError> {
    let at = Table { client, name: table, made };
    let mut refusal = None;
    for _ in 0..MAX_ATTEMPTS {
        match at.head().await? {
            Some(head) => match at.hold(lease, head.format).await? {
                None => return Ok(head),
                // The lease differs, or another process raised the table meanwhile.
                Some(other) => refusal = Some(other),
            },
            None => at.make(lease).await?,
        }
    }
    Err(refusal.unwrap_or_else(|| at.unwritable("others change its format again and again".into())))
}

struct Table<'a> {
    client: &'a Client,
    name: &'a str,
    made: u64,
}

impl Table<'_> {
    /// `None`: the table is new.
    async fn head(&self) -> Result<Option<Head>, TableError> {
        // The lease first: no process makes the head before the lease.
        let lease = self.read(lease_key()).await?;
        if let Some(head) = self.read(item::head_key()).await? {
            let other = |theirs| TableError::OtherFormat { table: self.name.to_owned(), theirs };
            item::check_format(&head).map_err(other)?;
            return item::head(&head).map(Some).map_err(|damaged| self.unwritable(damaged.to_string()));
        }
        // A process of format 1 has started: the first write makes the head.
        Ok(lease.map(|lease| {
            let needed = item::number_of(&lease, FORMAT).unwrap_or(Format::FIRST.needed);
            let made = if needed == Format::FIRST.needed { 0 } else { self.made };
            let digest = (needed > Format::FIRST.needed).then(Digest::default);
            Head { version: Version(0), format: Format { written: needed, needed }, made, digest }
        }))
    }

    async fn read(&self, key: Item) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(self.name).consistent_read(true).set_key(Some(key));
        Ok(request.send().await.map_err(|error| self.unwritable(chain(&error)))?.item)
    }

    /// Makes the head and the lease of a new table, unless another process was faster.
    async fn make(&self, lease: Option<Duration>) -> Result<(), TableError> {
        let head = Head { version: Version(0), format: Format::NEW, made: self.made, digest: Some(Digest::default()) };
        let items = [Some(item::head_item(head)), lease.map(|lease| lease_item(lease, head.format))];
        let items = items.into_iter().flatten().map(|item| put(self.name, item, Condition::absent())).collect();
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Err(error)
                if !matches!(
                    error.as_service_error(),
                    Some(TransactWriteItemsError::TransactionCanceledException(_))
                ) =>
            {
                Err(self.unwritable(chain(&error)))
            }
            _ => Ok(()),
        }
    }

    /// Writes the lease of the first process. Returns the reason if the lease of this process differs. Repairs a mark
    /// that an older version wrote after a deletion of the item.
    async fn hold(&self, lease: Option<Duration>, format: Format) -> Result<Option<TableError>, TableError> {
        let Some(lease) = lease else { return Ok(None) };
        let written = self
            .client
            .put_item()
            .table_name(self.name)
            .set_item(Some(lease_item(lease, format)))
            .condition_expression(format!(
                "attribute_not_exists({PARTITION}) \
                 OR {MILLISECONDS} = :lease AND (attribute_not_exists(#format) OR #format <= :format)"
            ))
            .expression_attribute_names("#format", FORMAT)
            .expression_attribute_values(":lease", item::number(milliseconds(lease)))
            .expression_attribute_values(":format", item::number(format.needed))
            .return_values_on_condition_check_failure(AllOld)
            .send()
            .await;
        let Err(error) = written else { return Ok(None) };
        let table = self.name.to_owned();
        let refusal = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => refusal,
            // A raise writes the item at this moment.
            Some(PutItemError::TransactionConflictException(_)) => return Ok(Some(self.unwritable(chain(&error)))),
            _ => return Err(self.unwritable(chain(&error))),
        };
        let theirs = |name| refusal.item().and_then(|item| item::number_of(item, name).ok());
        Ok(Some(match theirs(FORMAT).filter(|theirs| *theirs != format.needed) {
            Some(theirs) => TableError::OtherFormat { table, theirs },
            None => TableError::OtherLease {
                table,
                theirs: theirs(MILLISECONDS).unwrap_or_default(),
                ours: milliseconds(lease),
            },
        }))
    }

    fn unwritable(&self, reason: String) -> TableError {
        open::unwritable(self.client, self.name, reason)
    }
}

/// The item of the lease after a raise.
pub(super) fn marked(mut lease: Item, format: Format) -> Item {
    lease.insert(FORMAT.into(), item::number(format.needed));
    lease
}

pub(super) fn lease_key() -> Item {
    item::key(item::LEASE, item::LEASE)
}

fn lease_item(lease: Duration, format: Format) -> Item {
    let mut item = lease_key();
    item.insert(MILLISECONDS.into(), item::number(milliseconds(lease)));
    marked(item, format)
}

fn milliseconds(lease: Duration) -> u64 {
    lease.as_millis() as u64
}
