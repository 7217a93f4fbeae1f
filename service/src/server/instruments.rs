//! The metrics of requests.

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

use crate::{
    mocks::{Answered, Outcome},
    telemetry::Description,
};

const LISTENER: &str = "echo.listener";
const ANSWER: &str = "echo.answer";

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
    meaning: "Time from the end of a request's head to its answer, without the delay of a mock. A fault of a mock that \
              sends no answer does not count. Only management has `http.route`. Only faults of \
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
    attributes: &[ANSWER],
    meaning: "Requests answered by a mock: `plain`, `template`, `delayed`, or, with and without a delay, by the fault `reset`, \
              `close`, `garbage` or `truncate`.",
};
/// The values of `echo.answer`.
const ANSWERS: [&str; 7] = ["plain", "template", "delayed", "reset", "close", "garbage", "truncate"];
const MISSED: Description = Description {
    name: "echo.mocks.missed",
    kind: "counter",
    unit: "{request}",
    attributes: &[],
    meaning: "Requests without a mock, answered with 404.",
};
const LIMITED: Description = Description {
    name: "echo.rate_limited",
    kind: "counter",
    unit: "{request}",
    attributes: &[LISTENER],
    meaning: "Requests refused with 429, by listener: `mocks` or `management`.",
};

/// The instruments of this part.
pub const DESCRIPTIONS: [Description; 5] = [DURATION, ACTIVE, SERVED, MISSED, LIMITED];

/// From the semantic conventions: the default boundaries of the SDK are for milliseconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The values of `http.request.method`. All unknown methods share one value.
pub(super) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "_OTHER"];

/// 200 to 599: the codes of mocks.
const FINAL_STATUSES: usize = 400;

/// The instruments. Counters on the path of a mock are plain atomics, read at export.
pub(super) struct Instruments {
    duration: Histogram<f64>,
    /// The series of mocks, by method and status. Echo looks up each series once: a lookup for each request was a tenth
    /// of the cost of telemetry.
    mock_duration: Box<[[OnceLock<BoundHistogram<f64>>; FINAL_STATUSES]]>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    active: [AtomicI64; METHODS.len()],
    served: [AtomicU64; ANSWERS.len()],
    missed: AtomicU64,
    limited_mocks: AtomicU64,
    limited_management: AtomicU64,
}

impl Instruments {
    pub fn new(meter: &Meter) -> Self {
        let counts = Arc::new(Counts::default());
        let read = |count: fn(&Counts) -> &AtomicU64| {
            let counts = Arc::clone(&counts);
            move || count(&counts).load(Ordering::Relaxed)
        };
        let served = Arc::clone(&counts);
        SERVED.counter(meter, move || {
            let answers = ANSWERS.into_iter().map(|answer| vec![KeyValue::new(ANSWER, answer)]);
            served.served.iter().map(|count| count.load(Ordering::Relaxed)).zip(answers).collect()
        });
        let missed = read(|counts| &counts.missed);
        MISSED.counter(meter, move || vec![(missed(), vec![])]);
        let (mocks, management) = (read(|counts| &counts.limited_mocks), read(|counts| &counts.limited_management));
        let listener = |name| vec![KeyValue::new(LISTENER, name)];
        LIMITED.counter(meter, move || vec![(mocks(), listener("mocks")), (management(), listener("management"))]);
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
            duration: DURATION.histogram(meter, &SECONDS),
            mock_duration: METHODS.iter().map(|_| [const { OnceLock::new() }; FINAL_STATUSES]).collect(),
            counts,
        }
    }

    /// Counts a call of a mock.
    pub fn count(&self, answered: &Answered) {
        let count = match answered.outcome {
            Outcome::Served => {
                let effect = answered.effect();
                &self.counts.served[ANSWERS.iter().position(|answer| *answer == effect).unwrap_or_default()]
            }
            Outcome::Missed => &self.counts.missed,
            Outcome::Limited => &self.counts.limited_mocks,
            Outcome::Refused | Outcome::Fault => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub fn management_limited(&self) {
        self.counts.limited_management.fetch_add(1, Ordering::Relaxed);
    }

    /// `method` is an index into [`METHODS`].
    pub fn active(&self, method: usize, difference: i64) {
        self.counts.active[method].fetch_add(difference, Ordering::Relaxed);
    }

    /// Records a request to the mocks, with or without a mock. `method` is an index into [`METHODS`].
    pub fn mock_request(&self, taken: Duration, method: usize, status: StatusCode) {
        let bind = || self.duration.bind(&request_attributes(METHODS[method], status));
        let series = &self.mock_duration[method][usize::from(status.as_u16()).saturating_sub(200)];
        series.get_or_init(bind).record(taken.as_secs_f64());
    }

    pub fn request(&self, taken: Duration, attributes: &[KeyValue]) {
        self.duration.record(taken.as_secs_f64(), attributes);
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
