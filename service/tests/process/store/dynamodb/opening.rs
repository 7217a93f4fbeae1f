//! The start on a table: messages about a wrong table, and service on a correct table.

use aws_sdk_dynamodb::types::KeyType;
use serde_json::{Value, json};

use super::{
    proxy::{Fate, Proxy},
    table::{Table, VARIABLES, server},
};
use crate::support::Echo;

fn start(table: &str, variables: &[(&str, &str)]) -> Result<Echo, String> {
    let aws: Vec<_> = VARIABLES.into_iter().chain([("AWS_ENDPOINT_URL", server())]).collect();
    start_with(table, &[&aws[..], variables].concat())
}

pub fn start_with(table: &str, variables: &[(&str, &str)]) -> Result<Echo, String> {
    Echo::try_start(&["--store", &format!("dynamodb:{table}")], variables).map_err(|(status, errors)| {
        assert_eq!(status.code(), Some(1), "{errors}");
        errors
    })
}

pub fn refusal(table: &str, variables: &[(&str, &str)]) -> String {
    start(table, variables).err().expect("the service does not start")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_serve_from_one_table_and_find_all_after_a_restart() {
    let table = Table::create().await;
    let (one, two) = (start(&table.name, &[]).unwrap(), start(&table.name, &[]).unwrap());
    let id = one.create("GET", "/greeting", json!({"code": 200, "body": "Hello"}));
    assert_eq!(one.call("GET", "/greeting").text(), "Hello");
    let shown = two.get(&format!("/endpoints/{id}"));
    assert_eq!((shown.status, two.call("GET", "/greeting").text()), (200, "Hello".into()));
    assert_eq!(two.post(&crate::support::new_endpoint("GET", "/greeting", json!({"code": 204}))).status, 409);
    drop((one, two));
    let again = start(&table.name, &[]).unwrap();
    assert_eq!(again.call("GET", "/greeting").text(), "Hello");
    assert_eq!(again.delete(&id).status, 204);
    assert_eq!(again.call("GET", "/greeting").status, 404);
}

#[test]
fn a_missing_table_is_named_with_its_region() {
    let message = refusal("echo-nowhere", &[]);
    for part in ["--store", "echo-nowhere", "eu-test-1", "data-store"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_differences_of_a_table_are_reported_together() {
    let table = Table::with_keys(&[("id", KeyType::Hash)]).await;
    let message = refusal(&table.name, &[]);
    for part in [
        "partition key is `id`, not `PK`",
        "no sort key, which should be `SK`",
        "time to live is off",
        "update-time-to-live",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let table = Table::with_keys(&[("PK", KeyType::Hash), ("SK", KeyType::Range)]).await;
    assert!(refusal(&table.name, &[]).contains("AttributeName=expires_at"));
    table.expire_by("other").await;
    assert!(refusal(&table.name, &[]).contains("by `other`, not by `expires_at`"));
}

/// DynamoDB Local has no global tables: the proxy changes the description.
#[tokio::test(flavor = "multi_thread")]
async fn a_global_table_is_refused_and_its_regions_are_named() {
    let (table, proxy) = (Table::create().await, Proxy::start());
    let at_proxy = [("AWS_ENDPOINT_URL", proxy.url.as_str())];
    let described = |name: &'static str, value: Value| {
        proxy.on("DescribeTable", move |_, _| {
            let value = value.clone();
            Fate::Change(Box::new(move |described| described["Table"][name] = value))
        });
    };
    described("Replicas", json!([{"RegionName": "eu-test-2"}, {"RegionName": "eu-test-3"}]));
    let message = refusal(&table.name, &at_proxy);
    for part in ["is a global table", "eu-test-2, eu-test-3", "delete its replicas"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    described("GlobalTableVersion", json!("2017.11.29"));
    assert!(refusal(&table.name, &at_proxy).contains("is a global table of version 2017.11.29"));
    described("Replicas", json!([]));
    assert!(start(&table.name, &at_proxy).is_ok());
}

#[test]
fn missing_aws_settings_are_named() {
    let message = refusal("echo-table", &[("AWS_REGION", "")]);
    assert!(message.contains("AWS_REGION"), "{message}");
    let no_key = [("AWS_REGION", "eu-test-1"), ("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/nowhere")];
    let message = start_with("echo-table", &no_key).err().unwrap();
    assert!(message.contains("credentials") && message.contains("AWS_ACCESS_KEY_ID"), "{message}");
    let message = refusal("echo-table", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]);
    assert!(message.contains("cannot be looked at") && message.contains("DescribeTable"), "{message}");
}
