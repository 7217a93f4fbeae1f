//! Serves mocks: finds the answer to a request, and sends it unchanged.
//!
//! Echo never compresses, rewrites or authenticates the answer of a mock.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, request::Parts};
use hyper::{body::Incoming, ext::ReasonPhrase};

use crate::{
    domain::{Call, Content, Fault, Undecided, Verb},
    replica::{FindError, PreparedTemplate, Replica, Reply},
    store::StoreError,
    web::{
        client::{TrustedProxies, network_of},
        problem::ApiError,
        rate::RateLimit,
    },
};

mod cors;
mod first_page;
mod uploads;

use self::uploads::Upload;
pub use self::{cors::Cors, uploads::Uploads};

/// How a call of a mock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// By the answer of a mock, or by the answer to a preflight for a mock.
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
    pub is_template: bool,
}

impl Answered {
    /// `plain`, or the effect of the mock that a client notices most.
    pub fn effect(&self) -> &'static str {
        match self.fault {
            Some(fault) => fault.as_str(),
            None if !self.delay.is_zero() => "delayed",
            None if self.is_template => "template",
            None => "plain",
        }
    }
}

/// See the module documentation.
pub struct Mocks {
    pub replica: Arc<Replica>,
    /// Whether the answer to a call without a mock names the nearest mocks.
    pub names_nearest: Box<dyn Fn(&Parts) -> bool + Send + Sync>,
    /// Whether management is on the same listener. If so, a call without a mock leads to the documentation.
    pub shared_listener: bool,
    pub cors: Option<Cors>,
    pub rate: RateLimit<IpAddr>,
    pub trusted: TrustedProxies,
    pub uploads: Uploads,
    pub max_delay: Duration,
}

impl Mocks {
    /// Answers a request of this peer. `path` is the canonical path, if the request has one. Reads the body only if a
    /// mock tests it.
    pub async fn answer(&self, head: &Parts, path: Option<&str>, body: &mut Incoming, peer: IpAddr) -> Answered {
        let (mut is_template, found) = (false, self.find(head, path, body, peer).await);
        let (mut response, outcome, effects) = match found {
            Ok(Reply { response, effects, template }) => {
                is_template = template.is_some();
                (response, Outcome::Served, effects)
            }
            Err((refusal, Outcome::Missed)) if self.shared_listener && first_page::is_wanted(head) => {
                (first_page::instead_of(&refusal.into_http(), head), Outcome::Missed, None)
            }
            Err((refusal, outcome)) => (refusal.into_http(), outcome, None),
        };
        if let Some(cors) = &self.cors {
            // Also to a 404 and to errors: without the fields, a page sees neither status nor detail.
            cors.allow(&head.headers, response.headers_mut());
        }
        if response.status().canonical_reason().is_none() {
            // Without an empty reason phrase, hyper would write `<none>` for an unknown code.
            response.extensions_mut().insert(ReasonPhrase::from_static(b""));
        }
        let mut answered = Answered { response, outcome, delay: Duration::ZERO, fault: None, is_template };
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
        let missed = |nearest| {
            let refusal = ApiError::page_not_found(head.uri.path(), nearest);
            (if self.shared_listener { refusal.with_documentation() } else { refusal }, Outcome::Missed)
        };
        let (verb, path) = Verb::of(&head.method).zip(path).ok_or_else(|| missed(Vec::new()))?;
        let query = head.uri.query().unwrap_or_default();
        let mut call = Call { verb, path, query, headers: &head.headers, body: None };
        let mut upload = None;
        let mut found = match &self.cors {
            // Boxed: the future of a frequent call must stay small.
            Some(cors) if cors::is_preflight(head) => Box::pin(self.preflight(cors, &call)).await,
            _ => self.replica.find(&call).await,
        };
        if let Err(FindError::Undecided(Undecided::NeedsBody)) = found {
            // Boxed: the future of a frequent call must stay small.
            let read =
                Box::pin(self.uploads.read(body, client())).await.map_err(|refusal| (refusal, Outcome::Refused))?;
            call.body = Some(Upload::content(upload.insert(read).as_ref()));
            found = Box::pin(self.replica.find(&call)).await;
        }
        let refusal = match found {
            Ok(Some(mut reply)) => {
                if let Some(template) = reply.template.clone() {
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

    /// The answer to a preflight: by the OPTIONS mock that answers the call, or else by Echo if any mock has the path.
    async fn preflight(&self, cors: &Cors, call: &Call<'_>) -> Result<Option<Reply>, FindError> {
        let explained =
            async |verb| self.replica.explain(&Call { verb, body: Some(Content::Whole(b"")), ..*call }).await;
        let options = explained(Verb::Options).await?;
        let mut answering = options.candidates.iter().filter(|mock| Some(mock.id) == options.answers);
        if answering.any(|mock| mock.verb == Verb::Options) {
            return self.replica.find(call).await;
        }
        for verb in Verb::ALL {
            if verb != Verb::Any && !explained(verb).await?.candidates.is_empty() {
                let response = cors.preflight(call.headers);
                return Ok(Some(Reply { response, effects: None, template: None }));
            }
        }
        Ok(None)
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
