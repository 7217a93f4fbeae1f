//! The format of a table, and the versions that may use it.

use aws_sdk_dynamodb::types::AttributeValue;
use echo_service::{
    domain::{Mock, Verb},
    store::{Changes, Version, Write},
};
use serde_json::json;

use super::{
    Scene, create, endpoint,
    layout::{self, item},
    moved, opening, replicas, response,
    table::{Item, Table, server, text},
};
use crate::{store::model::Snapshot, support::changes};

fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name).map(|value| value.as_n().unwrap().parse().unwrap())
}

/// The marks of head and lease: `written`, `needed`, and `format`.
pub async fn marks(table: &Table) -> [Option<u64>; 3] {
    let [head, lease] =
        [table.item("LOG", "HEAD").await, table.item("LEASE", "LEASE").await].map(Option::unwrap_or_default);
    [number(&head, "written"), number(&head, "needed"), number(&lease, "format")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_has_the_newest_format_and_an_old_table_keeps_its_format() {
    let table = Table::create().await;
    drop(replicas::start(&table, server()));
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);

    // A table without writes, and a lease without a format or with 1; or a table with a deleted lease.
    for (writes, lease) in [(0, Some(None)), (0, Some(Some(1))), (1, Some(Some(1))), (1, None)] {
        let table = Table::create().await;
        table.be_of_format(1).await;
        if writes > 0 {
            create(&table.open().await, "/old").await;
        }
        match lease {
            None => table.forget_lease().await,
            Some(None) => {
                let mut lease = table.item("LEASE", "LEASE").await.unwrap();
                lease.remove("format");
                table.put(lease).await;
            }
            Some(_) => {}
        }
        let echo = replicas::start(&table, server());
        echo.create("GET", "/new", json!({"code": 200}));
        assert_eq!(marks(&table).await, [None, None, Some(1)], "{writes} {lease:?}");
        let head = table.item("LOG", "HEAD").await.unwrap();
        assert_eq!((head.len(), number(&head, "version")), (3, Some(writes + 1)), "{writes} {lease:?}");
    }
}

/// Later versions write unknown members, and mark the table as readable.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_a_known_required_format_is_opened() {
    let table = Table::create().await;
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let mut head = table.item("LOG", "HEAD").await.unwrap();
    head.insert("written".into(), AttributeValue::N("7".into()));
    table.put(head.clone()).await;
    let other = replicas::start(&table, server());
    assert_eq!(other.patch(&id, &changes(json!({"response": {"code": 201}}))).status, 200);
    assert_eq!(marks(&table).await, [Some(7), Some(5), Some(5)]);
    // The running process has read the mark in the log.
    assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": 202}}))).status, 200);
    assert_eq!(marks(&table).await, [Some(7), Some(5), Some(5)]);

    // A raise is a write as well.
    head = table.item("LOG", "HEAD").await.unwrap();
    head.extend(["needed", "writes"].map(|name| (name.to_owned(), AttributeValue::N("7".into()))));
    table.put(head).await;
    let before = table.items().await;
    let message = opening::refusal(&table.name, &[]);
    for part in [&table.name, "is kept in format 7", "knows formats up to 5", "start a newer version", "--store"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // Running processes must not write unknown formats, nor answer from an unreadable log.
    assert_eq!(echo.patch(&id, &changes(json!({"response": {"code": 203}}))).status, 503);
    replicas::wait_for(503, || echo.call("GET", "/x"));
    assert_eq!(table.items().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_the_verb_any_and_priorities_need_format_3() {
    let table = Table::create().await;
    table.be_of_format(2).await;
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let all = [json!({"path": "/{x}"}), json!({"verb": "ANY"}), json!({"priority": -5})];
    for attributes in &all {
        let refusal = echo.patch(&id, &changes(attributes.clone()));
        assert_eq!(refusal.status, 409, "{attributes}: {}", refusal.text());
        assert!(refusal.details().contains("format 3"), "{}", refusal.details());
    }
    assert_eq!(echo.manage("POST", "/-/store/raise", "", None).status, 200);
    for attributes in all {
        assert_eq!(echo.patch(&id, &changes(attributes)).status, 200);
    }
    let item = table.item("ENDPOINT", &id).await.unwrap();
    let [verb, path] = ["verb", "path"].map(|name| item[name].as_s().unwrap().as_str());
    assert_eq!((verb, path, item["priority"].as_n().unwrap().as_str()), ("ANY", "/{x}", "-5"));
    assert_eq!(table.count("ROUTE#793b1f3f8f41c972a0f1476ea43ed864d151f485f0971b383ae691bdb8b7214d").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_by_jsonpath_need_format_4() {
    let table = Table::create().await;
    table.be_of_format(3).await;
    let echo = replicas::start(&table, server());
    let id = echo.create("POST", "/x", json!({"code": 200}));
    let change = |test| changes(json!({"when": {"body": [test]}}));
    let query = json!({"jsonpath": "$.a"});
    // A value may look like a test.
    assert_eq!(echo.patch(&id, &change(json!({"json": query}))).status, 200);
    let refusal = echo.patch(&id, &change(query.clone()));
    assert_eq!(refusal.status, 409, "{}", refusal.text());
    assert!(refusal.details().contains("format 4"), "{}", refusal.details());
    assert_eq!(echo.manage("POST", "/-/store/raise", "", None).status, 200);
    assert_eq!(echo.patch(&id, &change(query)).status, 200);
    let item = table.item("ENDPOINT", &id).await.unwrap();
    assert_eq!(item["when"].as_s().unwrap(), r#"{"body":{"jsonpath":"$.a"}}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_need_format_5_and_are_an_attribute_of_the_item() {
    let table = Table::create().await;
    table.be_of_format(4).await;
    let echo = replicas::start(&table, server());
    let mocks = json!([{"verb": "GET", "path": "/x", "response": {"code": 200}}]);
    let put = || echo.manage("PUT", "/-/sets/shop", "Content-Type: application/json\r\n", Some(&mocks));
    let refusal = put();
    assert_eq!((refusal.status, refusal.details().contains("format 5")), (409, true), "{}", refusal.text());
    assert_eq!(echo.manage("POST", "/-/store/raise", "", None).status, 200);
    let id = put().json()["meta"]["created"]["first"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(table.item("ENDPOINT", &id).await.unwrap()["set"].as_s().unwrap(), "shop");
}

/// The count of turns is in the claim, which has a partition key of its own.
#[tokio::test(flavor = "multi_thread")]
async fn turns_need_format_4_and_are_counted_in_the_claim() {
    let table = Table::create().await;
    table.be_of_format(3).await;
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let responses = changes(json!({"responses": [{"code": 201}, {"code": 202, "json": [1], "times": 2}]}));
    let refusal = echo.patch(&id, &responses);
    assert_eq!((refusal.status, refusal.details().contains("format 4")), (409, true), "{}", refusal.text());
    assert_eq!(echo.manage("POST", "/-/store/raise", "", None).status, 200);
    let route = "ROUTE#541a2d0d1f26f09f8377267e545827e42465673e729f42f455acdb43ccbd38ab";
    // A busy machine may lose a turn.
    let mut rounds = (0..20).map(|_| {
        assert_eq!(echo.patch(&id, &responses).status, 200);
        [(); 4].map(|()| echo.call("GET", "/x").status)
    });
    let codes = rounds.find(|codes| !codes.contains(&503)).expect("a round without a lost turn");
    assert_eq!(codes, [201, 202, 202, 202]);
    let (record, claim) = (table.item("ENDPOINT", &id).await.unwrap(), table.item(route, "ROUTE").await.unwrap());
    // The third call has seen the last response, which answers all further calls from memory.
    assert_eq!(claim["turn"], AttributeValue::N("3".into()));
    assert_eq!(claim["series"], record["series"]);
    let more = item(&json!({"code": {"N": "202"}, "headers": {"L": []}, "json": {"S": "[1]"}, "times": {"N": "2"}}));
    assert_eq!(record["more"], AttributeValue::L(vec![AttributeValue::M(more)]));
    assert_eq!(record["then"], text("last"));
}

/// Somebody deletes the lease, and a version of format 1 starts first: the process writes the lease, and fails at the
/// head.
#[tokio::test(flavor = "multi_thread")]
async fn a_format_mark_lowered_by_an_old_version_is_repaired_at_the_next_start() {
    let table = Table::create().await;
    drop(replicas::start(&table, server()));
    let mut lease = table.item("LEASE", "LEASE").await.unwrap();
    lease.insert("format".into(), AttributeValue::N("1".into()));
    table.put(lease).await;
    replicas::start(&table, server()).create("GET", "/x", json!({"code": 200}));
    assert_eq!(marks(&table).await, [Some(5), Some(5), Some(5)]);
}

/// A process of format 1 needs `version` in the head to read and write, and finds none.
#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_format_2_has_nothing_that_format_1_reads() {
    let table = Table::create().await;
    drop(replicas::start(&table, server()));
    create(&table.open().await, "/x").await;
    assert!(!table.item("LOG", "HEAD").await.unwrap().contains_key("version"));
}

/// All kinds of values.
fn later() -> Item {
    let number = |text: &str| AttributeValue::N(text.into());
    let map = AttributeValue::M([("from".to_owned(), text("100ms")), ("p".to_owned(), number("0.1"))].into());
    [
        ("pause", map),
        ("label", text("a")),
        ("weight", number("-12345678901234567890.123")),
        ("responses", AttributeValue::L(vec![AttributeValue::Bool(true), AttributeValue::Null(true)])),
        ("blob", AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new([0, 255]))),
        ("tags", AttributeValue::Ss(vec!["a".into(), "b".into()])),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn kept(item: &Item) -> Item {
    item.iter()
        .filter(|(name, _)| later().contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_keep_unknown_members_of_a_mock_and_log_them() {
    let scene = Scene::set().await;
    let (mock, _) = create(&scene.other, "/x").await;
    let mut item = scene.table.item("ENDPOINT", &mock.id.to_string()).await.unwrap();
    item.extend(later());
    scene.table.put(item).await;
    // As a later version would have written it.
    let mut head = scene.table.item("LOG", "HEAD").await.unwrap();
    let digest = Snapshot::of(&*scene.other).await.unwrap().digest.0;
    head.insert("digest".into(), AttributeValue::N(digest.to_string()));
    scene.table.put(head).await;

    let expected = scene.other.get(mock.id).await.unwrap().unwrap().version;
    let changed = Mock { response: response(3), ..mock.clone() };
    let expected = scene.store.write(Write::Replace { endpoint: changed, expected }).await.unwrap();
    let expected = scene.other.write(Write::Replace { endpoint: moved(&mock, "/y"), expected }).await.unwrap();
    let item = scene.table.item("ENDPOINT", &mock.id.to_string()).await.unwrap();
    assert_eq!((kept(&item), expected), (later(), Version(3)));
    for version in 2..=3 {
        assert_eq!(kept(&scene.table.item("LOG", &layout::sort(version)).await.unwrap()), later(), "{version}");
    }
    // Another mock gets none of the members.
    let (other, _) = create(&scene.store, "/x").await;
    assert_eq!(kept(&scene.table.item("ENDPOINT", &other.id.to_string()).await.unwrap()), Item::new());
    let Changes::Log { changes, .. } = scene.store.changes_since(Version(2)).await.unwrap() else { panic!("a gap") };
    assert_eq!(changes[0].endpoint, Some(moved(&mock, "/y")));
    scene.store.write(Write::Delete { id: mock.id, expected }).await.unwrap();
    assert_eq!(scene.table.item("ENDPOINT", &mock.id.to_string()).await, None);
    let again = endpoint(Verb::Put, "/y", &response(1));
    scene.store.write(Write::Create(again)).await.unwrap();
    scene.assert_sound().await;
}
