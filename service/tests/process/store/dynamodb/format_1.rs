//! A table by the version before format 2 (1cdb0ba): three mocks, then a change of a mock and a deletion.

use serde_json::{Value, json};

use super::{
    layout, replicas,
    table::{Table, server},
};
use crate::store::serves_and_changes_format_1;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_format_1_serves_the_mocks_of_the_version_before_and_keeps_its_format() {
    let table = Table::create().await;
    let items: Value = serde_json::from_str(include_str!("../../../../../tests/formats/format_1.json")).unwrap();
    for item in items.as_array().unwrap() {
        table.put(layout::item(item)).await;
    }
    let (echo, other) = (replicas::start(&table, server()), replicas::start(&table, server()));
    serves_and_changes_format_1(&echo);
    other.create("GET", "/deleted", json!({"code": 204}));
    assert_eq!((other.call("GET", "/kept").text(), echo.call("GET", "/deleted").status), ("changed".into(), 204));

    let (head, lease) = (table.item("LOG", "HEAD").await.unwrap(), table.item("LEASE", "LEASE").await.unwrap());
    assert_eq!((head.len(), head["version"].as_n().unwrap().as_str()), (3, "7"), "{head:?}");
    assert_eq!((lease.len(), lease["format"].as_n().unwrap().as_str()), (4, "1"), "{lease:?}");
}
