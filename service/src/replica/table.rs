//! Every mock in memory, as a prepared answer. To find one costs a hash lookup, however many there are.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::{
    domain::{Body, Endpoint, EndpointId, Route, Verb},
    store::{MAX_PAGE_BYTES, Version},
};

/// A mock's answer, parsed once when the mock was made. It lies in the table itself, and what it points to lies together:
/// with many mocks, to find and to send one costs as few cache misses as can be.
#[derive(Debug)]
pub(super) struct PreparedAnswer {
    id: EndpointId,
    status: StatusCode,
    /// Most answers have one field, `Content-Type`.
    headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    body: Bytes,
}

impl PreparedAnswer {
    /// The answer, and the path that it is found by.
    fn new(endpoint: &Endpoint) -> (Bytes, Self) {
        let path = endpoint.route.path.as_str();
        let response = &endpoint.response;
        let body = response.body().map_or("", Body::as_str);
        let values = response.headers().iter().map(|(_, value)| value);
        // One piece of memory, of which all the others are parts.
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

    /// The answer as HTTP sends it. Its bytes are shared, not copied.
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

/// Every mock, by verb and path, and the way back from an id to its route.
#[derive(Default)]
pub(super) struct Table {
    answers: [HashMap<Bytes, PreparedAnswer>; Verb::ALL.len()],
    routes: HashMap<EndpointId, (Verb, Bytes)>,
    /// The ids of each verb, and how many bytes their bodies have.
    ids: [BTreeMap<EndpointId, usize>; Verb::ALL.len()],
    /// Up to where the log is applied.
    pub(super) applied: Version,
    /// Whether another table is to take the place of this one.
    pub(super) is_reloading: bool,
    unsettled: Unsettled,
}

/// What was replaced so lately that another replica may still answer with what was there before, and until when.
/// The protocol's third rule (`lease.rs`) needs it.
#[derive(Default)]
struct Unsettled {
    all: Option<Instant>,
    routes: [HashMap<Bytes, Instant>; Verb::ALL.len()],
    endpoints: HashMap<EndpointId, Instant>,
}

impl Table {
    pub(super) fn with(endpoints: &[Endpoint], applied: Version) -> Self {
        let mut table = Self { applied, ..Self::default() };
        table.routes.reserve(endpoints.len());
        for endpoint in endpoints {
            table.apply(endpoint.id, Some(endpoint), None);
        }
        table
    }

    pub(super) fn find(&self, verb: Verb, path: &str) -> Option<&PreparedAnswer> {
        self.answers[verb as usize].get(path.as_bytes())
    }

    pub(super) fn has(&self, id: EndpointId) -> bool {
        self.routes.contains_key(&id)
    }

    /// The ids of a page of a verb's endpoints, after this one, and whether there are more.
    pub(super) fn of_verb(&self, verb: Verb, after: Option<EndpointId>, limit: usize) -> (Vec<EndpointId>, bool) {
        let (mut ids, mut bytes) = (Vec::new(), 0);
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        for (id, body) in self.ids[verb as usize].range((start, Bound::Unbounded)) {
            if ids.len() == limit || bytes > MAX_PAGE_BYTES {
                return (ids, true);
            }
            bytes += body;
            ids.push(*id);
        }
        (ids, false)
    }

    pub(super) fn count(&self) -> usize {
        self.routes.len()
    }

    /// Makes an endpoint what it has become, `None` if it is gone. If that replaces something, it is unsettled until `settles`.
    pub(super) fn apply(&mut self, id: EndpointId, endpoint: Option<&Endpoint>, settles: Option<Instant>) {
        let mut replaced = SmallVec::<[(Verb, Bytes); 2]>::new();
        if let Some((verb, path)) = self.routes.remove(&id) {
            self.ids[verb as usize].remove(&id);
            let answers = &mut self.answers[verb as usize];
            // Changes may show a later state, so another endpoint may hold the route already.
            if answers.get(&path).is_some_and(|answer| answer.id == id) {
                answers.remove(&path);
            }
            if let Some(until) = settles {
                self.unsettled.endpoints.insert(id, until);
            }
            replaced.push((verb, path));
        }
        if let Some(endpoint) = endpoint {
            let verb = endpoint.route.verb;
            let (path, answer) = PreparedAnswer::new(endpoint);
            self.routes.insert(id, (verb, path.clone()));
            self.ids[verb as usize].insert(id, answer.body.len());
            let answers = &mut self.answers[verb as usize];
            // A map keeps the key that it has, which would keep the memory of the answer before.
            let before = answers.remove(&path);
            // Where it was before, others may still show it: then nobody shows it here.
            if before.is_some() || !replaced.is_empty() {
                replaced.push((verb, path.clone()));
            }
            answers.insert(path, answer);
        }
        if let Some(until) = settles {
            for (verb, path) in replaced {
                self.unsettled.routes[verb as usize].insert(path, until);
            }
        }
    }

    /// Everything may have been something else before.
    pub(super) fn unsettle_all(&mut self, until: Instant) {
        self.unsettled.all = Some(until);
    }

    /// When what this route has become will be settled, if it is not yet.
    pub(super) fn route_settles(&self, verb: Verb, path: &str, now: Instant) -> Option<Instant> {
        let of_route = || self.unsettled.routes[verb as usize].get(path.as_bytes()).copied();
        self.unsettled.all.max(of_route()).filter(|until| *until > now)
    }

    /// When what this endpoint has become, and its route if it has one, will be settled, if they are not yet.
    pub(super) fn settles(&self, id: EndpointId, route: Option<&Route>, now: Instant) -> Option<Instant> {
        let of_route = route.and_then(|Route { verb, path }| self.route_settles(*verb, path.as_str(), now));
        let of_endpoint = self.unsettled.endpoints.get(&id).copied();
        self.unsettled.all.max(of_endpoint).filter(|until| *until > now).max(of_route)
    }

    /// When all that this table shows will be settled, if it is not yet.
    pub(super) fn all_settles(&self, now: Instant) -> Option<Instant> {
        let of_endpoints = self.unsettled.endpoints.values().max().copied();
        self.unsettled.all.max(of_endpoints).filter(|until| *until > now)
    }

    /// Whether there is something to do even if the log has not grown.
    pub(super) fn has_news(&self, now: Instant) -> bool {
        let Unsettled { all, routes, endpoints } = &self.unsettled;
        let routes = routes.iter().flat_map(HashMap::values);
        self.is_reloading || all.iter().chain(routes).chain(endpoints.values()).any(|until| *until <= now)
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
