//! Tests of the request beyond method and path. `expectations.rs` has the meaning of each test, as a table.

use std::{io::Write, net::TcpStream};

use serde_json::{Value, json};

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint, read_answer},
};

pub const WHEN: &str = "/data/attributes/when";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// Creates a mock that answers with `body`.
pub fn create(echo: &Echo, path: &str, when: &Value, body: &str) -> Answer {
    let mut document = new_endpoint("POST", path, json!({"code": 200, "body": body}));
    document["data"]["attributes"]["when"] = when.clone();
    echo.post(&document)
}

pub fn id(created: &Answer) -> String {
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["data"]["id"].as_str().unwrap().to_owned()
}

/// The body of the answer, or the status without a mock.
pub fn called(echo: &Echo, target: &str, headers: &str, body: &[u8]) -> String {
    let answer = echo.call_with("POST", target, headers, body);
    if answer.status == 200 { answer.text() } else { answer.status.to_string() }
}

#[test]
fn all_tests_of_a_mock_have_to_hold() {
    let echo = Echo::start(&[]);
    let when = json!({
        "params": {"id": {"matches": "^[0-9]+$"}},
        "query": {"lang": "en", "debug": {"absent": true}},
        "headers": {"X-Team": {"contains": "mobile"}},
        "cookies": {"beta": {"present": true}},
        "form": {"name": "Ada Lovelace"},
        "body": {"contains": "name="},
    });
    id(&create(&echo, "/users/{id}", &when, "all"));
    let fields = format!("X-Team: web, mobile\r\nCookie: a=b; beta=1\r\n{FORM}");
    let call = |target: &str, fields: &str, body: &str| called(&echo, target, fields, body.as_bytes());
    assert_eq!(call("/users/7?lang=en", &fields, "name=Ada+Lovelace"), "all");
    for (target, fields, body) in [
        ("/users/x?lang=en", &*fields, "name=Ada+Lovelace"),
        ("/users/7?lang=fr", &fields, "name=Ada+Lovelace"),
        ("/users/7?lang=en&debug=", &fields, "name=Ada+Lovelace"),
        ("/users/7?lang=en", &fields.replace("mobile", "desktop"), "name=Ada+Lovelace"),
        ("/users/7?lang=en", &fields.replace("beta", "gamma"), "name=Ada+Lovelace"),
        ("/users/7?lang=en", &fields, "name=Ada"),
        ("/users/7?lang=en", &fields.replace("form-urlencoded", "form"), "name=Ada+Lovelace"),
        ("/users/7?lang=en", &fields, ""),
    ] {
        assert_eq!(call(target, fields, body), "404", "{target} {fields} {body}");
    }
}

#[test]
fn the_mock_with_more_tests_answers_and_then_the_newest_mock() {
    let echo = Echo::start(&[]);
    let test = |names: &[&str]| {
        let query = names.iter().map(|name| ((*name).to_owned(), json!({"present": true})));
        json!({"query": query.collect::<serde_json::Map<_, _>>()})
    };
    let older = id(&create(&echo, "/x", &test(&["a"]), "a"));
    id(&create(&echo, "/x", &test(&["b", "c"]), "bc"));
    let newer = id(&create(&echo, "/x", &test(&["b"]), "b"));
    id(&create(&echo, "/x", &json!(null), "none"));
    assert!(newer > older);
    let call = |query: &str| called(&echo, &format!("/x?{query}"), "", b"");
    let answers = || ["a", "b", "b&a", "c", "a&b&c"].map(call);
    assert_eq!(answers(), ["a", "b", "b", "none", "bc"]);
    // A change does not move a mock.
    let change = changes(json!({"when": test(&["a", "x"])}));
    assert_eq!(echo.patch(&older, &change).status, 200);
    assert_eq!(echo.patch(&older, &changes(json!({"when": test(&["a"])}))).status, 200);
    assert_eq!(answers(), ["a", "b", "b", "none", "bc"]);
}

