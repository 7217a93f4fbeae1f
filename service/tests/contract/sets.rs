//! Sets of mocks: `/-/sets`, the attribute `set`, and deletions of many endpoints.

use std::thread;

use serde_json::{Value, json};

use crate::{
    access::Key,
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint},
};

const JSON: &str = "Content-Type: application/json\r\n";

pub fn mock(path: &str, body: &str) -> Value {
    json!({"verb": "GET", "path": path, "response": {"code": 200, "body": body}})
}

pub fn put(echo: &Echo, name: &str, mocks: &[Value]) -> Answer {
    echo.manage("PUT", &format!("/-/sets/{name}"), JSON, Some(&json!(mocks)))
}

/// The numbers of created, changed, deleted and unchanged mocks.
#[track_caller]
pub fn counts(answer: &Answer) -> [u64; 4] {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let meta = &answer.json()["meta"];
    ["created", "changed", "deleted", "unchanged"].map(|part| meta[part]["count"].as_u64().unwrap())
}

pub fn list(echo: &Echo, name: &str) -> Value {
    echo.get(&format!("/-/sets/{name}")).json()
}

fn count(echo: &Echo, query: &str) -> usize {
    echo.get(&format!("/endpoints?{query}")).json()["data"].as_array().unwrap().len()
}

#[test]
fn a_list_becomes_the_set_and_nothing_else_changes() {
    let echo = Echo::start(&[]);
    let other = echo.create("GET", "/other", json!({"code": 204}));
    assert_eq!(counts(&put(&echo, "shop", &[mock("/a", "1"), mock("/b", "1"), mock("/c", "1")])), [3, 0, 0, 0]);
    let id = echo.get("/endpoints?filter[path]=/b").json()["data"][0]["id"].clone();
    let answer = put(&echo, "shop", &[mock("/d", "2"), mock("/b", "2"), mock("/c", "1")]);
    assert_eq!(counts(&answer), [1, 1, 1, 1]);
    let meta = &answer.json()["meta"];
    assert_eq!(meta["changed"]["first"], json!([{"id": id, "verb": "GET", "path": "/b"}]));
    assert_eq!(meta["deleted"]["first"][0]["path"], "/a");
    for (path, status, body) in
        [("/a", 404, None), ("/b", 200, Some("2")), ("/c", 200, Some("1")), ("/d", 200, Some("2"))]
    {
        let called = echo.call("GET", path);
        assert_eq!(called.status, status, "{path}");
        assert!(body.is_none_or(|body| called.text() == body), "{path}");
    }
    // In the order of creation, without ids and the name of the set.
    assert_eq!(list(&echo, "shop"), json!([mock("/b", "2"), mock("/c", "1"), mock("/d", "2")]));
    assert_eq!(echo.get(&format!("/endpoints/{other}")).status, 200);
    // The same list again changes nothing.
    let shown = list(&echo, "shop").as_array().unwrap().clone();
    assert_eq!(counts(&put(&echo, "shop", &shown)), [0, 0, 0, 3]);
}

#[test]
fn a_set_of_hundreds_of_mocks_takes_several_writes_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let mocks = |count: usize, body: &str| (0..count).map(|n| mock(&format!("/m/{n}"), body)).collect::<Vec<_>>();
    {
        let echo = Echo::start(&["--store", &store]);
        assert_eq!(counts(&put(&echo, "large", &mocks(300, "a"))), [300, 0, 0, 0]);
        assert_eq!(counts(&put(&echo, "large", &mocks(100, "b"))), [0, 100, 200, 0]);
        // Larger than one write may be.
        assert_eq!(
            counts(&put(&echo, "wide", &[mock("/w/1", &"x".repeat(200_000)), mock("/w/2", &"y".repeat(200_000))])),
            [2, 0, 0, 0]
        );
    }
    let echo = Echo::start(&["--store", &store]);
    assert_eq!(list(&echo, "large"), json!(mocks(100, "b")));
    let sets =
        json!({"meta": {"sets": [{"name": "large", "mocks": 100}, {"name": "wide", "mocks": 2}], "more": false}});
    assert_eq!(echo.get("/-/sets").json(), sets);
}

