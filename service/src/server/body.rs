//! Unread request bodies. The server discards them: if it closed the connection while the client is still sending, the
//! client would lose the answer (RFC 9112 section 9.6). Discarded bytes take no memory, so that only time bounds them.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// Reads and discards the rest of a body. Returns whether the whole body arrived.
pub async fn discard(body: &mut Incoming) -> bool {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// A body lent to a handler. The server takes the unread rest back.
#[derive(Clone)]
pub struct Lent(Arc<Mutex<State>>);

struct State {
    /// `None` after the end, and after the server has taken the body back.
    body: Option<Incoming>,
    was_read: bool,
}

/// The unread rest of a body.
pub struct Rest {
    pub body: Incoming,
    /// Whether the handler began to read. Then a client with `Expect: 100-continue` was told to send the body.
    pub was_read: bool,
}

impl Lent {
    pub fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(State { body: Some(body), was_read: false })))
    }

    /// Ends the loan. `None` if nothing is left to read.
    pub fn take_back(&self) -> Option<Rest> {
        let mut state = self.0.lock();
        let body = state.body.take().filter(|body| !body.is_end_stream())?;
        Some(Rest { body, was_read: state.was_read })
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut state = self.0.lock();
        state.was_read = true;
        let Some(body) = &mut state.body else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            state.body = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
