//! Spans as OTLP sends them.
//!
//! The library makes a tree of owned strings of each span before it is protobuf, which was more work than all the rest of
//! tracing. Here spans are written from what they borrow; what is rare in a span is the library's work.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{
    KeyValue, Value,
    trace::{SpanId, Status},
};
use opentelemetry_proto::{
    tonic::{
        common::v1::{AnyValue, InstrumentationScope},
        resource::v1 as resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, span, status},
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use opentelemetry_sdk::{Resource, trace::SpanData};
use prost::{Message, encode_length_delimiter, length_delimiter_len};

/// What all requests have in common, encoded: the process and the scope.
#[derive(Debug)]
pub struct Envelope {
    resource_spans: Vec<u8>,
    scope_spans: Vec<u8>,
}

impl Envelope {
    pub fn new(process: &Resource, scope: &str) -> Self {
        let process = ResourceAttributesWithSchema::from(process);
        let resource = Some(resource::Resource { attributes: process.attributes.0, ..Default::default() });
        let schema_url = process.schema_url.unwrap_or_default();
        let scope = Some(InstrumentationScope { name: scope.into(), ..Default::default() });
        Self {
            resource_spans: ResourceSpans { resource, schema_url, ..Default::default() }.encode_to_vec(),
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
pub fn put_span(spans: &mut Vec<u8>, span: SpanData) {
    put(spans, field::SPANS, |message| {
        if span.events.is_empty() && span.links.is_empty() {
            put_span_fields(message, &span);
        } else {
            // Rare enough for the library.
            Span::from(span).encode(message).expect(ROOM);
        }
    });
}

fn put_span_fields(message: &mut Vec<u8>, span: &SpanData) {
    let context = &span.span_context;
    put_bytes(message, field::TRACE_ID, &context.trace_id().to_bytes());
    put_bytes(message, field::SPAN_ID, &context.span_id().to_bytes());
    put_bytes(message, field::TRACE_STATE, context.trace_state().header().as_bytes());
    if span.parent_span_id != SpanId::INVALID {
        put_bytes(message, field::PARENT_SPAN_ID, &span.parent_span_id.to_bytes());
    }
    put_bytes(message, field::NAME, span.name.as_bytes());
    put_number(message, field::KIND, span::SpanKind::from(span.span_kind.clone()) as u64);
    put_time(message, field::START_TIME, span.start_time);
    put_time(message, field::END_TIME, span.end_time);
    for attribute in &span.attributes {
        put(message, field::ATTRIBUTES, |message| put_attribute(message, attribute));
    }
    put_number(message, field::DROPPED_ATTRIBUTES_COUNT, span.dropped_attributes_count.into());
    put_number(message, field::DROPPED_EVENTS_COUNT, span.events.dropped_count.into());
    put_number(message, field::DROPPED_LINKS_COUNT, span.links.dropped_count.into());
    put(message, field::STATUS, |message| {
        if let Status::Error { description } = &span.status {
            put_bytes(message, field::STATUS_MESSAGE, description.as_bytes());
        }
        put_number(message, field::STATUS_CODE, status::StatusCode::from(&span.status) as u64);
    });
    let remote = if span.parent_span_is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    let flags = u32::from(context.trace_flags().to_u8()) | SpanFlags::ContextHasIsRemoteMask as u32 | remote;
    put_varint(message, field::FLAGS << 3 | wire::FIXED_32);
    message.extend_from_slice(&flags.to_le_bytes());
}

fn put_attribute(message: &mut Vec<u8>, KeyValue { key, value, .. }: &KeyValue) {
    put_bytes(message, field::KEY, key.as_str().as_bytes());
    put(message, field::VALUE, |message| match value {
        Value::String(text) => put_bytes(message, field::TEXT, text.as_str().as_bytes()),
        value => AnyValue::from(value.clone()).encode(message).expect(ROOM),
    });
}

/// The numbers of fields, from `opentelemetry/proto/trace/v1/trace.proto` and the files that it imports.
mod field {
    pub const RESOURCE_SPANS: u64 = 1;
    pub const SCOPE_SPANS: u64 = 2;
    pub const SPANS: u64 = 2;

    pub const TRACE_ID: u64 = 1;
    pub const SPAN_ID: u64 = 2;
    pub const TRACE_STATE: u64 = 3;
    pub const PARENT_SPAN_ID: u64 = 4;
    pub const NAME: u64 = 5;
    pub const KIND: u64 = 6;
    pub const START_TIME: u64 = 7;
    pub const END_TIME: u64 = 8;
    pub const ATTRIBUTES: u64 = 9;
    pub const DROPPED_ATTRIBUTES_COUNT: u64 = 10;
    pub const DROPPED_EVENTS_COUNT: u64 = 12;
    pub const DROPPED_LINKS_COUNT: u64 = 14;
    pub const STATUS: u64 = 15;
    pub const FLAGS: u64 = 16;

    pub const STATUS_MESSAGE: u64 = 2;
    pub const STATUS_CODE: u64 = 3;

    pub const KEY: u64 = 1;
    pub const VALUE: u64 = 2;
    pub const TEXT: u64 = 1;
}

/// How a field is written: the low bits of its key (<https://protobuf.dev/programming-guides/encoding/>).
mod wire {
    pub const VARINT: u64 = 0;
    pub const FIXED_64: u64 = 1;
    pub const LENGTH_DELIMITED: u64 = 2;
    pub const FIXED_32: u64 = 5;
}

const ROOM: &str = "a vector has room";

/// Appends a field that is a message, which `write` appends.
fn put(message: &mut Vec<u8>, field: u64, write: impl FnOnce(&mut Vec<u8>)) {
    put_varint(message, field << 3 | wire::LENGTH_DELIMITED);
    // The length comes first and is known last. Most fit in one byte.
    let at = message.len();
    message.push(0);
    write(message);
    let len = message.len() - at - 1;
    let more = length_delimiter_len(len) - 1;
    if more > 0 {
        message.resize(at + 1 + more + len, 0);
        message.copy_within(at + 1..at + 1 + len, at + 1 + more);
    }
    encode_length_delimiter(len, &mut &mut message[at..=at + more]).expect(ROOM);
}

/// Appends a field that is a text or bytes. What is not there is empty.
fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | wire::LENGTH_DELIMITED);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Appends a field that is a number or a choice. What is not there is 0.
fn put_number(message: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        put_varint(message, field << 3 | wire::VARINT);
        put_varint(message, number);
    }
}

fn put_time(message: &mut Vec<u8>, field: u64, time: SystemTime) {
    let nanoseconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    put_varint(message, field << 3 | wire::FIXED_64);
    message.extend_from_slice(&nanoseconds.to_le_bytes());
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, time::Duration};

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
            (events, links) in (prop::collection::vec(attributes(), 0..2), 0..2_usize),
            status in prop_oneof![Just(Status::Unset), Just(Status::Ok), "\\PC{0,9}".prop_map(Status::error)],
        ) -> SpanData {
            let start_time = UNIX_EPOCH + Duration::from_micros(started.into());
            let (mut span_events, mut span_links) = (SpanEvents::default(), SpanLinks::default());
            span_events.events = events.into_iter().map(|a| Event::new("event", start_time, a, dropped)).collect();
            span_links.links = vec![Link::new(link, attributes.clone(), dropped); links];
            (span_events.dropped_count, span_links.dropped_count) = (dropped, dropped);
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
                links: span_links,
                status,
                instrumentation_scope: opentelemetry::InstrumentationScope::builder("scope").build(),
            }
        }
    }

    proptest! {
        /// Whatever is in a span, a collector gets what the library would have sent.
        #[test]
        fn it_is_what_the_library_sends(spans in prop::collection::vec(span(), 1..5), of_process in attributes()) {
            let process = Resource::builder_empty().with_schema_url(of_process, "https://schema.test").build();
            let mut encoded = Vec::new();
            for span in spans.clone() {
                put_span(&mut encoded, span);
            }
            let sent = ExportTraceServiceRequest::decode(&*Envelope::new(&process, "scope").request(&encoded)).unwrap();
            prop_assert_eq!(sent.resource_spans, group_spans_by_resource_and_scope(spans, &(&process).into()));
        }
    }
}
