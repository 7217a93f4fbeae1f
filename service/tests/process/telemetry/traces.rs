//! Traces: spans of requests, with parents and log lines.

use serde_json::{Value, json};

use super::{Collector, assert_origin, attributes, collector::Item, start, stop};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Waits for this number of spans that satisfy a condition, and returns them.
fn spans(collector: &Collector, count: usize, condition: impl Fn(&Value) -> bool) -> Vec<Item> {
    collector.wait_for("a span", |records| {
        let mut spans = records.spans();
        spans.retain(|span| condition(&span.it));
        (spans.len() >= count).then_some(spans)
    })
}

#[test]
fn a_request_continues_the_trace_of_its_client_down_to_the_store_and_into_the_log() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    let document = crate::support::new_endpoint("GET", "/traced", json!({"code": 200}));
    let answer =
        echo.manage("POST", "/endpoints", &format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n"), Some(&document));
    assert_eq!(answer.status, 201);
    let line = echo.log_line(|line| line["message"] == "management request");
    stop(&mut echo);

    let spans = spans(&collector, 2, |span| span["traceId"] == TRACE);
    for Item { resource, scope, .. } in &spans {
        assert_origin(resource, scope);
    }
    let find = |name: &str| {
        &spans.iter().find(|span| span.it["name"] == name).unwrap_or_else(|| panic!("{name}: {spans:#?}")).it
    };
    let request = find("POST /endpoints");
    // 2: server
    assert_eq!((&request["parentSpanId"], &request["kind"]), (&json!(PARENT), &json!(2)));
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("http.route", "/endpoints"),
        ("url.path", "/endpoints"),
        ("url.scheme", "http"),
    ];
    assert_eq!(attributes(request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let operation = find("store write");
    // 3: client
    assert_eq!((&operation["parentSpanId"], &operation["kind"]), (&request["spanId"], &json!(3)));
    let within = |name: &str| {
        operation[name].as_str() >= request["startTimeUnixNano"].as_str()
            && operation[name].as_str() <= request["endTimeUnixNano"].as_str()
    };
    assert!(within("startTimeUnixNano") && within("endTimeUnixNano"));
    assert_eq!((&line["span"]["trace_id"], &line["span"]["span_id"]), (&json!(TRACE), &request["spanId"]));
    assert_eq!((&line["method"], &line["path"], &line["status"]), (&json!("POST"), &json!("/endpoints"), &json!(201)));
}

#[test]
fn a_trace_of_the_load_balancer_has_its_id_and_no_parent() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    let header =
        "X-Amzn-Trace-Id: Self=1-67891234-12456789abcdef0123456789;Root=1-0af76519-16cd43dd8448eb211c80319c\r\n";
    echo.manage("GET", "/endpoints", header, None);
    let line = echo.log_line(|line| line["message"] == "management request");
    echo.call_with("GET", "/of-the-balancer", header, b"");
    // The client's own trace wins. An invalid one does not count.
    echo.call_with(
        "GET",
        "/of-the-client",
        &format!("{header}traceparent: 00-{}-{PARENT}-01\r\n", "1".repeat(32)),
        b"",
    );
    echo.call_with("GET", "/of-nobody", "X-Amzn-Trace-Id: Root=1-0af76519\r\n", b"");
    stop(&mut echo);

    let of_balancer = spans(&collector, 3, |span| span["traceId"] == TRACE);
    let parents: Vec<_> =
        of_balancer.iter().filter(|span| span.it["kind"] == 2).map(|span| &span.it["parentSpanId"]).collect();
    assert!(
        parents.len() == 2 && parents.iter().all(|it| it.as_str().unwrap_or_default().is_empty()),
        "{of_balancer:#?}"
    );
    assert!(of_balancer.iter().any(|span| span.it["name"] == "store list"), "{of_balancer:#?}");
    assert_eq!(line["span"]["trace_id"], TRACE);
    let client =
        spans(&collector, 1, |span| attributes(span).get("url.path").is_some_and(|path| path == "/of-the-client"))
            .remove(0);
    assert_eq!((&client.it["traceId"], &client.it["parentSpanId"]), (&json!("1".repeat(32)), &json!(PARENT)));
    let nobody = spans(&collector, 1, |span| attributes(span).get("url.path").is_some_and(|path| path == "/of-nobody"))
        .remove(0);
    assert_ne!(nobody.it["traceId"], TRACE);
}

