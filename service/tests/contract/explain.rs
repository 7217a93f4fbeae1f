//! `/-/explain`, and the nearest mocks in the 404 of a call.

use std::{io::Write, net::TcpStream};

use serde_json::{Value, json};

use crate::{
    access::Key,
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint, send},
};

/// Creates a mock with tests and a priority. Returns the id.
fn create(echo: &Echo, verb: &str, path: &str, when: &Value, priority: i64) -> String {
    let mut document = new_endpoint(verb, path, json!({"code": 200, "body": path}));
    document["data"]["attributes"]["when"] = when.clone();
    document["data"]["attributes"]["priority"] = priority.into();
    let created = echo.post(&document);
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["data"]["id"].as_str().unwrap().to_owned()
}

fn explain(echo: &Echo, call: &Value) -> Answer {
    echo.manage("POST", "/-/explain", "", Some(call))
}

fn explained(echo: &Echo, call: &Value) -> Value {
    let answer = explain(echo, call);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["meta"].clone()
}

/// The nearest mocks in a 404: verb, path, and the failed test.
fn nearest(answer: &Answer) -> Value {
    assert_refused(answer, 404, "a call without a mock");
    let document = answer.json();
    let mocks = document["meta"]["nearest"].as_array().cloned().unwrap_or_default();
    mocks.iter().map(|mock| json!([mock["verb"], mock["path"], mock["fails"]["pointer"]])).collect()
}

#[test]
fn an_explanation_lists_the_mocks_in_order_each_with_its_first_failing_test() {
    let echo = Echo::start(&[]);
    let last = create(&echo, "ANY", "/{*all}", &json!(null), -1);
    let body = json!({"query": {"lang": "en"}, "body": {"json": {"id": 7}}});
    let by_body = create(&echo, "POST", "/users/{id}", &body, 0);
    let by_query = create(&echo, "POST", "/users/{id}", &json!({"query": {"lang": {"matches": "^f"}}}), 0);
    let by_parts = json!({
        "params": {"id": {"contains": "é"}}, "cookies": {"beta": {"absent": true}}, "headers": {"X-A": {"present": true}},
    });
    let by_parts = create(&echo, "ANY", "/users/{id}", &by_parts, 0);
    create(&echo, "POST", "/users/{id}/posts", &json!(null), 0);
    create(&echo, "GET", "/users/{id}", &json!(null), 0);
    let call = json!({
        "verb": "post",
        "target": "/users/caf%c3%a9?lang=en&lang=de",
        "headers": {"Cookie": "beta=1; a=b", "Content-Type": "application/json"},
        "body": "{\"id\": 8}",
    });
    let candidate = |id: &str, verb: &str, path: &str, priority: i64, fails: Value| {
        let mut candidate = json!({"id": id, "verb": verb, "path": path, "priority": priority});
        if !fails.is_null() {
            candidate["fails"] = fails;
        }
        candidate
    };
    let fails = |pointer: &str, expected: Value, found: Value| json!({"pointer": pointer, "expected": expected, "found": found});
    let users = "/users/{id}";
    assert_eq!(
        explained(&echo, &call),
        json!({
            "answers": last,
            "candidates": [
                candidate(&by_body, "POST", users, 0, fails("/when/body", json!({"json": {"id": 7}}), json!(["{\"id\": 8}"]))),
                candidate(&by_query, "POST", users, 0, fails("/when/query/lang", json!({"matches": "^f"}), json!(["en", "de"]))),
                candidate(&by_parts, "ANY", users, 0, fails("/when/headers/x-a", json!({"present": true}), json!([]))),
                candidate(&last, "ANY", "/{*all}", -1, json!(null)),
            ],
            "more": false,
        })
    );
    // Names are escaped as in RFC 6901.
    let odd = create(&echo, "GET", "/odd", &json!({"query": {"a/b~c": "1"}}), 0);
    let meta = explained(&echo, &json!({"verb": "GET", "target": "/odd?a%2Fb~c=2"}));
    assert_eq!(
        meta["candidates"][0],
        candidate(&odd, "GET", "/odd", 0, fails("/when/query/a~1b~0c", json!("1"), json!(["2"])))
    );
    // Without a mock there is nothing to list.
    assert_eq!(echo.delete(&last).status, 204);
    assert_eq!(
        explained(&echo, &json!({"verb": "GET", "target": "/nothing"})),
        json!({"candidates": [], "more": false})
    );
}

