//! The way to the collector, for spans and metrics alike: which way a request takes, and what the log says if it does not arrive.

use std::{
    error::Error,
    iter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};
use parking_lot::Mutex;
use prost::Message;
use tracing::{Dispatch, instrument::WithSubscriber};

use crate::config::Collector;

/// An HTTP client for a collector.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    /// Why the last request was in vain. The library knows, and does not tell.
    failure: Arc<Mutex<Option<String>>>,
}

impl Client {
    /// Not inside of a runtime, where no blocking client can be.
    pub fn new(collector: &Collector) -> Result<Self, ExporterBuildError> {
        let mut http = reqwest::blocking::Client::builder().timeout(collector.timeout);
        if collector.is_local {
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| ExporterBuildError::InternalFailure(error.to_string()))?;
        Ok(Self { http, failure: Arc::default() })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outcome = self.http.send_bytes(request).await;
        *self.failure.lock() = match &outcome {
            Ok(response) => rejection(response),
            Err(error) => Some(causes(error.as_ref())),
        };
        outcome
    }
}

/// Why a collector that answers has not taken everything. Responses for traces and metrics are encoded alike.
fn rejection(response: &Response<Bytes>) -> Option<String> {
    if !response.status().is_success() {
        return Some(format!("the collector has answered {}", response.status()));
    }
    let partial = ExportTraceServiceResponse::decode(response.body().clone()).ok()?.partial_success?;
    let (count, why) = (partial.rejected_spans, partial.error_message);
    (count > 0).then(|| format!("the collector has rejected {count}: {why}"))
}

/// The causes of an error: its own text is "error sending request".
fn causes(error: &(dyn Error + 'static)) -> String {
    let causes: Vec<_> = iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// What the log says of the deliveries of a signal: one line when they begin to fail, and one when they work again.
#[derive(Debug)]
pub struct Deliveries {
    signal: &'static str,
    url: String,
    failure: Arc<Mutex<Option<String>>>,
    is_failing: AtomicBool,
}

impl Deliveries {
    pub fn new(signal: &'static str, collector: &Collector, client: &Client) -> Self {
        let failure = Arc::clone(&client.failure);
        Self { signal, url: collector.url.clone(), failure, is_failing: AtomicBool::new(false) }
    }

    /// Carries out a delivery. Its failure is no news for anyone else.
    pub async fn watch(&self, delivery: impl Future<Output = OTelSdkResult>) {
        // The library's own lines would say the same again, each time and without the cause.
        let outcome = delivery.with_subscriber(Dispatch::none()).await;
        let failure = self.failure.lock().take().or(outcome.err().map(|error| error.to_string()));
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(cause) if !was_failing => tracing::warn!(url = self.url, cause, "{} cannot be delivered", self.signal),
            None if was_failing => tracing::info!(url = self.url, "{} are delivered again", self.signal),
            _ => {}
        }
    }
}

/// Sends metrics, with [`Deliveries`].
pub struct MetricSender {
    exporter: MetricExporter,
    deliveries: Deliveries,
}

impl MetricSender {
    pub fn new(collector: &Collector) -> Result<Self, ExporterBuildError> {
        let client = Client::new(collector)?;
        let deliveries = Deliveries::new("metrics", collector, &client);
        let exporter = MetricExporter::builder().with_http().with_endpoint(&collector.url);
        let exporter = exporter.with_timeout(collector.timeout).with_http_client(client).build()?;
        Ok(Self { exporter, deliveries })
    }
}

impl PushMetricExporter for MetricSender {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.deliveries.watch(self.exporter.export(metrics)).await;
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    /// Says whether the last ones have arrived.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)?;
        if self.deliveries.is_failing.load(Ordering::Relaxed) {
            return Err(OTelSdkError::InternalFailure("metrics cannot be delivered".into()));
        }
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
