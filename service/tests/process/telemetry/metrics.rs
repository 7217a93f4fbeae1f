//! Metrics: exactly the documented ones, and no attribute with text from a client.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
};

use echo_service::app;
use serde_json::{Value, json};

use super::{Collector, assert_origin, attributes, collector::Item, start, stop};
use crate::{
    small_disk::SmallDisk,
    support::{Echo, changes, new_endpoint, request_bytes},
};

/// A time series: the name of its metric, and its attributes.
type Series = (String, BTreeMap<String, String>);

fn kind(metric: &Value) -> &'static str {
    match (metric.get("sum"), metric.get("gauge"), metric.get("histogram")) {
        (Some(sum), None, None) if sum["isMonotonic"] == true => "counter",
        (Some(_), None, None) => "up-down counter",
        (None, Some(_), None) => "gauge",
        (None, None, Some(_)) => "histogram",
        _ => panic!("{metric}"),
    }
}

pub fn points(metric: &Value) -> &Vec<Value> {
    ["sum", "gauge", "histogram"].iter().find_map(|kind| metric[kind]["dataPoints"].as_array()).unwrap()
}

/// The latest value of each series; for a histogram, its count.
fn values(metrics: &[Item]) -> BTreeMap<Series, i64> {
    let mut values = BTreeMap::new();
    for Item { it, .. } in metrics {
        for point in points(it) {
            let whole = point["asInt"].as_str().or(point["count"].as_str()).map(|text| text.parse().unwrap());
            let value = whole.or(point["asDouble"].as_f64().map(|value| value as i64)).unwrap();
            values.insert((it["name"].as_str().unwrap().to_owned(), attributes(point)), value);
        }
    }
    values
}

/// Exercises the whole service, including refusals and failures. Returns after the end of the service.
fn exercise_everything(collector: &Collector) {
    let disk = SmallDisk::new("4m");
    let store = format!("file:{}", disk.path("echo.redb").display());
    let endpoint = collector.endpoint();
    let mut command = disk.command();
    command.args(["--listen", "127.0.0.1:0", "--store", &store, "--log-format", "json"]);
    command.args(["--rate-limit", "80", "--mock-rate-limit", "20"]);
    command.envs([("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_METRIC_EXPORT_INTERVAL", "200")]);
    let mut echo = Echo::spawn(&mut command).unwrap();

    let id = echo.create("GET", "/secret-path", json!({"code": 500}));
    assert_eq!(echo.get("/endpoints?filter[path]=/secret-path").status, 200);
    assert_eq!(echo.get(&format!("/endpoints/{id}")).status, 200);
    assert_eq!(echo.patch(&id, &changes(json!({"response": {"body": "secret-body"}}))).status, 200);
    assert_eq!(echo.get("/-/openapi.json").status, 200);
    assert_eq!((echo.call("GET", "/secret-path").status, echo.call("BREW", "/secret-missing").status), (500, 404));
    assert!((0..500).any(|_| echo.call("GET", "/secret-path").status == 429));
    let body = "x".repeat(200_000);
    let until_the_disk_is_full =
        (0..60).map(|n| new_endpoint("GET", &format!("/secret-{n}"), json!({"code": 200, "body": body})));
    assert!({ until_the_disk_is_full }.any(|document| echo.post(&document).status == 503));
    assert!((0..2_000).any(|_| echo.get("/endpoints/none").status == 429));
    stop(&mut echo);
}

