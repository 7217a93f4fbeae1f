//! Serves mocks: finds the answer for verb and path, and sends it as it was defined.
//!
//! A mock's answer is never compressed, rewritten or authenticated.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use hyper::ext::ReasonPhrase;

use crate::{
    api::error::ApiError,
    domain::{self, Verb},
    limits::{RateLimit, TrustedProxies, network_of},
    replica::Replica,
    telemetry::{Instruments, Plane},
};

/// See the module.
pub struct Mocks {
    pub replica: Arc<Replica>,
    pub rate: RateLimit<IpAddr>,
    pub trusted: TrustedProxies,
    pub instruments: Arc<Instruments>,
}

impl Mocks {
    /// Answers a request from this peer, and says whether that is a fault of Echo's: a mock may be told to answer 503 too.
    pub async fn answer<B>(&self, request: &Request<B>, peer: IpAddr) -> (Response<Bytes>, bool) {
        let (mut response, is_fault) = self.find(request, peer).await;
        if response.status().canonical_reason().is_none() {
            // hyper would write `<none>`.
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
            // What can not be vouched for is not answered.
            Err(_) => (ApiError::store_away().into_http(), true),
        }
    }
}