#[test]
fn an_explanation_names_the_mock_that_answers_the_call() {
    let echo = Echo::start(&[]);
    let plain = create(&echo, "GET", "/x", &json!(null), 0);
    let tested = create(&echo, "GET", "/x", &json!({"query": {"a": "1"}}), 0);
    for (target, expected) in [("/x", &plain), ("/x?a=1", &tested), ("/%78?a=1&a=2", &tested), ("/x?a=2", &plain)] {
        assert_eq!(explained(&echo, &json!({"verb": "GET", "target": target}))["answers"], **expected, "{target}");
    }
    // Each write counts at once.
    assert_eq!(echo.patch(&plain, &changes(json!({"priority": 1}))).status, 200);
    assert_eq!(explained(&echo, &json!({"verb": "GET", "target": "/x?a=1"}))["answers"], plain);
    assert_eq!(echo.delete(&plain).status, 204);
    assert_eq!(explained(&echo, &json!({"verb": "GET", "target": "/x?a=1"}))["answers"], tested);
}

#[test]
fn an_explanation_describes_the_fields_of_a_call() {
    let echo = Echo::start(&[]);
    let when = json!({"headers": {"Content-Length": "3", "Accept": "b", "Connection": {"contains": "close"}}});
    let tested = create(&echo, "POST", "/x", &when, 0);
    let fields = json!({"accept": ["a", "b"], "Connection": "close"});
    let call = json!({"verb": "POST", "target": "/x", "headers": fields, "body": "abc"});
    assert_eq!(explained(&echo, &call)["answers"], tested);
    assert_eq!(echo.call_with("POST", "/x", "Accept: a\r\nAccept: b\r\n", b"abc").status, 200);
}

#[test]
fn an_explanation_is_bounded() {
    let echo = Echo::start(&[]);
    let (large, name) = ("x".repeat(2_000), "~".repeat(2_000));
    let last = create(&echo, "GET", "/x", &json!(null), -1);
    for number in 0..60 {
        create(&echo, "GET", "/x", &json!({"query": {"a": format!("{number}{large}"), &name: {"absent": true}}}), 0);
    }
    let many = (0..20).map(|_| format!("a={}", "é".repeat(300))).collect::<Vec<_>>().join("&");
    let meta = explained(&echo, &json!({"verb": "GET", "target": format!("/x?{many}")}));
    let candidates = meta["candidates"].as_array().unwrap();
    // With the mock that answers.
    assert_eq!((candidates.len(), &meta["more"]), (51, &json!(true)));
    assert_eq!((&candidates[50]["id"], &meta["answers"]), (&json!(last), &json!(last)));
    let fails = &candidates[0]["fails"];
    assert_eq!((&fails["pointer"], fails.get("expected")), (&json!("/when/query/a"), None));
    let found = fails["found"].as_array().unwrap();
    assert_eq!(found.len(), 8);
    assert_eq!(found[0], format!("{}…", "é".repeat(100)));
    let meta = explained(&echo, &json!({"verb": "GET", "target": format!("/x?a=59{large}&{name}")}));
    let pointer = format!("/when/query/{}…", "~0".repeat(100));
    assert_eq!(meta["candidates"][0]["fails"]["pointer"], pointer);
}

