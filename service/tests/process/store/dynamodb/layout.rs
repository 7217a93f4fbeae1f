//! The items of a table: the versions in a rollout share each item.

use std::mem::discriminant;

use aws_sdk_dynamodb::types::AttributeValue;
use echo_service::{
    domain::{EndpointId, Headers, Mock, MockResponse, Verb},
    store::{Change, Digest, Filter, Stored, Version, Write},
};
use serde_json::{Value, json};

use super::{
    endpoint, holder, replicas,
    table::{Item, Table, server},
};
use crate::store::text_response;
use crate::store::{digests::plain, model::Snapshot};

const ADVICE: &str = "another version that is at work on the same table has items as they are in layout.rs. If it can not share them with \
                      this one any more, raise the format in store/format.rs, and write here how items are now";

/// All known formats. A new table has the last format.
const FORMATS: [u64; 5] = [1, 2, 3, 4, 5];

const GREETING: &str = "0199d5a0-0000-7000-8000-000000000001";
const GONE: &str = "0199d5a0-0000-7000-8000-000000000002";

/// After three writes: creation and deletion of a mock, and creation of another mock.
fn items(format: u64) -> Vec<Item> {
    let head = if format == 1 {
        json!({"PK": {"S": "LOG"}, "SK": {"S": "HEAD"}, "version": {"N": "3"}})
    } else {
        let (number, made) = (json!({"N": format.to_string()}), json!({"N": "0"}));
        json!({
            "PK": {"S": "LOG"}, "SK": {"S": "HEAD"}, "writes": {"N": "3"}, "written": number, "needed": number, "made": made,
            "digest": {"N": "13314854859891947464"},
        })
    };
    let format = format.to_string();
    let items = json!([
        {
            "PK": {"S": "ENDPOINT"},
            "SK": {"S": GREETING},
            "version": {"N": "3"},
            "verb": {"S": "GET"},
            "path": {"S": "/greeting"},
            "code": {"N": "200"},
            "headers": {"L": [{"L": [{"S": "X-Greeting"}, {"S": "yes"}]}]},
            "body": {"S": "Hello"},
        },
        {
            "PK": {"S": "ROUTE#94536957ac14e0a6a27d44ae61bd4e89e9c0b044a469aff622ff68be43b0b183"},
            "SK": {"S": "ROUTE"},
            "endpoint_id": {"S": GREETING},
        },
        {
            "PK": {"S": "LOG"},
            "SK": {"S": "00000000000000000001"},
            "endpoint_id": {"S": GONE},
            "token": {"S": "0199d5a0-0000-7000-8000-00000000000a"},
            "expires_at": {"N": "4102444800"},
            "version": {"N": "1"},
            "verb": {"S": "PUT"},
            "path": {"S": "/gone"},
            "code": {"N": "200"},
            "headers": {"L": []},
            "body": {"S": ""},
        },
        {
            "PK": {"S": "LOG"},
            "SK": {"S": "00000000000000000002"},
            "endpoint_id": {"S": GONE},
            "token": {"S": "0199d5a0-0000-7000-8000-00000000000b"},
            "expires_at": {"N": "4102444800"},
        },
        {
            "PK": {"S": "LOG"},
            "SK": {"S": "00000000000000000003"},
            "endpoint_id": {"S": GREETING},
            "token": {"S": "0199d5a0-0000-7000-8000-00000000000c"},
            "expires_at": {"N": "4102444800"},
            "version": {"N": "3"},
            "verb": {"S": "GET"},
            "path": {"S": "/greeting"},
            "code": {"N": "200"},
            "headers": {"L": [{"L": [{"S": "X-Greeting"}, {"S": "yes"}]}]},
            "body": {"S": "Hello"},
        },
        head,
        {"PK": {"S": "LEASE"}, "SK": {"S": "LEASE"}, "milliseconds": {"N": "150"}, "format": {"N": format}},
    ]);
    items.as_array().unwrap().iter().map(item).collect()
}

/// An item in the form of DynamoDB's API.
pub fn item(item: &Value) -> Item {
    item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// The sort key of an entry.
pub fn sort(version: u64) -> String {
    format!("{version:0>20}")
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, content) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), content) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("L", Value::Array(list)) => AttributeValue::L(list.iter().map(attribute).collect()),
        _ => panic!("{value} is none that is used"),
    }
}

