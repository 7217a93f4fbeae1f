//! A store with metrics and spans for its operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Instant,
};

use async_trait::async_trait;
use opentelemetry::{
    Context, KeyValue,
    metrics::{Histogram, Meter},
    trace::{FutureExt, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use super::{
    AdoptError, Changes, Counter, Deliver, Digest, Filter, Page, Raise, RaiseError, Store, StoreError, Stored,
    TurnError, Untouched, Version, Write, WriteError, Written,
};
use crate::{
    domain::{EndpointId, Route},
    telemetry::Description,
};

const OPERATION: &str = "echo.store.operation";

const DURATION: Description = Description {
    name: "echo.store.operation.duration",
    kind: "histogram",
    unit: "s",
    attributes: &[OPERATION, ERROR_TYPE],
    meaning: "Time of the store's operations: `write`, `get`, `list`, `head`, `changes_since`, `load`, `turn`, `raise`, `adopt`. \
              Failed ones have `error.type` `store`.",
};

/// The instruments of this part.
pub const DESCRIPTIONS: [Description; 1] = [DURATION];

/// Reads take microseconds; a durable write takes as long as the disk.
const SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// See the module documentation.
pub struct ObservedStore<S> {
    store: S,
    duration: Histogram<f64>,
    tracer: Option<SdkTracer>,
}

impl<S: Store> ObservedStore<S> {
    pub fn new(store: S, meter: &Meter, tracer: Option<SdkTracer>) -> Self {
        Self { store, duration: DURATION.histogram(meter, &SECONDS), tracer }
    }

    async fn observe<T, E>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, E>> + Send,
        is_failure: impl FnOnce(&E) -> bool,
    ) -> Result<T, E> {
        let started = Instant::now();
        let parent = Context::current();
        // Outside a request, nobody looks for the span.
        let tracer = self.tracer.as_ref().filter(|_| parent.span().span_context().is_valid());
        let (outcome, context) = match tracer {
            Some(tracer) => {
                let span = SpanBuilder::from_name(format!("store {operation}")).with_kind(SpanKind::Client);
                let context = parent.with_span(tracer.build_with_context(span, &parent));
                (work.with_context(context.clone()).await, Some(context))
            }
            None => (work.await, None),
        };
        let failed = outcome.as_ref().err().is_some_and(is_failure);
        if let Some(context) = context {
            if failed {
                context.span().set_status(Status::error("store"));
            }
            context.span().end();
        }
        let attributes = [KeyValue::new(OPERATION, operation), KeyValue::new(ERROR_TYPE, "store")];
        self.duration.record(started.elapsed().as_secs_f64(), if failed { &attributes } else { &attributes[..1] });
        outcome
    }
}

fn always(_: &StoreError) -> bool {
    true
}

#[async_trait]
impl<S: Store> Store for ObservedStore<S> {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        let write = self.store.write_if(untouched, writes);
        // A refused write is no failure of the store.
        self.observe("write", write, |error| matches!(error, WriteError::Store(_))).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.observe("get", self.store.get(id), always).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.observe("list", self.store.list(after, limit), always).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.observe("list", self.store.list_these(filter, ids), always).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.observe("head", self.store.head(), always).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.observe("changes_since", self.store.changes_since(version), always).await
    }

    async fn holders(&self, routes: &BTreeSet<Route>) -> Result<BTreeMap<Route, EndpointId>, StoreError> {
        self.observe("get", self.store.holders(routes), always).await
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        let is_failure = |error: &TurnError| matches!(error, TurnError::Store(_));
        self.observe("turn", self.store.take_turn(counter), is_failure).await
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        let is_failure = |error: &TurnError| matches!(error, TurnError::Store(_));
        self.observe("get", self.store.turns_taken(counter), is_failure).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        self.observe("load", self.store.load(deliver), always).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        let is_failure = |error: &RaiseError| matches!(error, RaiseError::Store(_));
        self.observe("raise", self.store.raise(to, dry_run), is_failure).await
    }

    fn has_digest(&self) -> Result<bool, AdoptError> {
        self.store.has_digest()
    }

    async fn adopt(&self, version: Version, digest: Digest) -> Result<bool, AdoptError> {
        let is_failure = |error: &AdoptError| matches!(error, AdoptError::Write(WriteError::Store(_)));
        self.observe("adopt", self.store.adopt(version, digest), is_failure).await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn limits(&self, name: &str) -> Vec<u64> {
        self.store.limits(name)
    }

    async fn may_load(&self) -> bool {
        self.store.may_load().await
    }

    fn has_loaded(&self) {
        self.store.has_loaded();
    }

    async fn leave(&self) {
        self.store.leave().await;
    }
}
