//! The metrics of a replica: its contents, and its progress through the log of the store.

use std::sync::{Arc, atomic::Ordering};

use opentelemetry::{KeyValue, metrics::Meter};

use super::instruments::Description;
use crate::replica::Replica;

const WAIT: &str = "echo.replica.wait";

pub(super) const ENDPOINTS: Description = Description {
    name: "echo.endpoints",
    kind: "gauge",
    unit: "{endpoint}",
    attributes: &[],
    meaning: "Endpoints that this replica holds.",
};
pub(super) const BYTES: Description = Description {
    name: "echo.mocks.size",
    kind: "gauge",
    unit: "By",
    attributes: &[],
    meaning: "Memory of all mocks together, as counted for the limit.",
};
pub(super) const LIMIT: Description = Description {
    name: "echo.mocks.limit",
    kind: "gauge",
    unit: "By",
    attributes: &[],
    meaning: "Limit for the memory of all mocks together: the smallest limit of the live processes.",
};
pub(super) const DAMAGED: Description = Description {
    name: "echo.replica.damaged",
    kind: "gauge",
    unit: "{endpoint}",
    attributes: &[],
    meaning: "Endpoints whose record in the store is damaged. Calls of these endpoints get 500; the log names the records.",
};
pub(super) const DIVERGED: Description = Description {
    name: "echo.replica.diverged",
    kind: "gauge",
    unit: "1",
    attributes: &[],
    meaning: "1 while this replica holds other mocks than the digest of the table says, and for 15 minutes after it was \
              noticed; otherwise 0.",
};
pub(super) const DIVERGENCES: Description = Description {
    name: "echo.replica.divergences",
    kind: "counter",
    unit: "{divergence}",
    attributes: &[],
    meaning: "Divergences of this replica from the digest of the table. The replica loads the table again after each.",
};
pub(super) const AGE: Description = Description {
    name: "echo.replica.age",
    kind: "gauge",
    unit: "s",
    attributes: &[],
    meaning: "Maximum age of this replica's state. Above the lease, the replica reads the change log before it \
              answers. 0 if no other process writes.",
};
pub(super) const READINGS: Description = Description {
    name: "echo.replica.readings",
    kind: "counter",
    unit: "{reading}",
    attributes: &[],
    meaning: "Readings of the store's change log.",
};
pub(super) const RELOADS: Description = Description {
    name: "echo.replica.reloads",
    kind: "counter",
    unit: "{reload}",
    attributes: &[],
    meaning: "Complete loads of the store: at the start, when the change log did not reach back far enough, and after a \
              divergence.",
};
pub(super) const WAITS: Description = Description {
    name: "echo.replica.waits",
    kind: "counter",
    unit: "{request}",
    attributes: &[WAIT],
    meaning: "Requests that waited for a `reading` of the log, or for the `settling` of a change that some \
              replicas may not show yet.",
};

/// The values of a counter's series.
type ReadCounts = fn(&Replica) -> Vec<(u64, Vec<KeyValue>)>;

/// Reports the contents and the work of a replica.
pub fn watch(meter: &Meter, replica: &Arc<Replica>) {
    let gauge = |of: Description, count: fn(&Replica) -> u64| {
        let replica = Arc::clone(replica);
        meter
            .u64_observable_gauge(of.name)
            .with_unit(of.unit)
            .with_description(of.meaning)
            .with_callback(move |observer| observer.observe(count(&replica), &[]))
            .build();
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
    let counter = |of: Description, count: ReadCounts| {
        let replica = Arc::clone(replica);
        meter
            .u64_observable_counter(of.name)
            .with_unit(of.unit)
            .with_description(of.meaning)
            .with_callback(move |observer| {
                for (count, attributes) in count(&replica) {
                    observer.observe(count, &attributes);
                }
            })
            .build();
    };
    counter(READINGS, |replica| vec![(replica.counts().readings.load(Ordering::Relaxed), vec![])]);
    counter(RELOADS, |replica| vec![(replica.counts().reloads.load(Ordering::Relaxed), vec![])]);
    counter(DIVERGENCES, |replica| vec![(replica.counts().divergences.load(Ordering::Relaxed), vec![])]);
    counter(WAITS, |replica| {
        let waits = |name, count: u64| (count, vec![KeyValue::new(WAIT, name)]);
        let counts = replica.counts();
        vec![
            waits("reading", counts.waits_for_reading.load(Ordering::Relaxed)),
            waits("settling", counts.waits_for_settling.load(Ordering::Relaxed)),
        ]
    });
}
