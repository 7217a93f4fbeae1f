//! The metrics of a replica: what it holds, and how it keeps in step with the store.

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
pub(super) const AGE: Description = Description {
    name: "echo.replica.age",
    kind: "gauge",
    unit: "s",
    attributes: &[],
    meaning: "How old what this replica knows is at most. More than the lease: nothing is answered without a reading. 0 where no \
              other process writes.",
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
    meaning: "How often everything was loaded: at the start, and when the change log did not reach back far enough.",
};
pub(super) const WAITS: Description = Description {
    name: "echo.replica.waits",
    kind: "counter",
    unit: "{request}",
    attributes: &[WAIT],
    meaning: "Requests that waited for a `reading` of the log, or for the `settling` of a change that other replicas may not know of.",
};

/// What the series of a counter say.
type ReadCounts = fn(&Replica) -> Vec<(u64, Vec<KeyValue>)>;

/// Reports what a replica holds and does.
pub fn watch(meter: &Meter, replica: &Arc<Replica>) {
    let held = Arc::clone(replica);
    meter
        .u64_observable_gauge(ENDPOINTS.name)
        .with_unit(ENDPOINTS.unit)
        .with_description(ENDPOINTS.meaning)
        .with_callback(move |observer| observer.observe(held.count() as u64, &[]))
        .build();
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
    counter(WAITS, |replica| {
        let waits = |name, count: u64| (count, vec![KeyValue::new(WAIT, name)]);
        let counts = replica.counts();
        vec![
            waits("reading", counts.waits_for_reading.load(Ordering::Relaxed)),
            waits("settling", counts.waits_for_settling.load(Ordering::Relaxed)),
        ]
    });
}
