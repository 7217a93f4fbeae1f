//! Chooses the handler of a request, and handles the rest of its body.

use std::{
    borrow::Cow,
    io,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header, request::Parts, uri::Scheme};
use http_body_util::{Either, Full, combinators::BoxBody};
use hyper::body::{Body as _, Incoming};
use opentelemetry::trace::FutureExt as _;
use poem::{
    Addr, Endpoint,
    endpoint::BoxEndpoint,
    web::{LocalAddr, RemoteAddr},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    body::{Lent, Rest, discard},
    broken::Broken,
    exchange::HttpTelemetry,
    head,
};
use crate::{
    domain::{self, Fault},
    mocks::{Answered, Mocks, Outcome},
    web::{
        problem::ApiError,
        rate::LineLimit,
        routes::{self, Route},
    },
};

/// Answers of mocks are bytes in memory; answers of management have poem's body type.
pub(super) type AnswerBody = Either<Full<Bytes>, BoxBody<Bytes, io::Error>>;

/// Management as poem runs it.
type ManagementApp = BoxEndpoint<'static, poem::Response>;

/// The content of a listener: mocks, management or both.
pub enum Face {
    Mocks(Arc<Mocks>),
    Management(Arc<ManagementApp>),
    Both { mocks: Arc<Mocks>, management: Arc<ManagementApp> },
}

/// Answers the requests of a listener.
pub(super) struct Answers {
    pub face: Face,
    pub telemetry: Arc<HttpTelemetry>,
    pub lines: Arc<LineLimit>,
    /// Maximum time a mock waits for the end of a request's body.
    pub body_timeout: Duration,
    /// Ends the delays of answers.
    pub hurry: CancellationToken,
}

impl Answers {
    /// Answers every request, also after a panic. Returns the unread rest of the body.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        let (mut head, body) = request.into_parts();
        if let Err(refusal) = head::check(&head, matches!(self.face, Face::Both { .. })) {
            let exchange = self.telemetry.begin(&head, None);
            let mut response = from_bytes(refusal.into_http());
            exchange.finish(response.status(), false);
            if self.lines.has_room() {
                tracing::info!(status = response.status().as_u16(), client = %peer.ip(), "a request with a wrong head was refused");
            }
            announce_close(&mut response);
            return (response, unread(body));
        }
        let path = domain::canonical(head.uri.path());
        // A path with an invalid escape has no canonical form: its raw form shows whether it belongs to management.
        let known = path.as_deref().unwrap_or(head.uri.path());
        match &self.face {
            Face::Mocks(mocks) => self.answer_mock(mocks, &head, path.as_deref(), body, peer.ip()).await,
            Face::Both { mocks, .. } if !routes::is_reserved(known) => {
                self.answer_mock(mocks, &head, path.as_deref(), body, peer.ip()).await
            }
            // Boxed, so that the large future is not part of each call of a mock.
            Face::Management(app) | Face::Both { management: app, .. } => {
                head.uri = canonical_uri(&head.uri, path);
                Box::pin(self.answer_management(app, head, body, local, peer)).await
            }
        }
    }

    async fn answer_mock(
        &self,
        mocks: &Mocks,
        head: &Parts,
        path: Option<&str>,
        mut body: Incoming,
        peer: IpAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        let mut exchange = self.telemetry.begin(head, None);
        let until = (!body.is_end_stream()).then(|| Instant::now() + self.body_timeout);
        let answer = AssertUnwindSafe(mocks.answer(head, path, &mut body, peer)).catch_unwind().await;
        let answered = answer.unwrap_or_else(|_| Answered {
            response: panicked(),
            outcome: Outcome::Fault,
            delay: Duration::ZERO,
            fault: None,
            is_template: false,
        });
        exchange.count(&answered);
        let Answered { response, outcome, delay, fault, .. } = answered;
        let mut response = from_bytes(response);
        exchange.delay = delay;
        let mut rest = unread(body);
        // Like a server that reads its uploads, a mock answers after the end of the request.
        if let Some((body, until)) = rest.as_mut().zip(until) {
            if tokio::time::timeout_at(until, discard(body)).await == Ok(true) {
                rest = None;
            } else {
                announce_close(&mut response);
            }
        }
        if !exchange.delay.is_zero() {
            // Boxed: a plain mock must not carry the timer.
            Box::pin(self.wait(exchange.delay)).await;
        }
        if let Some(fault) = fault {
            let sent = if head.method == Method::HEAD { 0 } else { response.body().size_hint().lower() };
            response.extensions_mut().insert(Broken { fault, body_bytes: sent as usize });
            announce_close(&mut response);
            if fault != Fault::Truncate {
                // Without an answer, the exchange has no status.
                return (response, rest);
            }
        }
        // A mock may be defined with code 500.
        exchange.finish(response.status(), outcome == Outcome::Fault);
        (response, rest)
    }

    async fn wait(&self, delay: Duration) {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.hurry.cancelled() => {}
        }
    }

    async fn answer_management(
        &self,
        app: &ManagementApp,
        mut head: Parts,
        body: Incoming,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        let route = Route::of(head.uri.path());
        let exchange = self.telemetry.begin(&head, route.map(|route| route.template));
        head.extensions.insert(route);
        let body = Lent::new(body);
        let (is_last, waits_to_send) = (head::is_last(&head), head.headers.contains_key(header::EXPECT));
        let head = (head, LocalAddr(Addr::from(local)), RemoteAddr(Addr::from(peer)), Scheme::HTTP).into();
        let request = poem::Request::from_parts(head, BoxBody::new(body.clone()).into());
        let context = exchange.context().cloned().unwrap_or_default();
        let work = app.get_response(request).with_context(context).instrument(exchange.log_span());
        let answer = AssertUnwindSafe(work).catch_unwind().await;
        let mut response =
            answer.map_or_else(|_| from_bytes(panicked()), |response| Response::from(response).map(Either::Right));
        let rest = body.take_back();
        // After `Expect: 100-continue` without `100 Continue`, a client may send the body or not: the beginning of its
        // next request is unknown.
        let may_follow = |rest: &Rest| waits_to_send && !rest.was_read;
        let is_late = response.status() == StatusCode::REQUEST_TIMEOUT;
        if rest.as_ref().is_some_and(|rest| is_last || is_late || may_follow(rest)) {
            announce_close(&mut response);
        }
        exchange.finish_management(response.status());
        (response, rest.map(|rest| rest.body))
    }
}

/// The body of a request, if the request has an unread body.
fn unread(body: Incoming) -> Option<Incoming> {
    Some(body).filter(|body| !body.is_end_stream())
}

fn announce_close(response: &mut Response<AnswerBody>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// The answer after a panic. The log has the details.
fn panicked() -> Response<Bytes> {
    ApiError::internal().into_http()
}

fn from_bytes(response: Response<Bytes>) -> Response<AnswerBody> {
    response.map(|body| Either::Left(Full::new(body)))
}

/// The URI with the canonical path, so that `/%65ndpoints` has the route of `/endpoints`.
fn canonical_uri(uri: &Uri, path: Option<Cow<'_, str>>) -> Uri {
    let Some(Cow::Owned(path)) = path else { return uri.clone() };
    let target = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    // A target in absolute form keeps its host.
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}
