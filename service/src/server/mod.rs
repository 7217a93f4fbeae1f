//! The listeners: accept connections and hand each request to the mocks or to management.
//!
//! The loop is hyper's and not poem's, because calls of mocks need a short path. Management is a poem application
//! called from here.

mod answer;
mod body;
mod broken;
mod connection;
mod exchange;
mod head;
pub mod instruments;
mod stream;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

pub use self::{answer::Face, exchange::HttpTelemetry};
use self::{
    answer::{AnswerBody, Answers},
    body::discard,
    connection::{Activity, MAX_UNSENT_BYTES, TICK_INTERVAL},
    stream::Watched,
};
use crate::web::rate::LineLimit;

/// Pause after the system refused a connection, for instance for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of a listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    pub connections: usize,
    pub header_bytes: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub request_timeout: Duration,
}

/// A listener and its content.
pub struct Server {
    pub listener: TcpListener,
    pub face: Face,
    pub limits: ConnectionLimits,
    pub telemetry: Arc<HttpTelemetry>,
    pub lines: Arc<LineLimit>,
    /// Ends the delays of answers.
    pub hurry: CancellationToken,
}

impl Server {
    /// Serves until `stop`, then lets running requests finish. Returns after the last of them; drop the future to end
    /// earlier.
    pub async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        let Self { listener, face, limits, telemetry, lines, hurry } = self;
        // Connections inherit the option. Without it, only the time-out for slow readers is less exact.
        let _ = SockRef::from(&listener).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
        let answers = Arc::new(Answers { face, telemetry, lines, body_timeout: limits.request_timeout, hurry });
        loop {
            // The slot comes first: a connection that cannot be served yet stays in the system's queue.
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
                    if let Some(connection) = open(stream, peer, &answers, limits.clone(), &graceful) {
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
    answers: &Arc<Answers>,
    limits: ConnectionLimits,
    graceful: &GracefulShutdown,
) -> Option<impl Future<Output = ()> + use<>> {
    stream.set_nodelay(true).ok()?;
    let local = stream.local_addr().ok()?;
    let activity = Activity::new();
    let service = service_fn({
        let (answers, activity) = (Arc::clone(answers), activity.clone());
        move |request| {
            let (answers, activity) = (Arc::clone(&answers), activity.clone());
            async move {
                activity.serving();
                let (response, rest) = answers.answer(request, local, peer).await;
                if let Some(broken) = response.extensions().get().copied() {
                    // Boxed with the answer: the future of a frequent call must stay small.
                    let broken = async move {
                        drop(rest);
                        activity.break_off(broken).await;
                        response
                    };
                    return Ok(Box::pin(broken).await);
                }
                match rest {
                    None => activity.answered(),
                    Some(rest) => discard_later(rest, &response, activity),
                }
                Ok::<_, Infallible>(response)
            }
        }
    });
    let watched = Watched::new(stream, activity.clone());
    let connection = http1::Builder::new()
        .max_buf_size(limits.header_bytes)
        .max_header_size(limits.header_bytes)
        // hyper's timer is not used: see `connection`.
        .header_read_timeout(None)
        .serve_connection(watched, service);
    let connection = graceful.watch(connection);
    let lines = Arc::clone(&answers.lines);
    Some(async move {
        let mut connection = std::pin::pin!(connection);
        let mut tick = tokio::time::interval(TICK_INTERVAL);
        loop {
            tokio::select! {
                biased;
                outcome = &mut connection => {
                    match outcome {
                        // hyper has answered. Only this line tells the reason, for instance a raw `"` in a query.
                        Err(error) if error.is_parse() && lines.has_room() => {
                            tracing::info!(%error, %peer, "a request is not valid HTTP");
                        }
                        Err(error) => tracing::debug!(%error, %peer, "a connection ended early"),
                        Ok(()) => {}
                    }
                    break;
                }
                _ = tick.tick() => {
                    if activity.is_overdue(&limits) {
                        tracing::debug!(%peer, "a connection was closed because it was too slow");
                        break;
                    }
                }
            }
        }
    })
}

/// Discards the rest of a request beside the answer, so that the client can use the connection again. hyper reads on
/// only while the body exists: without it, hyper closes, and the stream discards the rest.
fn discard_later(mut rest: Incoming, response: &Response<AnswerBody>, activity: Activity) {
    if response.headers().contains_key(header::CONNECTION) {
        return activity.closing();
    }
    let request = activity.discarding();
    tokio::spawn(async move {
        let is_whole = discard(&mut rest).await;
        activity.discarded(request, is_whole);
    });
}
