//! The metrics of the service. `docs/telemetry.md` lists them; a test compares the list with the metrics at a
//! collector.
//!
//! No attribute has a value that a client chooses: paths, ids and headers are unbounded.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use opentelemetry::{
    KeyValue,
    metrics::{BoundHistogram, Histogram, Meter},
};
use opentelemetry_semantic_conventions::{attribute, metric};

use super::replica;

/// An instrument, for the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    pub name: &'static str,
    pub kind: &'static str,
    pub unit: &'static str,
    pub attributes: &'static [&'static str],
    pub meaning: &'static str,
}

const LISTENER: &str = "echo.listener";
const OPERATION: &str = "echo.store.operation";

const DURATION: Description = Description {
    name: metric::HTTP_SERVER_REQUEST_DURATION,
    kind: "histogram",
    unit: "s",
    attributes: &[
        attribute::HTTP_REQUEST_METHOD,
        attribute::HTTP_RESPONSE_STATUS_CODE,
        attribute::HTTP_ROUTE,
        attribute::URL_SCHEME,
        attribute::ERROR_TYPE,
    ],
    meaning: "Time from the end of a request's head to its answer. Only management has `http.route`. Only faults of \
              Echo have `error.type`: a 500 that a mock defines is no fault.",
};
const ACTIVE: Description = Description {
    name: metric::HTTP_SERVER_ACTIVE_REQUESTS,
    kind: "up-down counter",
    unit: "{request}",
    attributes: &[attribute::HTTP_REQUEST_METHOD, attribute::URL_SCHEME],
    meaning: "Requests in progress.",
};
const SERVED: Description = Description {
    name: "echo.mocks.served",
    kind: "counter",
    unit: "{request}",
    attributes: &[],
    meaning: "Requests answered by a mock.",
};
const MISSED: Description = Description {
    name: "echo.mocks.missed",
    kind: "counter",
    unit: "{request}",
    attributes: &[],
    meaning: "Requests without a mock, answered with 404.",
};
const STORE: Description = Description {
    name: "echo.store.operation.duration",
    kind: "histogram",
    unit: "s",
    attributes: &[OPERATION, attribute::ERROR_TYPE],
    meaning: "Time of the store's operations: `write`, `get`, `list`, `head`, `changes_since`, `load`, `raise`, `adopt`. \
              Failed ones have `error.type` `store`.",
};
const LIMITED: Description = Description {
    name: "echo.rate_limited",
    kind: "counter",
    unit: "{request}",
    attributes: &[LISTENER],
    meaning: "Requests refused with 429, by listener: `mocks` or `management`.",
};

/// All instruments.
pub const DESCRIPTIONS: [Description; 16] = [
    DURATION,
    ACTIVE,
    SERVED,
    MISSED,
    LIMITED,
    STORE,
    replica::ENDPOINTS,
    replica::BYTES,
    replica::LIMIT,
    replica::DAMAGED,
    replica::DIVERGED,
    replica::DIVERGENCES,
    replica::AGE,
    replica::READINGS,
    replica::RELOADS,
    replica::WAITS,
];

/// From the semantic conventions: the default boundaries of the SDK are for milliseconds.
const HTTP_SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Reads take microseconds; a durable write takes as long as the disk.
const STORE_SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// The values of `http.request.method`. All unknown methods share one value.
pub(super) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER"];

/// 200 to 599: the codes of mocks.
const FINAL_STATUSES: usize = 400;

/// The side of the service that received the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Mocks,
    Management,
}

/// The instruments. Counters on the path of a mock are plain atomics, read at export.
pub struct Instruments {
    duration: Histogram<f64>,
    /// The series of mocks, by method and status. Echo looks up each series once: a lookup for each request was a tenth
    /// of the cost of telemetry.
    mock_duration: Box<[[OnceLock<BoundHistogram<f64>>; FINAL_STATUSES]]>,
    store: Histogram<f64>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    active: [AtomicI64; METHODS.len()],
    served: AtomicU64,
    missed: AtomicU64,
    limited_mocks: AtomicU64,
    limited_management: AtomicU64,
}

/// Selects a counter of [`Counts`].
type ReadCount = fn(&Counts) -> &AtomicU64;

