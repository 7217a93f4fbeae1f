//! The items of the table: how they are named, written and read. The module above has the layout.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    domain::{Endpoint, EndpointId, Route},
    store::{
        StoreError, Stored, Version,
        record::{self, Record},
    },
};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The names of the key's attributes, and of the one by which DynamoDB deletes.
pub(super) const PARTITION: &str = "PK";
pub(super) const SORT: &str = "SK";
pub(super) const EXPIRES: &str = "expires_at";

/// The partitions that are queried.
pub(super) const ENDPOINTS: &str = "ENDPOINT";
pub(super) const LOG: &str = "LOG";
/// Sorts after every version.
const HEAD: &str = "HEAD";

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn key(partition: impl Into<String>, sort: impl Into<String>) -> Item {
    Item::from([(PARTITION.to_owned(), text(partition)), (SORT.to_owned(), text(sort))])
}

pub(super) fn endpoint_key(id: EndpointId) -> Item {
    key(ENDPOINTS, id.to_string())
}

/// Hashed, because a path may have as many bytes as a partition key ("Quotas in Amazon DynamoDB": 2,048), which holds the verb as well.
pub(super) fn claim_key(route: &Route) -> Item {
    let hash = Bytes::copy_from_slice(&Sha256::digest(route.to_string()));
    key(format!("ROUTE#{hash:x}"), "ROUTE")
}

pub(super) fn log_key(version: Version) -> Item {
    key(LOG, log_sort(version))
}

/// All digits that a version can have, so that the order of texts is that of versions.
pub(super) fn log_sort(version: Version) -> String {
    format!("{version:0>20}", version = version.0)
}

pub(super) fn endpoint_item(endpoint: &Endpoint, version: Version) -> Item {
    with_record(endpoint_key(endpoint.id), endpoint, version)
}

pub(super) fn claim_item(route: &Route, holder: EndpointId) -> Item {
    let mut item = claim_key(route);
    item.insert("endpoint_id".into(), text(holder.to_string()));
    item
}

pub(super) fn head_key() -> Item {
    key(LOG, HEAD)
}

pub(super) fn head_item(version: Version) -> Item {
    let mut item = head_key();
    item.insert("version".into(), number(version.0));
    item
}

/// What one write did.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub version: Version,
    pub id: EndpointId,
    /// What the endpoint has become, `None` if it was deleted.
    pub endpoint: Option<Endpoint>,
    /// By which a writer knows its own transaction.
    pub token: String,
    /// In seconds since 1970, by the writer's clock.
    pub expires: u64,
}

pub(super) fn entry_item(entry: &Entry) -> Item {
    let mut item = log_key(entry.version);
    item.insert("endpoint_id".into(), text(entry.id.to_string()));
    item.insert("token".into(), text(&entry.token));
    item.insert(EXPIRES.into(), number(entry.expires));
    match &entry.endpoint {
        Some(endpoint) => with_record(item, endpoint, entry.version),
        None => item,
    }
}

/// An item of the log's partition.
pub(super) enum Logged {
    Entry(Entry),
    Head(Version),
}

pub(super) fn logged(item: &Item) -> Result<Logged, StoreError> {
    let sort = text_of(item, SORT)?;
    if sort == HEAD {
        return head(item).map(Logged::Head);
    }
    let version = Version(sort.parse().map_err(|_| damaged(item, SORT))?);
    let id = holder(item)?;
    let endpoint = if item.contains_key("verb") { Some(stored(item, id)?.endpoint) } else { None };
    let (token, expires) = (text_of(item, "token")?.to_owned(), number_of(item, EXPIRES)?);
    Ok(Logged::Entry(Entry { version, id, endpoint, token, expires }))
}

/// The version that the head's item names.
pub(super) fn head(item: &Item) -> Result<Version, StoreError> {
    number_of(item, "version").map(Version)
}

/// The endpoint that a claim or an entry of the log names.
pub(super) fn holder(item: &Item) -> Result<EndpointId, StoreError> {
    EndpointId::parse(text_of(item, "endpoint_id")?).ok_or_else(|| damaged(item, "endpoint_id"))
}

pub(super) fn endpoint(item: &Item) -> Result<Stored, StoreError> {
    stored(item, EndpointId::parse(text_of(item, SORT)?).ok_or_else(|| damaged(item, SORT))?)
}

/// Field by field, not as JSON: a body of control characters would be six times as large, and not fit into an item
/// ("Quotas in Amazon DynamoDB": 400 KB).
fn with_record(mut item: Item, endpoint: &Endpoint, version: Version) -> Item {
    let Record { version, verb, path, code, headers, body } = Record::of(endpoint, version);
    let header = |(name, value): (String, String)| AttributeValue::L(vec![text(name), text(value)]);
    item.insert("version".into(), number(version));
    item.insert("verb".into(), text(verb));
    item.insert("path".into(), text(path));
    item.insert("code".into(), number(code.into()));
    item.insert("headers".into(), AttributeValue::L(headers.into_iter().map(header).collect()));
    item.extend(body.map(|body| ("body".to_owned(), text(body))));
    item
}

fn stored(item: &Item, id: EndpointId) -> Result<Stored, StoreError> {
    let headers =
        item.get("headers").and_then(|list| list.as_l().ok()).and_then(|list| list.iter().map(header).collect());
    let body = item.get("body").map(|_| text_of(item, "body").map(ToOwned::to_owned)).transpose()?;
    let code = number_of(item, "code")?.try_into().map_err(|_| damaged(item, "code"))?;
    let record = Record {
        version: number_of(item, "version")?,
        verb: text_of(item, "verb")?,
        path: text_of(item, "path")?,
        code,
        headers: headers.ok_or_else(|| record::damaged(id, "its headers are no list of pairs"))?,
        body,
    };
    record.parse(id)
}

fn header(pair: &AttributeValue) -> Option<(String, String)> {
    match pair.as_l().ok()?.as_slice() {
        [AttributeValue::S(name), AttributeValue::S(value)] => Some((name.clone(), value.clone())),
        _ => None,
    }
}

fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, StoreError> {
    let text = item.get(name).and_then(|value| value.as_s().ok());
    text.map(String::as_str).ok_or_else(|| damaged(item, name))
}

fn number_of(item: &Item, name: &str) -> Result<u64, StoreError> {
    let number = item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    number.ok_or_else(|| damaged(item, name))
}

/// Names the item, not its content.
fn damaged(item: &Item, name: &str) -> StoreError {
    let part = |name| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    StoreError(format!("`{name}` of item {}/{} is missing or damaged", part(PARTITION), part(SORT)))
}
