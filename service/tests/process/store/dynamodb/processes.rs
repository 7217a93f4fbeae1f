//! The items of the processes on a table.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    replicas,
    table::{Item, Table, server},
};
use crate::support::PATIENCE;

fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().unwrap().parse().unwrap()
}

/// The form of the items for other versions.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_renews_an_item_with_its_format_and_limits_and_removes_it_at_its_end() {
    let table = Table::create().await;
    let (mut echo, other) = (replicas::start(&table, server()), replicas::start(&table, server()));
    let [first, second] = <[Item; 2]>::try_from(table.partition("PROCESS").await).unwrap();
    assert_ne!(first["SK"], second["SK"]);
    for item in [&first, &second] {
        assert_eq!((number(item, "format"), number(item, "renewed")), (2, 1), "{item:?}");
        assert!(matches!(item["limits"], AttributeValue::M(_)), "{item:?}");
        let in_a_day = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 24 * 3_600;
        assert!((in_a_day - 60..=in_a_day).contains(&number(item, "expires_at")), "{item:?}");
        assert_eq!(item.len(), 6, "{item:?}");
    }
    let deadline = Instant::now() + PATIENCE;
    while table.partition("PROCESS").await.iter().any(|item| number(item, "renewed") < 2) {
        assert!(Instant::now() < deadline, "an item is not renewed");
        thread::sleep(Duration::from_millis(100));
    }
    echo.signal("TERM");
    assert_eq!(echo.wait().code(), Some(0));
    assert_eq!(table.count("PROCESS").await, 1);
    // A killed process leaves the item to the expiry.
    other.signal("KILL");
    drop(other);
    assert_eq!(table.count("PROCESS").await, 1);
}
