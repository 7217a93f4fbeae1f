//! Instruments with their descriptions. Each part of Echo owns its instruments.
//!
//! No attribute has a value that a client chooses: paths, ids and headers are unbounded.

use opentelemetry::{
    KeyValue,
    metrics::{Histogram, Meter},
};

/// An instrument. `docs/telemetry.md` lists all of them; a test compares the list with the metrics at a collector.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    pub name: &'static str,
    pub kind: &'static str,
    pub unit: &'static str,
    pub attributes: &'static [&'static str],
    pub meaning: &'static str,
}

/// The values of a counter, each with the attributes of its series.
pub type Series = Vec<(u64, Vec<KeyValue>)>;

impl Description {
    pub fn histogram(self, meter: &Meter, boundaries: &[f64]) -> Histogram<f64> {
        let builder = meter.f64_histogram(self.name).with_unit(self.unit).with_description(self.meaning);
        builder.with_boundaries(boundaries.into()).build()
    }

    /// A counter that is read at each export.
    pub fn counter(self, meter: &Meter, read: impl Fn() -> Series + Send + Sync + 'static) {
        let builder = meter.u64_observable_counter(self.name).with_unit(self.unit).with_description(self.meaning);
        let builder = builder.with_callback(move |observer| {
            for (value, attributes) in read() {
                observer.observe(value, &attributes);
            }
        });
        builder.build();
    }

    /// A gauge that is read at each export.
    pub fn gauge(self, meter: &Meter, read: impl Fn() -> u64 + Send + Sync + 'static) {
        let builder = meter.u64_observable_gauge(self.name).with_unit(self.unit).with_description(self.meaning);
        builder.with_callback(move |observer| observer.observe(read(), &[])).build();
    }
}

/// The instruments as a Markdown table, for `docs/telemetry.md`.
pub fn table(instruments: &[Description]) -> String {
    let rows = instruments.iter().map(|Description { name, kind, unit, attributes, meaning }| {
        let attributes = attributes.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let attributes = if attributes.is_empty() { "none" } else { &attributes };
        format!("| `{name}` | {kind} | `{unit}` | {attributes} | {meaning} |\n")
    });
    "| instrument | kind | unit | attributes | meaning |\n| --- | --- | --- | --- | --- |\n".to_owned()
        + &rows.collect::<String>()
}