#[test]
fn exactly_the_documented_instruments_are_exported_and_no_string_of_a_client() {
    let collector = Collector::start();
    exercise_everything(&collector);
    let all_names: BTreeSet<_> = app::instruments().iter().map(|it| it.name).collect();
    let metrics = collector.wait_for("every instrument", |records| {
        let metrics = records.metrics();
        let names: BTreeSet<_> = metrics.iter().map(|item| item.it["name"].as_str().unwrap().to_owned()).collect();
        // Failed requests, and failed operations of the store.
        let failures: BTreeSet<_> = values(&metrics)
            .into_keys()
            .filter(|(_, it)| it.contains_key("error.type"))
            .map(|(name, _)| name)
            .collect();
        (failures.len() == 2 && names.len() >= all_names.len()).then_some(metrics)
    });

    // name → kind, unit, description, attributes
    let mut exported: BTreeMap<String, (&str, String, String, BTreeSet<String>)> = BTreeMap::new();
    for Item { resource, scope, it } in &metrics {
        assert_origin(resource, scope);
        let text = |member: &str| it[member].as_str().unwrap().to_owned();
        let entry = exported
            .entry(text("name"))
            .or_insert_with(|| (kind(it), text("unit"), text("description"), BTreeSet::new()));
        entry.3.extend(points(it).iter().flat_map(|point| attributes(point).into_keys()));
    }
    let documented = app::instruments().into_iter().map(|it| {
        let attributes = it.attributes.iter().map(|&name| name.to_owned()).collect();
        (it.name.to_owned(), (it.kind, it.unit.to_owned(), it.meaning.to_owned(), attributes))
    });
    assert_eq!(exported, documented.collect());

    let all = serde_json::to_string(&metrics.iter().map(|item| &item.it).collect::<Vec<_>>()).unwrap();
    assert!(!all.contains("secret") && !all.contains("BREW"), "nothing that a client chose is there");
    let methods: BTreeSet<_> =
        values(&metrics).keys().filter_map(|(_, it)| it.get("http.request.method").cloned()).collect();
    assert!(methods.contains("_OTHER") && methods.contains("PATCH"), "{methods:?}");
}

#[test]
fn counts_are_those_of_the_requests() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    let id = echo.create("GET", "/a", json!({"code": 500}));
    echo.create("POST", "/b", json!({"code": 200}));
    echo.create("PUT", "/c", json!({"code": 200}));
    assert_eq!(echo.delete(&id).status, 204);
    let gone = echo.delete(&id);
    assert_eq!(gone.status, 404);
    // A refusal of the store, which has not failed.
    assert_eq!(echo.post(&new_endpoint("PUT", "/c", json!({"code": 200}))).status, 409);
    for _ in 0..5 {
        assert_eq!(echo.call("POST", "/b").status, 200);
    }
    for path in ["/a", "/nothing", "/nothing/else"] {
        assert_eq!(echo.call("GET", path).status, 404);
    }
    stop(&mut echo);

    let served = |name: &str, pairs: &[(&str, &str)]| -> Series {
        (name.to_owned(), pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    };
    let request = |method, status, route: Option<&'static str>| {
        let mut pairs =
            vec![("http.request.method", method), ("http.response.status_code", status), ("url.scheme", "http")];
        pairs.extend(route.map(|route| ("http.route", route)));
        served("http.server.request.duration", &pairs)
    };
    let values = collector.wait_for("the last of the metrics", |records| {
        let values = values(&records.metrics());
        values.contains_key(&request("DELETE", "404", Some("/endpoints/{id}"))).then_some(values)
    });
    for (series, value) in [
        (request("POST", "201", Some("/endpoints")), 3),
        (request("DELETE", "204", Some("/endpoints/{id}")), 1),
        (request("DELETE", "404", Some("/endpoints/{id}")), 1),
        (request("POST", "409", Some("/endpoints")), 1),
        (request("POST", "200", None), 5),
        (request("GET", "404", None), 3),
        (served("echo.mocks.served", &[("echo.answer", "plain")]), 5),
        (served("echo.mocks.served", &[("echo.answer", "delayed")]), 0),
        (served("echo.mocks.missed", &[]), 3),
        (served("echo.endpoints", &[]), 2),
        (served("echo.replica.age", &[]), 0),
        (served("echo.replica.reloads", &[]), 1),
        (served("http.server.active_requests", &[("http.request.method", "GET"), ("url.scheme", "http")]), 0),
        (served("http.server.active_requests", &[("http.request.method", "POST"), ("url.scheme", "http")]), 0),
        (served("echo.store.operation.duration", &[("echo.store.operation", "write")]), 5),
        (served("echo.rate_limited", &[("echo.listener", "mocks")]), 0),
        (served("echo.rate_limited", &[("echo.listener", "management")]), 0),
    ] {
        assert_eq!(values.get(&series), Some(&value), "{series:?} of {values:#?}");
    }
    assert!(values.keys().all(|(_, pairs)| !pairs.contains_key("error.type")), "nothing has failed: {values:#?}");
}

