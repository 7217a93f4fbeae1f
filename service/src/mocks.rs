//! Serves mocks: finds the answer to a request, and sends it unchanged.
//!
//! Echo never compresses, rewrites or authenticates the answer of a mock.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, request::Parts};
use hyper::{body::Incoming, ext::ReasonPhrase};

use crate::{
    domain::{Call, Fault, Undecided, Verb},
    replica::{FindError, PreparedTemplate, Replica, Reply},
    store::StoreError,
    web::{
        client::{TrustedProxies, network_of},
        problem::ApiError,
        rate::RateLimit,
    },
};

mod uploads;

use self::uploads::Upload;
pub use self::uploads::Uploads;

/// How a call of a mock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// By the answer of a mock.
    Served,
    /// Without a mock.
    Missed,
    /// By the rate limit.
    Limited,
    /// By a limit of tests, or of the bodies that tests read.
    Refused,
    /// By a fault of Echo. A mock may be defined with code 503, too.
    Fault,
}

/// The answer to a call.
pub struct Answered {
    pub response: Response<Bytes>,
    pub outcome: Outcome,
    /// The answer waits for this time.
    pub delay: Duration,
    /// The answer is broken like this.
    pub fault: Option<Fault>,
}

impl Answered {
    /// `plain`, or the effect of the mock that a client notices most.
    pub fn effect(&self) -> &'static str {
        match self.fault {
            Some(fault) => fault.as_str(),
            None if !self.delay.is_zero() => "delayed",
            None => "plain",
        }
    }
}

/// See the module documentation.
pub struct Mocks {
    pub replica: Arc<Replica>,
    /// Whether the answer to a call without a mock names the nearest mocks.
    pub names_nearest: Box<dyn Fn(&Parts) -> bool + Send + Sync>,
    pub rate: RateLimit<IpAddr>,
    pub trusted: TrustedProxies,
    pub uploads: Uploads,
    pub max_delay: Duration,
}

impl Mocks {
    /// Answers a request of this peer. `path` is the canonical path, if the request has one. Reads the body only if a
    /// mock tests it.
    pub async fn answer(&self, head: &Parts, path: Option<&str>, body: &mut Incoming, peer: IpAddr) -> Answered {
        let (mut response, outcome, effects) = match self.find(head, path, body, peer).await {
            Ok(Reply { response, effects, .. }) => (response, Outcome::Served, effects),
            Err((refusal, outcome)) => (refusal.into_http(), outcome, None),
        };
        if response.status().canonical_reason().is_none() {
            // Without an empty reason phrase, hyper would write `<none>` for an unknown code.
            response.extensions_mut().insert(ReasonPhrase::from_static(b""));
        }
        let mut answered = Answered { response, outcome, delay: Duration::ZERO, fault: None };
        if let Some(effects) = effects {
            answered.delay =
                effects.delay.map_or(Duration::ZERO, |delay| delay.sample(&mut rand::rng(), self.max_delay));
            answered.fault = effects.fault;
        }
        answered
    }

    async fn find(
        &self,
        head: &Parts,
        path: Option<&str>,
        body: &mut Incoming,
        peer: IpAddr,
    ) -> Result<Reply, (ApiError, Outcome)> {
        let client = || network_of(self.trusted.client(peer, &head.headers));
        if self.rate.is_on() {
            self.rate.check(&client()).map_err(|wait| (ApiError::too_many_requests(wait), Outcome::Limited))?;
        }
        let missed = |nearest| (ApiError::page_not_found(head.uri.path(), nearest), Outcome::Missed);
        let (verb, path) = Verb::of(&head.method).zip(path).ok_or_else(|| missed(Vec::new()))?;
        let query = head.uri.query().unwrap_or_default();
        let mut call = Call { verb, path, query, headers: &head.headers, body: None };
        let mut upload = None;
        let mut found = self.replica.find(&call).await;
        if let Err(FindError::Undecided(Undecided::NeedsBody)) = found {
            // Boxed: the future of a frequent call must stay small.
            let read =
                Box::pin(self.uploads.read(body, client())).await.map_err(|refusal| (refusal, Outcome::Refused))?;
            call.body = Some(Upload::content(upload.insert(read).as_ref()));
            found = Box::pin(self.replica.find(&call)).await;
        }
        let refusal = match found {
            Ok(Some(mut reply)) => {
                if let Some(template) = reply.template.take() {
                    // Boxed: the future of a frequent call must stay small.
                    Box::pin(self.render(&template, call, body, client, &mut reply.response))
                        .await
                        .map_err(|refusal| (refusal, Outcome::Refused))?;
                }
                return Ok(reply);
            }
            Ok(None) if (self.names_nearest)(head) => return Err(missed(self.replica.nearest(&call))),
            Ok(None) => return Err(missed(Vec::new())),
            Err(FindError::Undecided(why)) => return Err((ApiError::undecided(why), Outcome::Refused)),
            Err(FindError::Store(StoreError::Damaged(_))) => ApiError::damaged(),
            Err(FindError::Store(StoreError::Loading)) => ApiError::loading(),
            Err(FindError::Turn(_)) => ApiError::turn_lost(),
            // Without a valid lease and without the store, Echo answers 503.
            Err(FindError::Store(_)) => ApiError::store_away(),
        };
        Err((refusal, Outcome::Fault))
    }

    /// Renders a template into the response. Reads the body if the template uses it.
    async fn render(
        &self,
        template: &PreparedTemplate,
        mut call: Call<'_>,
        body: &mut Incoming,
        client: impl Fn() -> IpAddr,
        response: &mut Response<Bytes>,
    ) -> Result<(), ApiError> {
        let upload;
        if template.needs_body() && call.body.is_none() {
            upload = self.uploads.read(body, client()).await?;
            call.body = Some(Upload::content(upload.as_ref()));
        }
        let rendered = template.render(&call).map_err(|why| ApiError::unrendered(&why))?;
        let fields = response.headers_mut();
        for (name, _) in &rendered.headers {
            fields.remove(name);
        }
        for (name, value) in rendered.headers {
            fields.append(name, value);
        }
        if let Some(body) = rendered.body {
            *response.body_mut() = self.uploads.hold(body, client)?;
        }
        Ok(())
    }
}
