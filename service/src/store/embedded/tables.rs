//! The tables of the file, and all reads.
//!
//! Keys and values are strings and bytes only, for later versions of redb.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    ops::Bound,
};

use redb::{Database, ReadTransaction, ReadableTable, TableDefinition, TableError};
use uuid::Uuid;

use super::failed;
use crate::{
    domain::{EndpointId, Route, Series},
    store::{
        Change, Changes, Counter, Damaged, Deliver, Digest, Filter, Format, Page, StoreError, Stored, TurnError,
        Version, record,
    },
};

/// Number of kept entries. A replica further behind loads everything, at about the same cost.
pub(super) const LOG_KEPT: u64 = 10_000;

/// Length of a written id.
pub(super) const ID_BYTES: usize = 36;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// id → record
pub(super) const ENDPOINTS: Definition = TableDefinition::new("endpoints");
/// claim ([`Route::claim`]) → id, against duplicates
pub(super) const ROUTES: Definition = TableDefinition::new("routes");
/// id → series and number of taken turns of a mock with turns
pub(super) const TURNS: Definition = TableDefinition::new("turns");
/// version → ids of the changed endpoints, concatenated; in format 1 a single id
pub(super) const LOG: Definition = TableDefinition::new("log");
/// `format` (the needed format), `written` (absent: the same), `head`, and `id` (unique to each store)
pub(super) const META: Definition = TableDefinition::new("meta");

/// The only mark for versions before format 2: such a version refuses a file with a greater number.
pub(super) const NEEDED: &[u8] = b"format";
pub(super) const WRITTEN: &[u8] = b"written";

pub(super) fn create(database: &Database) -> Result<(), redb::Error> {
    let txn = database.begin_write()?;
    for definition in [ENDPOINTS, ROUTES, TURNS, LOG] {
        txn.open_table(definition)?;
    }
    {
        let mut meta = txn.open_table(META)?;
        meta.insert(NEEDED, Format::NEW.needed.to_be_bytes().as_slice())?;
        meta.insert(WRITTEN, Format::NEW.written.to_be_bytes().as_slice())?;
        meta.insert(b"head".as_slice(), 0_u64.to_be_bytes().as_slice())?;
        meta.insert(b"id".as_slice(), Uuid::now_v7().as_bytes().as_slice())?;
    }
    Ok(txn.commit()?)
}

