//! A collector that is unreachable, slow or dying delays neither requests nor the end.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Collector, collector::free_address, start};
use crate::support::Echo;

/// A client that waits this long notices.
const NOTICEABLE: Duration = Duration::from_secs(2);

fn start_with_collector_at(endpoint: &str) -> Echo {
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    Echo::start_with(&[], &variables)
}

/// Serves requests during several attempts to export.
fn assert_serves(echo: &Echo) {
    let begin = Instant::now();
    let mut n = 0;
    while begin.elapsed() < Duration::from_millis(400) {
        let path = format!("/{}/{n}", begin.elapsed().as_nanos());
        let asked = Instant::now();
        echo.create("GET", &path, json!({"code": 200}));
        assert_eq!(echo.call("GET", &path).status, 200);
        assert!(asked.elapsed() < NOTICEABLE, "{:?}", asked.elapsed());
        n += 1;
    }
}

fn assert_ends_soon(echo: &mut Echo) {
    let asked = Instant::now();
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[test]
fn a_collector_that_is_dead() {
    let mut echo = start_with_collector_at(&format!("http://{}", free_address()));
    assert_serves(&echo);
    assert_ends_soon(&mut echo);
}

#[test]
fn a_collector_that_accepts_and_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut echo = start_with_collector_at(&format!("http://{}", silent.local_addr().unwrap()));
    silent.accept().expect("the service exports");
    assert_serves(&echo);
    assert_ends_soon(&mut echo);
}

#[test]
fn a_collector_that_dies_later() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    assert_serves(&echo);
    collector
        .wait_for("telemetry", |records| (!records.spans().is_empty() && !records.metrics().is_empty()).then_some(()));
    drop(collector);
    assert_serves(&echo);
    assert_ends_soon(&mut echo);
}

#[test]
fn a_collector_with_an_unknown_name() {
    let mut echo = start_with_collector_at("http://collector.invalid:4318");
    assert_serves(&echo);
    assert_ends_soon(&mut echo);
}

#[test]
fn undelivered_spans_are_dropped_and_counted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*endpoint), ("OTEL_BSP_MAX_QUEUE_SIZE", "10")];
    let mut echo = Echo::start_with(&[], &variables);
    for n in 0..50 {
        echo.call("GET", &format!("/{n}"));
    }
    // The lines of the library.
    let says = |line: &Value, start| line["message"].as_str().is_some_and(|text| text.starts_with(start));
    echo.log_line(|line| says(line, "BatchSpanProcessor dropped a Span due to queue full"));
    assert_ends_soon(&mut echo);
    let line = echo.log_line(|line| says(line, "Spans were dropped due to a queue being full"));
    // Ten spans are being sent, ten wait.
    assert!(line["dropped_span_count"].as_u64() >= Some(30), "{line}");
}
