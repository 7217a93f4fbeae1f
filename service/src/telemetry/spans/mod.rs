//! Spans on their way to the collector: encoded by the thread that has ended them, sent in batches by one of its own.
//!
//! The SDK's own processor hands each span to its thread as it is. That moves it about, and has one thread free what others
//! have allocated, which cost more than to encode it. The limits, and what they mean, are the SDK's.

mod encoding;
mod transport;

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, OnceLock},
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
use crate::config::SpanLimits;

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
    envelope: OnceLock<Envelope>,
    state: Mutex<State>,
    /// There is something to do for the thread, or it has done what it was asked for.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What the next spans are added to.
    open: Batch,
    full: VecDeque<Batch>,
    /// How many spans there are, with those that are being sent.
    waiting: usize,
    dropped: usize,
    /// Somebody waits until all is sent.
    is_flushing: bool,
    has_ended: bool,
}

#[derive(Debug, Default)]
struct Batch {
    spans: usize,
    bytes: Vec<u8>,
}

impl SpanQueue {
    /// Starts the thread that sends.
    pub fn start(limits: SpanLimits) -> Result<Self, ExporterBuildError> {
        let transport = Transport::new(limits.timeout)?;
        let shared =
            Arc::new(Shared { limits, envelope: OnceLock::new(), state: Mutex::default(), changed: Condvar::new() });
        let sender = Arc::clone(&shared);
        thread::Builder::new()
            .name("spans".into())
            .spawn(move || sender.send_batches(&transport))
            .map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
        Ok(Self { shared })
    }

    fn drain(&self, timeout: Duration, ends: bool) -> OTelSdkResult {
        let until = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        state.is_flushing = true;
        state.has_ended |= ends;
        self.shared.changed.notify_all();
        let is_missing = |state: &mut State| state.waiting > 0;
        let waited = self.shared.changed.wait_while_until(&mut state, is_missing, until);
        state.is_flushing = false;
        if ends && state.dropped > 0 {
            tracing::warn!(spans = state.dropped, "spans were dropped");
        }
        if waited.timed_out() { Err(OTelSdkError::Timeout(timeout)) } else { Ok(()) }
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
        self.drain(FLUSH, false)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.drain(timeout, true)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.shared.envelope.get_or_init(|| Envelope::new(resource, SCOPE));
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
            if state.dropped == 1 {
                tracing::warn!("spans are dropped: the collector does not take them as fast as they come");
            }
            return;
        }
        state.waiting += 1;
        state.open.spans += 1;
        state.open.bytes.extend_from_slice(span);
        if state.open.spans >= self.limits.most_in_one {
            let room = state.open.bytes.len();
            let next = Batch { spans: 0, bytes: Vec::with_capacity(room) };
            let full = mem::replace(&mut state.open, next);
            state.full.push_back(full);
            self.changed.notify_all();
        }
    }

    /// Until the end.
    fn send_batches(&self, transport: &Transport) {
        let mut was_failing = false;
        while let Some(batch) = self.next_batch() {
            let envelope =
                self.envelope.get().expect("a provider tells its processors what it is of, before there are spans");
            let outcome = transport.send(envelope.request(&batch.bytes));
            match &outcome {
                Err(error) if !was_failing => tracing::warn!(%error, "traces can not be delivered"),
                Ok(()) if was_failing => tracing::info!("traces are delivered again"),
                _ => {}
            }
            was_failing = outcome.is_err();
            self.state.lock().waiting -= batch.spans;
            self.changed.notify_all();
        }
    }

    /// What is to be sent next: a full batch at once, another one when it has waited for long enough.
    fn next_batch(&self) -> Option<Batch> {
        let mut until = Instant::now() + self.limits.delay;
        let mut state = self.state.lock();
        loop {
            if let Some(full) = state.full.pop_front() {
                return Some(full);
            }
            let is_late = Instant::now() >= until;
            if state.open.spans > 0 && (is_late || state.is_flushing) {
                return Some(mem::take(&mut state.open));
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
}
