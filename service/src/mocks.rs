//! Serves mocks: finds the answer for method and path, and sends it unchanged.
//!
//! Echo never compresses, rewrites or authenticates the answer of a mock.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Response, request::Parts};
use hyper::ext::ReasonPhrase;

use crate::{
    domain::Verb,
    replica::Replica,
    store::StoreError,
    web::{
        client::{TrustedProxies, network_of},
        problem::ApiError,
        rate::RateLimit,
    },
};

/// How a call of a mock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// By the answer of a mock.
    Served,
    /// Without a mock.
    Missed,
    /// By the rate limit.
    Limited,
    /// By a fault of Echo. A mock may be defined with code 503, too.
    Fault,
}

/// See the module documentation.
pub struct Mocks {
    pub replica: Arc<Replica>,
    pub rate: RateLimit<IpAddr>,
    pub trusted: TrustedProxies,
}

impl Mocks {
    /// Answers a request of this peer. `path` is the canonical path, if the request has one.
    pub async fn answer(&self, head: &Parts, path: Option<&str>, peer: IpAddr) -> (Response<Bytes>, Outcome) {
        let (mut response, outcome) = match self.find(head, path, peer).await {
            Ok(answer) => (answer, Outcome::Served),
            Err((refusal, outcome)) => (refusal.into_http(), outcome),
        };
        if response.status().canonical_reason().is_none() {
            // Without an empty reason phrase, hyper would write `<none>` for an unknown code.
            response.extensions_mut().insert(ReasonPhrase::from_static(b""));
        }
        (response, outcome)
    }

    async fn find(
        &self,
        head: &Parts,
        path: Option<&str>,
        peer: IpAddr,
    ) -> Result<Response<Bytes>, (ApiError, Outcome)> {
        if self.rate.is_on() {
            let client = network_of(self.trusted.client(peer, &head.headers));
            self.rate.check(&client).map_err(|wait| (ApiError::too_many_requests(wait), Outcome::Limited))?;
        }
        let found = match Verb::of(&head.method).zip(path) {
            Some((verb, path)) => self.replica.find(verb, path).await,
            None => Ok(None),
        };
        let refusal = match found {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => return Err((ApiError::page_not_found(head.uri.path()), Outcome::Missed)),
            Err(StoreError::Damaged(_)) => ApiError::damaged(),
            Err(StoreError::Loading) => ApiError::loading(),
            // Without a valid lease and without the store, Echo answers 503.
            Err(_) => ApiError::store_away(),
        };
        Err((refusal, Outcome::Fault))
    }
}