fn greeting() -> Mock {
    let response = text_response("Hello");
    let headers = Headers::parse(vec![("X-Greeting".to_owned(), "yes".to_owned())]).unwrap();
    let response = MockResponse::new(response.code(), headers, response.payload().cloned()).unwrap();
    Mock { id: EndpointId::parse(GREETING).unwrap(), ..endpoint(Verb::Get, "/greeting", &response) }
}

fn gone() -> Mock {
    Mock { id: EndpointId::parse(GONE).unwrap(), ..endpoint(Verb::Put, "/gone", &text_response("")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_another_version_are_loaded_followed_read_and_changed() {
    for format in FORMATS {
        are_loaded_followed_got_and_written_to(format).await;
    }
}

async fn are_loaded_followed_got_and_written_to(format: u64) {
    let table = Table::create().await;
    for mut item in items(format) {
        item.insert("later".into(), AttributeValue::S("what a later version may add".into()));
        if item.contains_key("made") {
            item.insert("made".into(), table.made().await);
        }
        table.put(item).await;
    }
    let (store, greeting, gone) = (table.open().await, greeting(), gone());
    let loaded = Snapshot::of(&*store).await.expect(ADVICE);
    assert_eq!((loaded.head, loaded.endpoints), (Version(3), vec![greeting.clone()]), "{ADVICE}");
    let change = |version, of: &Mock, endpoint: Option<&Mock>| Change {
        version,
        id: of.id,
        endpoint: endpoint.cloned(),
        digest: Digest::default(),
    };
    let changes = vec![
        change(Version(1), &gone, Some(&gone)),
        change(Version(2), &gone, None),
        change(Version(3), &greeting, Some(&greeting)),
    ];
    let followed = store.changes_since(Version(0)).await.expect(ADVICE);
    assert_eq!(plain(followed), Some((Version(3), changes)), "{ADVICE}");
    let got = store.get(greeting.id).await.expect(ADVICE);
    assert_eq!(got, Some(Stored { endpoint: greeting.clone(), version: Version(3) }), "{ADVICE}");
    let filter = Filter { verb: None, path: Some(greeting.route.path.clone()), set: None };
    let listed = store.list_these(filter, vec![greeting.id, gone.id]).await.expect(ADVICE);
    assert_eq!(listed.mocks().collect::<Vec<_>>(), [&greeting], "{ADVICE}");

    let another = endpoint(Verb::Get, "/greeting", &text_response(""));
    assert_eq!(holder(store.write(Write::Create(another)).await), greeting.id, "{ADVICE}");
    let echo = replicas::start(&table, server());
    assert_eq!(echo.call("GET", "/greeting").text(), "Hello", "{ADVICE}");
    store.write(Write::Delete { id: greeting.id, expected: Version(3) }).await.expect(ADVICE);
    assert_eq!(
        (table.count("LOG").await, table.count_all().await),
        (5, 6),
        "all but the log and the lease is gone; {ADVICE}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_written_as_another_version_reads_them() {
    for format in FORMATS {
        are_written_as_another_version_reads_them(format).await;
    }
}

async fn are_written_as_another_version_reads_them(format: u64) {
    let table = Table::create().await;
    if format < *FORMATS.last().unwrap() {
        table.be_of_format(format).await;
    }
    let (_echo, store) = (replicas::start(&table, server()), table.open().await);
    let expected = store.write(Write::Create(gone())).await.unwrap();
    store.write(Write::Delete { id: gone().id, expected }).await.unwrap();
    store.write(Write::Create(greeting())).await.unwrap();

    let written = table.items().await;
    assert_eq!(written.len(), items(format).len(), "{ADVICE}");
    for item in items(format) {
        let is_it = |other: &&Item| ["PK", "SK"].iter().all(|key| other[*key] == item[*key]);
        let found = written.iter().find(is_it).unwrap_or_else(|| panic!("{item:?} is not written: {ADVICE}"));
        for (name, value) in &item {
            let now = found.get(name);
            let is_as_it_was = match name.as_str() {
                // Different in each run.
                "token" | "expires_at" | "made" => now.map(discriminant) == Some(discriminant(value)),
                _ => now == Some(value),
            };
            assert!(is_as_it_was, "`{name}` of {item:?} is {now:?} now: {ADVICE}");
        }
    }
}