#[test]
fn codes_delays_and_faults_of_mocks_are_counted_and_are_no_faults_of_echo() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    let answers = ["plain", "template", "delayed", "reset", "close", "garbage", "truncate"];
    for answer in answers {
        let effect = match answer {
            "plain" => json!({"code": 503}),
            "template" => json!({"code": 503, "body": "{{ uuid() }}", "template": true}),
            "delayed" => json!({"code": 200, "delay": "2s"}),
            fault => json!({"code": 200, "fault": fault}),
        };
        echo.create("GET", &format!("/{answer}"), effect);
        let mut client = TcpStream::connect(echo.mocks).unwrap();
        client
            .write_all(&request_bytes(echo.mocks, "GET", &format!("/{answer}"), "Connection: close\r\n", b""))
            .unwrap();
        // A reset is an error.
        let _ = client.read_to_end(&mut Vec::new());
    }
    stop(&mut echo);
    let counted = |answer: &str| {
        ("echo.mocks.served".to_owned(), BTreeMap::from([("echo.answer".to_owned(), answer.to_owned())]))
    };
    let metrics = collector.wait_for("one answer of each kind", |records| {
        let values = values(&records.metrics());
        answers.iter().all(|answer| values.get(&counted(answer)) == Some(&1)).then(|| records.metrics())
    });
    assert!(values(&metrics).keys().all(|(_, pairs)| !pairs.contains_key("error.type")), "no alarm on faults rings");
    let durations = metrics.iter().filter(|item| item.it["name"] == "http.server.request.duration");
    let mut longest = durations.flat_map(|item| points(&item.it)).map(|point| point["max"].as_f64().unwrap());
    assert!(longest.all(|seconds| seconds < 2.0), "no alarm on latency rings");
    let lines = echo.rest_of_log();
    assert!(lines.iter().all(|line| line["level"] == "INFO"), "no alarm on lines of errors rings: {lines:?}");
}

#[test]
fn requests_over_the_rate_are_counted_for_each_listener() {
    let collector = Collector::start();
    let mut echo = start(&collector, &["--rate-limit", "1", "--mock-rate-limit", "1"], &[]);
    let refuse = |times: usize, request: &dyn Fn() -> u16| {
        assert_eq!((0..1_000).filter(|_| request() == 429).take(times).count(), times);
    };
    // Different numbers, to distinguish the listeners.
    refuse(3, &|| echo.call("GET", "/nothing").status);
    refuse(5, &|| echo.get("/endpoints").status);
    stop(&mut echo);
    let limited = |listener: &str| {
        ("echo.rate_limited".to_owned(), BTreeMap::from([("echo.listener".to_owned(), listener.to_owned())]))
    };
    collector.wait_for("the number of refused requests", |records| {
        let values = values(&records.metrics());
        let counted = ["mocks", "management"].map(|listener| values.get(&limited(listener)).copied());
        (counted == [Some(3), Some(5)]).then_some(())
    });
}

#[test]
fn durations_are_seconds_in_buckets_of_seconds() {
    let collector = Collector::start();
    let mut echo = start(&collector, &[], &[]);
    echo.create("GET", "/a", json!({"code": 200}));
    stop(&mut echo);
    let metrics = collector.wait_for("both histograms", |records| {
        let mut metrics = records.metrics();
        metrics.retain(|item| item.it.get("histogram").is_some());
        (metrics.iter().map(|item| &item.it["name"]).collect::<std::collections::HashSet<_>>().len() == 2)
            .then_some(metrics)
    });
    for Item { it, .. } in metrics {
        assert_eq!(it["histogram"]["aggregationTemporality"], 2, "cumulative");
        for point in points(&it) {
            let bounds: Vec<f64> =
                point["explicitBounds"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
            assert!(bounds.is_sorted() && bounds[0] <= 0.005 && bounds.last().unwrap() <= &10.0, "{bounds:?}");
            let sum = point["sum"].as_f64().unwrap();
            assert!(sum > 0.0 && sum < 20.0, "{sum} s for a few requests");
        }
    }
}