#[test]
fn a_dry_run_of_a_set_changes_nothing() {
    let echo = Echo::start(&[]);
    put(&echo, "shop", &[mock("/a", "1"), mock("/b", "1")]);
    let dry = echo.manage("PUT", "/-/sets/shop?dryRun=true", JSON, Some(&json!([mock("/b", "2"), mock("/c", "2")])));
    assert_eq!(counts(&dry), [1, 1, 1, 0]);
    assert_eq!(list(&echo, "shop"), json!([mock("/a", "1"), mock("/b", "1")]));
    assert_refused(&echo.manage("PUT", "/-/sets/shop?dryRun=1", JSON, Some(&json!([mock("/b", "2")]))), 400, "a flag");
}

#[test]
fn one_wrong_mock_of_a_list_and_nothing_changes_and_all_mistakes_are_told() {
    let echo = Echo::start(&[]);
    let holder = echo.create("GET", "/taken", json!({"code": 200}));
    put(&echo, "shop", &[mock("/a", "1")]);
    let mut other_set = mock("/z", "1");
    other_set["set"] = "other".into();
    let wrong = put(&echo, "shop", &[mock("/new", "1"), json!({"verb": "GET", "path": "x"}), json!(7), other_set]);
    assert_refused(&wrong, 422, "mistakes");
    assert_eq!(wrong.pointers(), ["/1/path", "/1/response", "/2", "/3/set"]);
    let clash = put(&echo, "shop", &[mock("/new", "1"), mock("/taken", "1"), mock("/taken", "2")]);
    assert_refused_at(&clash, 409, "/2", "twice in the list");
    assert!(clash.details().contains("mock 1 of the list"), "{}", clash.details());
    let clash = put(&echo, "shop", &[mock("/new", "1"), mock("/taken", "1")]);
    assert_refused_at(&clash, 409, "/1", "taken");
    assert!(clash.details().contains(&holder), "{}", clash.details());
    let large = json!({"verb": "GET", "path": "/l", "responses": [
        {"code": 200, "body": "x".repeat(200_000)}, {"code": 200, "body": "x".repeat(200_000)}]});
    assert_refused_at(&put(&echo, "shop", &[mock("/new", "1"), large]), 413, "/1", "too large");
    let tested = |n: usize| json!({"verb": "GET", "path": "/many", "when": {"query": {"n": n.to_string()}}, "response": {"code": 200}});
    let many = put(&echo, "shop", &(0..257).map(tested).collect::<Vec<_>>());
    assert_refused_at(&many, 422, "/256", "257 mocks of a path");
    for (body, pointer) in [("{}", ""), ("[1", ""), ("[]", ""), ("", "")] {
        let status = if body == "[]" { 422 } else { 400 };
        assert_refused_at(&echo.manage_raw("PUT", "/-/sets/shop", JSON, body.as_bytes()), status, pointer, body);
    }
    assert_eq!(list(&echo, "shop"), json!([mock("/a", "1")]));
    assert_eq!(echo.call("GET", "/new").status, 404);
}

#[test]
fn names_of_sets_have_a_rule_and_a_set_without_mocks_does_not_exist() {
    let echo = Echo::start(&[]);
    for name in ["-x", "a%20b", "a%2Fb", ".."] {
        assert_refused(&put(&echo, name, &[mock("/a", "1")]), 422, name);
    }
    let mut document = new_endpoint("GET", "/a", json!({"code": 200}));
    document["data"]["attributes"]["set"] = "a b".into();
    assert_refused_at(&echo.post(&document), 422, "/data/attributes/set", "a space");
    for method in ["GET", "DELETE"] {
        assert_refused(&echo.manage(method, "/-/sets/none", "", None), 404, method);
    }
}

