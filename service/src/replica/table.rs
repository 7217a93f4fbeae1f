//! Every mock in memory, as a prepared answer. A lookup costs one hash, at any number of mocks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    ops::Bound,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::room;
use crate::{
    domain::{Body, Endpoint, EndpointId, MockPath, Route, Verb},
    store::{Damaged, Digest, MAX_PAGE_BYTES, StoreError, Version},
};

/// Maximum number of damaged records in the log line of a load.
const MAX_DAMAGED_NAMED: usize = 20;

/// A mock's answer, built when the mock is created. All parts lie together: with many mocks, a call costs few cache
/// misses.
#[derive(Debug)]
pub(super) struct PreparedAnswer {
    id: EndpointId,
    status: StatusCode,
    /// One inline: most answers have only `Content-Type`.
    headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    body: Bytes,
}

impl PreparedAnswer {
    /// The answer, and the path as key.
    fn new(endpoint: &Endpoint) -> (Bytes, Self) {
        let path = endpoint.route.path.as_str();
        let response = &endpoint.response;
        let body = response.body().map_or("", Body::as_str);
        let values = response.headers().iter().map(|(_, value)| value);
        // A single allocation; path, body and values are slices.
        let mut text = Bytes::from([path, body].into_iter().chain(values).collect::<Vec<_>>().concat());
        let path = text.split_to(path.len());
        let body = text.split_to(body.len());
        let field = |(name, value): (&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("the domain admits tokens only");
            let value = HeaderValue::from_maybe_shared(text.split_to(value.len()));
            (name, value.expect("the domain admits field values only"))
        };
        let answer = Self {
            id: endpoint.id,
            status: StatusCode::from_u16(response.code().get()).expect("the domain admits 200 to 599 only"),
            headers: response.headers().iter().map(field).collect(),
            body,
        };
        (path, answer)
    }

    /// The answer in HTTP's types. The bytes are shared, not copied.
    pub(super) fn to_response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        *response.headers_mut() = headers;
        response
    }
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
    answers: [HashMap<Bytes, Box<PreparedAnswer>>; Verb::ALL.len()],
    known: [BTreeMap<EndpointId, Known>; Verb::ALL.len()],
    /// The digest of all endpoints.
    pub(super) digest: Digest,
    /// The memory of all mocks, in bytes.
    pub(super) bytes: u64,
    /// The version up to which the log is applied.
    pub(super) applied: Version,
    /// Whether the table is being filled by a load. Until the load succeeds, no answer comes from the table.
    pub(super) is_loading: bool,
    unsettled: Unsettled,
    /// Endpoints with a damaged record. No other field of the table has these endpoints.
    damaged: HashMap<EndpointId, Damaged>,
    /// The damaged endpoints at the last load.
    told: BTreeSet<EndpointId>,
}

