//! Sets of mocks: written, read and deleted as a whole.

mod list;

use std::{collections::BTreeSet, sync::Arc};

use self::list::{List, Step};
use super::{Replica, room, table::Table};
use crate::{
    domain::{EndpointId, Mock, Route, SetName},
    store::{Filter, MAX_CHANGES, StoreError, Stored, Untouched, Write, WriteError},
};

/// Maximum number of mocks in a list for a set, to bound the memory.
pub const MAX_LISTED: usize = 50_000;
/// Maximum number of endpoints in one reading of the store.
const MAX_READ: usize = 1_000;
/// Maximum number of attempts to read a set whole, while writes touch it.
const MAX_READINGS: usize = 20;
/// Maximum number of plans of a write, while other writes touch the set.
const MAX_PLANS: usize = 100;

/// The difference between a list and its set.
#[derive(Debug, Default)]
pub struct Outcome {
    pub created: Vec<(EndpointId, Route)>,
    pub changed: Vec<(EndpointId, Route)>,
    pub deleted: Vec<(EndpointId, Route)>,
    pub unchanged: Vec<(EndpointId, Route)>,
}

/// Why a mock of a list cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// The place of an earlier mock of the list, from 0.
    #[error("{route} is also mock {first} of the list (the first one is 0): leave one of them out")]
    Twice { route: Route, first: usize },
    #[error(transparent)]
    Refused(WriteError),
}

/// Why a set was not written, or only in part. Repeating the write is safe.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// All wrong mocks, each with its place in the list, from 0.
    #[error("{0:?}")]
    Items(Vec<(usize, ItemError)>),
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<StoreError> for SetError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// The state of a set, and the changes from there to the list.
struct Plan {
    touched: u64,
    untouched: Untouched,
    /// Deletions come first: they make room, and so no limit of the mocks at a path is in the way.
    steps: Vec<Step>,
}

impl Replica {
    /// Makes these mocks the mocks of a set: creates, changes and deletes mocks of the set only. Ids and sets of
    /// `mocks` do not matter. A mock with the same route keeps its id. With `is_dry`, nothing changes.
    ///
    /// Everything is checked before the first change. Up to [`MAX_CHANGES`] changes are one write, unless they are
    /// large. Each write requires that no other write has touched the set since the plan. An overtaken plan is made
    /// anew, so that the set is never a mixture of two lists.
    pub async fn put_set(
        self: &Arc<Self>,
        name: &SetName,
        mocks: Vec<Mock>,
        is_dry: bool,
    ) -> Result<Outcome, SetError> {
        let mut list = List::of(name, mocks)?;
        let outcome = self.write_list(name, &mut list, is_dry).await;
        // Once for all writes: from now on, no replica serves an earlier state of the set.
        self.until_settled(|table, now| table.unsettled.everything_settles(now)).await;
        outcome.map(|()| list.outcome())
    }

    /// All mocks of a set in the order of their ids, as at one moment during the call.
    pub async fn get_set(&self, name: &SetName) -> Result<Vec<Mock>, StoreError> {
        for _ in 0..MAX_READINGS {
            self.follower.catch_up_with_others().await?;
            let (touched, ids) = members(&*self.follower.loaded()?, name);
            let mut mocks = Vec::with_capacity(ids.len());
            let is_whole = self.read_each(&ids, |stored| mocks.push(stored.endpoint)).await?;
            if is_whole && self.is_untouched(name, touched).await? {
                self.until_settled(|table, now| table.unsettled.all_settles(now)).await;
                return Ok(mocks);
            }
        }
        Err(keeps_changing())
    }

    /// The first sets by name with their numbers of mocks, and whether more follow.
    pub async fn list_sets(&self, limit: usize) -> Result<(Vec<(SetName, usize)>, bool), StoreError> {
        self.follower.catch_up_with_others().await?;
        let (sets, more) = {
            let table = self.follower.loaded()?;
            let mut counts = table.sets.counts().map(|(name, count)| (name.clone(), count));
            (counts.by_ref().take(limit).collect(), counts.next().is_some())
        };
        self.until_settled(|table, now| table.unsettled.all_settles(now)).await;
        Ok((sets, more))
    }

