//! Every mock in memory, as a prepared answer. A lookup costs one hash for each shape of path, at any number of mocks.

mod lookup;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    mem,
    ops::Bound,
};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::time::Instant;

pub use self::lookup::Explanation;
pub(super) use self::lookup::Found;
use super::{
    answer::{PreparedAnswer, add, without},
    index::{Index, Place},
    members::Sets,
    room,
    unsettled::Unsettled,
};
use crate::{
    domain::{EndpointId, Mock, MockPath, Priority, Route, Verb},
    store::{Damaged, Digest, Filter, MAX_PAGE_BYTES, Version, WriteError},
};

/// Maximum number of mocks at a place: each may add tests to a call.
pub(super) const MAX_MOCKS: usize = 256;
/// Maximum number of damaged records in the log line of a load.
const MAX_DAMAGED_NAMED: usize = 20;

/// The first of these mocks, at most [`MAX_PAGE_BYTES`] and one, and whether others follow.
fn page<'a>(known: impl Iterator<Item = (EndpointId, &'a Known)>, limit: usize) -> (Vec<EndpointId>, bool) {
    let (mut ids, mut all) = (Vec::new(), 0);
    for (id, known) in known {
        if ids.len() == limit || all > MAX_PAGE_BYTES {
            return (ids, true);
        }
        all += known.bytes as usize;
        ids.push(id);
    }
    (ids, false)
}

/// A mock by its id.
struct Known {
    path: Bytes,
    digest: Digest,
    /// The memory of the mock ([`room::bytes`]).
    bytes: u32,
}

/// Every mock by verb and path, and by id.
#[derive(Default)]
pub(super) struct Table {
    /// Boxed: a hash table holds half as many entries as it has room for, and twice as many while it grows.
    answers: Index<Box<PreparedAnswer>>,
    known: [BTreeMap<EndpointId, Known>; Verb::ALL.len()],
    /// The number of mocks with a priority below the default.
    below_default: usize,
    /// The digest of all endpoints.
    pub(super) digest: Digest,
    /// The memory of all mocks, in bytes.
    pub(super) bytes: u64,
    /// The version up to which the log is applied.
    pub(super) applied: Version,
    /// Whether the table is being filled by a load. Until the load succeeds, no answer comes from the table.
    pub(super) is_loading: bool,
    pub(super) unsettled: Unsettled,
    pub(super) sets: Sets,
    /// Endpoints with a damaged record. No other field of the table has these endpoints.
    damaged: HashMap<EndpointId, Damaged>,
    /// The damaged endpoints at the last load.
    told: BTreeSet<EndpointId>,
}

impl Table {
    /// The table of a process that has not loaded anything yet.
    pub(super) fn unloaded() -> Self {
        Self { is_loading: true, ..Self::default() }
    }

    /// Empties the table for a load, so that the memory never holds all mocks twice. Requests still wait for unsettled
    /// changes. Returns the previous mocks: the drop of a large table takes long.
    pub(super) fn begin_load(&mut self) -> Self {
        let unsettled = mem::take(&mut self.unsettled);
        let told = mem::take(&mut self.told);
        let sets = self.sets.emptied();
        mem::replace(self, Self { applied: self.applied, is_loading: true, unsettled, sets, told, ..Self::default() })
    }

    /// Receives an endpoint of a load. If the table is full, keeps only the endpoint's size.
    pub(super) fn receive(&mut self, delivered: Result<(Mock, Digest), Damaged>, is_full: bool) {
        match delivered {
            Ok((endpoint, _)) if is_full => self.bytes += room::bytes(&endpoint) as u64,
            Ok((endpoint, digest)) => self.apply([(endpoint.id, Some(&endpoint), digest)], None),
            Err(damaged) => {
                self.digest ^= damaged.digest;
                self.damaged.insert(damaged.id, damaged);
            }
        }
    }

    /// Ends a load. Every mock may have replaced another state.
    pub(super) fn end_load(&mut self, settles: Option<Instant>) {
        self.is_loading = false;
        self.unsettled = Unsettled { all: settles, ..Unsettled::default() };
        let damaged = self.damaged.keys().copied().collect();
        if !self.damaged.is_empty() && damaged != self.told {
            let records: Vec<_> = self.damaged.values().take(MAX_DAMAGED_NAMED).map(|damaged| &damaged.why).collect();
            // A single line for all records: a start must not ring the alarm for error lines.
            let count = self.damaged.len();
            tracing::error!(count, ?records, "records are damaged, and calls of their mocks are answered 500");
        }
        self.told = damaged;
    }

