//! One request in traces and metrics (OpenTelemetry semantic conventions for HTTP).
//!
//! Echo's own code: poem's layer puts whole URLs into metric attributes, and each span of the
//! `tracing` crate would also pass through the layers of the log.

use std::{
    borrow::Cow,
    time::{Duration, Instant, SystemTime},
};

use http::{Method, StatusCode, request::Parts};
use opentelemetry::{
    Context, KeyValue,
    metrics::Meter,
    propagation::TextMapPropagator,
    trace::{Span, SpanBuilder, SpanKind, Status, TraceContextExt},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};
use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, URL_PATH, URL_SCHEME,
};

use super::instruments::{Instruments, METHODS, request_attributes};
use crate::{
    mocks::Answered,
    telemetry::{balancer, visible},
};

const TRACEPARENT: &str = "traceparent";

/// Observes requests.
pub struct HttpTelemetry {
    instruments: Instruments,
    tracer: Option<SdkTracer>,
    /// The share of the calls of mocks with a span, from 0 to 1.
    mock_ratio: f64,
}

/// One request, from its head to its answer. An exchange dropped earlier only ceases to be active.
pub struct Exchange<'a> {
    telemetry: &'a HttpTelemetry,
    started: Instant,
    /// An index into [`METHODS`].
    method: usize,
    route: Option<&'static str>,
    /// The part of the time that the mock demands.
    pub delay: Duration,
    /// `None` without traces, and for a call of a mock that the ratio leaves out.
    span: Option<ServerSpan<'a>>,
}

/// The span of a request.
enum ServerSpan<'a> {
    /// Open, because the spans of management's work are its children.
    Open(Context),
    /// For a mock, whose span has no children. Created with the answer, which saves locks and copies.
    Later { tracer: &'a SdkTracer, parent: Context, path: Box<str>, started: SystemTime },
}

impl HttpTelemetry {
    pub fn new(meter: &Meter, tracer: Option<SdkTracer>, mock_ratio: f64) -> Self {
        Self { instruments: Instruments::new(meter), tracer, mock_ratio }
    }

    /// `route` is a template of management, `None` for a mock.
    pub fn begin(&self, head: &Parts, route: Option<&'static str>) -> Exchange<'_> {
        let method = method_index(&head.method);
        self.instruments.active(method, 1);
        // Random, and independent of the client's trace: no client chooses whether its calls are traced.
        let is_traced = || route.is_some() || rand::random_bool(self.mock_ratio);
        let span = self.tracer.as_ref().filter(|_| is_traced()).map(|tracer| {
            let headers = &head.headers;
            let parent = if headers.contains_key(TRACEPARENT) {
                TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
            } else {
                balancer::context(headers)
            };
            let path = visible(head.uri.path());
            match route {
                Some(route) => {
                    let name = format!("{} {route}", METHODS[method]).into();
                    let mut attributes = attributes(METHODS[method], path);
                    attributes.push(KeyValue::new(HTTP_ROUTE, route));
                    ServerSpan::Open(parent.with_span(balancer::begin(tracer, builder(name, attributes), &parent)))
                }
                None => ServerSpan::Later { tracer, parent, path: path.into(), started: SystemTime::now() },
            }
        });
        Exchange { telemetry: self, started: Instant::now(), method, route, delay: Duration::ZERO, span }
    }
}

impl Exchange<'_> {
    /// The context for the work on this request, so that the operations of the store become part of the trace.
    pub fn context(&self) -> Option<&Context> {
        match &self.span {
            Some(ServerSpan::Open(context)) => Some(context),
            Some(ServerSpan::Later { .. }) | None => None,
        }
    }

    /// A span for the log lines of this request, with the ids of the trace.
    pub fn log_span(&self) -> tracing::Span {
        let Some(context) = self.context() else { return tracing::Span::none() };
        let ids = context.span().span_context().clone();
        tracing::info_span!("request", trace_id = %ids.trace_id(), span_id = %ids.span_id())
    }

    /// Counts a call of a mock.
    pub fn count(&self, answered: &Answered) {
        self.telemetry.instruments.count(answered);
    }

    /// Records the answer of management.
    pub fn finish_management(self, status: StatusCode) {
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.telemetry.instruments.management_limited();
        }
        self.finish(status, status.is_server_error());
    }

    /// Records the answer. `is_fault` means a fault of Echo.
    pub fn finish(mut self, status: StatusCode, is_fault: bool) {
        // First, so that the time does not include the recording.
        let taken = self.started.elapsed();
        let method = METHODS[self.method];
        let code = KeyValue::new(HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
        let error_type = is_fault.then(|| KeyValue::new(ERROR_TYPE, status.as_str().to_owned()));
        let span_status = if is_fault { Status::error("") } else { Status::Unset };
        match self.span.take() {
            Some(ServerSpan::Open(context)) => {
                let span = context.span();
                span.set_attributes([code.clone()].into_iter().chain(error_type.clone()));
                span.set_status(span_status);
                span.end();
            }
            Some(ServerSpan::Later { tracer, parent, path, started }) => {
                let mut attributes = attributes(method, path.into());
                attributes.push(code.clone());
                attributes.extend(error_type.clone());
                let builder = builder(method.into(), attributes).with_start_time(started);
                let mut span = balancer::begin(tracer, builder, &parent);
                span.set_status(span_status);
                span.end_with_timestamp(started + taken);
            }
            None => {}
        }
        let taken = taken.saturating_sub(self.delay);
        let instruments = &self.telemetry.instruments;
        if self.route.is_none() && !is_fault {
            return instruments.mock_request(taken, self.method, status);
        }
        let mut attributes = request_attributes(method, status);
        attributes.extend(self.route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
        attributes.extend(error_type);
        instruments.request(taken, &attributes);
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.telemetry.instruments.active(self.method, -1);
    }
}

fn builder(name: Cow<'static, str>, attributes: Vec<KeyValue>) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes)
}

/// The attributes known before the answer, with capacity for the rest.
fn attributes(method: &'static str, path: String) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(5);
    attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, method));
    attributes.push(KeyValue::new(URL_PATH, path));
    attributes.push(KeyValue::new(URL_SCHEME, "http"));
    attributes
}

/// The index of a request's method in [`METHODS`].
fn method_index(method: &Method) -> usize {
    METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1)
}
