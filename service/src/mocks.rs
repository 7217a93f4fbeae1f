//! Serves mocks: finds the answer for method and path, and sends it unchanged.
//!
//! Echo never compresses, rewrites or authenticates the answer of a mock.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use hyper::ext::ReasonPhrase;

use crate::{
    domain::{self, Verb},
    http::{
        client::{TrustedProxies, network_of},
        problem::ApiError,
        rate::RateLimit,
    },
    replica::Replica,
    store::StoreError,
    telemetry::{Instruments, Plane},
};

/// See the module documentation.
pub struct Mocks {
    pub replica: Arc<Replica>,
    pub rate: RateLimit<IpAddr>,
    pub trusted: TrustedProxies,
    pub instruments: Arc<Instruments>,
}

impl Mocks {
    /// Answers a request of this peer. The flag says whether the answer is a fault of Echo: a mock may be defined with
    /// code 503, too.
    pub async fn answer<B>(&self, request: &Request<B>, peer: IpAddr) -> (Response<Bytes>, bool) {
        let (mut response, is_fault) = self.find(request, peer).await;
        if response.status().canonical_reason().is_none() {
            // Without an empty reason phrase, hyper would write `<none>` for an unknown code.
            response.extensions_mut().insert(ReasonPhrase::from_static(b""));
        }
        (response, is_fault)
    }

    async fn find<B>(&self, request: &Request<B>, peer: IpAddr) -> (Response<Bytes>, bool) {
        if self.rate.is_on()
            && let Err(wait) = self.rate.check(&network_of(self.trusted.client(peer, request.headers())))
        {
            self.instruments.rate_limited(Plane::Mocks);
            return (ApiError::too_many_requests(wait).into_http(), false);
        }
        let path = domain::canonical(request.uri().path());
        let found = match Verb::of(request.method()).zip(path) {
            Some((verb, path)) => self.replica.find(verb, &path).await,
            None => Ok(None),
        };
        match found {
            Ok(Some(answer)) => {
                self.instruments.mock_served();
                (answer, false)
            }
            Ok(None) => {
                self.instruments.mock_missed();
                (ApiError::page_not_found(request.uri().path()).into_http(), false)
            }
            Err(StoreError::Damaged(_)) => (ApiError::damaged().into_http(), true),
            Err(StoreError::Loading) => (ApiError::loading().into_http(), true),
            // Without a valid lease and without the store, Echo answers 503.
            Err(_) => (ApiError::store_away().into_http(), true),
        }
    }
}
