//! Spans to a collector by OTLP, with the attributes encoded from what they borrow.
//!
//! The library makes a tree of owned strings of each span before it is protobuf, which was more work than all the rest of
//! tracing, on cores that have requests to serve. So the body is put together here; the request that carries it (where to,
//! with which headers, how often again) is still the library's.

use std::{fmt::Debug, io::Write, mem, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response, header::CONTENT_ENCODING};
use opentelemetry::{KeyValue, Value};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT, WithHttpConfig};
use opentelemetry_proto::{
    tonic::{
        resource::v1 as proto,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
    transform::common::tonic::{Attributes, ResourceAttributesWithSchema},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use parking_lot::Mutex;
use prost::{Message, encode_length_delimiter, length_delimiter_len};

/// About what the span of a mock takes.
const USUAL_BYTES: usize = 256;

/// See the module.
#[derive(Debug)]
pub struct LeanSpanExporter {
    /// Sends an empty batch, whose body the client replaces.
    requests: opentelemetry_otlp::SpanExporter,
    body: Arc<Mutex<Bytes>>,
    resource: ResourceAttributesWithSchema,
}

impl LeanSpanExporter {
    /// The library reads the other `OTEL_EXPORTER_OTLP_*` variables.
    pub fn new(timeout: Option<Duration>) -> Result<Self, ExporterBuildError> {
        let body = Arc::<Mutex<Bytes>>::default();
        let client = BodyReplacingClient {
            client: client(timeout.unwrap_or(OTEL_EXPORTER_OTLP_TIMEOUT_DEFAULT)),
            body: Arc::clone(&body),
        };
        let requests = opentelemetry_otlp::SpanExporter::builder().with_http().with_http_client(client).build()?;
        Ok(Self { requests, body, resource: ResourceAttributesWithSchema::default() })
    }
}

impl SpanExporter for LeanSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        *self.body.lock() = encode(batch, &self.resource).into();
        let outcome = self.requests.export(Vec::new()).await;
        mem::take(&mut *self.body.lock());
        outcome
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Sends the body at hand instead of the one that it is given.
#[derive(Debug)]
struct BodyReplacingClient<C> {
    client: C,
    body: Arc<Mutex<Bytes>>,
}

#[async_trait]
impl<C: HttpClient> HttpClient for BodyReplacingClient<C> {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, _) = request.into_parts();
        let mut body = self.body.lock().clone();
        // Of the ways to compress, the library is built with this one.
        if head.headers.contains_key(CONTENT_ENCODING) {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&body)?;
            body = encoder.finish()?.into();
        }
        self.client.send_bytes(Request::from_parts(head, body)).await
    }
}

/// The client that the library would make.
fn client(timeout: Duration) -> reqwest::blocking::Client {
    let build = move || reqwest::blocking::Client::builder().timeout(timeout).build();
    // On a thread of its own: a blocking client can not be made where a runtime is.
    let client = thread::spawn(build).join().expect("to make a client does not panic");
    client.expect("only TLS could be missing, and this client has none")
}

/// An `ExportTraceServiceRequest` of these spans.
///
/// Messages are put together by their encoding (<https://protobuf.dev/programming-guides/encoding/>): a field may be
/// appended to a message that is encoded already. The numbers are those of `opentelemetry/proto/trace/v1/trace.proto`.
fn encode(spans: Vec<SpanData>, resource: &ResourceAttributesWithSchema) -> Vec<u8> {
    // The service has one tracer, so all are of one scope.
    let scope = spans.first().map(|span| (span.instrumentation_scope.clone(), None).into());
    let mut scope_spans = ScopeSpans { scope, ..ScopeSpans::default() }.encode_to_vec();
    scope_spans.reserve(spans.len() * USUAL_BYTES);
    let mut message = Vec::with_capacity(USUAL_BYTES);
    for mut span in spans {
        let attributes = mem::take(&mut span.attributes);
        message.clear();
        Span::from(span).encode(&mut message).expect("a vector has room");
        for attribute in &attributes {
            put_attribute(attribute, &mut message);
        }
        put_bytes(2, &message, &mut scope_spans);
    }
    let resource = proto::Resource { attributes: resource.attributes.0.clone(), ..Default::default() };
    let mut resource_spans = ResourceSpans { resource: Some(resource), ..Default::default() }.encode_to_vec();
    put_bytes(2, &scope_spans, &mut resource_spans);
    let mut request = Vec::with_capacity(resource_spans.len() + 8);
    put_bytes(1, &resource_spans, &mut request);
    request
}

