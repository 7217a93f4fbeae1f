//! One connection, and the watch over how long its client takes.
//!
//! hyper has one timer from the end of an answer to the end of the next request's head. Echo needs two: a client may be
//! idle for long between requests, but may not send a head slowly. The phases of a connection are noted in one atomic,
//! and a coarse tick looks at it, so that a request costs no timer.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use crate::config::Limits;

/// How often connections are looked at, and so how late a time-out may be.
pub const TICK: Duration = Duration::from_millis(500);
/// A client that takes an answer more slowly than this, beyond the idle time-out, holds memory for too long.
const LEAST_BYTES_PER_SECOND: u64 = 4 * 1024;
/// How much the system buffers of an answer beyond what the client has room for. With more, a client that reads slowly
/// seems to do nothing: Linux reports room again only when a third of its buffer is free.
pub const MOST_UNSENT: u32 = 16 * 1024;

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    Head,
    Serving,
    /// The client takes an answer, which the system has not taken whole yet.
    Answering,
    /// The answer is out, and the rest of the request's body is discarded.
    Discarding,
    /// The last answer is out, and only what the client still sends is discarded.
    Closing,
}

const PHASE_BITS: u32 = 3;

/// The phase of a connection and since when: milliseconds since it was opened, and the phase in the low bits.
#[derive(Debug, Clone)]
pub struct Activity(Arc<State>);

#[derive(Debug)]
struct State {
    opened: Instant,
    phase: AtomicU64,
    /// When the last answer began, in milliseconds since the connection was opened, and how much of it has been sent.
    answered: AtomicU64,
    sent: AtomicU64,
    /// Whether the system takes no more of the answer at the moment.
    is_blocked: AtomicBool,
    /// Whether something came while the client took an answer: the next head has begun.
    is_ahead: AtomicBool,
    /// How many requests have been served, this one included.
    requests: AtomicU64,
}

impl Activity {
    pub fn new() -> Self {
        let activity = Self(Arc::new(State {
            opened: Instant::now(),
            phase: AtomicU64::default(),
            answered: AtomicU64::default(),
            sent: AtomicU64::default(),
            is_blocked: AtomicBool::default(),
            is_ahead: AtomicBool::default(),
            requests: AtomicU64::default(),
        }));
        // The first head has to come at once: a load balancer opens connections to use them.
        activity.enter(Phase::Head);
        activity
    }

    /// A request has arrived whole, up to its body.
    pub fn serving(&self) {
        self.0.requests.fetch_add(1, Relaxed);
        self.enter(Phase::Serving);
    }

    /// Its answer is on the way.
    pub fn answered(&self) {
        self.answer_in(Phase::Answering);
    }

    /// The answer is on the way, and what is left of the request is discarded. Returns the number of the request.
    pub fn discarding(&self) -> u64 {
        self.answer_in(Phase::Discarding);
        self.0.requests.load(Relaxed)
    }

    /// The answer says that the connection closes, before the request has arrived whole.
    pub fn closing(&self) {
        self.enter(Phase::Closing);
    }

    /// What was left of a request has been discarded, up to its end or not. The next request may have begun already.
    pub fn discarded(&self, request: u64, is_whole: bool) {
        let phase = self.0.phase.load(Relaxed);
        if Phase::of(phase) == Phase::Discarding && self.0.requests.load(Relaxed) == request {
            let next = self.now(if is_whole { Phase::Answering } else { Phase::Closing });
            let _ = self.0.phase.compare_exchange(phase, next, Relaxed, Relaxed);
        }
    }

    fn answer_in(&self, phase: Phase) {
        self.0.is_ahead.store(false, Relaxed);
        self.0.answered.store(self.enter(phase), Relaxed);
        self.0.sent.store(0, Relaxed);
    }

    /// Bytes have arrived: if nothing was going on, a head begins.
    fn received(&self) {
        match self.phase() {
            Phase::Idle => _ = self.enter(Phase::Head),
            Phase::Answering => self.0.is_ahead.store(true, Relaxed),
            Phase::Head | Phase::Serving | Phase::Discarding | Phase::Closing => {}
        }
    }

