//! The items of the table: names, writing, reading. The module above has the layout.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

use super::{
    digest,
    member::{attribute, member},
};
use crate::{
    domain::{EndpointId, Mock, MockPath, Priority, Route, Verb, When},
    store::{
        Digest, Format, StoreError, Stored, Version,
        format::NEWEST,
        record::{self, MEMBERS, Record},
    },
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The names of the key attributes, and of the time to live.
pub(super) const PARTITION: &str = "PK";
pub(super) const SORT: &str = "SK";
pub(super) const EXPIRES: &str = "expires_at";

/// The partitions for queries.
pub(super) const ENDPOINTS: &str = "ENDPOINT";
pub(super) const LOG: &str = "LOG";
/// Both keys of the item of the lease.
pub(super) const LEASE: &str = "LEASE";
/// The attribute of a log entry with several changes.
const CHANGES: &str = "changes";
/// The attributes of items that do not belong to the endpoint.
pub(super) const FOREIGN: [&str; 6] = [PARTITION, SORT, EXPIRES, "endpoint_id", "token", CHANGES];
/// Sorts after every version.
const HEAD: &str = "HEAD";
const DIGEST: &str = "digest";
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn key(partition: impl Into<String>, sort: impl Into<String>) -> Item {
    Item::from([(PARTITION.to_owned(), text(partition)), (SORT.to_owned(), text(sort))])
}

pub(super) fn endpoint_key(id: EndpointId) -> Item {
    key(ENDPOINTS, id.to_string())
}

pub(super) fn log_key(version: Version) -> Item {
    key(LOG, log_sort(version))
}

/// All 20 digits, so that texts sort like versions.
pub(super) fn log_sort(version: Version) -> String {
    format!("{version:0>20}", version = version.0)
}

/// The item of an endpoint, with its unknown attributes.
pub(super) fn endpoint_item(endpoint: &Mock, version: Version, rest: &Item) -> Item {
    with_record(endpoint_key(endpoint.id), endpoint, version, rest)
}

/// The unknown attributes of an endpoint's item. A change keeps them.
pub(super) fn rest(item: &Item) -> Item {
    let is_known = |name: &str| [PARTITION, SORT].contains(&name) || MEMBERS.contains(&name);
    item.iter().filter(|(name, _)| !is_known(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn head_key() -> Item {
    key(LOG, HEAD)
}

/// The number of writes so far, and the format of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub version: Version,
    pub format: Format,
    /// When DynamoDB made the table, in milliseconds since 1970 (`epoch.rs`). 0 in format 1.
    pub made: u64,
    /// The digest of all endpoints. `None` in format 1, and after a raise until a process adds it.
    pub digest: Option<Digest>,
}

impl Head {
    /// The attribute with the number of writes. Versions that know format 1 only look for `version`.
    pub(super) fn counter(&self) -> &'static str {
        if self.format == Format::FIRST { "version" } else { "writes" }
    }
}

pub(super) fn head_item(head: Head) -> Item {
    let mut item = head_key();
    item.insert(head.counter().into(), number(head.version.0));
    if head.format != Format::FIRST {
        item.insert("written".into(), number(head.format.written));
        item.insert("needed".into(), number(head.format.needed));
        item.insert("made".into(), number(head.made));
        item.extend(head.digest.map(|Digest(digest)| (DIGEST.to_owned(), number(digest))));
    }
    item
}

/// The entry of one write.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub version: Version,
    /// The changed endpoints and their digests: `None` and 0 for a deletion.
    pub changes: Vec<(EndpointId, Option<Mock>, Digest)>,
    /// Identifies the transaction for its writer.
    pub token: String,
    /// In seconds since 1970, by the writer's clock.
    pub expires: u64,
}

/// The item of an entry, with the unknown attributes of each endpoint.
pub(super) fn entry_item(entry: &Entry, rests: &[&Item]) -> Item {
    let mut item = log_key(entry.version);
    item.insert("token".into(), text(&entry.token));
    item.insert(EXPIRES.into(), number(entry.expires));
    let mut changes = entry.changes.iter().zip(rests).map(|((id, endpoint, _), rest)| {
        let change = Item::from([("endpoint_id".to_owned(), text(id.to_string()))]);
        match endpoint {
            Some(endpoint) => with_record(change, endpoint, entry.version, rest),
            None => change,
        }
    });
    if entry.changes.len() == 1 {
        // As in format 1.
        for (name, value) in changes.next().into_iter().flatten() {
            item.entry(name).or_insert(value);
        }
    } else {
        item.insert(CHANGES.into(), AttributeValue::L(changes.map(AttributeValue::M).collect()));
    }
    item
}

/// An item of the log's partition.
pub(super) enum Logged {
    Entry(Entry),
    Head(Head),
}

pub(super) fn is_head(item: &Item) -> bool {
    text_of(item, SORT).is_ok_and(|sort| sort == HEAD)
}

pub(super) fn logged(item: &Item) -> Result<Logged, StoreError> {
    if is_head(item) {
        return head(item).map(Logged::Head);
    }
    let sort = text_of(item, SORT)?;
    let version = Version(sort.parse().map_err(|_| damaged(item, SORT))?);
    let several = item.get(CHANGES).map(|changes| changes.as_l().map_err(|_| damaged(item, CHANGES))).transpose()?;
    let changes = match several {
        None => vec![change(item)?],
        Some(changes) => {
            let each = changes.iter().map(|part| change(part.as_m().map_err(|_| damaged(item, CHANGES))?));
            each.collect::<Result<_, _>>()?
        }
    };
    let (token, expires) = (text_of(item, "token")?.to_owned(), number_of(item, EXPIRES)?);
    Ok(Logged::Entry(Entry { version, changes, token, expires }))
}

/// Reads an entry with one change, or one change of several.
fn change(item: &Item) -> Result<(EndpointId, Option<Mock>, Digest), StoreError> {
    let id = holder(item)?;
    // A deletion has no fields at all; a change with some of them is damaged.
    let is_there = MEMBERS.iter().any(|name| item.contains_key(*name));
    let endpoint = is_there.then(|| stored(item, id)).transpose()?.map(|stored| stored.endpoint);
    Ok((id, endpoint, if is_there { digest(id, item) } else { Digest::default() }))
}

pub(super) fn digest(id: EndpointId, item: &Item) -> Digest {
    digest::digest(id, item, &FOREIGN)
}

pub(super) fn head(item: &Item) -> Result<Head, StoreError> {
    check_format(item).map_err(|needed| {
        let why = format!("the table was raised to format {needed}, and this version knows formats up to {NEWEST}: start a newer version");
        StoreError::Unavailable(why)
    })?;
    // `Damaged` is for endpoints.
    let number = |name| number_of(item, name).map_err(|damaged| StoreError::Unavailable(damaged.to_string()));
    if item.contains_key("version") {
        return Ok(Head { version: Version(number("version")?), format: Format::FIRST, made: 0, digest: None });
    }
    let format = Format { written: number("written")?, needed: number("needed")? };
    let digest = number(DIGEST).ok().map(Digest);
    Ok(Head { version: Version(number("writes")?), format, made: number("made")?, digest })
}

/// Returns the needed format of the head as an error, if it is unknown.
pub(super) fn check_format(head: &Item) -> Result<(), u64> {
    number_of(head, "needed").map_or(Ok(()), |needed| if needed <= NEWEST { Ok(()) } else { Err(needed) })
}

/// The endpoint in a claim or an entry of the log.
pub(super) fn holder(item: &Item) -> Result<EndpointId, StoreError> {
    EndpointId::parse(text_of(item, "endpoint_id")?).ok_or_else(|| damaged(item, "endpoint_id"))
}

pub(super) fn endpoint(item: &Item) -> Result<Stored, StoreError> {
    stored(item, id(item)?)
}

/// The id of an endpoint's item.
pub(super) fn id(item: &Item) -> Result<EndpointId, StoreError> {
    EndpointId::parse(text_of(item, SORT)?).ok_or_else(|| damaged(item, SORT))
}

/// The route of an endpoint's item, even if other attributes are damaged.
pub(super) fn route(item: &Item) -> Option<Route> {
    let (verb, path) = (text_of(item, "verb").ok()?, text_of(item, "path").ok()?);
    let priority = item.get("priority").map_or(Some(0), |number| number.as_n().ok()?.parse().ok())?;
    let when = item.get("when").map_or(Some(When::default()), |when| When::parse_text(when.as_s().ok()?).ok())?;
    Some(Route {
        verb: Verb::parse(verb).ok()?,
        path: MockPath::parse(path).ok()?,
        priority: Priority::parse(priority).ok()?,
        when,
    })
}

/// Field by field, not as JSON: a body of control characters would be six times as large, and not fit into an item
/// ("Quotas in Amazon DynamoDB": 400 KB).
fn with_record(mut item: Item, endpoint: &Mock, version: Version, rest: &Item) -> Item {
    for (name, value) in rest {
        // Keys, and the id in the log, are no unknown attributes.
        item.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let record = serde_json::to_value(Record::of(endpoint, version)).expect("a record is always JSON");
    if let Value::Object(members) = record {
        let present = members.into_iter().filter(|(_, member)| !member.is_null());
        item.extend(present.map(|(name, member)| (name, attribute(member))));
    }
    item
}

/// Size by the rules of DynamoDB ("Item sizes and formats"), or a little more.
pub(super) fn bytes(rest: &Item) -> usize {
    /// A byte for two digits, and one more; of a negative number another one.
    fn number(digits: &str) -> usize {
        digits.len().div_ceil(2) + 2
    }
    fn of(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(digits) => number(digits),
            AttributeValue::B(blob) => blob.as_ref().len(),
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + of(value)).sum::<usize>(),
            AttributeValue::M(map) => 3 + bytes(map),
            AttributeValue::Ss(set) => set.iter().map(String::len).sum(),
            AttributeValue::Ns(set) => set.iter().map(|digits| number(digits)).sum(),
            AttributeValue::Bs(set) => set.iter().map(|blob| blob.as_ref().len()).sum(),
            _ => 1,
        }
    }
    rest.iter().map(|(name, value)| name.len() + 1 + of(value)).sum()
}

