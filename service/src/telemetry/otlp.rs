//! Spans as OTLP sends them, and the way to a collector.
//!
//! The library makes a tree of owned strings of each span before it is protobuf, which was more work than all the rest of
//! tracing. Here attributes, most of a span, are written from what they borrow; the request that carries them (where to,
//! with which headers, how often again) is the library's.

use std::{io::Write, mem, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response, header::CONTENT_ENCODING};
use opentelemetry::{KeyValue, Value};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_proto::{
    tonic::{
        common::v1::{AnyValue, InstrumentationScope},
        resource::v1 as resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter as _},
};
use parking_lot::Mutex;
use prost::{Message, encode_length_delimiter, length_delimiter_len};

/// The way to the collector.
#[derive(Debug)]
pub struct Transport {
    /// Sends an empty batch, whose body the client replaces.
    requests: SpanExporter,
    body: Arc<Mutex<Bytes>>,
}

impl Transport {
    /// The library reads the other `OTEL_EXPORTER_OTLP_*` variables.
    pub fn new(timeout: Duration) -> Result<Self, ExporterBuildError> {
        let body = Arc::<Mutex<Bytes>>::default();
        let client = BodyReplacingClient { client: client(timeout), body: Arc::clone(&body) };
        Ok(Self { requests: SpanExporter::builder().with_http().with_http_client(client).build()?, body })
    }

    /// Blocks, and tries again where the collector asks for it.
    pub fn send(&self, request: Vec<u8>) -> OTelSdkResult {
        *self.body.lock() = request.into();
        let outcome = futures_executor::block_on(self.requests.export(Vec::new()));
        mem::take(&mut *self.body.lock());
        outcome
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

/// What all requests have in common, encoded: the process and the scope.
#[derive(Debug)]
pub struct Envelope {
    resource_spans: Vec<u8>,
    scope_spans: Vec<u8>,
}

impl Envelope {
    pub fn new(process: &Resource, scope: &str) -> Self {
        let attributes = ResourceAttributesWithSchema::from(process).attributes.0;
        let resource = Some(resource::Resource { attributes, ..Default::default() });
        let scope = Some(InstrumentationScope { name: scope.into(), ..Default::default() });
        Self {
            resource_spans: ResourceSpans { resource, ..Default::default() }.encode_to_vec(),
            scope_spans: ScopeSpans { scope, ..Default::default() }.encode_to_vec(),
        }
    }

    /// An `ExportTraceServiceRequest` of spans that [`put_span`] has put one after the other.
    pub fn request(&self, spans: &[u8]) -> Vec<u8> {
        let mut request = Vec::with_capacity(self.resource_spans.len() + self.scope_spans.len() + spans.len() + 16);
        put(&mut request, field::RESOURCE_SPANS, |message| {
            message.extend_from_slice(&self.resource_spans);
            put(message, field::SCOPE_SPANS, |message| {
                message.extend_from_slice(&self.scope_spans);
                message.extend_from_slice(spans);
            });
        });
        request
    }
}

/// Appends a span to others.
pub fn put_span(spans: &mut Vec<u8>, mut span: SpanData) {
    let attributes = mem::take(&mut span.attributes);
    put(spans, field::SPANS, |message| {
        Span::from(span).encode(message).expect(ROOM);
        for attribute in &attributes {
            put(message, field::ATTRIBUTES, |message| put_attribute(message, attribute));
        }
    });
}

fn put_attribute(message: &mut Vec<u8>, KeyValue { key, value, .. }: &KeyValue) {
    put(message, field::KEY, |message| message.extend_from_slice(key.as_str().as_bytes()));
    put(message, field::VALUE, |message| match value {
        Value::String(text) => {
            put(message, field::TEXT, |message| message.extend_from_slice(text.as_str().as_bytes()));
        }
        // The rest is rare enough for copies.
        value => AnyValue::from(value.clone()).encode(message).expect(ROOM),
    });
}

/// The numbers of fields, from `opentelemetry/proto/trace/v1/trace.proto` and the files that it imports.
mod field {
    pub const RESOURCE_SPANS: u8 = 1;
    pub const SCOPE_SPANS: u8 = 2;
    pub const SPANS: u8 = 2;
    pub const ATTRIBUTES: u8 = 9;
    pub const KEY: u8 = 1;
    pub const VALUE: u8 = 2;
    pub const TEXT: u8 = 1;
}

const ROOM: &str = "a vector has room";

/// Appends a field to an encoded message: a message, a text or bytes, as `write` appends it.
///
/// Encoded messages can be put together so (<https://protobuf.dev/programming-guides/encoding/>): the number of the field,
/// the length, then the content.
fn put(message: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push(field << 3 | LENGTH_DELIMITED);
    let start = message.len();
    write(message);
    let len = message.len() - start;
    let room = length_delimiter_len(len);
    message.resize(start + room + len, 0);
    message.copy_within(start..start + len, start + room);
    encode_length_delimiter(len, &mut &mut message[start..start + room]).expect(ROOM);
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, time::UNIX_EPOCH};

    use opentelemetry::{
        Array,
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
                instrumentation_scope: opentelemetry::InstrumentationScope::builder("scope").build(),
            }
        }
    }

    proptest! {
        /// Whatever is in a span, a collector gets what the library would have sent.
        #[test]
        fn it_is_what_the_library_sends(spans in prop::collection::vec(span(), 1..5), of_process in attributes()) {
            let process = Resource::builder_empty().with_attributes(of_process).build();
            let mut encoded = Vec::new();
            for span in spans.clone() {
                put_span(&mut encoded, span);
            }
            let sent = ExportTraceServiceRequest::decode(&*Envelope::new(&process, "scope").request(&encoded)).unwrap();
            prop_assert_eq!(sent.resource_spans, group_spans_by_resource_and_scope(spans, &(&process).into()));
        }
    }
}
