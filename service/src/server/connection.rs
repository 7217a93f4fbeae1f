//! One connection, and the watch over how long its client takes.
//!
//! hyper has one timer from the end of an answer to the end of the next request's head. Echo needs two: a client may be
//! idle for long between requests, but may not send a head slowly. The phases of a connection are noted in one atomic,
//! and a coarse tick looks at it, so that a request costs no timer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Read, ReadBufCursor, Write};

/// How often connections are looked at, and so how late a time-out may be.
pub const TICK: Duration = Duration::from_millis(500);

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Serving,
}

/// The phase of a connection and since when: milliseconds since it was opened, times 4, and the phase in the low bits.
#[derive(Debug, Clone)]
pub struct Activity {
    opened: Instant,
    state: Arc<AtomicU64>,
}

impl Activity {
    pub fn new() -> Self {
        let activity = Self { opened: Instant::now(), state: Arc::default() };
        // The first head has to come at once: a load balancer opens connections to use them.
        activity.enter(Phase::Head);
        activity
    }

    /// A request has arrived whole, up to its body.
    pub fn serving(&self) {
        self.enter(Phase::Serving);
    }

    /// Its answer is on the way.
    pub fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// Bytes have arrived: if nothing was going on, a head begins.
    fn received(&self) {
        if self.state.load(Ordering::Relaxed) & 3 == Phase::Idle as u64 {
            self.enter(Phase::Head);
        }
    }

    /// The client has taken a part of an answer: it is slow perhaps, but not idle.
    fn sent(&self) {
        if self.state.load(Ordering::Relaxed) & 3 == Phase::Idle as u64 {
            self.enter(Phase::Idle);
        }
    }

    fn enter(&self, phase: Phase) {
        let millis = self.opened.elapsed().as_millis() as u64;
        self.state.store(millis << 2 | phase as u64, Ordering::Relaxed);
    }

    /// Whether the client has taken longer than it may.
    pub fn is_overdue(&self, header_timeout: Duration, idle_timeout: Duration) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        // Rounded up, so that nobody is given less than was promised.
        let since = Duration::from_millis((state >> 2) + 1);
        let taken = self.opened.elapsed().saturating_sub(since);
        match state & 3 {
            phase if phase == Phase::Idle as u64 => taken > idle_timeout,
            phase if phase == Phase::Head as u64 => taken > header_timeout,
            _ => false,
        }
    }
}

/// A stream that notes when bytes arrive and leave.
pub struct Watched<S> {
    pub stream: S,
    pub activity: Activity,
}

impl<S: Read + Unpin> Read for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if outcome.is_ready() {
            self.activity.received();
        }
        outcome
    }
}

impl<S: Write + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if outcome.is_ready() {
            self.activity.sent();
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if outcome.is_ready() {
            self.activity.sent();
        }
        outcome
    }
}