impl Instruments {
    pub fn new(meter: &Meter) -> Self {
        let histogram = |of: Description, boundaries: &[f64]| {
            meter
                .f64_histogram(of.name)
                .with_unit(of.unit)
                .with_description(of.meaning)
                .with_boundaries(boundaries.into())
                .build()
        };
        let counts = Arc::new(Counts::default());
        let counter = |of: Description, series: Vec<(ReadCount, Vec<KeyValue>)>| {
            let counts = Arc::clone(&counts);
            meter
                .u64_observable_counter(of.name)
                .with_unit(of.unit)
                .with_description(of.meaning)
                .with_callback(move |observer| {
                    for (read, attributes) in &series {
                        observer.observe(read(&counts).load(Ordering::Relaxed), attributes);
                    }
                })
                .build();
        };
        counter(SERVED, vec![(|counts| &counts.served, vec![])]);
        counter(MISSED, vec![(|counts| &counts.missed, vec![])]);
        let listener = |name| vec![KeyValue::new(LISTENER, name)];
        counter(
            LIMITED,
            vec![
                (|counts| &counts.limited_mocks, listener("mocks")),
                (|counts| &counts.limited_management, listener("management")),
            ],
        );
        let active = Arc::clone(&counts);
        meter
            .i64_observable_up_down_counter(ACTIVE.name)
            .with_unit(ACTIVE.unit)
            .with_description(ACTIVE.meaning)
            .with_callback(move |observer| {
                for (method, count) in METHODS.into_iter().zip(&active.active) {
                    let method = KeyValue::new(attribute::HTTP_REQUEST_METHOD, method);
                    let scheme = KeyValue::new(attribute::URL_SCHEME, "http");
                    observer.observe(count.load(Ordering::Relaxed), &[method, scheme]);
                }
            })
            .build();
        Self {
            duration: histogram(DURATION, &HTTP_SECONDS),
            mock_duration: METHODS.iter().map(|_| [const { OnceLock::new() }; FINAL_STATUSES]).collect(),
            store: histogram(STORE, &STORE_SECONDS),
            counts,
        }
    }

    pub fn mock_served(&self) {
        self.counts.served.fetch_add(1, Ordering::Relaxed);
    }

    pub fn mock_missed(&self) {
        self.counts.missed.fetch_add(1, Ordering::Relaxed);
    }

    pub fn rate_limited(&self, plane: Plane) {
        let count = match plane {
            Plane::Mocks => &self.counts.limited_mocks,
            Plane::Management => &self.counts.limited_management,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// `method` is an index into [`METHODS`].
    pub(super) fn active(&self, method: usize, difference: i64) {
        self.counts.active[method].fetch_add(difference, Ordering::Relaxed);
    }

    /// Records a request to the mocks, with or without a mock. `method` is an index into [`METHODS`].
    pub(super) fn mock_request(&self, taken: Duration, method: usize, status: StatusCode) {
        let bind = || self.duration.bind(&request_attributes(METHODS[method], status));
        let series = &self.mock_duration[method][usize::from(status.as_u16()).saturating_sub(200)];
        series.get_or_init(bind).record(taken.as_secs_f64());
    }

    pub(super) fn request(&self, taken: Duration, attributes: &[KeyValue]) {
        self.duration.record(taken.as_secs_f64(), attributes);
    }

    pub(super) fn store_operation(&self, operation: &'static str, taken: Duration, failed: bool) {
        let operation = KeyValue::new(OPERATION, operation);
        let failure = KeyValue::new(attribute::ERROR_TYPE, "store");
        let attributes = [operation, failure];
        self.store.record(taken.as_secs_f64(), if failed { &attributes } else { &attributes[..1] });
    }
}

/// The common attributes of the duration of all requests.
pub(super) fn request_attributes(method: &'static str, status: StatusCode) -> Vec<KeyValue> {
    vec![
        KeyValue::new(attribute::HTTP_REQUEST_METHOD, method),
        KeyValue::new(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16())),
        KeyValue::new(attribute::URL_SCHEME, "http"),
    ]
}

/// The instruments as a Markdown table, for `docs/telemetry.md`.
pub fn table() -> String {
    let rows = DESCRIPTIONS.iter().map(|Description { name, kind, unit, attributes, meaning }| {
        let attributes = attributes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let attributes = if attributes.is_empty() { "none" } else { &attributes };
        format!("| `{name}` | {kind} | `{unit}` | {attributes} | {meaning} |\n")
    });
    "| instrument | kind | unit | attributes | meaning |\n| --- | --- | --- | --- | --- |\n".to_owned()
        + &rows.collect::<String>()
}