#[test]
fn a_mock_joins_and_leaves_a_set_by_its_attribute() {
    let echo = Echo::start(&[]);
    let mut document = new_endpoint("GET", "/a", json!({"code": 200, "body": "1"}));
    document["data"]["attributes"]["set"] = "one".into();
    let created = echo.post(&document).json();
    let id = created["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(created["data"]["attributes"]["set"], "one");
    assert_eq!((count(&echo, "filter[set]=one"), count(&echo, "filter[set]=two")), (1, 0));
    assert_eq!(echo.patch(&id, &changes(json!({"set": "two"}))).status, 200);
    assert_eq!((count(&echo, "filter[set]=one"), count(&echo, "filter[set]=two&filter[verb]=GET")), (0, 1));
    assert_eq!(
        (count(&echo, "filter[set]=two&filter[verb]=PUT"), count(&echo, "filter[set]=two&filter[path]=/a")),
        (0, 1)
    );
    assert_eq!(echo.get("/-/sets").json()["meta"]["sets"], json!([{"name": "two", "mocks": 1}]));
    // The mock keeps its id.
    assert_eq!(counts(&put(&echo, "two", &[mock("/a", "2")])), [0, 1, 0, 0]);
    assert_eq!(echo.patch(&id, &changes(json!({"set": null}))).json()["data"]["attributes"].get("set"), None);
    assert_eq!(echo.get("/-/sets").json()["meta"]["sets"], json!([]));
    assert_refused(&echo.get("/endpoints?filter[set]=a%20b"), 400, "no name");
}

#[test]
fn a_set_is_deleted_as_a_whole() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/other", json!({"code": 200}));
    put(&echo, "shop", &(0..40).map(|n| mock(&format!("/{n}"), "1")).collect::<Vec<_>>());
    let deleted = echo.manage("DELETE", "/-/sets/shop", "", None);
    assert_eq!((deleted.status, deleted.json()), (200, json!({"meta": {"deleted": 40}})));
    assert_eq!(count(&echo, "page[size]=100"), 1);
    assert_refused(&echo.manage("DELETE", "/-/sets/shop", "", None), 404, "again");
}

#[test]
fn endpoints_are_deleted_by_filters_or_all_and_never_by_an_empty_query() {
    let echo = Echo::start(&[]);
    for n in 0..35 {
        echo.create("GET", &format!("/g/{n}"), json!({"code": 200}));
    }
    for path in ["/p", "/q"] {
        echo.create("PUT", path, json!({"code": 200}));
    }
    put(&echo, "shop", &[mock("/s", "1"), mock("/t", "1")]);
    for query in ["", "?deleteAll=false", "?deleteAll=true&filter[verb]=PUT", "?filter[verbs]=PUT", "?deleteAll=yes"] {
        assert_refused(&echo.manage("DELETE", &format!("/endpoints{query}"), "", None), 400, query);
    }
    for (query, expected, left) in [
        ("filter[verb]=PUT&filter[path]=/p", 1, 38),
        ("filter[set]=shop", 2, 36),
        ("filter[verb]=PUT", 1, 35),
        ("filter[verb]=PUT", 0, 35),
        ("deleteAll=true", 35, 0),
    ] {
        let deleted = echo.manage("DELETE", &format!("/endpoints?{query}"), "", None);
        assert_eq!((deleted.status, deleted.json()), (200, json!({"meta": {"deleted": expected}})), "{query}");
        assert_eq!(count(&echo, "page[size]=1000"), left, "{query}");
    }
    assert_eq!(echo.call("GET", "/g/1").status, 404);
}

