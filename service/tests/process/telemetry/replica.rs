//! Metrics of the lease, of a real service on a shared table.

use serde_json::json;

use super::{Collector, attributes, collector::Records, metrics::points, start};
use crate::{
    store::dynamodb::{
        proxy::{Fate, Proxy},
        replicas,
        table::{Table, VARIABLES, server},
    },
    support::{Echo, changes},
};

/// `--lease`, in milliseconds.
const LEASE: i64 = 150;

/// The latest count of a metric, or its milliseconds; of waits for `wait` if that is not empty.
fn latest(records: &Records, name: &str, wait: &str) -> Option<i64> {
    let metric = records.metrics().into_iter().rfind(|item| item.it["name"] == name)?.it;
    let is_of =
        |point: &&serde_json::Value| wait.is_empty() || attributes(point).get("echo.replica.wait").unwrap() == wait;
    let point = points(&metric).iter().find(is_of)?;
    point["asDouble"].as_f64().map(|seconds| (seconds * 1e3) as i64).or_else(|| point["asInt"].as_str()?.parse().ok())
}

/// A service with the table at this URL, and with a collector.
fn start_at(url: &str, table: &Table, collector: &Collector) -> Echo {
    let store = format!("dynamodb:{}", table.name);
    start(collector, &["--store", &store], &[&VARIABLES[..], &[("AWS_ENDPOINT_URL", url)]].concat())
}

#[test]
fn lease_metrics_on_dynamodb_show_the_age_of_a_replica_and_the_waits() {
    let (collector, table, proxy) = (Collector::start(), replicas::table(), Proxy::start());
    let service = start_at(&proxy.url, &table, &collector);
    let other = replicas::start(&table, server());
    let now = |name, wait| collector.wait_for(name, |records| latest(records, name, wait));
    let wait_for = |what: &str, name, wait, is_so: &dyn Fn(i64) -> bool| {
        collector.wait_for(what, |records| latest(records, name, wait).filter(|value| is_so(*value)));
    };

    wait_for("an age in lease", "echo.replica.age", "", &|age| age < LEASE);
    let readings = now("echo.replica.readings", "");
    wait_for("readings, without a client", "echo.replica.readings", "", &|count| count >= readings + 10);
    assert_eq!(["reading", "settling"].map(|wait| now("echo.replica.waits", wait)), [0; 2]);

    // Waits of the other service do not count here.
    let id = other.create("GET", "/known", json!({"code": 200}));
    for _ in 0..3 {
        assert_eq!(service.call("GET", "/unknown").status, 404);
    }
    wait_for("each miss as a wait", "echo.replica.waits", "reading", &|count| count == 3);
    assert_eq!(now("echo.replica.waits", "settling"), 0);
    assert_eq!(service.patch(&id, &changes(json!({"response": {"code": 201}}))).status, 200);
    wait_for("the wait of a change", "echo.replica.waits", "settling", &|count| count == 1);

    proxy.set(|_| Fate::CutBefore);
    wait_for("an age of many leases", "echo.replica.age", "", &|age| age > 10 * LEASE);
    proxy.set(|_| Fate::Pass);
    wait_for("an age in lease again", "echo.replica.age", "", &|age| age < LEASE);
    assert_eq!(now("echo.replica.reloads", ""), 1);
}

/// Like a process that was stopped for longer than the time to live of the log.
#[test]
fn a_gap_in_the_log_of_dynamodb_makes_a_service_load_once_and_serve_nothing_old() {
    let (collector, table) = (Collector::start(), replicas::table());
    let service = start_at(server(), &table, &collector);
    let other = replicas::start(&table, server());
    let [changed, deleted] = ["/changed", "/deleted"].map(|path| service.create("GET", path, json!({"code": 200})));
    let loads = |count| {
        let has = |records: &Records| latest(records, "echo.replica.reloads", "").filter(|loads| *loads == count);
        collector.wait_for("so many loads", has);
    };
    loads(1);

    service.signal("STOP");
    assert_eq!(other.patch(&changed, &changes(json!({"response": {"code": 201}}))).status, 200);
    assert_eq!(other.delete(&deleted).status, 204);
    other.create("GET", "/created", json!({"code": 202}));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        for version in 1..=5 {
            table.expire(version).await;
        }
    });
    service.signal("CONT");
    let told = ["/changed", "/deleted", "/created"].map(|path| service.call("GET", path).status);
    assert_eq!(told, [201, 404, 202]);
    loads(2);
}

#[test]
fn a_damaged_record_is_counted_until_its_endpoint_is_deleted() {
    let (collector, table) = (Collector::start(), replicas::table());
    let id = replicas::start(&table, server()).create("GET", "/damaged", json!({"code": 200}));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut item = table.item("ENDPOINT", &id).await.unwrap();
        item.remove("code");
        table.put(item).await;
    });
    let service = start_at(server(), &table, &collector);
    let counts = |count| {
        let has = |records: &Records| latest(records, "echo.replica.damaged", "").filter(|damaged| *damaged == count);
        collector.wait_for("so many damaged records", has);
    };
    counts(1);
    assert_eq!(service.delete(&id).status, 204);
    counts(0);
}
