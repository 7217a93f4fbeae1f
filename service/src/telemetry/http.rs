//! One request as traces and metrics see it (OpenTelemetry semantic conventions for HTTP).
//!
//! Our own, because poem's layer puts whole URLs into metric attributes, and a span of the `tracing` crate costs more than
//! serving a mock does.

use std::{borrow::Cow, sync::Arc, time::Instant};

use http::{Method, Request, StatusCode};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};
use opentelemetry_semantic_conventions::attribute::{
    ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, URL_PATH, URL_SCHEME,
};

use super::Instruments;
use crate::{api::error::excerpt, domain::Verb};

const TRACEPARENT: &str = "traceparent";

/// Follows requests.
pub struct HttpTelemetry {
    pub instruments: Arc<Instruments>,
    pub tracer: Option<SdkTracer>,
}

/// One request, from its head to its answer. Dropped before that, it is only not active any longer.
pub struct Exchange<'a> {
    telemetry: &'a HttpTelemetry,
    started: Instant,
    method: &'static str,
    route: Option<&'static str>,
    /// Holds the server's span, if there are traces.
    context: Option<Context>,
}

impl HttpTelemetry {
    /// `route` is a template of management, `None` for a mock.
    pub fn begin<B>(&self, request: &Request<B>, route: Option<&'static str>) -> Exchange<'_> {
        self.instruments.active(1);
        let method = method_name(request.method());
        let context = self.tracer.as_ref().map(|tracer| {
            let headers = request.headers();
            let parent = if headers.contains_key(TRACEPARENT) {
                TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
            } else {
                Context::new()
            };
            let name: Cow<'static, str> = match route {
                Some(route) => format!("{method} {route}").into(),
                None => method.into(),
            };
            let mut attributes = Vec::with_capacity(5);
            attributes.push(KeyValue::new(HTTP_REQUEST_METHOD, method));
            attributes.push(KeyValue::new(URL_PATH, excerpt(request.uri().path()).into_owned()));
            attributes.push(KeyValue::new(URL_SCHEME, "http"));
            attributes.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
            let span = SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes);
            let span = tracer.build_with_context(span, &parent);
            parent.with_span(span)
        });
        Exchange { telemetry: self, started: Instant::now(), method, route, context }
    }
}

impl Exchange<'_> {
    /// The context in which the work for this request is done, so that what it calls becomes part of the trace.
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// A span for the log lines of this request, which carry the ids of the trace.
    pub fn log_span(&self) -> tracing::Span {
        let Some(context) = &self.context else { return tracing::Span::none() };
        let ids = context.span().span_context().clone();
        tracing::info_span!("request", trace_id = %ids.trace_id(), span_id = %ids.span_id())
    }

    /// Notes the answer. A fault is one of Echo's own: a mock may well be told to answer 500.
    pub fn finish(self, status: StatusCode, is_fault: bool) {
        let code = i64::from(status.as_u16());
        if let Some(context) = &self.context {
            let span = context.span();
            span.set_attribute(KeyValue::new(HTTP_RESPONSE_STATUS_CODE, code));
            if is_fault {
                span.set_attribute(KeyValue::new(ERROR_TYPE, status.as_str().to_owned()));
                span.set_status(Status::error(""));
            }
            span.end();
        }
        let base = [
            KeyValue::new(HTTP_REQUEST_METHOD, self.method),
            KeyValue::new(HTTP_RESPONSE_STATUS_CODE, code),
            KeyValue::new(URL_SCHEME, "http"),
        ];
        let taken = self.started.elapsed();
        if self.route.is_none() && !is_fault {
            return self.telemetry.instruments.request(taken, &base);
        }
        let mut attributes = Vec::from(base);
        attributes.extend(self.route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
        attributes.extend(is_fault.then(|| KeyValue::new(ERROR_TYPE, status.as_str().to_owned())));
        self.telemetry.instruments.request(taken, &attributes);
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.telemetry.instruments.active(-1);
    }
}

/// A method as an attribute: those that clients invent are one.
fn method_name(method: &Method) -> &'static str {
    match Verb::of(method) {
        Some(verb) => verb.as_str(),
        None if method == Method::CONNECT => "CONNECT",
        None if method == Method::TRACE => "TRACE",
        None => "_OTHER",
    }
}