/// The format of the file. `None` if the tables are foreign.
pub(super) fn format(txn: &ReadTransaction) -> Result<Option<Format>, StoreError> {
    match txn.open_table(META) {
        Ok(meta) => format_in(&meta).map(Some),
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn format_in(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Format, StoreError> {
    let needed = number(meta, NEEDED)?;
    let written = meta.get(WRITTEN).map_err(failed)?.map(|written| be_number(written.value())).transpose()?;
    Ok(Format { written: written.unwrap_or(needed), needed })
}

/// The id of the store, from the creation of the file.
pub(super) fn store_id(txn: &ReadTransaction) -> Result<[u8; 16], StoreError> {
    let meta = txn.open_table(META).map_err(failed)?;
    let id = meta.get(b"id".as_slice()).map_err(failed)?;
    let id = id.and_then(|id| id.value().try_into().ok());
    id.ok_or_else(|| StoreError::Damaged("the id of the store is damaged".into()))
}

/// An endpoint, or an error if its record is damaged or has a damaged key.
pub(super) fn get(
    endpoints: &impl ReadableTable<&'static [u8], &'static [u8]>,
    routes: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: EndpointId,
) -> Result<Option<Stored>, StoreError> {
    match find(endpoints, routes, id)? {
        None if claim(routes, id)?.is_some() => Err(no_record(id)),
        found => Ok(found),
    }
}

pub(super) fn list(txn: &ReadTransaction, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    let routes = txn.open_table(ROUTES).map_err(failed)?;
    let after = after.map(|id| id.to_string());
    let start = match &after {
        Some(id) => Bound::Excluded(id.as_bytes()),
        None => Bound::Unbounded,
    };
    let entries = endpoints.range::<&[u8]>((start, Bound::Unbounded)).map_err(failed)?;
    let all = entries.map(|entry| {
        let (key, value) = entry.map_err(failed)?;
        read(&routes, id_of(key.value())?, value.value())
    });
    Page::of(all, limit)
}

pub(super) fn list_these(txn: &ReadTransaction, filter: &Filter, ids: &[EndpointId]) -> Result<Page, StoreError> {
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    let routes = txn.open_table(ROUTES).map_err(failed)?;
    let found = ids.iter().filter_map(|id| find(&endpoints, &routes, *id).transpose());
    let is_sought = |found: &Result<Stored, _>| found.as_ref().map_or(true, |found| filter.matches(&found.endpoint));
    Page::of(found.filter(is_sought), ids.len())
}

/// A gap if anything is damaged: a load reports the damage.
pub(super) fn changes_since(txn: &ReadTransaction, since: Version) -> Result<Changes, StoreError> {
    let log = read_log(txn, since);
    if let Err(StoreError::Damaged(_)) = log { Ok(Changes::Gap) } else { log }
}

fn read_log(txn: &ReadTransaction, since: Version) -> Result<Changes, StoreError> {
    let head = head(txn)?;
    let log = txn.open_table(LOG).map_err(failed)?;
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    let routes = txn.open_table(ROUTES).map_err(failed)?;
    let mut changes = Vec::new();
    let start = Version(since.0 + 1);
    for entry in log.range::<&[u8]>(version_key(start).as_slice()..).map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let version = Version(be_number(key.value())?);
        for id in value.value().chunks(ID_BYTES) {
            let id = id_of(id)?;
            changes.push(Change {
                version,
                id,
                endpoint: find(&endpoints, &routes, id)?.map(|stored| stored.endpoint),
                digest: NONE,
            });
        }
    }
    let complete = changes.first().map_or(since == head, |change| change.version == start);
    Ok(if complete { Changes::Log { head, digest: None, changes } } else { Changes::Gap })
}

/// One process has the file for itself, so nothing can diverge.
const NONE: Digest = Digest(0);

pub(super) fn load(txn: &ReadTransaction, mut deliver: Deliver) -> Result<Version, StoreError> {
    let head = head(txn)?;
    let routes = txn.open_table(ROUTES).map_err(failed)?;
    let (endpoints, mut broken) = (txn.open_table(ENDPOINTS).map_err(failed)?, BTreeMap::new());
    // All claims in their order, as hashes. A look at the claim of each endpoint takes longer.
    let (state, mut claims) = (RandomState::new(), HashSet::new());
    for entry in routes.iter().map_err(failed)? {
        let (route, id) = entry.map_err(failed)?;
        claims.insert(state.hash_one((route.value(), id.value())));
    }
    for entry in endpoints.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let stored = id_of(key.value()).and_then(|id| {
            let stored = record::decode(id, value.value())?;
            let route = route_key(&stored.endpoint.route);
            let is_claimed = claims.contains(&state.hash_one((route.as_slice(), key.value())));
            if is_claimed { Ok(stored) } else { read(&routes, id, value.value()) }
        });
        match stored {
            Ok(stored) => deliver(Ok((stored.endpoint, NONE))),
            Err(why) => _ = broken.insert(key.value().to_vec(), why.to_string()),
        }
    }
    if !broken.is_empty() {
        for entry in routes.iter().map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            let Ok(id) = id_of(value.value()) else { continue };
            let why = match broken.remove(value.value()) {
                None if endpoints.get(value.value()).map_err(failed)?.is_some() => continue,
                why => why.unwrap_or_else(|| no_record(id).to_string()),
            };
            deliver(Err(Damaged { id, route: route_of(key.value()), why, digest: NONE }));
        }
    }
    for (key, why) in broken {
        match id_of(&key) {
            Ok(id) => deliver(Err(Damaged { id, route: None, why, digest: NONE })),
            Err(error) => tracing::warn!(%error, "a record has a damaged key"),
        }
    }
    Ok(head)
}