    /// The approximate size of the list of a set, in bytes.
    pub fn set_bytes(&self, name: &SetName) -> u64 {
        /// Names and punctuation of a mock with a verb, a path and a body.
        const FORM_BYTES: u64 = 64;
        const MEMORY_BYTES: u64 = (room::MOCK_BYTES + room::MEMBER_BYTES) as u64;
        let table = self.follower.table.read();
        let bytes = |id| table.bytes_of(id).saturating_sub(MEMORY_BYTES) + FORM_BYTES;
        table.sets.get(name).map_or(0, |set| set.ids.iter().map(|id| bytes(*id)).sum())
    }

    /// Deletes all mocks that match a filter during the whole call, up to [`MAX_CHANGES`] in one write. Returns their
    /// number. Damaged records stay.
    pub async fn delete_all(self: &Arc<Self>, filter: &Filter) -> Result<usize, WriteError> {
        let (mut after, mut deleted) = (None, 0);
        let outcome = loop {
            let page = match self.read_page(filter, after, MAX_CHANGES).await {
                Ok(page) if page.endpoints.is_empty() => break Ok(deleted),
                Ok(page) => page,
                Err(error) => break Err(error.into()),
            };
            let delete = |stored: &Stored| Write::Delete { id: stored.endpoint.id, expected: stored.version };
            match self.write_unsettled(page.endpoints.iter().map(delete).collect(), None).await {
                Ok(_) => deleted += page.endpoints.len(),
                // The next page shows the change.
                Err(WriteError::Changed | WriteError::Missing) => continue,
                Err(error) => break Err(error),
            }
            after = page.endpoints.last().map(|stored| stored.endpoint.id);
        };
        self.until_settled(|table, now| table.unsettled.everything_settles(now)).await;
        outcome
    }

    async fn write_list(self: &Arc<Self>, name: &SetName, list: &mut List, is_dry: bool) -> Result<(), SetError> {
        for _ in 0..MAX_PLANS {
            let Some(plan) = self.plan(name, list).await? else { continue };
            let is_done = if is_dry || plan.steps.is_empty() {
                self.is_untouched(name, plan.touched).await?
            } else {
                self.follow(&plan, list).await?
            };
            if is_done {
                if is_dry {
                    list.note(&plan.steps);
                }
                return Ok(());
            }
        }
        Err(keeps_changing().into())
    }

    /// Compares the list with the set. Returns `None` if the set changes meanwhile.
    async fn plan(&self, name: &SetName, list: &mut List) -> Result<Option<Plan>, SetError> {
        self.follower.catch_up_with_others().await?;
        let (since, (touched, ids)) = {
            let table = self.follower.loaded()?;
            (table.applied, members(&table, name))
        };
        let (mut steps, mut is_there) = (Vec::new(), vec![false; list.mocks.len()]);
        let mut replaces = Vec::new();
        let compare = |Stored { endpoint, version }| match list.places.get(&endpoint.route.claim()) {
            None => steps.push(Step::Delete(endpoint.id, version, endpoint.route)),
            Some(place) => {
                is_there[*place] = true;
                list.mocks[*place].id = endpoint.id;
                if !list.mocks[*place].is_like(&endpoint) {
                    replaces.push(Step::Replace(*place, version));
                }
            }
        };
        if !self.read_each(&ids, compare).await? {
            return Ok(None);
        }
        steps.extend(replaces);
        let table = self.follower.loaded()?;
        let mut members: BTreeSet<_> = ids.into_iter().collect();
        let (mut newest, mut taken) = (table.newest(), Vec::new());
        let new = list.mocks.iter_mut().enumerate().filter(|(place, _)| !is_there[*place]);
        for (place, mock) in new {
            if let Some(holder) = table.holder(&mock.route) {
                let refusal = WriteError::Taken { route: mock.route.clone(), holder };
                taken.push((place, ItemError::Refused(refusal)));
            }
            mock.id = EndpointId::after(newest);
            newest = Some(mock.id);
            members.insert(mock.id);
            steps.push(Step::Create(place));
        }
        if taken.is_empty() {
            self.check_room(&table, &steps, list)?;
            let untouched = Untouched { set: name.clone(), members: members.into(), since };
            return Ok(Some(Plan { touched, untouched, steps }));
        }
        // A mock that has just left the set is no mistake of the list.
        if table.sets.touched(name) == touched { Err(SetError::Items(taken)) } else { Ok(None) }
    }