    /// Refuses a new mock that would make lookups too slow. Several writes at once may exceed the limit by a few.
    pub(super) fn check(&self, endpoint: &Mock) -> Result<(), WriteError> {
        let Mock { id, route, .. } = endpoint;
        // Writes of several processes may have exceeded the limit: each of these mocks can still change.
        let there = || self.answers.get(&Place::of(route)).into_iter().flat_map(|first| first.chain());
        if there().count() >= MAX_MOCKS && there().all(|other| other.id != *id) {
            return Err(WriteError::TooManyMocks { verb: route.verb, path: route.path.clone(), max: MAX_MOCKS });
        }
        self.answers.check(route)
    }

    /// The greatest id of a mock.
    pub(super) fn newest(&self) -> Option<EndpointId> {
        let readable = self.known.iter().filter_map(|known| known.last_key_value()).map(|(id, _)| id);
        readable.chain(self.damaged.keys()).max().copied()
    }

    fn known(&self, id: EndpointId) -> Option<(Verb, &Known)> {
        Verb::ALL.into_iter().find_map(|verb| Some((verb, self.known[verb as usize].get(&id)?)))
    }

    /// The memory of a mock, in bytes. 0 for an unknown mock.
    pub(super) fn bytes_of(&self, id: EndpointId) -> u64 {
        self.known(id).map_or(0, |(_, known)| known.bytes.into())
    }

    /// Notes the route of an endpoint with a damaged record, from the endpoint's claim.
    pub(super) fn found(&mut self, id: EndpointId, route: Route) {
        if let Some(damaged) = self.damaged.get_mut(&id) {
            damaged.route = Some(route);
        }
    }

    /// The route of an endpoint whose record is damaged: from its claim, or from the record before the damage.
    pub(super) fn damaged_route(&self, id: EndpointId) -> Option<Route> {
        let before = || {
            let (verb, known) = self.known(id)?;
            let first = self.answers.get(&Place::new(verb, known.path.clone()))?;
            self.route_of(first.chain().find(|answer| answer.id == id)?)
        };
        self.damaged.get(&id).and_then(|damaged| damaged.route.clone()).or_else(before)
    }

    fn route_of(&self, answer: &PreparedAnswer) -> Option<Route> {
        let (verb, known) = self.known(answer.id)?;
        let path = MockPath::parse(str::from_utf8(&known.path).ok()?).ok()?;
        Some(Route { verb, path, priority: answer.priority, when: answer.when().cloned().unwrap_or_default() })
    }

    /// The mock with the claim of a route.
    pub(super) fn holder(&self, route: &Route) -> Option<EndpointId> {
        let has_claim = |answer: &&PreparedAnswer| {
            answer.priority == route.priority
                && self.route_of(answer).is_some_and(|other| other.claim() == route.claim())
        };
        self.answers.get(&Place::of(route))?.chain().find(has_claim).map(|answer| answer.id)
    }

    /// Notes damage that the load did not find. From now on, calls look for the claim.
    pub(super) fn lose(&mut self, id: EndpointId) {
        // Another request may have deleted the endpoint meanwhile.
        if self.has(id) {
            let why = "the record shows another route than the claim".into();
            self.damaged.entry(id).or_insert(Damaged { id, route: None, why, digest: Digest::default() });
        }
    }

    pub(super) fn has(&self, id: EndpointId) -> bool {
        self.known(id).is_some() || self.damaged.contains_key(&id)
    }

    /// A page of ids of mocks that match the filter, after `after`, and whether more ids follow. The filter has a verb,
    /// a path or a set.
    pub(super) fn choose(&self, filter: &Filter, after: Option<EndpointId>, limit: usize) -> (Vec<EndpointId>, bool) {
        let verbs = Verb::ALL.into_iter().filter(|verb| filter.verb.is_none_or(|only| only == *verb));
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        if let Some(set) = &filter.set {
            let members = self.sets.get(set).into_iter().flat_map(|set| set.ids.range((start, Bound::Unbounded)));
            let known = members.filter_map(|id| Some((*id, self.known(*id)?)));
            let chosen = known.filter(|(_, (verb, known))| {
                filter.verb.is_none_or(|only| only == *verb)
                    && filter.path.as_ref().is_none_or(|only| known.path == only.as_str())
            });
            return page(chosen.map(|(id, (_, known))| (id, known)), limit);
        }
        let Some(path) = &filter.path else {
            let known = verbs.flat_map(|verb| self.known[verb as usize].range((start, Bound::Unbounded)));
            return page(known.map(|(id, known)| (*id, known)), limit);
        };
        let first = |verb| self.answers.get(&Place::of(&Route::new(verb, path.clone())));
        let chosen = verbs.filter_map(first).flat_map(|first| first.chain().map(|answer| answer.id));
        let known = chosen.filter_map(|id| Some((id, self.known(id)?.1)));
        let known: BTreeMap<_, _> = known.filter(|(_, known)| known.path == path.as_str()).collect();
        page(known.range((start, Bound::Unbounded)).map(|(id, known)| (*id, *known)), limit)
    }

