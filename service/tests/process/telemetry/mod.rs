//! The telemetry that arrives at a real OpenTelemetry collector.

mod collector;
mod delivery;
mod metrics;
mod outages;
mod replica;
mod traces;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::collector::Collector;
use crate::support::Echo;

/// Exports often, so that tests need not wait.
fn start(collector: &Collector, arguments: &[&str], variables: &[(&str, &str)]) -> Echo {
    let endpoint = collector.endpoint();
    let often = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    Echo::start_with(arguments, &[&often, variables].concat())
}

/// Ends the service as a platform does. Afterwards, all telemetry has been sent.
fn stop(echo: &mut Echo) {
    echo.signal("TERM");
    assert!(echo.wait().success());
}

/// Attributes of OTLP as a map. Echo sends only texts and whole numbers.
fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pairs = of["attributes"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let text = |value: &Value| value["stringValue"].as_str().or(value["intValue"].as_str()).map(ToOwned::to_owned);
    pairs
        .map(|it| (it["key"].as_str().unwrap().to_owned(), text(&it["value"]).unwrap_or_else(|| panic!("{it}"))))
        .collect()
}

/// Checks the scope and the resource of all telemetry.
fn assert_origin(resource: &Value, scope: &Value) {
    let resource = attributes(resource);
    let is = |name: &str, expected: &str| resource.get(name).map(String::as_str) == Some(expected);
    assert!(is("service.name", "echo") && is("service.version", env!("CARGO_PKG_VERSION")), "{resource:?}");
    assert_eq!(resource["service.instance.id"].len(), 36, "{resource:?}");
    assert_eq!(scope["name"], "echo-service");
}

#[test]
fn the_document_of_telemetry_lists_every_instrument() {
    crate::generated_tables::assert_section(
        "docs/telemetry.md",
        "instruments",
        &echo_service::telemetry::table(&echo_service::app::instruments()),
    );
}

#[test]
fn traces_and_metrics_share_the_instance_id_of_their_process() {
    let collector = Collector::start();
    for processes in 1..=2 {
        let mut echo = start(&collector, &[], &[]);
        echo.call("GET", "/x");
        stop(&mut echo);
        let instances = |items: &[collector::Item]| -> BTreeSet<String> {
            items.iter().map(|item| attributes(&item.resource)["service.instance.id"].clone()).collect()
        };
        let (traces, metrics) = collector.wait_for("telemetry of each process", |records| {
            let instances = (instances(&records.spans()), instances(&records.metrics()));
            (instances.0.len() >= processes && instances.1.len() >= processes).then_some(instances)
        });
        assert_eq!(traces.len(), processes);
        assert_eq!(traces, metrics);
    }
}
