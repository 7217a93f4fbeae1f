//! The listeners: accepts connections, and hands each request to the mocks or to management.
//!
//! The loop is hyper's own and not poem's, because the path of a mock has to be short. Management is a poem application,
//! called from here.

mod body;
mod connection;
mod head;

use std::{
    borrow::Cow,
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{Either, Full, combinators::BoxBody};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use opentelemetry::trace::FutureExt as _;
use poem::{
    Addr, Endpoint,
    endpoint::BoxEndpoint,
    web::{LocalAddr, RemoteAddr},
};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::{
    body::{Lent, Rest, discard},
    connection::{Activity, MOST_UNSENT, TICK, Watched},
};
use crate::{
    api::{error::ApiError, routes},
    config::Limits,
    domain,
    limits::LineLimit,
    mocks::Mocks,
    telemetry::HttpTelemetry,
};

/// The answers of mocks are bytes at hand; those of management are what poem makes.
type AnswerBody = Either<Full<Bytes>, BoxBody<Bytes, io::Error>>;

/// Management as poem runs it.
type ManagementApp = BoxEndpoint<'static, poem::Response>;

/// How long to wait after the system has refused a connection (no file descriptors, say), instead of asking at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener serves.
pub enum Face {
    Mocks(Arc<Mocks>),
    Management(Arc<ManagementApp>),
    Both { mocks: Arc<Mocks>, management: Arc<ManagementApp> },
}

/// A listener with what it serves.
pub struct Server {
    pub listener: TcpListener,
    pub face: Face,
    pub limits: Limits,
    pub telemetry: Arc<HttpTelemetry>,
    pub lines: Arc<LineLimit>,
}

impl Server {
    /// Serves until `stop`, then lets running requests finish. Returns when all have; whoever can not wait drops the future.
    pub async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        let Self { listener, face, limits, telemetry, lines } = self;
        // Connections inherit it. Without it, only the time-out for slow readers is less exact.
        let _ = SockRef::from(&listener).set_tcp_notsent_lowat(MOST_UNSENT);
        let shared = Arc::new(Shared { face, telemetry, lines, body_timeout: limits.request_timeout });
        loop {
            // The slot comes first: a connection that can not be served yet stays in the system's queue.
            let accept = async {
                let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(connection) = open(stream, peer, &shared, limits.clone(), &graceful) {
                        tokio::spawn(async move {
                            connection.await;
                            drop(slot);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

/// The whole life of a connection, or `None` if it has ended already.
fn open(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    limits: Limits,
    graceful: &GracefulShutdown,
) -> Option<impl Future<Output = ()> + use<>> {
    stream.set_nodelay(true).ok()?;
    let local = stream.local_addr().ok()?;
    let activity = Activity::new();
    let service = service_fn({
        let (shared, activity) = (Arc::clone(shared), activity.clone());
        move |request| {
            let (shared, activity) = (Arc::clone(&shared), activity.clone());
            async move {
                activity.serving();
                let (response, rest) = shared.answer(request, local, peer).await;
                match rest {
                    None => activity.answered(),
                    Some(rest) => discard_later(rest, &response, activity),
                }
                Ok::<_, Infallible>(response)
            }
        }
    });
    let watched = Watched { stream: TokioIo::new(stream), activity: activity.clone() };
    let connection = http1::Builder::new()
        .max_buf_size(limits.header_bytes)
        .max_header_size(limits.header_bytes)
        // hyper's timer is not used: see `connection`.
        .header_read_timeout(None)
        .serve_connection(watched, service);
    let connection = graceful.watch(connection);
    let lines = Arc::clone(&shared.lines);
    Some(async move {
        let mut connection = std::pin::pin!(connection);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                outcome = &mut connection => {
                    match outcome {
                        // hyper has answered, and nobody else tells why: a raw `"` in a query, for instance.
                        Err(error) if error.is_parse() && lines.has_room() => {
                            tracing::info!(%error, %peer, "a request is not valid HTTP");
                        }
                        Err(error) => tracing::debug!(%error, %peer, "a connection has ended early"),
                        Ok(()) => {}
                    }
                    break;
                }
                _ = tick.tick() => {
                    if activity.is_overdue(&limits) {
                        tracing::debug!(%peer, "a connection was too slow and is closed");
                        break;
                    }
                }
            }
        }
    })
}

/// Discards the rest of a request beside the answer, so that the connection can be used again. hyper reads on only while
/// somebody holds the body: without it, hyper closes, and the stream discards what comes after the answer.
fn discard_later(mut rest: Incoming, response: &Response<AnswerBody>, activity: Activity) {
    if response.headers().contains_key(header::CONNECTION) {
        return activity.closing();
    }
    activity.discarding();
    tokio::spawn(async move {
        discard(&mut rest).await;
        activity.discarded();
    });
}

/// What all connections of a listener share.
struct Shared {
    face: Face,
    telemetry: Arc<HttpTelemetry>,
    lines: Arc<LineLimit>,
    /// How long a mock waits for the end of a request's body.
    body_timeout: Duration,
}

impl Shared {
    /// Answers a request, whatever happens, and returns what is left of its body.
    async fn answer(
        &self,
        request: Request<Incoming>,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        if let Err(refusal) = head::check(&request) {
            let exchange = self.telemetry.begin(&request, None);
            let mut response = from_bytes(refusal.into_http());
            exchange.finish(response.status(), false);
            announce_close(&mut response);
            return (response, unread(request));
        }
        match self.face.destination(request.uri().path()) {
            Destination::Mocks(mocks) => self.answer_mock(mocks, request, peer.ip()).await,
            // Boxed, so that its size is not moved about for each mock.
            Destination::Management(app) => Box::pin(self.answer_management(app, request, local, peer)).await,
        }
    }

    async fn answer_mock(
        &self,
        mocks: &Mocks,
        request: Request<Incoming>,
        peer: IpAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        let exchange = self.telemetry.begin(&request, None);
        let answer = AssertUnwindSafe(mocks.answer(&request, peer)).catch_unwind().await;
        let (mut response, is_fault) =
            answer.map_or_else(|_| (panicked(), true), |(response, is_fault)| (from_bytes(response), is_fault));
        let mut rest = unread(request);
        // As of a server that reads what is uploaded to it, the answer comes after the request.
        if let Some(body) = &mut rest {
            if tokio::time::timeout(self.body_timeout, discard(body)).await == Ok(true) {
                rest = None;
            } else {
                announce_close(&mut response);
            }
        }
        exchange.finish(response.status(), is_fault);
        (response, rest)
    }

    async fn answer_management(
        &self,
        app: &ManagementApp,
        mut request: Request<Incoming>,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> (Response<AnswerBody>, Option<Incoming>) {
        canonicalize(request.uri_mut());
        let route = routes::Route::of(request.uri().path()).map(routes::Route::template);
        let exchange = self.telemetry.begin(&request, route);
        let (head, body) = request.into_parts();
        let body = Lent::new(body);
        let (is_last, waits_to_send) = (head::is_last(&head), head.headers.contains_key(header::EXPECT));
        let head = (head, LocalAddr(Addr::from(local)), RemoteAddr(Addr::from(peer)), Scheme::HTTP).into();
        let request = poem::Request::from_parts(head, BoxBody::new(body.clone()).into());
        let context = exchange.context().cloned().unwrap_or_default();
        let work = app.get_response(request).with_context(context).instrument(exchange.log_span());
        let answer = AssertUnwindSafe(work).catch_unwind().await;
        let mut response = answer.map_or_else(|_| panicked(), |response| Response::from(response).map(Either::Right));
        let rest = body.take_back();
        // A client that waits for `100 Continue` may send the body or not: nobody knows where its next request begins.
        let is_lost = |rest: &Rest| waits_to_send && !rest.was_read;
        let is_late = response.status() == StatusCode::REQUEST_TIMEOUT;
        if rest.as_ref().is_some_and(|rest| is_last || is_late || is_lost(rest)) {
            announce_close(&mut response);
        }
        exchange.finish(response.status(), response.status().is_server_error());
        (response, rest.map(|rest| rest.body))
    }
}

/// The body of a request that nobody has read, if it has one.
fn unread(request: Request<Incoming>) -> Option<Incoming> {
    Some(request.into_body()).filter(|body| !body.is_end_stream())
}

fn announce_close(response: &mut Response<AnswerBody>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// What a client gets of a panic. The log has the rest.
fn panicked() -> Response<AnswerBody> {
    from_bytes(ApiError::internal().into_http())
}

fn from_bytes(response: Response<Bytes>) -> Response<AnswerBody> {
    response.map(|body| Either::Left(Full::new(body)))
}

/// Who answers a request.
enum Destination<'a> {
    Mocks(&'a Mocks),
    Management(&'a ManagementApp),
}

impl Face {
    fn destination(&self, path: &str) -> Destination<'_> {
        match self {
            Self::Mocks(mocks) => Destination::Mocks(mocks),
            Self::Management(app) => Destination::Management(app),
            Self::Both { mocks, management } => {
                // A path with a bad escape has no canonical form, but where it belongs can still be seen.
                if routes::is_reserved(&domain::canonical(path).unwrap_or(Cow::Borrowed(path))) {
                    Destination::Management(management)
                } else {
                    Destination::Mocks(mocks)
                }
            }
        }
    }
}

/// Rewrites the path to its canonical form, so that `/%65ndpoints` is routed as what it is.
fn canonicalize(uri: &mut Uri) {
    let Some(Cow::Owned(path)) = domain::canonical(uri.path()) else { return };
    let target = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    // A target may name its host as well, which stays.
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = target.parse().ok();
    if let Ok(rewritten) = Uri::from_parts(parts) {
        *uri = rewritten;
    }
}