    /// The client has taken a part of an answer: it is slow perhaps, but not idle.
    fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Relaxed);
        self.0.is_blocked.store(false, Relaxed);
        match self.phase() {
            Phase::Answering => _ = self.enter(Phase::Answering),
            // Without a request there is nothing to answer: hyper refuses the head, and closes.
            Phase::Head => self.closing(),
            Phase::Idle | Phase::Serving | Phase::Discarding | Phase::Closing => {}
        }
    }

    /// All that there was to send has been taken, just when the last part was.
    fn flushed(&self) {
        let answering = self.0.phase.load(Relaxed);
        if Phase::of(answering) == Phase::Answering {
            let next = if self.0.is_ahead.load(Relaxed) { Phase::Head } else { Phase::Idle };
            self.0.phase.store(answering >> PHASE_BITS << PHASE_BITS | next as u64, Relaxed);
        }
    }

    fn phase(&self) -> Phase {
        Phase::of(self.0.phase.load(Relaxed))
    }

    fn now(&self, phase: Phase) -> u64 {
        (self.0.opened.elapsed().as_millis() as u64) << PHASE_BITS | phase as u64
    }

    /// Returns when that was.
    fn enter(&self, phase: Phase) -> u64 {
        let now = self.now(phase);
        self.0.phase.store(now, Relaxed);
        now >> PHASE_BITS
    }

    /// Whether the client has taken longer than it may.
    pub fn is_overdue(&self, limits: &Limits) -> bool {
        let state = self.0.phase.load(Relaxed);
        // Rounded up, so that nobody is given less than was promised.
        let since = |millis| self.0.opened.elapsed().saturating_sub(Duration::from_millis(millis + 1));
        let taken = since(state >> PHASE_BITS);
        match Phase::of(state) {
            Phase::Idle => taken > limits.idle_timeout,
            Phase::Answering => {
                let sent = self.0.sent.load(Relaxed);
                let enough = limits.idle_timeout + Duration::from_secs(sent / LEAST_BYTES_PER_SECOND);
                let is_too_slow = self.0.is_blocked.load(Relaxed) && since(self.0.answered.load(Relaxed)) > enough;
                taken > limits.idle_timeout || is_too_slow
            }
            Phase::Head => taken > limits.header_timeout,
            Phase::Serving => false,
            Phase::Discarding | Phase::Closing => taken > limits.request_timeout,
        }
    }
}

impl Phase {
    const fn of(state: u64) -> Self {
        match state & ((1 << PHASE_BITS) - 1) {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Serving,
            3 => Self::Answering,
            4 => Self::Discarding,
            _ => Self::Closing,
        }
    }
}

/// A stream that notes when bytes arrive and leave, and closes gently.
pub struct Watched<S> {
    pub stream: S,
    pub activity: Activity,
}

impl<S> Watched<S> {
    fn note(&self, outcome: &Poll<io::Result<usize>>) {
        match outcome {
            Poll::Ready(Ok(bytes)) => self.activity.sent(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.0.is_blocked.store(true, Relaxed),
        }
    }
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

impl<S: Read + Write + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(&outcome);
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        if outcome.is_ready() {
            self.activity.flushed();
        }
        outcome
    }

    /// Tells the client that no more comes, and reads what it still sends until it has closed, too: unread bytes would
    /// make the system reset the connection, and with it take the answer back (RFC 9112 section 9.6).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // Polled at each tick, so that the end of a discarded body is noticed.
        while matches!(self.activity.phase(), Phase::Discarding | Phase::Closing) {
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut discarded = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, discarded.unfilled()))?;
            if discarded.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
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
        self.note(&outcome);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_progress_is_not_enough_where_it_is_too_slow() {
        let limits = |idle_timeout| Limits {
            management_rate: None,
            mock_rate: None,
            connections: 1,
            body_bytes: 1,
            header_bytes: 1,
            header_timeout: Duration::ZERO,
            idle_timeout,
            request_timeout: Duration::ZERO,
        };
        let activity = Activity::new();
        activity.answered();
        std::thread::sleep(Duration::from_millis(20));
        activity.sent(1);
        activity.0.is_blocked.store(true, Relaxed);
        // The last byte has just been taken, but since the answer began more time has passed than one byte may take.
        assert!(activity.is_overdue(&limits(Duration::from_millis(10))));
        assert!(!activity.is_overdue(&limits(Duration::from_hours(1))));
    }
}
