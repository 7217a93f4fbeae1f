//! Waits for changes that other replicas may not serve yet (rule 3 in `lease.rs`).

use std::collections::HashMap;

use tokio::time::Instant;

use super::index::{Index, Place};
use crate::domain::{EndpointId, Route, Verb};

/// The end of each wait.
#[derive(Default)]
pub(super) struct Unsettled {
    pub all: Option<Instant>,
    pub places: Index<Instant>,
    pub endpoints: HashMap<EndpointId, Instant>,
}

impl Unsettled {
    /// The end of the last wait for any place.
    pub(super) fn latest(&self) -> Option<Instant> {
        self.all.max(self.places.values().max().copied())
    }

    /// When the answers to a request will be settled. `None` for settled answers.
    pub(super) fn call_settles(&self, verb: Verb, path: &str, now: Instant) -> Option<Instant> {
        let of_places = self.places.fitting(verb, path).map(|(.., until)| *until).max();
        self.all.max(of_places).filter(|until| *until > now)
    }

    /// When the answers to all requests that fit a route will be settled. `None` if all are settled.
    fn route_settles(&self, route: &Route, now: Instant) -> Option<Instant> {
        if let Some((verb, path)) = Place::of(route).request() {
            return self.call_settles(verb, path, now);
        }
        self.latest().filter(|until| *until > now)
    }

    /// When the endpoint, and the route if given, will be settled. `None` if both are settled.
    pub(super) fn settles(&self, id: EndpointId, route: Option<&Route>, now: Instant) -> Option<Instant> {
        let of_route = route.and_then(|route| self.route_settles(route, now));
        let of_endpoint = self.endpoints.get(&id).copied();
        self.all.max(of_endpoint).filter(|until| *until > now).max(of_route)
    }

    /// When every endpoint will be settled. `None` if all are.
    pub(super) fn all_settles(&self, now: Instant) -> Option<Instant> {
        let of_endpoints = self.endpoints.values().max().copied();
        self.all.max(of_endpoints).filter(|until| *until > now)
    }

    /// When every endpoint and every place will be settled. `None` if all are.
    pub(super) fn everything_settles(&self, now: Instant) -> Option<Instant> {
        self.latest().filter(|until| *until > now).max(self.all_settles(now))
    }

    /// Whether anything has settled.
    pub(super) fn has_settled(&self, now: Instant) -> bool {
        let Self { all, places, endpoints } = self;
        all.iter().chain(places.values()).chain(endpoints.values()).any(|until| *until <= now)
    }

    pub(super) fn forget(&mut self, now: Instant) {
        let Self { all, places, endpoints } = self;
        all.take_if(|until| *until <= now);
        places.retain(|until| *until > now);
        endpoints.retain(|_, until| *until > now);
    }
}