    pub(super) fn count(&self) -> usize {
        self.known.iter().map(BTreeMap::len).sum()
    }

    pub(super) fn count_damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Applies one write: the new state and digest of each endpoint, `None` after a deletion. If the write replaces
    /// anything, all routes of the write are unsettled until `settles`, because a write has one moment.
    pub(super) fn apply<'a>(
        &mut self,
        changes: impl IntoIterator<Item = (EndpointId, Option<&'a Mock>, Digest)>,
        settles: Option<Instant>,
    ) {
        let (mut places, mut replaces) = (SmallVec::<[Place; 2]>::new(), false);
        for (id, endpoint, digest) in changes {
            replaces |= self.change(id, endpoint.map(|endpoint| (endpoint, digest)), settles, &mut places);
        }
        // A mock for many requests may come after a write that is unsettled for some of them only.
        let is_for_many = places.iter().any(|place| place.request().is_none());
        let until = if replaces { settles } else { self.unsettled.latest().filter(|_| is_for_many) };
        if let Some(until) = until {
            for place in places {
                self.unsettled.places.entry(&place).insert_entry(until);
            }
        }
    }

    /// Applies one change. Adds the old and the new place to `places`, and returns whether the change may replace any
    /// answer: a changed mock, or a new mock before others.
    fn change(
        &mut self,
        id: EndpointId,
        endpoint: Option<(&Mock, Digest)>,
        settles: Option<Instant>,
        places: &mut SmallVec<[Place; 2]>,
    ) -> bool {
        let mut replaces = false;
        self.sets.change(id, endpoint.and_then(|(endpoint, _)| endpoint.set.as_ref()));
        let known = Verb::ALL.into_iter().find_map(|verb| Some((verb, self.known[verb as usize].remove(&id)?)));
        if let Some((verb, Known { path, digest, bytes })) = known {
            self.digest ^= digest;
            self.bytes -= u64::from(bytes);
            let place = Place::new(verb, path);
            self.remove(&place, id);
            replaces = true;
            places.push(place);
        }
        // A replica that loaded the record before the damage may still answer from memory.
        if let Some(damaged) = self.damaged.remove(&id) {
            self.digest ^= damaged.digest;
            replaces = true;
            match &damaged.route {
                Some(route) => places.push(Place::of(route)),
                None => self.unsettled.all = self.unsettled.all.max(settles),
            }
        }
        if let Some((endpoint, digest)) = endpoint {
            self.digest ^= digest;
            let verb = endpoint.route.verb;
            let (path, answer) = PreparedAnswer::new(endpoint);
            let bytes = room::bytes(endpoint) as u32;
            self.bytes += u64::from(bytes);
            let place = Place::new(verb, path.clone());
            self.known[verb as usize].insert(id, Known { path, digest, bytes });
            // If the mock moved, other replicas may still serve the old route. So the new route waits as well.
            if settles.is_some() {
                replaces |= self.may_hide(&place, &answer);
                places.push(place.clone());
            }
            self.below_default += usize::from(answer.priority < Priority::default());
            match self.answers.entry(&place) {
                Entry::Vacant(entry) => _ = entry.insert(Box::new(answer)),
                Entry::Occupied(mut entry) => add(entry.get_mut(), Box::new(answer)),
            }
        }
        if let Some(until) = settles.filter(|_| replaces) {
            self.unsettled.endpoints.insert(id, until);
        }
        replaces
    }

    /// Removes a mock from its place. The key of the others must not keep the memory of the removed mock.
    fn remove(&mut self, place: &Place, id: EndpointId) {
        let Some(first) = self.answers.remove(place) else { return };
        let removed = first.chain().find(|answer| answer.id == id);
        self.below_default -= usize::from(removed.is_some_and(|answer| answer.priority < Priority::default()));
        if let Some(rest) = without(first, id) {
            self.answers.entry(&place.copied()).insert_entry(rest);
        }
    }
}