fn stored(item: &Item, id: EndpointId) -> Result<Stored, StoreError> {
    let known = MEMBERS.iter().filter_map(|name| item.get_key_value(*name));
    let members = known.map(|(name, attribute)| Some((name.clone(), member(attribute)?)));
    let members = members.collect::<Option<_>>().map(Value::Object);
    let members = members.ok_or_else(|| record::damaged(id, "an attribute has a type that Echo does not write"))?;
    Record::deserialize(&members).map_err(|error| record::damaged(id, &error.to_string()))?.parse(id)
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
    let text = item.get(name).and_then(|value| value.as_s().ok());
    text.map(String::as_str).ok_or_else(|| damaged(item, name))
}

pub(super) fn number_of(item: &Item, name: &str) -> Result<u64, StoreError> {
    let number = item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    number.ok_or_else(|| damaged(item, name))
}

/// Names the item, not its content.
fn damaged(item: &Item, name: &str) -> StoreError {
    let part = |name| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    StoreError::Damaged(format!("`{name}` of item {}/{} is missing or damaged", part(PARTITION), part(SORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mock that is reckoned too small would be refused by DynamoDB, and look like a failure of the store.
    #[test]
    fn numbers_are_as_large_as_dynamodb_reckons_or_a_little_larger() {
        let of = |value| bytes(&Item::from([("n".to_owned(), value)]));
        for (digits, least) in
            [("7", 2), ("-7", 3), ("12345", 4), ("-0.5", 3), ("12345678901234567890123456789012345678", 20)]
        {
            let bytes = of(AttributeValue::N(digits.into()));
            assert!((1 + least..=4 + least).contains(&bytes), "{digits}: {bytes}");
            assert!(of(AttributeValue::Ns(vec![digits.into()])) > least, "{digits}");
        }
        let list = vec![AttributeValue::N("7".into()); 1_000];
        assert!(of(AttributeValue::L(list)) > 3 + 1_000 * 3);
    }
}