#[test]
fn tests_are_shown_in_canonical_form_and_changed_as_a_whole() {
    let echo = Echo::start(&[]);
    let when = json!({
        "body": [{"json": {"b": 1.0, "a": [{"d": 1, "c": 2}]}}, {"equals": "x"}, "x"],
        "headers": {"X-B": {"equals": "1"}, "Accept": {"matches": "json$"}},
        "query": {},
    });
    let id = id(&create(&echo, "/x", &when, "x"));
    let shown = || echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"]["when"].clone();
    let canonical =
        r#"{"headers":{"accept":{"matches":"json$"},"x-b":"1"},"body":["x",{"json":{"a":[{"c":2,"d":1}],"b":1}}]}"#;
    assert_eq!(shown().to_string(), canonical);
    for (change, then) in [
        (json!({"priority": 1}), canonical),
        (json!({"when": {"query": {"a": "1"}}}), r#"{"query":{"a":"1"}}"#),
        (json!({"when": {"query": {"b": "1"}}}), r#"{"query":{"b":"1"}}"#),
        (json!({"when": null}), "null"),
        (json!({"when": {}}), "null"),
    ] {
        assert_eq!(echo.patch(&id, &changes(change)).status, 200, "{then}");
        assert_eq!(shown().to_string(), then);
    }
}

#[test]
fn two_mocks_of_one_route_differ_by_their_canonical_tests() {
    let echo = Echo::start(&[]);
    let one = json!({"params": {"a": "1"}, "headers": {"X-A": "1"}, "body": {"json": {"a": 1, "b": 2}}});
    let first = id(&create(&echo, "/{a}/{b}", &one, "first"));
    let same =
        json!({"headers": {"x-a": {"equals": "1"}}, "body": [{"json": {"b": 2, "a": 1.0}}], "params": {"c": "1"}});
    let refused = create(&echo, "/{c}/{d}", &same, "second");
    assert_refused_at(&refused, 409, "/data/attributes/path", "the same tests");
    assert!(refused.details().contains(&first), "{}", refused.text());
    for other in [json!({"params": {"d": "1"}}), json!({"params": {"c": "2"}}), json!({}), json!({"query": {"c": "1"}})]
    {
        let other = id(&create(&echo, "/{c}/{d}", &other, "other"));
        assert_eq!(echo.patch(&other, &changes(json!({"when": same}))).status, 409);
    }
    assert_eq!(echo.delete(&first).status, 204);
    id(&create(&echo, "/{c}/{d}", &same, "second"));
}

#[test]
fn a_wrong_test_is_refused_at_its_place_with_a_correction() {
    let echo = Echo::start(&[]);
    for (when, place, advice) in [
        (json!("x"), "", "`when` is not an object"),
        (json!({"bodi": "x"}), "/bodi", "`bodi` is not a part of a request: use `params`, `query`"),
        (json!({"query": "a=1"}), "/query", "write `\"query\": {\"name\": \"value\"}`"),
        (json!({"query": {"a": 1}}), "/query/a", "write `\"1\"` in quotes"),
        (json!({"query": {"a": null}}), "/query/a", "The test is neither a string nor an object"),
        (json!({"query": {"a": {}}}), "/query/a", "The test has 0 members"),
        (json!({"query": {"a": {"equals": "1", "contains": "1"}}}), "/query/a", "The test has 2 members"),
        (json!({"query": {"a": {"equal": "1"}}}), "/query/a", "`equal` is not a test: write a string"),
        (json!({"query": {"a": {"absent": false}}}), "/query/a", "`absent` can only be true"),
        (json!({"query": {"a": {"contains": 1}}}), "/query/a", "The value of `contains` is not a string"),
        (json!({"query": {"a/b": {"matches": "("}}}), "/query/a~1b", "`(` is no regular expression"),
        (json!({"query": {"a": {"matches": "((a{50}){50}){50}"}}}), "/query/a", "is no regular expression for Echo"),
        (
            json!({"query": {"a": {"matches": "()".repeat(20)}}}),
            "/query/a",
            "more than 16 groups: write groups as `(?:…)`",
        ),
        (json!({"query": {"a": {"matches": "a".repeat(4_097)}}}), "/query/a", "write at most 4096"),
        (json!({"query": {"a": {"json": 1}}}), "/query/a", "Only the body can be JSON"),
        (json!({"query": {"a": {"jsonpath": "$.a"}}}), "/query/a", "Only the body can be JSON"),
        (json!({"body": {"jsonpath": 1}}), "/body", "The value of `jsonpath` is not a string"),
        (json!({"headers": {"X A": "1"}}), "/headers/X A", "`X A` is not the name of a header"),
        (json!({"headers": {"X-A": "1", "x-a": "2"}}), "/headers/x-a", "`x-a` is given twice"),
        (json!({"params": {"uid": "1"}}), "/params/uid", "has no parameter `uid`"),
        (json!({"body": ["a", {"is": 1}]}), "/body/1", "`is` is not a test"),
    ] {
        let refused = create(&echo, "/users/{id}", &when, "x");
        assert_refused_at(&refused, 422, &format!("{WHEN}{place}"), &when.to_string());
        assert!(refused.details().contains(advice), "{when}: {}", refused.text());
    }
}

#[test]
fn a_mock_has_at_most_32_tests_of_64_kib() {
    let echo = Echo::start(&[]);
    let tests = |count: usize| {
        let named = (0..count).map(|name| (format!("n{name}"), json!({"present": true})));
        json!({"query": named.collect::<serde_json::Map<_, _>>()})
    };
    // Equal tests count as well, so that the limit bounds the work.
    assert_refused_at(&create(&echo, "/x", &json!({"body": vec!["x"; 33]}), "x"), 422, WHEN, "33 equal tests");
    id(&create(&echo, "/x", &tests(32), "x"));
    let refused = create(&echo, "/x", &tests(33), "x");
    assert_refused_at(&refused, 422, WHEN, "33 tests");
    assert!(refused.details().contains("There are 33 tests: write at most 32"), "{}", refused.text());
    let text = |bytes: usize| json!({"body": "x".repeat(bytes)});
    id(&create(&echo, "/x", &text(65_500), "x"));
    let refused = create(&echo, "/x", &text(65_536), "x");
    assert_refused_at(&refused, 422, WHEN, "too many bytes");
    assert!(refused.details().contains("write at most 65536"), "{}", refused.text());
}

#[test]
fn a_path_has_at_most_256_mocks() {
    let echo = Echo::start(&[]);
    for value in 0..256 {
        id(&create(&echo, "/x", &json!({"query": {"n": value.to_string()}}), &value.to_string()));
    }
    assert_eq!(called(&echo, "/x?n=0", "", b""), "0");
    assert_eq!(called(&echo, "/x?n=255", "", b""), "255");
    let refused = create(&echo, "/x", &json!({"query": {"n": "256"}}), "256");
    assert_refused_at(&refused, 422, "/data/attributes/path", "the 257th mock");
    let last = echo.get("/endpoints?filter[path]=/x&page[size]=1").json()["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(echo.patch(&last, &changes(json!({"when": {"query": {"n": "256"}}}))).status, 200);
    id(&create(&echo, "/y", &json!({}), "y"));
}

#[test]
fn a_body_beyond_the_limit_satisfies_no_test_and_is_discarded() {
    let echo = Echo::start(&["--max-body-bytes", "1024"]);
    let id_of_any = id(&create(&echo, "/x", &json!({"body": {"contains": "a"}}), "contains"));
    let body = |bytes: usize| "a".repeat(bytes);
    assert_eq!(called(&echo, "/x", "", body(1_024).as_bytes()), "contains");
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    for test in [json!({"contains": "a"}), json!({"absent": true}), json!({"present": true}), json!({"matches": ""})] {
        assert_eq!(echo.patch(&id_of_any, &changes(json!({"when": {"body": test}}))).status, 200);
        for bytes in [1_025, 3_000_000] {
            let head = format!("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n");
            stream.write_all((head + &body(bytes)).as_bytes()).unwrap();
            assert_eq!(read_answer(&mut stream).status, 404, "{test} {bytes}");
        }
    }
    id(&create(&echo, "/x", &json!(null), "other"));
    assert_eq!(called(&echo, "/x", "", body(1_025).as_bytes()), "other");
}

#[test]
fn a_tested_body_that_does_not_arrive_is_408() {
    let echo = Echo::start(&["--request-timeout", "500ms"]);
    id(&create(&echo, "/x", &json!({"body": "ab"}), "x"));
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na").unwrap();
    let answer = read_answer(&mut stream);
    assert_refused(&answer, 408, "half a body");
    assert_eq!(answer.header("connection"), Some("close"));
}

#[test]
fn a_client_that_waits_for_100_continue_sends_a_tested_body() {
    let echo = Echo::start(&[]);
    id(&create(&echo, "/x", &json!({"body": "ab"}), "x"));
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut stream).status, 100);
    stream.write_all(b"ab").unwrap();
    assert_eq!(read_answer(&mut stream).text(), "x");
}

#[test]
fn uploads_at_hand_have_a_bound_for_all_clients_and_each_client_has_half() {
    let echo =
        Echo::start(&["--max-body-bytes", "5000000", "--request-timeout", "12s", "--trusted-proxies", "127.0.0.1/32"]);
    id(&create(&echo, "/x", &json!({"body": {"contains": "b"}}), "x"));
    // The bound is four of the largest bodies. These bodies lack their last byte.
    let begin = |client: &str| {
        let mut stream = TcpStream::connect(echo.mocks).unwrap();
        let head =
            format!("POST /x HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\nContent-Length: 4900001\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all("a".repeat(4_900_000).as_bytes()).unwrap();
        stream
    };
    // The third upload of a client is refused at once, while the others still have room.
    let first: Vec<_> = (0..3).map(|_| begin("192.0.2.1")).collect();
    let other = || called(&echo, "/x", "X-Forwarded-For: 192.0.2.2\r\n", ("a".repeat(100_000) + "b").as_bytes());
    assert_eq!(other(), "x");
    let others: Vec<_> = ["192.0.2.3", "192.0.2.4", "192.0.2.5"].into_iter().map(begin).collect();
    let answers =
        |streams: Vec<TcpStream>| streams.into_iter().map(|mut stream| read_answer(&mut stream)).collect::<Vec<_>>();
    let mut with_room = 0;
    for (streams, hint) in [(first, "Your other requests"), (others, "Requests of other clients")] {
        let answers = answers(streams);
        let (late, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 408);
        with_room += late.len();
        assert!(late.len() <= 2 || hint.contains("other clients"), "{} uploads of one client had room", late.len());
        for answer in refused {
            assert_refused(answer, 503, "no room");
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.details().starts_with(hint), "{}", answer.text());
        }
    }
    assert!(with_room <= 4, "{with_room} uploads had room");
    assert_eq!(other(), "x");
}

#[test]
fn tests_beyond_the_limit_of_a_call_are_500_and_name_the_limit() {
    let echo = Echo::start(&[]);
    id(&create(&echo, "/json", &json!({"body": {"json": [1]}}), "json"));
    let list = |values: usize| format!("[{}]", vec!["1"; values].join(","));
    assert_eq!(called(&echo, "/json", "", list(1).as_bytes()), "json");
    assert_eq!(called(&echo, "/json", "", list(99_000).as_bytes()), "404");
    let refused = echo.call_with("POST", "/json", "", list(100_000).as_bytes());
    assert_refused(&refused, 500, "too many values");
    assert!(refused.details().contains("more than 100000 JSON values"), "{}", refused.text());
    // A body with many commas that is no JSON satisfies no test.
    assert_eq!(called(&echo, "/json", "", ",".repeat(200_000).as_bytes()), "404");
    assert_eq!(called(&echo, "/json", "", format!("\"{}\"", ",".repeat(200_000)).as_bytes()), "404");
    for value in 0..32 {
        id(&create(&echo, "/text", &json!({"body": {"contains": format!("<{value}>")}}), &value.to_string()));
    }
    let body = |bytes: usize, end: &str| "a".repeat(bytes) + end;
    assert_eq!(called(&echo, "/text", "", body(400_000, "<0>").as_bytes()), "0");
    let refused = echo.call_with("POST", "/text", "", body(600_000, "<0>").as_bytes());
    assert_refused(&refused, 500, "too many bytes");
    assert!(refused.details().contains("read more than 16777216 bytes"), "{}", refused.text());
    // The most states and bytes within the limit.
    id(&create(&echo, "/states", &json!({"body": {"matches": "(?:a?){1000}b"}}), "states"));
    assert_eq!(called(&echo, "/states", "", body(1_000, "").as_bytes()), "404");
    assert_eq!(called(&echo, "/states", "", body(1_000, "b").as_bytes()), "states");
    assert_refused(&echo.call_with("POST", "/states", "", body(60_000, "").as_bytes()), 500, "too many states");
    // The connection and the service go on.
    assert_eq!(called(&echo, "/text", "", b"<7>"), "7");
}

#[test]
fn a_mock_with_any_number_in_a_test_can_be_read_changed_and_deleted() {
    let echo = Echo::start(&[]);
    for number in ["2.5e-30", "3.4028234663852886e38", "5e-324", "0.1", "-0.0", "1e308", "18446744073709551615"] {
        let test = format!(r#"{{"body": {{"json": {{"mass": {number}}}}}}}"#);
        let id = id(&create(&echo, "/x", &serde_json::from_str(&test).unwrap(), "x"));
        assert_eq!(called(&echo, "/x", "", format!(r#"{{"mass": {number}}}"#).as_bytes()), "x", "{number}");
        assert_eq!(echo.patch(&id, &changes(json!({"response": {"body": "y"}}))).status, 200, "{number}");
        assert_eq!(echo.delete(&id).status, 204, "{number}");
    }
}