#[test]
fn a_request_to_a_mock_is_a_span_of_its_own_trace() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    echo.create("GET", "/served", json!({"code": 503}));
    assert_eq!((echo.call("GET", "/served?q=1").status, echo.call("BREW", "/missed").status), (503, 404));
    // An invalid trace context does not count.
    echo.call_with("GET", "/served", "traceparent: 00-zz-zz-01\r\n", b"");
    stop(&mut echo);

    let found = spans(&collector, 3, |span| span["name"] == "GET" || span["name"] == "_OTHER");
    assert_eq!(found.len(), 3);
    let traces: std::collections::HashSet<_> = found.iter().map(|span| span.it["traceId"].as_str().unwrap()).collect();
    assert_eq!(traces.len(), 3);
    for Item { it, .. } in &found {
        let attributes = attributes(it);
        let (path, status) = if it["name"] == "GET" { ("/served", "503") } else { ("/missed", "404") };
        assert_eq!((&*attributes["url.path"], &*attributes["http.response.status_code"]), (path, status));
        assert!(it["parentSpanId"].as_str().unwrap_or_default().is_empty() && it["kind"] == 2);
        // A mock defined with code 503 is no fault of Echo.
        assert!(!attributes.contains_key("error.type") && !attributes.contains_key("http.route"), "{attributes:?}");
        assert!(it["status"].get("code").is_none_or(|code| code == 0), "{it}");
    }
}

#[test]
fn no_client_switches_its_spans_on_or_off() {
    let collector = Collector::start();
    let header = |flag: u8| format!("traceparent: 00-{TRACE}-{PARENT}-0{flag}\r\n");
    let mut echo = start(&collector, &["--mock-trace-ratio", "0"], &[]);
    for flag in 0..2 {
        echo.call_with("GET", "/mock", &header(flag), b"");
    }
    echo.manage("GET", "/endpoints", &header(0), None);
    stop(&mut echo);
    let server = |span: &Value| span["kind"] == 2;
    let found = spans(&collector, 1, server);
    assert_eq!((found.len(), &found[0].it["name"]), (1, &json!("GET /endpoints")), "{found:#?}");

    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    for flag in 0..2 {
        echo.call_with("GET", "/mock", &header(flag), b"");
    }
    stop(&mut echo);
    assert_eq!(spans(&collector, 2, server).len(), 2);
}

#[test]
fn a_ratio_of_the_calls_of_mocks_has_spans() {
    let collector = Collector::start();
    let mut echo = start(&collector, &["--mock-trace-ratio", "0.5"], &[]);
    for _ in 0..400 {
        echo.call("GET", "/mock");
    }
    echo.manage("GET", "/endpoints", "", None);
    stop(&mut echo);
    spans(&collector, 1, |span| span["name"] == "GET /endpoints");
    // Six standard deviations of a fair coin.
    let found = spans(&collector, 1, |span| span["name"] == "GET").len();
    assert!((140..=260).contains(&found), "{found} of 400");
}

#[test]
fn the_standard_sampler_decides_for_all_requests() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]);
    for flag in 0..2 {
        echo.call_with("GET", "/mock", &format!("traceparent: 00-{TRACE}-{PARENT}-0{flag}\r\n"), b"");
        echo.manage("GET", "/endpoints", "", None);
    }
    stop(&mut echo);
    let found = spans(&collector, 1, |_| true);
    assert_eq!((found.len(), &found[0].it["parentSpanId"]), (1, &json!(PARENT)), "{found:#?}");
}

#[test]
fn traces_can_be_sent_compressed() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]);
    echo.call("GET", "/compressed");
    stop(&mut echo);
    let span = spans(&collector, 1, |span| attributes(span)["url.path"] == "/compressed").remove(0);
    assert_origin(&span.resource, &span.scope);
}

#[test]
fn the_standard_variables_are_followed() {
    let collector = Collector::start();
    let variables = [
        ("OTEL_SERVICE_NAME", "mocks"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ];
    let mut echo = start(&collector, &[], &variables);
    echo.call("GET", "/x");
    stop(&mut echo);
    let resource = collector.wait_for("metrics", |records| Some(records.metrics().first()?.resource.clone()));
    let resource = attributes(&resource);
    assert_eq!((&*resource["service.name"], &*resource["deployment.environment.name"]), ("mocks", "test"));
    assert!(collector.wait_for("all", |records| Some(records.spans())).is_empty());
}
