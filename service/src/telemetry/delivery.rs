//! The delivery of spans and metrics to a collector: the client, its proxy, and the log lines about failures.

use std::{
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
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::{self, SpanData},
};
use parking_lot::Mutex;
use prost::Message;
use tracing::{Dispatch, instrument::WithSubscriber};

use super::Collector;
use crate::causes::causes;

/// An HTTP client for a collector.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    /// The cause of the last failed request. The library knows it, but does not report it.
    failure: Arc<Mutex<Option<String>>>,
}

impl Client {
    /// Call this outside a runtime: a blocking client cannot exist inside.
    pub fn new(collector: &Collector) -> Result<Self, ExporterBuildError> {
        // The collector has no TLS: no need for the system's certificates, which a machine may lack.
        let mut http = reqwest::blocking::Client::builder().timeout(collector.timeout).tls_certs_only([]);
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

/// Why a collector that answers did not accept everything. Responses for traces and metrics have the same encoding.
fn rejection(response: &Response<Bytes>) -> Option<String> {
    if !response.status().is_success() {
        return Some(format!("the collector answered {}", response.status()));
    }
    let partial = ExportTraceServiceResponse::decode(response.body().clone()).ok()?.partial_success?;
    let (count, why) = (partial.rejected_spans, partial.error_message);
    (count > 0).then(|| format!("the collector rejected {count}: {why}"))
}

/// Logs the deliveries of a signal: one line when they begin to fail, and one line when they succeed again.
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

    /// Performs a delivery. No caller needs its failure.
    pub async fn watch(&self, delivery: impl Future<Output = OTelSdkResult>) {
        // The library would log the same at every attempt, without the cause.
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

/// An exporter with [`Deliveries`].
#[derive(Debug)]
pub struct Reported<E> {
    exporter: E,
    deliveries: Deliveries,
}

impl Reported<SpanExporter> {
    pub fn spans(collector: &Collector) -> Result<Self, ExporterBuildError> {
        let (builder, deliveries) = configured(SpanExporter::builder().with_http(), "traces", collector)?;
        Ok(Self { exporter: builder.build()?, deliveries })
    }
}

impl Reported<MetricExporter> {
    pub fn metrics(collector: &Collector) -> Result<Self, ExporterBuildError> {
        let (builder, deliveries) = configured(MetricExporter::builder().with_http(), "metrics", collector)?;
        Ok(Self { exporter: builder.build()?, deliveries })
    }
}

/// A builder with the collector's settings and a client of its own, whose failures the deliveries report.
fn configured<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    signal: &'static str,
    collector: &Collector,
) -> Result<(B, Deliveries), ExporterBuildError> {
    let client = Client::new(collector)?;
    let deliveries = Deliveries::new(signal, collector, &client);
    let builder = builder.with_endpoint(&collector.url).with_timeout(collector.timeout);
    Ok((builder.with_http_client(client), deliveries))
}

impl trace::SpanExporter for Reported<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.deliveries.watch(self.exporter.export(batch)).await;
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl PushMetricExporter for Reported<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.deliveries.watch(self.exporter.export(metrics)).await;
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    /// Reports whether the last metrics arrived.
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
