//! Writing: all changes of a write, or none.

use redb::{ReadableTable as _, Table, WriteTransaction};

use super::{
    failed,
    tables::{
        ENDPOINTS, ID_BYTES, LOG, LOG_KEPT, META, NEEDED, ROUTES, TURNS, WRITTEN, claim, count, find, format_in, get,
        head_in, id_of, turns_taken, version_key,
    },
};
use crate::{
    domain::{EndpointId, Mock, Route},
    store::{
        Counter, Format, Raise, StoreError, TurnError, Untouched, Version, Write, WriteError, check_sizes,
        claims::{Claim, claims},
        record::{self, Rest},
    },
};

/// The tables, open for writing.
pub(super) struct Tables<'txn> {
    endpoints: Table<'txn, &'static [u8], &'static [u8]>,
    routes: Table<'txn, &'static [u8], &'static [u8]>,
    turns: Table<'txn, &'static [u8], &'static [u8]>,
    log: Table<'txn, &'static [u8], &'static [u8]>,
    meta: Table<'txn, &'static [u8], &'static [u8]>,
    /// The new format after a raise.
    pub raised: Option<u64>,
}

/// A change whose conditions on the endpoint hold.
struct Change {
    id: EndpointId,
    old: Option<Route>,
    new: Option<Mock>,
    rest: Rest,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            endpoints: txn.open_table(ENDPOINTS).map_err(failed)?,
            routes: txn.open_table(ROUTES).map_err(failed)?,
            turns: txn.open_table(TURNS).map_err(failed)?,
            log: txn.open_table(LOG).map_err(failed)?,
            meta: txn.open_table(META).map_err(failed)?,
            raised: None,
        })
    }

    /// Carries out a write. All conditions are checked before any change.
    pub(super) fn apply(&mut self, writes: Vec<Write>, untouched: Option<&Untouched>) -> Result<Version, WriteError> {
        untouched.map_or(Ok(()), |untouched| self.check_untouched(untouched))?;
        let changes = writes.into_iter().map(|write| self.check(write)).collect::<Result<Vec<_>, _>>()?;
        check_sizes(changes.iter().map(|change| {
            let rest = change.rest.iter().map(|(name, value)| name.len() + value.get().len());
            change.new.as_ref().map_or(0, |new| record::bytes(new) + rest.sum::<usize>())
        }))?;
        let moves =
            changes.iter().map(|Change { id, old, new, .. }| (*id, old.as_ref(), new.as_ref().map(|new| &new.route)));
        let claims = claims(moves)?;
        for (key, claim) in &claims {
            self.check_free(key, claim)?;
        }

        let version = Version(head_in(&self.meta)?.0 + 1);
        let new = changes.iter().filter_map(|change| change.new.as_ref());
        let needed = Format::of_write(changes.len(), new);
        // Most writes need no more than the first format: they need not read the format of the file.
        if needed > Format::FIRST.needed {
            self.raise(needed, false)?;
        }
        for (key, claim) in claims {
            match claim.taken_by {
                Some(id) => _ = self.routes.insert(key.as_bytes(), id.to_string().as_bytes()).map_err(failed)?,
                None => _ = self.routes.remove(key.as_bytes()).map_err(failed)?,
            }
        }
        for Change { id, new, rest, .. } in &changes {
            let id = id.to_string();
            match new {
                Some(new) => {
                    let record = record::encode(new, version, rest);
                    self.endpoints.insert(id.as_bytes(), record.as_slice()).map_err(failed)?;
                }
                None => _ = self.endpoints.remove(id.as_bytes()).map_err(failed)?,
            }
            match new.as_ref().and_then(|new| new.turns.as_ref()) {
                Some(turns) => {
                    self.turns.insert(id.as_bytes(), count(turns.series, 0).as_slice()).map_err(failed)?;
                }
                None => _ = self.turns.remove(id.as_bytes()).map_err(failed)?,
            }
        }
        let ids: String = changes.iter().map(|change| change.id.to_string()).collect();
        self.log.insert(version_key(version).as_slice(), ids.as_bytes()).map_err(failed)?;
        if let Some(forgotten) = version.0.checked_sub(LOG_KEPT) {
            self.log.remove(version_key(Version(forgotten)).as_slice()).map_err(failed)?;
        }
        self.meta.insert(b"head".as_slice(), version.0.to_be_bytes().as_slice()).map_err(failed)?;
        Ok(version)
    }

    /// A damaged record, or a forgotten entry of the log, may hide a write that touched the set.
    fn check_untouched(&self, untouched: &Untouched) -> Result<(), WriteError> {
        let start = Version(untouched.since.0 + 1);
        let mut last = untouched.since;
        for entry in self.log.range::<&[u8]>(version_key(start).as_slice()..).map_err(failed)? {
            let (_, ids) = entry.map_err(failed)?;
            last.0 += 1;
            for id in ids.value().chunks(ID_BYTES) {
                let id = id_of(id)?;
                let Ok(now) = find(&self.endpoints, &self.routes, id) else { return Err(WriteError::Changed) };
                if untouched.is_touched_by(id, now.and_then(|now| now.endpoint.set).as_ref()) {
                    return Err(WriteError::Changed);
                }
            }
        }
        if last == head_in(&self.meta)? { Ok(()) } else { Err(WriteError::Changed) }
    }

    /// See [`Store::take_turn`](crate::store::Store::take_turn).
    pub(super) fn take_turn(&mut self, counter: &Counter) -> Result<u64, TurnError> {
        let turn = turns_taken(&self.turns, counter)? + 1;
        let count = count(counter.series, turn);
        self.turns.insert(counter.id.to_string().as_bytes(), count.as_slice()).map_err(failed)?;
        Ok(turn)
    }

    /// Checks the conditions of a change on the endpoint itself.
    fn check(&self, write: Write) -> Result<Change, WriteError> {
        Ok(match write {
            Write::Create(new) => Change { id: new.id, old: None, new: Some(new), rest: Rest::new() },
            Write::Replace { endpoint, expected } => {
                let old = self.expect(endpoint.id, expected)?;
                Change { id: endpoint.id, old: Some(old), rest: self.rest(endpoint.id)?, new: Some(endpoint) }
            }
            Write::Delete { id, expected } => {
                Change { id, old: Some(self.expect(id, expected)?), new: None, rest: Rest::new() }
            }
            Write::Discard { id, .. } => match get(&self.endpoints, &self.routes, id) {
                Ok(None) => return Err(WriteError::Missing),
                Ok(Some(_)) => return Err(WriteError::Changed),
                Err(StoreError::Damaged(_)) => {
                    Change { id, old: claim(&self.routes, id)?, new: None, rest: Rest::new() }
                }
                Err(error) => return Err(error.into()),
            },
        })
    }

    fn expect(&self, id: EndpointId, expected: Version) -> Result<Route, WriteError> {
        match find(&self.endpoints, &self.routes, id)? {
            None => Err(WriteError::Missing),
            Some(stored) if stored.version != expected => Err(WriteError::Changed),
            Some(stored) => Ok(stored.endpoint.route),
        }
    }

    /// The unknown members of a record.
    fn rest(&self, id: EndpointId) -> Result<Rest, StoreError> {
        let record = self.endpoints.get(id.to_string().as_bytes()).map_err(failed)?;
        record.map_or_else(|| Ok(Rest::new()), |record| record::rest(id, record.value()))
    }

    fn check_free(&self, key: &str, claim: &Claim) -> Result<(), WriteError> {
        let Some(holder) = self.routes.get(key.as_bytes()).map_err(failed)? else { return Ok(()) };
        match id_of(holder.value())? {
            holder if claim.left_by == Some(holder) => Ok(()),
            holder => Err(WriteError::Taken { route: claim.route.clone(), holder }),
        }
    }

    /// Raises the file. Versions without the new format can no longer open it.
    pub(super) fn raise(&mut self, to: u64, dry_run: bool) -> Result<Raise, StoreError> {
        let before = format_in(&self.meta)?;
        let raised = before.raised(to);
        let is_done = raised != before && !dry_run;
        if is_done {
            self.meta.insert(WRITTEN, raised.written.to_be_bytes().as_slice()).map_err(failed)?;
            self.meta.insert(NEEDED, raised.needed.to_be_bytes().as_slice()).map_err(failed)?;
            self.raised = Some(to);
        }
        Ok(Raise { from: before.written, to, is_done })
    }
}
