//! Spans on their way to the collector: encoded by the thread that has ended them, sent in batches by one of its own.
//!
//! The SDK's own processor hands each span to its thread as it is. That moves it about, and has one thread free what others
//! have allocated, which cost more than to encode it. The limits, and what they mean, are the SDK's.

mod encoding;
mod transport;

use std::{
    collections::VecDeque,
    mem,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use opentelemetry::Context;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanProcessor},
};
use parking_lot::{Condvar, Mutex};

use self::{
    encoding::{Envelope, put_span},
    transport::Transport,
};
use super::SCOPE;
use crate::config::{Collector, SpanLimits};

/// How long to wait for what is sent out of turn.
const FLUSH: Duration = Duration::from_secs(5);
/// About what the span of a mock takes.
const USUAL_BYTES: usize = 256;

/// See the module.
#[derive(Debug)]
pub struct SpanQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: SpanLimits,
    state: Mutex<State>,
    /// There is something to do for the thread, or it has done something.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What the next spans are added to.
    open: Batch,
    full: VecDeque<Batch>,
    /// How many spans there are in all of them.
    waiting: usize,
    is_sending: bool,
    /// How many there was no room for.
    dropped: usize,
    has_ended: bool,
}

#[derive(Debug, Default)]
struct Batch {
    spans: usize,
    bytes: Vec<u8>,
}

impl SpanQueue {
    /// Starts the thread that sends spans of this process.
    pub fn start(limits: SpanLimits, collector: &Collector, process: &Resource) -> Result<Self, ExporterBuildError> {
        let transport = Transport::new(collector)?;
        let envelope = Envelope::new(process, SCOPE);
        let shared = Arc::new(Shared { limits, state: Mutex::default(), changed: Condvar::new() });
        let sender = Arc::clone(&shared);
        thread::Builder::new()
            .name("spans".into())
            .spawn(move || sender.send_batches(&envelope, &transport))
            .map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
        Ok(Self { shared })
    }
}

impl SpanProcessor for SpanQueue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let mut encoded = Vec::with_capacity(USUAL_BYTES);
        put_span(&mut encoded, span);
        self.shared.put(&encoded);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.shared.drain(FLUSH, false)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.shared.drain(timeout, true)
    }
}

impl Shared {
    fn put(&self, span: &[u8]) {
        let mut state = self.state.lock();
        if state.has_ended {
            return;
        }
        if state.waiting >= self.limits.most_waiting {
            state.dropped += 1;
            let is_first = state.dropped == 1;
            drop(state);
            if is_first {
                tracing::warn!(
                    "spans are dropped, because OTEL_BSP_MAX_QUEUE_SIZE of them wait: see whether the collector answers, raise \
                     the variable, or sample fewer (OTEL_TRACES_SAMPLER)"
                );
            }
            return;
        }
        state.waiting += 1;
        state.open.spans += 1;
        state.open.bytes.extend_from_slice(span);
        if state.open.spans >= self.limits.most_in_one {
            let next = Batch { spans: 0, bytes: Vec::with_capacity(state.open.bytes.len()) };
            let full = mem::replace(&mut state.open, next);
            state.full.push_back(full);
            self.changed.notify_all();
        }
    }

    /// Until the end.
    fn send_batches(&self, envelope: &Envelope, transport: &Transport) {
        while let Some(batch) = self.next_batch() {
            transport.send(envelope.request(&batch.bytes));
            self.state.lock().is_sending = false;
            self.changed.notify_all();
        }
    }

    /// What is to be sent next: a full batch at once, another one when it has waited for long enough. `None` at the end.
    fn next_batch(&self) -> Option<Batch> {
        let mut until = Instant::now() + self.limits.delay;
        let mut state = self.state.lock();
        loop {
            let is_late = Instant::now() >= until;
            let full = state.full.pop_front();
            let next = full.or_else(|| (is_late && state.open.spans > 0).then(|| mem::take(&mut state.open)));
            if let Some(batch) = next {
                state.waiting -= batch.spans;
                state.is_sending = true;
                return Some(batch);
            }
            if state.has_ended {
                return None;
            }
            if is_late {
                until = Instant::now() + self.limits.delay;
            }
            self.changed.wait_until(&mut state, until);
        }
    }

    /// Sends what there is without delay, and waits until that is done.
    fn drain(&self, timeout: Duration, ends: bool) -> OTelSdkResult {
        let until = Instant::now() + timeout;
        let mut state = self.state.lock();
        if state.open.spans > 0 {
            let open = mem::take(&mut state.open);
            state.full.push_back(open);
        }
        state.has_ended |= ends;
        // Before the wait, after which the process may have no time left to say it.
        if ends && state.dropped > 0 {
            tracing::warn!(spans = state.dropped, "spans were dropped, because there was no room for them");
        }
        self.changed.notify_all();
        let is_busy = |state: &mut State| state.waiting > 0 || state.is_sending;
        self.changed.wait_while_until(&mut state, is_busy, until);
        if is_busy(&mut state) { Err(OTelSdkError::Timeout(timeout)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(most_waiting: usize, most_in_one: usize, delay: Duration) -> Shared {
        let limits = SpanLimits { delay, most_waiting, most_in_one };
        Shared { limits, state: Mutex::default(), changed: Condvar::new() }
    }

    #[test]
    fn a_full_batch_goes_at_once_and_another_one_when_it_has_waited() {
        let delay = Duration::from_millis(50);
        let queue = queue(10, 2, delay);
        (0..3).for_each(|_| queue.put(b"span"));
        let batch = queue.next_batch().unwrap();
        assert_eq!((batch.spans, &*batch.bytes), (2, b"spanspan".as_slice()));
        let asked = Instant::now();
        assert_eq!(queue.next_batch().unwrap().spans, 1);
        assert!(asked.elapsed() >= delay);
    }

    #[test]
    fn a_late_batch_is_not_lost_behind_a_full_one() {
        let queue = queue(10, 2, Duration::ZERO);
        (0..3).for_each(|_| queue.put(b"span"));
        assert_eq!([2, 1].map(|_| queue.next_batch().unwrap().spans), [2, 1]);
        assert_eq!(queue.state.lock().waiting, 0);
    }

    #[test]
    fn the_end_sends_everything_at_once_and_takes_nothing_more() {
        let queue = queue(10, 2, Duration::from_hours(1));
        (0..3).for_each(|_| queue.put(b"span"));
        assert!(queue.drain(Duration::ZERO, true).is_err(), "nobody has sent them");
        let sizes: Vec<_> = std::iter::from_fn(|| queue.next_batch()).map(|batch| batch.spans).collect();
        assert_eq!(sizes, [2, 1]);
        queue.put(b"late");
        assert!(queue.next_batch().is_none());
        queue.state.lock().is_sending = false;
        assert!(queue.drain(Duration::ZERO, true).is_ok());
    }

    #[test]
    fn no_more_wait_than_may() {
        let queue = queue(3, 3, Duration::from_hours(1));
        (0..5).for_each(|_| queue.put(b"span"));
        assert_eq!(queue.next_batch().unwrap().spans, 3);
        // One that is being sent does not wait any longer.
        queue.put(b"span");
        let state = queue.state.lock();
        assert_eq!((state.waiting, state.dropped), (1, 2));
    }
}
