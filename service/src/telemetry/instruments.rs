//! The metrics that the service has. `docs/telemetry.md` lists them; a test compares it with what arrives at a collector.
//!
//! Nothing that a client chooses becomes an attribute: paths, ids and headers have no bound.

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

/// What an instrument is, for the documentation.
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
    meaning: "From the end of a request's head to its answer. `http.route` is there for management only; `error.type` for \
              faults of Echo only: a mock that is told to answer 500 is no fault.",
};
const ACTIVE: Description = Description {
    name: metric::HTTP_SERVER_ACTIVE_REQUESTS,
    kind: "up-down counter",
    unit: "{request}",
    attributes: &[attribute::HTTP_REQUEST_METHOD, attribute::URL_SCHEME],
    meaning: "Requests that are being answered.",
};
const SERVED: Description = Description {
    name: "echo.mocks.served",
    kind: "counter",
    unit: "{request}",
    attributes: &[],
    meaning: "Requests that were answered by a mock.",
};
const MISSED: Description = Description {
    name: "echo.mocks.missed",
    kind: "counter",
    unit: "{request}",
    attributes: &[],
    meaning: "Requests for which there was no mock: they got 404.",
};
const STORE: Description = Description {
    name: "echo.store.operation.duration",
    kind: "histogram",
    unit: "s",
    attributes: &[OPERATION, attribute::ERROR_TYPE],
    meaning: "Operations of the store: `write`, `get`, `list`, `head`, `changes_since`, `load`. `error.type` is `store` where it failed.",
};
const LIMITED: Description = Description {
    name: "echo.rate_limited",
    kind: "counter",
    unit: "{request}",
    attributes: &[LISTENER],
    meaning: "Requests that were refused with 429, to `mocks` or to `management`.",
};

/// All instruments.
pub const DESCRIPTIONS: [Description; 11] = [
    DURATION,
    ACTIVE,
    SERVED,
    MISSED,
    LIMITED,
    STORE,
    replica::ENDPOINTS,
    replica::AGE,
    replica::READINGS,
    replica::RELOADS,
    replica::WAITS,
];

/// From the semantic conventions: the SDK's own boundaries are for milliseconds.
const HTTP_SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Reads take microseconds, a durable write as long as the disk.
const STORE_SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// The values of `http.request.method`: what clients invent is one.
pub(super) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER"];

/// 200 to 599: what a mock can answer.
const FINAL_STATUSES: usize = 400;

/// Which of the two faces a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    Mocks,
    Management,
}

/// The instruments, ready to be used. Counters on the path of a mock are plain atomics, read at export.
pub struct Instruments {
    duration: Histogram<f64>,
    /// The series of mocks, by method and status. Each is looked up once and not for each request, which was a tenth of
    /// the cost of telemetry.
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

/// Where a series of a counter is.
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

    /// `method` is an index of [`METHODS`].
    pub(super) fn active(&self, method: usize, difference: i64) {
        self.counts.active[method].fetch_add(difference, Ordering::Relaxed);
    }

    /// A request that a mock has answered, or for which there was none. `method` is an index of [`METHODS`].
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

/// The attributes that the duration of every request has.
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
    "| instrument | kind | unit | attributes | what it counts |\n| --- | --- | --- | --- | --- |\n".to_owned()
        + &rows.collect::<String>()
}