#[test]
fn readers_that_explain_calls_do_not_hold_up_writers() {
    let (readers, writer) = ([Key::new("one", "read"), Key::new("other", "read")], Key::new("ci", "read+write"));
    let entries = [&*readers[0].entry, &readers[1].entry, &writer.entry].join(",");
    let echo = Echo::start(&["--keys", &entries]);
    // Without their last byte.
    let begin = |key: &Key| {
        let mut stream = TcpStream::connect(echo.management).unwrap();
        let head = format!(
            "POST /-/explain HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{}Content-Length: 1571840\r\n\r\n",
            key.header
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let _held: Vec<_> = readers.iter().flat_map(|key| (0..6).map(|_| begin(key))).collect();
    let body = "x".repeat(5_000);
    for number in 0..8 {
        let new = new_endpoint("GET", &format!("/{number}"), json!({"code": 200, "body": body}));
        assert_eq!(echo.manage("POST", "/endpoints", &writer.header, Some(&new)).status, 201);
    }
}

#[test]
fn a_call_that_cannot_be_decided_cannot_be_explained() {
    let echo = Echo::start(&[]);
    create(&echo, "POST", "/x", &json!({"body": {"json": 1}}), 0);
    let body = format!("[{}1]", "1,".repeat(100_000));
    let answer = explain(&echo, &json!({"verb": "POST", "target": "/x", "body": body}));
    assert_refused(&answer, 500, "too many values");
    assert_eq!(answer.json()["errors"], echo.call_with("POST", "/x", "", body.as_bytes()).json()["errors"]);
}

#[test]
fn a_wrong_call_is_refused_with_all_mistakes() {
    let echo = Echo::start(&[]);
    for call in [json!([]), json!("GET /x"), json!(null)] {
        assert_refused_at(&explain(&echo, &call), 422, "", &call.to_string());
    }
    for (pointer, call) in [
        ("/verb", json!({"target": "/x"})),
        ("/verb", json!({"verb": "ANY", "target": "/x"})),
        ("/verb", json!({"verb": "TRACE", "target": "/x"})),
        ("/target", json!({"verb": "GET"})),
        ("/target", json!({"verb": "GET", "target": "x"})),
        ("/target", json!({"verb": "GET", "target": ""})),
        ("/target", json!({"verb": "GET", "target": "http://localhost/x"})),
        ("/target", json!({"verb": "GET", "target": "/%zz"})),
        ("/target", json!({"verb": "GET", "target": "/x?a#b"})),
        ("/target", json!({"verb": "GET", "target": "/x y"})),
        ("/target", json!({"verb": "GET", "target": "/x?\n"})),
        ("/target", json!({"verb": "GET", "target": "/endpoints?a"})),
        ("/target", json!({"verb": "GET", "target": "/%2D/live"})),
        ("/headers/bad name", json!({"verb": "GET", "target": "/x", "headers": {"bad name": "1"}})),
        ("/headers/a", json!({"verb": "GET", "target": "/x", "headers": {"a": ["1", 2]}})),
        ("/headers/a", json!({"verb": "GET", "target": "/x", "headers": {"a": "1\n"}})),
        ("/body", json!({"verb": "GET", "target": "/x", "body": {"a": 1}})),
        ("/method", json!({"verb": "GET", "target": "/x", "method": "GET"})),
    ] {
        assert_refused_at(&explain(&echo, &call), 422, pointer, &call.to_string());
    }
    let both = explain(&echo, &json!({"verb": "ANY", "target": "x"}));
    assert_eq!(both.pointers(), ["/target", "/verb"]);
    assert_refused(&echo.manage("GET", "/-/explain", "", None), 405, "another method");
}

#[test]
fn the_404_of_a_call_names_the_three_nearest_mocks() {
    let echo = Echo::start(&[]);
    create(&echo, "GET", "/orders", &json!(null), 0);
    create(&echo, "PUT", "/orders", &json!(null), 0);
    create(&echo, "GET", "/users/{id}", &json!(null), 0);
    for (verb, path, expected) in [
        ("POST", "/orders", json!([["GET", "/orders", null], ["PUT", "/orders", null]])),
        ("GET", "/orders/", json!([["GET", "/orders", null]])),
        ("GET", "/Orders", json!([["GET", "/orders", null]])),
        ("GET", "/ORDERS/", json!([["GET", "/orders", null]])),
        ("DELETE", "/users/5", json!([["GET", "/users/{id}", null]])),
        ("GET", "/users/5/", json!([["GET", "/users/{id}", null]])),
        ("GET", "/order", json!([])),
    ] {
        assert_eq!(nearest(&echo.call(verb, path)), expected, "{verb} {path}");
    }
    assert_eq!(echo.call("GET", "/order").json().get("meta"), None);
    // A mock that fits but for a test is nearer.
    for name in ["a", "b", "c", "d"] {
        create(&echo, "POST", "/orders", &json!({"query": {name: "1"}, "body": {"contains": name}}), 0);
    }
    let expected = json!([
        ["POST", "/orders", "/when/query/d"],
        ["POST", "/orders", "/when/query/c"],
        ["POST", "/orders", "/when/query/b"]
    ]);
    assert_eq!(nearest(&echo.call("POST", "/orders")), expected);
    let by_body = echo.call_with("POST", "/orders?d=1", "", b"e");
    assert_eq!(by_body.json()["meta"]["nearest"][0]["fails"], json!({"pointer": "/when/body", "found": ["e"]}));
    // A pattern fits similar paths as well: each mock once.
    create(&echo, "GET", "/files/{*rest}", &json!({"query": {"a": "1"}}), 0);
    assert_eq!(nearest(&echo.call("GET", "/files/A")), json!([["GET", "/files/{*rest}", "/when/query/a"]]));
    create(&echo, "GET", "/caf%C3%A9", &json!(null), 0);
    assert_eq!(nearest(&echo.call("GET", "/CAF%C3%A9/")), json!([["GET", "/caf%C3%A9", null]]));
}

#[test]
fn the_nearest_mocks_are_found_among_many_patterns() {
    let echo = Echo::start(&[]);
    for length in 1..=30 {
        create(&echo, "GET", &format!("/s{}/{{x}}/z", "/a".repeat(length)), &json!(null), 0);
    }
    create(&echo, "POST", "/only", &json!(null), 0);
    create(&echo, "POST", "/only/{id}", &json!(null), 0);
    assert_eq!(nearest(&echo.call("GET", "/only")), json!([["POST", "/only", null]]));
    assert_eq!(nearest(&echo.call("GET", "/only/5")), json!([["POST", "/only/{id}", null]]));
}

#[test]
fn the_404_of_a_call_hides_expected_values() {
    let echo = Echo::start(&[]);
    let body = json!({"contains": "a-secret"});
    for (at, (part, test)) in [
        ("headers", json!({"Authorization": "a-secret"})),
        ("cookies", json!({"session": "a-secret"})),
        ("query", json!({"sig": "a-secret"})),
        ("body", body),
    ]
    .into_iter()
    .enumerate()
    {
        create(&echo, "POST", &format!("/{at}"), &json!({part: test}), 0);
        let answer = echo.call_with("POST", &format!("/{at}"), "Authorization: none\r\n", b"x=1");
        assert_eq!(nearest(&answer)[0][1], format!("/{at}"));
        assert!(!answer.text().contains("a-secret"), "{}", answer.text());
        // A reader of the endpoints can see them.
        let call = json!({"verb": "POST", "target": format!("/{at}"), "body": "x=1"});
        assert!(explain(&echo, &call).text().contains("a-secret"), "{part}");
    }
}

#[test]
fn the_404_names_mocks_only_where_callers_can_read_them_or_by_a_setting() {
    for (arguments, is_on) in [
        (&[][..], true),
        (&["--management-listen", "127.0.0.1:0"], false),
        (&["--management-listen", "127.0.0.1:0", "--near-misses"], true),
        (&["--near-misses", "false"], false),
    ] {
        let echo = Echo::start(arguments);
        create(&echo, "GET", "/x", &json!(null), 0);
        assert_eq!(nearest(&echo.call("POST", "/x")) != json!([]), is_on, "{arguments:?}");
    }
    // Management refuses these pages, too.
    let echo = Echo::start(&[]);
    create(&echo, "GET", "/x", &json!(null), 0);
    for foreign in ["Host: evil.example", "Host: localhost\r\nOrigin: http://evil.example"] {
        let request = format!("POST /x HTTP/1.1\r\n{foreign}\r\nConnection: close\r\n\r\n");
        assert_eq!(nearest(&send(echo.mocks, request)), json!([]), "{foreign}");
    }
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    let created =
        echo.manage("POST", "/endpoints", &key.header, Some(&new_endpoint("GET", "/x", json!({"code": 200}))));
    assert_eq!(created.status, 201);
    assert_eq!(nearest(&echo.call("POST", "/x")), json!([]));
}