/// The error of an endpoint with a claim and no record: the record may have a damaged key.
fn no_record(id: EndpointId) -> StoreError {
    record::damaged(id, "it has a claim and no record")
}

/// The claimed route of an endpoint, if the record does not show the route. Reads all claims.
pub(super) fn claim(
    routes: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: EndpointId,
) -> Result<Option<Route>, StoreError> {
    for entry in routes.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        if value.value() == id.to_string().as_bytes() {
            return Ok(route_of(key.value()));
        }
    }
    Ok(None)
}

pub(super) fn find(
    endpoints: &impl ReadableTable<&'static [u8], &'static [u8]>,
    routes: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: EndpointId,
) -> Result<Option<Stored>, StoreError> {
    let found = endpoints.get(id.to_string().as_bytes()).map_err(failed)?;
    found.map(|value| read(routes, id, value.value())).transpose()
}

/// Reads a record. A record that shows another route than its claim is damaged.
fn read(
    routes: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: EndpointId,
    record: &[u8],
) -> Result<Stored, StoreError> {
    let stored = record::decode(id, record)?;
    let route = &stored.endpoint.route;
    let holder = routes.get(route_key(route).as_slice()).map_err(failed)?;
    match holder.map(|holder| id_of(holder.value())).transpose()? {
        Some(holder) if holder == id => Ok(stored),
        _ => Err(record::damaged(id, &format!("it shows {route}, and the endpoint has not claimed this route"))),
    }
}

/// The number of taken turns.
pub(super) fn turns_taken(
    turns: &impl ReadableTable<&'static [u8], &'static [u8]>,
    counter: &Counter,
) -> Result<u64, TurnError> {
    let count = turns.get(counter.id.to_string().as_bytes()).map_err(failed)?;
    let taken = count.as_ref().and_then(|count| count.value().strip_prefix(counter.series.to_string().as_bytes()));
    Ok(be_number(taken.ok_or(TurnError::Changed)?)?)
}

/// As [`turns_taken`] reads it.
pub(super) fn count(series: Series, taken: u64) -> Vec<u8> {
    [series.to_string().as_bytes(), &taken.to_be_bytes()].concat()
}

pub(super) fn head(txn: &ReadTransaction) -> Result<Version, StoreError> {
    head_in(&txn.open_table(META).map_err(failed)?)
}

pub(super) fn head_in(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Version, StoreError> {
    number(meta, b"head").map(Version)
}

fn number(meta: &impl ReadableTable<&'static [u8], &'static [u8]>, key: &[u8]) -> Result<u64, StoreError> {
    match meta.get(key).map_err(failed)? {
        Some(value) => be_number(value.value()),
        None => Err(StoreError::Damaged(format!("`{}` is missing", String::from_utf8_lossy(key)))),
    }
}

fn be_number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError::Damaged("a number is damaged".into()))
}

pub(super) fn id_of(bytes: &[u8]) -> Result<EndpointId, StoreError> {
    let text = std::str::from_utf8(bytes).ok();
    let damaged = || StoreError::Damaged(format!("`{}` is no id of an endpoint", bytes.escape_ascii()));
    text.and_then(EndpointId::parse).ok_or_else(damaged)
}

pub(super) fn route_key(route: &Route) -> Vec<u8> {
    route.claim().into_bytes()
}

fn route_of(key: &[u8]) -> Option<Route> {
    Route::of_claim(&String::from_utf8_lossy(key))
}

pub(super) const fn version_key(version: Version) -> [u8; 8] {
    version.0.to_be_bytes()
}