/// The field `attributes` of a span.
fn put_attribute(attribute: &KeyValue, span: &mut Vec<u8>) {
    const ATTRIBUTES: u8 = 9;
    let Value::String(value) = &attribute.value else {
        for attribute in Attributes::from([attribute.clone()]).0 {
            put_bytes(ATTRIBUTES, &attribute.encode_to_vec(), span);
        }
        return;
    };
    let (key, value) = (attribute.key.as_str().as_bytes(), value.as_str().as_bytes());
    // Field 1 of a `KeyValue` is its key, field 2 an `AnyValue`, whose field 1 is a text.
    let any_value = bytes_len(value.len());
    put_head(ATTRIBUTES, bytes_len(key.len()) + bytes_len(any_value), span);
    put_bytes(1, key, span);
    put_head(2, any_value, span);
    put_bytes(1, value, span);
}

/// A field that is a message, text or bytes. Its number is below 16.
fn put_bytes(field: u8, bytes: &[u8], message: &mut Vec<u8>) {
    put_head(field, bytes.len(), message);
    message.extend_from_slice(bytes);
}

/// What stands before the bytes of such a field.
fn put_head(field: u8, len: usize, message: &mut Vec<u8>) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push(field << 3 | LENGTH_DELIMITED);
    encode_length_delimiter(len, message).expect("a vector has room");
}

/// How long such a field is.
fn bytes_len(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, time::UNIX_EPOCH};

    use opentelemetry::{
        Array, InstrumentationScope,
        trace::{Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
    };
    use opentelemetry_proto::{
        tonic::collector::trace::v1::ExportTraceServiceRequest,
        transform::trace::tonic::group_spans_by_resource_and_scope,
    };
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            "\\PC{0,300}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            prop::collection::vec(any::<i64>(), 0..3).prop_map(|numbers| Value::Array(Array::from(numbers))),
        ]
    }

    fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
        prop::collection::vec(("\\PC{0,200}", value()).prop_map(|(key, value)| KeyValue::new(key, value)), 0..8)
    }

    prop_compose! {
        fn context()(trace: u128, span: u64, flags: u8, remote: bool, state in prop::option::of("[a-z]{1,9}")) -> SpanContext {
            let state = TraceState::from_key_value(state.map(|value| ("vendor", value))).unwrap();
            SpanContext::new(TraceId::from(trace), SpanId::from(span), TraceFlags::new(flags), remote, state)
        }
    }

    prop_compose! {
        fn span()(
            (span_context, link) in (context(), context()),
            (parent, parent_span_is_remote, dropped) in any::<(u64, bool, u32)>(),
            name in "\\PC{0,40}",
            kind in 0..5,
            (started, taken) in any::<(u32, u32)>(),
            attributes in attributes(),
            events in prop::collection::vec(attributes(), 0..2),
            status in prop_oneof![Just(Status::Unset), Just(Status::Ok), "\\PC{0,9}".prop_map(Status::error)],
        ) -> SpanData {
            let start_time = UNIX_EPOCH + Duration::from_micros(started.into());
            let mut span_events = SpanEvents::default();
            span_events.events = events.into_iter().map(|a| Event::new("event", start_time, a, dropped)).collect();
            let mut links = SpanLinks::default();
            links.links = span_events.iter().map(|_| Link::new(link.clone(), attributes.clone(), dropped)).collect();
            SpanData {
                span_context,
                parent_span_id: SpanId::from(parent),
                parent_span_is_remote,
                span_kind: [SpanKind::Client, SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Internal]
                    [kind as usize]
                    .clone(),
                name: Cow::Owned(name),
                start_time,
                end_time: start_time + Duration::from_micros(taken.into()),
                attributes,
                dropped_attributes_count: dropped,
                events: span_events,
                links,
                status,
                instrumentation_scope: InstrumentationScope::builder("scope").with_version("1").build(),
            }
        }
    }

    proptest! {
        /// Whatever is in a span, a collector gets what the library would have sent.
        #[test]
        fn it_is_what_the_library_sends(spans in prop::collection::vec(span(), 1..5), of_process in attributes()) {
            let resource = (&Resource::builder_empty().with_attributes(of_process).build()).into();
            let sent = ExportTraceServiceRequest::decode(&*encode(spans.clone(), &resource)).unwrap();
            prop_assert_eq!(sent.resource_spans, group_spans_by_resource_and_scope(spans, &resource));
        }
    }
}