/// Recent changes that other replicas may not serve yet, with the end of each wait (rule 3 in
/// `lease.rs`).
#[derive(Default)]
struct Unsettled {
    all: Option<Instant>,
    routes: [HashMap<Bytes, Instant>; Verb::ALL.len()],
    endpoints: HashMap<EndpointId, Instant>,
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
        mem::replace(self, Self { applied: self.applied, is_loading: true, unsettled, told, ..Self::default() })
    }

    /// Receives an endpoint of a load. If the table is full, keeps only the endpoint's size.
    pub(super) fn receive(&mut self, delivered: Result<(Endpoint, Digest), Damaged>, is_full: bool) {
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
    pub(super) fn end_load(&mut self, head: Version, settles: Option<Instant>) {
        (self.applied, self.is_loading) = (head, false);
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

    pub(super) fn find(&self, verb: Verb, path: &str) -> Option<&PreparedAnswer> {
        self.answers[verb as usize].get(path.as_bytes()).map(Box::as_ref)
    }

    fn known(&self, id: EndpointId) -> Option<(Verb, &Known)> {
        Verb::ALL.into_iter().find_map(|verb| Some((verb, self.known[verb as usize].get(&id)?)))
    }

    /// The memory of a mock, in bytes. 0 for an unknown mock.
    pub(super) fn bytes_of(&self, id: EndpointId) -> u64 {
        self.known(id).map_or(0, |(_, known)| known.bytes.into())
    }

    /// Returns an error if the mock of this route has a damaged record. Only for routes without an answer.
    pub(super) fn check_undamaged(&self, verb: Verb, path: &str) -> Result<(), StoreError> {
        let is_there = |route: &Route| route.verb == verb && route.path.as_str() == path;
        match self.damaged.values().find(|damaged| damaged.route.as_ref().is_some_and(is_there)) {
            Some(Damaged { id, .. }) => Err(StoreError::Damaged(format!("the record of endpoint {id} is damaged"))),
            None => Ok(()),
        }
    }

    /// Whether any endpoint has a damaged record and an unknown route.
    pub(super) fn has_lost(&self) -> bool {
        self.damaged.values().any(|damaged| damaged.route.is_none())
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
            Some(Route { verb, path: MockPath::parse(str::from_utf8(&known.path).ok()?).ok()? })
        };
        self.damaged.get(&id).and_then(|damaged| damaged.route.clone()).or_else(before)
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

    /// A page of ids with the verb, after `after`, and whether more ids follow.
    pub(super) fn of_verb(&self, verb: Verb, after: Option<EndpointId>, limit: usize) -> (Vec<EndpointId>, bool) {
        let (mut ids, mut all) = (Vec::new(), 0);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (id, known) in self.known[verb as usize].range((start, Bound::Unbounded)) {
            if ids.len() == limit || all > MAX_PAGE_BYTES {
                return (ids, true);
            }
            all += known.bytes as usize;
            ids.push(*id);
        }
        (ids, false)
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
        changes: impl IntoIterator<Item = (EndpointId, Option<&'a Endpoint>, Digest)>,
        settles: Option<Instant>,
    ) {
        let (mut routes, mut replaces) = (SmallVec::<[(Verb, Bytes); 2]>::new(), false);
        for (id, endpoint, digest) in changes {
            replaces |= self.change(id, endpoint.map(|endpoint| (endpoint, digest)), settles, &mut routes);
        }
        if let Some(until) = settles.filter(|_| replaces) {
            for (verb, path) in routes {
                self.unsettled.routes[verb as usize].insert(path, until);
            }
        }
    }

    /// Applies one change. Adds the old and the new route to `routes`, and returns whether the change replaces
    /// anything.
    fn change(
        &mut self,
        id: EndpointId,
        endpoint: Option<(&Endpoint, Digest)>,
        settles: Option<Instant>,
        routes: &mut SmallVec<[(Verb, Bytes); 2]>,
    ) -> bool {
        let mut was_there = false;
        let known = Verb::ALL.into_iter().find_map(|verb| Some((verb, self.known[verb as usize].remove(&id)?)));
        if let Some((verb, Known { path, digest, bytes })) = known {
            self.digest ^= digest;
            self.bytes -= u64::from(bytes);
            let answers = &mut self.answers[verb as usize];
            // Changes may show a later state, so another endpoint may hold the route already.
            if answers.get(&path).is_some_and(|answer| answer.id == id) {
                answers.remove(&path);
            }
            was_there = true;
            routes.push((verb, path));
        }
        // A replica that loaded the record before the damage may still answer from memory.
        if let Some(damaged) = self.damaged.remove(&id) {
            self.digest ^= damaged.digest;
            was_there = true;
            routes.extend(
                damaged.route.map(|Route { verb, path }| (verb, Bytes::copy_from_slice(path.as_str().as_bytes()))),
            );
        }
        if let Some(until) = settles.filter(|_| was_there) {
            self.unsettled.endpoints.insert(id, until);
        }
        if let Some((endpoint, digest)) = endpoint {
            self.digest ^= digest;
            let verb = endpoint.route.verb;
            let (path, answer) = PreparedAnswer::new(endpoint);
            let bytes = room::bytes(endpoint) as u32;
            self.bytes += u64::from(bytes);
            self.known[verb as usize].insert(id, Known { path: path.clone(), digest, bytes });
            let answers = &mut self.answers[verb as usize];
            // Remove first: an insert keeps the old key, and with it the memory of the old answer.
            was_there |= answers.remove(&path).is_some();
            // If the mock moved, other replicas may still serve the old route. So the new route waits as well.
            routes.extend(settles.map(|_| (verb, path.clone())));
            answers.insert(path, Box::new(answer));
        }
        was_there
    }

    /// When the route will be settled. `None` for a settled route.
    pub(super) fn route_settles(&self, verb: Verb, path: &str, now: Instant) -> Option<Instant> {
        let of_route = || self.unsettled.routes[verb as usize].get(path.as_bytes()).copied();
        self.unsettled.all.max(of_route()).filter(|until| *until > now)
    }

    /// When the endpoint, and the route if given, will be settled. `None` if both are settled.
    pub(super) fn settles(&self, id: EndpointId, route: Option<&Route>, now: Instant) -> Option<Instant> {
        let of_route = route.and_then(|Route { verb, path }| self.route_settles(*verb, path.as_str(), now));
        let of_endpoint = self.unsettled.endpoints.get(&id).copied();
        self.unsettled.all.max(of_endpoint).filter(|until| *until > now).max(of_route)
    }

    /// When every endpoint of the table will be settled. `None` if all are.
    pub(super) fn all_settles(&self, now: Instant) -> Option<Instant> {
        let of_endpoints = self.unsettled.endpoints.values().max().copied();
        self.unsettled.all.max(of_endpoints).filter(|until| *until > now)
    }

    /// Whether the table needs work without new entries in the log.
    pub(super) fn has_news(&self, now: Instant) -> bool {
        let Unsettled { all, routes, endpoints } = &self.unsettled;
        let routes = routes.iter().flat_map(HashMap::values);
        all.iter().chain(routes).chain(endpoints.values()).any(|until| *until <= now)
    }

    pub(super) fn forget_settled(&mut self, now: Instant) {
        let Unsettled { all, routes, endpoints } = &mut self.unsettled;
        all.take_if(|until| *until <= now);
        for routes in routes {
            routes.retain(|_, until| *until > now);
        }
        endpoints.retain(|_, until| *until > now);
    }
}
