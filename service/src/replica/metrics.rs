//! The metrics of a replica: its contents, and its progress through the log of the store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use opentelemetry::{KeyValue, metrics::Meter};

use super::{Counts, Replica};
use crate::telemetry::{Description, Series};

const WAIT: &str = "echo.replica.wait";

const ENDPOINTS: Description = Description {
    name: "echo.endpoints",
    kind: "gauge",
    unit: "{endpoint}",
    attributes: &[],
    meaning: "Endpoints that this replica holds.",
};
const BYTES: Description = Description {
    name: "echo.mocks.size",
    kind: "gauge",
    unit: "By",
    attributes: &[],
    meaning: "Memory of all mocks together, as counted for the limit.",
};
const LIMIT: Description = Description {
    name: "echo.mocks.limit",
    kind: "gauge",
    unit: "By",
    attributes: &[],
    meaning: "Limit for the memory of all mocks together: the smallest limit of the live processes.",
};
const DAMAGED: Description = Description {
    name: "echo.replica.damaged",
    kind: "gauge",
    unit: "{endpoint}",
    attributes: &[],
    meaning: "Endpoints whose record in the store is damaged. Calls of these endpoints get 500; the log names the records.",
};
const DIVERGED: Description = Description {
    name: "echo.replica.diverged",
    kind: "gauge",
    unit: "1",
    attributes: &[],
    meaning: "1 while this replica holds other mocks than the digest of the table says, and for 15 minutes after it was \
              noticed; otherwise 0.",
};
const DIVERGENCES: Description = Description {
    name: "echo.replica.divergences",
    kind: "counter",
    unit: "{divergence}",
    attributes: &[],
    meaning: "Divergences of this replica from the digest of the table. The replica loads the table again after each.",
};
const AGE: Description = Description {
    name: "echo.replica.age",
    kind: "gauge",
    unit: "s",
    attributes: &[],
    meaning: "Maximum age of this replica's state. Above the lease, the replica reads the change log before it \
              answers. 0 if no other process writes.",
};
const READINGS: Description = Description {
    name: "echo.replica.readings",
    kind: "counter",
    unit: "{reading}",
    attributes: &[],
    meaning: "Readings of the store's change log.",
};
const RELOADS: Description = Description {
    name: "echo.replica.reloads",
    kind: "counter",
    unit: "{reload}",
    attributes: &[],
    meaning: "Complete loads of the store: at the start, when the change log did not reach back far enough, and after a \
              divergence.",
};
const WAITS: Description = Description {
    name: "echo.replica.waits",
    kind: "counter",
    unit: "{request}",
    attributes: &[WAIT],
    meaning: "Requests that waited for a `reading` of the log, or for the `settling` of a change that some \
              replicas may not show yet.",
};

/// The instruments of this part.
pub const DESCRIPTIONS: [Description; 10] =
    [ENDPOINTS, BYTES, LIMIT, DAMAGED, DIVERGED, DIVERGENCES, AGE, READINGS, RELOADS, WAITS];

/// Reports the contents and the work of a replica.
pub fn watch(meter: &Meter, replica: &Arc<Replica>) {
    let gauge = |of: Description, read: fn(&Replica) -> u64| {
        let replica = Arc::clone(replica);
        of.gauge(meter, move || read(&replica));
    };
    gauge(ENDPOINTS, |replica| replica.count() as u64);
    gauge(BYTES, Replica::bytes);
    gauge(LIMIT, Replica::max_bytes);
    gauge(DAMAGED, |replica| replica.count_damaged() as u64);
    gauge(DIVERGED, |replica| u64::from(replica.is_diverged()));
    let aged = Arc::clone(replica);
    meter
        .f64_observable_gauge(AGE.name)
        .with_unit(AGE.unit)
        .with_description(AGE.meaning)
        .with_callback(move |observer| observer.observe(aged.age().unwrap_or_default().as_secs_f64(), &[]))
        .build();
    let counter = |of: Description, read: fn(&Counts) -> Series| {
        let replica = Arc::clone(replica);
        of.counter(meter, move || read(replica.counts()));
    };
    counter(READINGS, |counts| vec![(value(&counts.readings), vec![])]);
    counter(RELOADS, |counts| vec![(value(&counts.reloads), vec![])]);
    counter(DIVERGENCES, |counts| vec![(value(&counts.divergences), vec![])]);
    counter(WAITS, |counts| {
        let waits = |name, count| (value(count), vec![KeyValue::new(WAIT, name)]);
        vec![waits("reading", &counts.waits_for_reading), waits("settling", &counts.waits_for_settling)]
    });
}

fn value(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
