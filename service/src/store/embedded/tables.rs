//! The tables of the file, and what is read from them.
//!
//! Keys and values are strings and bytes only, so that a later redb reads them as this one does.

use std::ops::Bound;

use redb::{Database, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};
use uuid::Uuid;

use super::open::failed;
use crate::{
    domain::{Endpoint, EndpointId, MockPath, Route, Verb},
    store::{Change, Changes, Filter, Page, Snapshot, StoreError, Stored, Version, Write, WriteError, record},
};

/// The version of this layout. A file with a higher one is refused.
pub(super) const FORMAT: u64 = 1;
/// A replica that is further behind loads everything, which costs about the same.
const LOG_KEPT: u64 = 10_000;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// id → record
const ENDPOINTS: Definition = TableDefinition::new("endpoints");
/// verb and path → id: the claim that makes duplicates impossible
const ROUTES: Definition = TableDefinition::new("routes");
/// version → id of the endpoint that it changed
const LOG: Definition = TableDefinition::new("log");
/// `format`, `head`, and `id`, by which one store is told from another
const META: Definition = TableDefinition::new("meta");

pub(super) fn create(database: &Database) -> Result<(), redb::Error> {
    let txn = database.begin_write()?;
    for definition in [ENDPOINTS, ROUTES, LOG] {
        txn.open_table(definition)?;
    }
    {
        let mut meta = txn.open_table(META)?;
        meta.insert(b"format".as_slice(), FORMAT.to_be_bytes().as_slice())?;
        meta.insert(b"head".as_slice(), 0_u64.to_be_bytes().as_slice())?;
        meta.insert(b"id".as_slice(), Uuid::now_v7().as_bytes().as_slice())?;
    }
    Ok(txn.commit()?)
}

/// The layout's version, or `None` if the file holds tables of somebody else.
pub(super) fn format(txn: &ReadTransaction) -> Result<Option<u64>, StoreError> {
    match txn.open_table(META) {
        Ok(meta) => number(&meta, b"format").map(Some),
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Which store this is: made when the file was.
pub(super) fn store_id(txn: &ReadTransaction) -> Result<[u8; 16], StoreError> {
    let meta = txn.open_table(META).map_err(failed)?;
    let id = meta.get(b"id".as_slice()).map_err(failed)?;
    let id = id.and_then(|id| id.value().try_into().ok());
    id.ok_or_else(|| StoreError("the id of the store is damaged".into()))
}

pub(super) fn get(txn: &ReadTransaction, id: EndpointId) -> Result<Option<Stored>, StoreError> {
    find(&txn.open_table(ENDPOINTS).map_err(failed)?, id)
}

pub(super) fn list(
    txn: &ReadTransaction,
    filter: &Filter,
    after: Option<EndpointId>,
    limit: usize,
) -> Result<Page, StoreError> {
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    if let Some(path) = &filter.path {
        return list_path(txn, &endpoints, filter.verb, path, after, limit);
    }
    let after = after.map(|id| id.to_string());
    let start = match &after {
        Some(id) => Bound::Excluded(id.as_bytes()),
        None => Bound::Unbounded,
    };
    let entries = endpoints.range::<&[u8]>((start, Bound::Unbounded)).map_err(failed)?;
    let all = entries.map(|entry| {
        let (key, value) = entry.map_err(failed)?;
        Ok(record::decode(id_of(key.value())?, value.value())?.endpoint)
    });
    Page::of(all, limit)
}

pub(super) fn list_verb(txn: &ReadTransaction, verb: Verb, ids: &[EndpointId]) -> Result<Page, StoreError> {
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    let stored = ids.iter().filter_map(|id| find(&endpoints, *id).transpose());
    let found = stored.map(|stored| Ok(stored?.endpoint));
    Page::of(found.filter(|found| found.as_ref().map_or(true, |endpoint| endpoint.route.verb == verb)), ids.len())
}

/// The few endpoints of one path, by their claims: a listing of all would read every record.
fn list_path(
    txn: &ReadTransaction,
    endpoints: &impl ReadableTable<&'static [u8], &'static [u8]>,
    verb: Option<Verb>,
    path: &MockPath,
    after: Option<EndpointId>,
    limit: usize,
) -> Result<Page, StoreError> {
    let routes = txn.open_table(ROUTES).map_err(failed)?;
    let mut found = Vec::new();
    for verb in Verb::ALL.into_iter().filter(|of| verb.is_none_or(|verb| verb == *of)) {
        let route = Route { verb, path: path.clone() };
        if let Some(id) = routes.get(route_key(&route).as_slice()).map_err(failed)? {
            found.extend(find(endpoints, id_of(id.value())?)?.map(|stored| stored.endpoint));
        }
    }
    found.retain(|endpoint| after.is_none_or(|after| endpoint.id > after));
    found.sort_unstable_by_key(|endpoint| endpoint.id);
    Page::of(found.into_iter().map(Ok), limit)
}

pub(super) fn changes_since(txn: &ReadTransaction, since: Version) -> Result<Changes, StoreError> {
    let head = head(txn)?;
    let log = txn.open_table(LOG).map_err(failed)?;
    let endpoints = txn.open_table(ENDPOINTS).map_err(failed)?;
    let mut changes = Vec::new();
    let start = Version(since.0 + 1);
    for entry in log.range::<&[u8]>(version_key(start).as_slice()..).map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        let id = id_of(value.value())?;
        let endpoint = find(&endpoints, id)?.map(|stored| stored.endpoint);
        changes.push(Change { version: Version(be_number(key.value())?), id, endpoint });
    }
    let complete = changes.first().map_or(since == head, |change| change.version == start);
    Ok(if complete { Changes::Log { head, changes } } else { Changes::Gap })
}

pub(super) fn load(txn: &ReadTransaction) -> Result<Snapshot, StoreError> {
    let head = head(txn)?;
    let mut endpoints = Vec::new();
    for entry in txn.open_table(ENDPOINTS).map_err(failed)?.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        endpoints.push(record::decode(id_of(key.value())?, value.value())?.endpoint);
    }
    Ok(Snapshot { head, endpoints })
}