    /// Refuses a plan whose mocks do not fit into memory.
    fn check_room(&self, table: &Table, steps: &[Step], list: &List) -> Result<(), WriteError> {
        let (mut old, mut new) = (0, 0);
        for step in steps {
            let (Step::Create(place) | Step::Replace(place, _)) = step else {
                let Step::Delete(id, ..) = step else { continue };
                old += table.bytes_of(*id);
                continue;
            };
            old += table.bytes_of(list.mocks[*place].id);
            new += room::bytes(&list.mocks[*place]) as u64;
        }
        self.follower.room.take(&*self.store, table.bytes, old, new).map(drop)
    }

    /// Writes the steps of a plan. Returns false if another write touches the set.
    async fn follow(self: &Arc<Self>, plan: &Plan, list: &mut List) -> Result<bool, SetError> {
        let (mut untouched, mut rest, mut size) = (plan.untouched.clone(), &plan.steps[..], MAX_CHANGES);
        while !rest.is_empty() {
            let (some, later) = rest.split_at(size.min(rest.len()));
            let writes = some.iter().map(|step| list.write(step)).collect();
            match self.write_unsettled(writes, Some(untouched.clone())).await {
                Ok(version) => {
                    list.note(some);
                    (untouched.since, rest, size) = (version, later, MAX_CHANGES.min(2 * size));
                }
                Err(WriteError::TooMany { .. } | WriteError::ReplacesTooMuch { .. }) if some.len() > 1 => {
                    size = some.len() / 2;
                }
                Err(WriteError::Changed | WriteError::Missing) => return Ok(false),
                Err(WriteError::Taken { route, holder }) => {
                    let place = list.places[&route.claim()];
                    return Err(SetError::Items(vec![(
                        place,
                        ItemError::Refused(WriteError::Taken { route, holder }),
                    )]));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Whether no write has touched a set since the table had this number.
    async fn is_untouched(&self, name: &SetName, touched: u64) -> Result<bool, StoreError> {
        self.follower.catch_up_to_all_shown().await?;
        Ok(self.follower.loaded()?.sets.touched(name) == touched)
    }

    /// Reads these endpoints, in order. Returns false if one of them is gone. A damaged record is an error.
    async fn read_each(&self, ids: &[EndpointId], mut each: impl FnMut(Stored)) -> Result<bool, StoreError> {
        let mut rest = ids;
        while !rest.is_empty() {
            let asked = &rest[..MAX_READ.min(rest.len())];
            let page = self.store.list_these(Filter::default(), asked.to_vec()).await?;
            let last = page.endpoints.last().map(|stored| stored.endpoint.id).filter(|_| page.more);
            let (read, later) = rest.split_at(last.map_or(asked.len(), |last| asked.partition_point(|id| *id <= last)));
            if page.endpoints.len() < read.len() {
                let found: BTreeSet<_> = page.mocks().map(|mock| mock.id).collect();
                for id in read.iter().filter(|id| !found.contains(id)) {
                    self.store.get(*id).await?;
                }
                return Ok(false);
            }
            page.endpoints.into_iter().for_each(&mut each);
            rest = later;
        }
        Ok(true)
    }
}

/// The number of the last touch of a set, and the ids of the mocks.
fn members(table: &Table, name: &SetName) -> (u64, Vec<EndpointId>) {
    table.sets.get(name).map_or((0, Vec::new()), |set| (set.touched, set.ids.iter().copied().collect()))
}

fn keeps_changing() -> StoreError {
    StoreError::Unavailable("other writes touch the set all the time".into())
}