#[test]
fn a_key_that_only_writes_learns_nothing_about_other_mocks() {
    let (reader, writer) = (Key::new("reader", "read"), Key::new("writer", "write"));
    let echo = Echo::start(&["--keys", &[&*reader.entry, &writer.entry].join(",")]);
    let with = |key: &Key, method: &str, path: &str, mocks: Option<Value>| {
        echo.manage(method, path, &format!("{JSON}{}", key.header), mocks.as_ref())
    };
    let put = |mocks: Value| with(&writer, "PUT", "/-/sets/a", Some(mocks));
    let written = put(json!([mock("/a", "1")]));
    assert_eq!(written.json()["meta"]["created"], json!({"count": 1}));
    with(&writer, "PUT", "/-/sets/b", Some(json!([mock("/b", "1")])));
    let clash = put(json!([mock("/b", "1")]));
    assert_refused_at(&clash, 409, "/0", "taken");
    assert!(clash.details().contains("use a key with the scope `read`"), "{}", clash.details());
    for (key, method, path) in [
        (&writer, "GET", "/-/sets"),
        (&writer, "GET", "/-/sets/a"),
        (&reader, "PUT", "/-/sets/a"),
        (&reader, "DELETE", "/-/sets/a"),
        (&reader, "DELETE", "/endpoints?deleteAll=true"),
    ] {
        assert_refused(&with(key, method, path, None), 403, &format!("{method} {path}"));
    }
}

#[test]
fn of_concurrent_lists_one_is_the_set_and_never_a_mixture() {
    let echo = Echo::start(&[]);
    for round in 0..5 {
        thread::scope(|scope| {
            for writer in 0..4 {
                let echo = &echo;
                scope.spawn(move || {
                    let mocks = (0..40).map(|n| mock(&format!("/{round}/{writer}/{n}"), "1")).collect::<Vec<_>>();
                    assert_eq!(put(echo, "shop", &mocks).status, 200);
                });
            }
        });
        let paths: Vec<_> =
            list(&echo, "shop").as_array().unwrap().iter().map(|mock| mock["path"].to_string()).collect();
        let writer = paths[0].split('/').nth(2).unwrap().to_owned();
        assert!(paths.len() == 40 && paths.iter().all(|path| path.split('/').nth(2) == Some(&writer)), "{paths:?}");
    }
}

#[test]
fn a_list_may_be_larger_than_other_documents_but_not_larger_than_its_own_limit() {
    let echo = Echo::start(&["--max-body-bytes", "1024", "--max-set-bytes", "20000"]);
    let list = |bytes: usize| [mock("/a", &"x".repeat(bytes)), mock("/b", "1")];
    assert_eq!(counts(&put(&echo, "shop", &list(15_000))), [2, 0, 0, 0]);
    let many: Vec<_> = (0..220).map(|n| mock(&format!("/m/{n}"), "")).collect();
    assert_eq!(counts(&put(&echo, "many", &many)), [220, 0, 0, 0]);
    assert!(self::list(&echo, "many") == json!(many), "a list that was accepted is shown");
    assert_eq!(echo.get("/-/sets/shop").status, 200);
    assert_refused(&put(&echo, "shop", &list(20_000)), 413, "too large");
    let more = new_endpoint("GET", "/c", json!({"code": 200, "body": "x".repeat(1_000)}));
    assert_refused(&echo.post(&more), 413, "another document");
}

#[test]
fn conditions_on_many_endpoints_are_refused() {
    let echo = Echo::start(&[]);
    put(&echo, "shop", &[mock("/a", "1")]);
    for condition in ["If-Match: \"1\"\r\n", "If-None-Match: *\r\n"] {
        for (method, path, list) in [
            ("PUT", "/-/sets/shop", Some(json!([mock("/b", "1")]))),
            ("DELETE", "/-/sets/shop", None),
            ("DELETE", "/endpoints?deleteAll=true", None),
        ] {
            let headers = format!("{condition}{}", if list.is_some() { JSON } else { "" });
            let answer = echo.manage(method, path, &headers, list.as_ref());
            assert_eq!(answer.status, 400, "{method} {path}");
            assert!(answer.details().contains("leave `If-Match` and `If-None-Match` out"), "{}", answer.details());
        }
    }
    assert_eq!(list(&echo, "shop"), json!([mock("/a", "1")]));
}
