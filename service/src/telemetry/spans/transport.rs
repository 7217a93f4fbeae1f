//! The way to the collector. Where to, with which headers and how often again, is the library's work.

use std::{io::Write, mem, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response, header::CONTENT_ENCODING};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::SpanExporter as _;
use parking_lot::Mutex;

use crate::{
    config::Collector,
    telemetry::delivery::{Client, Deliveries},
};

/// See the module.
#[derive(Debug)]
pub struct Transport {
    /// Sends an empty batch, whose body the client replaces.
    requests: SpanExporter,
    body: Arc<Mutex<Bytes>>,
    deliveries: Deliveries,
}

impl Transport {
    /// The library reads the other `OTEL_EXPORTER_OTLP_*` variables.
    pub fn new(collector: &Collector) -> Result<Self, ExporterBuildError> {
        let client = Client::new(collector)?;
        let deliveries = Deliveries::new("traces", collector, &client);
        let body = Arc::<Mutex<Bytes>>::default();
        let client = BodyReplacingClient { client, body: Arc::clone(&body) };
        let requests = SpanExporter::builder().with_http().with_endpoint(&collector.url);
        let requests = requests.with_timeout(collector.timeout).with_http_client(client).build()?;
        Ok(Self { requests, body, deliveries })
    }

    /// Blocks, and tries again where the collector asks for it.
    pub fn send(&self, request: Vec<u8>) {
        *self.body.lock() = request.into();
        futures_executor::block_on(self.deliveries.watch(self.requests.export(Vec::new())));
        mem::take(&mut *self.body.lock());
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
