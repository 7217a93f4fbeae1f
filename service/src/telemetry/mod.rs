//! Logs, traces and metrics.
//!
//! Without a collector, traces and metrics go to no-op providers at almost no cost, so that no other code needs an
//! `if`.

pub mod balancer;
mod delivery;
mod description;
mod logs;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use opentelemetry::{
    Key, KeyValue, Value,
    metrics::{Meter, MeterProvider, noop::NoopMeterProvider},
    trace::TracerProvider,
};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::SdkMeterProvider,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use opentelemetry_semantic_conventions::attribute::{SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION};

use self::delivery::Reported;
pub use self::{
    description::{Description, Series, table},
    logs::{LogFormat, init as init_logs, visible},
};

/// The instrumentation scope of all signals.
const SCOPE: &str = "echo-service";

/// The collectors of both signals, and the sampling. The SDK reads the other `OTEL_*` variables itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Exports {
    pub traces: Option<Collector>,
    pub metrics: Option<Collector>,
    /// The share of the calls of mocks with a span, from 0 to 1. `None` if the operator has set `OTEL_TRACES_SAMPLER`,
    /// which then decides for all requests.
    pub mock_ratio: Option<f64>,
}

/// The target of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// The complete URL, without credentials.
    pub url: String,
    /// Whether the collector runs on this machine. The way to a local collector has no proxy.
    pub is_local: bool,
    /// Maximum time for a request to the collector.
    pub timeout: Duration,
}

/// The exporters. They run on threads of their own.
#[derive(Clone, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Telemetry {
    /// Starts the configured exports. An unreachable collector is no error; an invalid setting is one.
    pub fn start(exports: &Exports) -> Result<Self, ExporterBuildError> {
        // One resource for both signals: traces and metrics of a process belong together.
        let resource = resource();
        let traces = |collector| {
            let mut builder = SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_id_generator(balancer::Ids::default());
            if exports.mock_ratio.is_some() {
                // The SDK's default would let a client's `traceparent` switch spans off.
                builder = builder.with_sampler(Sampler::AlwaysOn);
            }
            Ok(builder.with_batch_exporter(Reported::spans(collector)?).build())
        };
        let metrics = |collector| {
            let exporter = Reported::metrics(collector)?;
            Ok(SdkMeterProvider::builder().with_resource(resource.clone()).with_periodic_exporter(exporter).build())
        };
        Ok(Self {
            traces: exports.traces.as_ref().map(traces).transpose()?,
            metrics: exports.metrics.as_ref().map(metrics).transpose()?,
        })
    }

    pub fn meter(&self) -> Meter {
        match &self.metrics {
            Some(provider) => provider.meter(SCOPE),
            None => NoopMeterProvider::new().meter(SCOPE),
        }
    }

    pub fn tracer(&self) -> Option<SdkTracer> {
        self.traces.as_ref().map(|provider| provider.tracer(SCOPE))
    }

    /// Sends the remaining telemetry within the given time. Blocks.
    pub fn flush(self, deadline: Duration) {
        let (done, outcomes) = mpsc::channel();
        // On threads of their own, because the SDK does not respect the given time.
        let mut running = 0;
        let mut start = |signal: &'static str, shutdown: Box<dyn FnOnce() -> OTelSdkResult + Send>| {
            let done = done.clone();
            running += 1;
            thread::spawn(move || done.send((signal, shutdown().is_ok())));
        };
        if let Some(provider) = self.traces {
            start("traces", Box::new(move || provider.shutdown_with_timeout(deadline)));
        }
        if let Some(provider) = self.metrics {
            start("metrics", Box::new(move || provider.shutdown_with_timeout(deadline)));
        }
        let end = Instant::now() + deadline;
        for _ in 0..running {
            match outcomes.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((_, true)) => {}
                Ok((signal, false)) => tracing::warn!("the last {signal} were not delivered"),
                Err(_) => tracing::warn!(?deadline, "the last telemetry was not delivered in time"),
            }
        }
    }
}

/// The attributes of this process. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, which the SDK reads, win.
fn resource() -> Resource {
    let given = Resource::builder().build();
    // Distinguishes the cumulative series of two replicas.
    let instance = KeyValue::new(SERVICE_INSTANCE_ID, uuid::Uuid::now_v7().to_string());
    let version = KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION"));
    let name = KeyValue::new(SERVICE_NAME, "echo");
    let is_unnamed =
        |(key, value): &(&Key, &Value)| key.as_str() == SERVICE_NAME && value.as_str().starts_with("unknown_service");
    let given =
        given.iter().filter(|pair| !is_unnamed(pair)).map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty().with_attributes([name, version, instance].into_iter().chain(given)).build()
}