/// The tables, open for writing.
pub(super) struct Tables<'txn> {
    endpoints: Table<'txn, &'static [u8], &'static [u8]>,
    routes: Table<'txn, &'static [u8], &'static [u8]>,
    log: Table<'txn, &'static [u8], &'static [u8]>,
    meta: Table<'txn, &'static [u8], &'static [u8]>,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            endpoints: txn.open_table(ENDPOINTS).map_err(failed)?,
            routes: txn.open_table(ROUTES).map_err(failed)?,
            log: txn.open_table(LOG).map_err(failed)?,
            meta: txn.open_table(META).map_err(failed)?,
        })
    }

    /// Carries out a write. All its conditions are checked before anything is changed.
    pub(super) fn apply(&mut self, write: Write) -> Result<Version, WriteError> {
        let version = Version(head_in(&self.meta)?.0 + 1);
        let id = match write {
            Write::Create(endpoint) => {
                self.check_free(&endpoint.route, endpoint.id)?;
                self.put(&endpoint, version)?;
                endpoint.id
            }
            Write::Replace { endpoint, expected } => {
                let old = self.expect(endpoint.id, expected)?;
                self.check_free(&endpoint.route, endpoint.id)?;
                self.routes.remove(route_key(&old.route).as_slice()).map_err(failed)?;
                self.put(&endpoint, version)?;
                endpoint.id
            }
            Write::Delete { id, expected } => {
                let old = self.expect(id, expected)?;
                self.routes.remove(route_key(&old.route).as_slice()).map_err(failed)?;
                self.endpoints.remove(id.to_string().as_bytes()).map_err(failed)?;
                id
            }
        };
        self.log.insert(version_key(version).as_slice(), id.to_string().as_bytes()).map_err(failed)?;
        if let Some(forgotten) = version.0.checked_sub(LOG_KEPT) {
            self.log.remove(version_key(Version(forgotten)).as_slice()).map_err(failed)?;
        }
        self.meta.insert(b"head".as_slice(), version.0.to_be_bytes().as_slice()).map_err(failed)?;
        Ok(version)
    }

    fn expect(&self, id: EndpointId, expected: Version) -> Result<Endpoint, WriteError> {
        match find(&self.endpoints, id)? {
            None => Err(WriteError::Missing),
            Some(stored) if stored.version != expected => Err(WriteError::Changed),
            Some(stored) => Ok(stored.endpoint),
        }
    }

    fn check_free(&self, route: &Route, id: EndpointId) -> Result<(), WriteError> {
        match self.routes.get(route_key(route).as_slice()).map_err(failed)? {
            None => Ok(()),
            Some(holder) => match id_of(holder.value())? {
                holder if holder == id => Ok(()),
                holder => Err(WriteError::Taken { route: route.clone(), holder }),
            },
        }
    }

    fn put(&mut self, endpoint: &Endpoint, version: Version) -> Result<(), StoreError> {
        let id = endpoint.id.to_string();
        self.routes.insert(route_key(&endpoint.route).as_slice(), id.as_bytes()).map_err(failed)?;
        self.endpoints.insert(id.as_bytes(), record::encode(endpoint, version).as_slice()).map_err(failed)?;
        Ok(())
    }
}

fn find(
    endpoints: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: EndpointId,
) -> Result<Option<Stored>, StoreError> {
    let found = endpoints.get(id.to_string().as_bytes()).map_err(failed)?;
    found.map(|value| record::decode(id, value.value())).transpose()
}

pub(super) fn head(txn: &ReadTransaction) -> Result<Version, StoreError> {
    head_in(&txn.open_table(META).map_err(failed)?)
}

fn head_in(meta: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Version, StoreError> {
    number(meta, b"head").map(Version)
}

fn number(meta: &impl ReadableTable<&'static [u8], &'static [u8]>, key: &[u8]) -> Result<u64, StoreError> {
    match meta.get(key).map_err(failed)? {
        Some(value) => be_number(value.value()),
        None => Err(StoreError(format!("`{}` is missing", String::from_utf8_lossy(key)))),
    }
}

fn be_number(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| StoreError("a number is damaged".into()))
}

fn id_of(bytes: &[u8]) -> Result<EndpointId, StoreError> {
    let text = std::str::from_utf8(bytes).ok();
    text.and_then(EndpointId::parse).ok_or_else(|| StoreError("an endpoint's id is damaged".into()))
}

fn route_key(route: &Route) -> Vec<u8> {
    route.to_string().into_bytes()
}

const fn version_key(version: Version) -> [u8; 8] {
    version.0.to_be_bytes()
}
