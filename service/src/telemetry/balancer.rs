//! The trace that AWS's load balancer begins.
//!
//! The load balancer gives each request an id in `X-Amzn-Trace-Id` and writes it to its access log, but sends no span.
//! So the span of the request takes that id and is the first of its trace: an invented parent would be missing for
//! ever, and would decide the sampling.

use std::cell::Cell;

use http::HeaderMap;
use opentelemetry::{
    Context, SpanId, TraceId,
    trace::{SpanBuilder, Tracer},
};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer, Span};

const HEADER: &str = "x-amzn-trace-id";

thread_local! {
    /// The trace id for the span that this thread is creating.
    static GIVEN: Cell<Option<TraceId>> = const { Cell::new(None) };
}

/// Part of the context of a request without a parent.
struct Given(TraceId);

/// Generates ids, except for a trace with a given id.
#[derive(Debug, Default)]
pub struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        GIVEN.take().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

/// The context of a request that continues no other trace.
pub fn context(headers: &HeaderMap) -> Context {
    let given = headers.get(HEADER).and_then(|value| root(value.to_str().ok()?));
    given.map_or_else(Context::new, |id| Context::new().with_value(Given(id)))
}

/// `Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678` → the id of `Root`.
fn root(header: &str) -> Option<TraceId> {
    let root = header.split(';').find_map(|field| field.trim().strip_prefix("Root=1-"))?;
    let (time, unique) = root.split_once('-')?;
    let is_hexadecimal = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = time.len() == 8 && unique.len() == 24 && is_hexadecimal(time) && is_hexadecimal(unique);
    let id = fits.then(|| TraceId::from_hex(&format!("{time}{unique}")).ok())??;
    (id != TraceId::INVALID).then_some(id)
}

/// Starts a span in the context of a request.
pub fn begin(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context) -> Span {
    GIVEN.set(parent.get::<Given>().map(|given| given.0));
    let span = tracer.build_with_context(builder, parent);
    GIVEN.set(None);
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_read_wherever_it_stands_and_nothing_else() {
        let id = TraceId::from_hex("67891233abcdef012345678912345678").ok();
        for header in [
            "Root=1-67891233-abcdef012345678912345678",
            "Self=1-67891234-12456789abcdef012345678;Root=1-67891233-abcdef012345678912345678;CalledFrom=app",
            "Self=1-67891234-12456789abcdef012345678; Root=1-67891233-ABCDEF012345678912345678",
        ] {
            assert_eq!(root(header), id, "{header}");
        }
        for header in [
            "",
            "Root",
            "Self=1-67891233-abcdef012345678912345678",
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-6789123-abcdef0123456789123456789",
            "Root=1-67891233-abcdef01234567891234567é",
            "Root=1-+7891233-abcdef012345678912345678",
            "Root=1-00000000-000000000000000000000000",
        ] {
            assert_eq!(root(header), None, "{header}");
        }
    }
}
