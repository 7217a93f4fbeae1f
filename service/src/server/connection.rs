//! One connection, and the time-outs for its client.
//!
//! hyper has one timer from the end of an answer to the end of the next request's head. Echo needs two: a client may be
//! idle for long between requests, but may not send a head slowly. An atomic holds the phase of a connection, and a
//! coarse tick checks it, so that a request costs no timer.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{ConnectionLimits, broken::Broken};

/// Interval of the checks, and so the maximum delay of a time-out.
pub const TICK_INTERVAL: Duration = Duration::from_millis(500);
/// Interval of the checks whether earlier answers have left before a broken one.
const UNSENT_INTERVAL: Duration = Duration::from_millis(10);
/// A client that reads an answer more slowly than this, beyond the idle time-out, holds memory for too long.
const MIN_BYTES_PER_SECOND: u64 = 4 * 1024;
/// Bytes of an answer that the system buffers beyond the client's window. With a larger buffer, a slow reader would
/// seem idle: Linux reports room again only when a third of its buffer is free.
pub const MAX_UNSENT_BYTES: u32 = 16 * 1024;

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    Head,
    Serving,
    /// The client reads an answer, and the system has not accepted the whole answer yet.
    Answering,
    /// The answer is sent. The server discards the rest of the request's body.
    Discarding,
    /// The last answer is sent. The server discards what the client still sends.
    Closing,
}

const PHASE_BITS: u32 = 3;

/// The phase of a connection (low bits) and its start (milliseconds since the connection opened).
#[derive(Debug, Clone)]
pub struct Activity(Arc<State>);

#[derive(Debug)]
struct State {
    opened: Instant,
    phase: AtomicU64,
    /// Start of the last answer, in milliseconds since the connection opened, and the number of its sent bytes.
    answered: AtomicU64,
    sent: AtomicU64,
    /// Whether the system currently accepts no more of the answer.
    is_blocked: AtomicBool,
    /// Whether bytes arrived while the client read an answer: the next head has begun.
    is_ahead: AtomicBool,
    /// Number of requests so far, including the current one.
    requests: AtomicU64,
    /// How the last answer breaks.
    broken: OnceLock<Broken>,
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
            broken: OnceLock::new(),
        }));
        // The first head has to arrive in time: a load balancer opens a connection for immediate use.
        activity.enter(Phase::Head);
        activity
    }

    /// A request's head has arrived.
    pub fn serving(&self) {
        self.0.requests.fetch_add(1, Relaxed);
        self.enter(Phase::Serving);
    }

    /// The answer is on the way.
    pub fn answered(&self) {
        self.answer_in(Phase::Answering);
    }

    /// The answer is on the way, and the server discards the rest of the request. Returns the number of the request.
    pub fn discarding(&self) -> u64 {
        self.answer_in(Phase::Discarding);
        self.0.requests.load(Relaxed)
    }

    /// The answer announces the end of the connection, before the whole request has arrived.
    pub fn closing(&self) {
        self.enter(Phase::Closing);
    }

    /// The stream breaks the answer on the way, after it has sent all earlier answers.
    pub async fn break_off(&self, broken: Broken) {
        // In this phase, a client that does not read is too slow.
        self.answered();
        while self.0.is_blocked.load(Relaxed) {
            tokio::time::sleep(UNSENT_INTERVAL).await;
        }
        self.closing();
        self.0.broken.get_or_init(|| broken);
    }

    /// The server has discarded the rest of a request, to its end or not. The next request may have begun.
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

    /// Bytes have arrived. On an idle connection, a head begins.
    pub fn received(&self) {
        match self.phase() {
            Phase::Idle => _ = self.enter(Phase::Head),
            Phase::Answering => self.0.is_ahead.store(true, Relaxed),
            Phase::Head | Phase::Serving | Phase::Discarding | Phase::Closing => {}
        }
    }

    /// The client has read a part of an answer: perhaps slow, but not idle.
    pub fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Relaxed);
        self.0.is_blocked.store(false, Relaxed);
        match self.phase() {
            Phase::Answering => _ = self.enter(Phase::Answering),
            // hyper answers an invalid head without a request, and closes.
            Phase::Head => self.closing(),
            Phase::Idle | Phase::Serving | Phase::Discarding | Phase::Closing => {}
        }
    }

    /// The system has accepted everything. The phase keeps the time of the last part.
    pub fn flushed(&self) {
        let answering = self.0.phase.load(Relaxed);
        if Phase::of(answering) == Phase::Answering {
            let next = if self.0.is_ahead.load(Relaxed) { Phase::Head } else { Phase::Idle };
            self.0.phase.store(answering >> PHASE_BITS << PHASE_BITS | next as u64, Relaxed);
        }
    }

    /// The system accepts no more of an answer for now.
    pub fn blocked(&self) {
        self.0.is_blocked.store(true, Relaxed);
    }

    /// How the answer on the way breaks.
    pub fn broken(&self) -> Option<Broken> {
        self.0.broken.get().copied()
    }

    /// Whether the stream reads on after its last answer, until the client has closed, too.
    pub fn reads_on(&self) -> bool {
        matches!(self.phase(), Phase::Discarding | Phase::Closing)
    }

    fn phase(&self) -> Phase {
        Phase::of(self.0.phase.load(Relaxed))
    }

    fn now(&self, phase: Phase) -> u64 {
        (self.0.opened.elapsed().as_millis() as u64) << PHASE_BITS | phase as u64
    }

    /// Returns the start of the phase.
    fn enter(&self, phase: Phase) -> u64 {
        let now = self.now(phase);
        self.0.phase.store(now, Relaxed);
        now >> PHASE_BITS
    }

    /// Whether the client has exceeded a time-out.
    pub fn is_overdue(&self, limits: &ConnectionLimits) -> bool {
        let state = self.0.phase.load(Relaxed);
        // Rounded up: no client gets less time than the setting promises.
        let since = |millis| self.0.opened.elapsed().saturating_sub(Duration::from_millis(millis + 1));
        let taken = since(state >> PHASE_BITS);
        match Phase::of(state) {
            Phase::Idle => taken > limits.idle_timeout,
            Phase::Answering => {
                let sent = self.0.sent.load(Relaxed);
                let enough = limits.idle_timeout + Duration::from_secs(sent / MIN_BYTES_PER_SECOND);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_progress_is_not_enough_where_it_is_too_slow() {
        let limits = |idle_timeout| ConnectionLimits {
            connections: 1,
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
        // The last byte was accepted just now, but the answer as a whole has taken longer than one byte may take.
        assert!(activity.is_overdue(&limits(Duration::from_millis(10))));
        assert!(!activity.is_overdue(&limits(Duration::from_hours(1))));
    }
}
