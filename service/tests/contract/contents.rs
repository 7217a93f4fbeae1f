//! The content of a response in its three forms, and lists of header fields.

use serde_json::{Value, json};

use crate::{
    shape::assert_refused_at,
    support::{Answer, Echo, changes, new_endpoint},
};

const RESPONSE: &str = "/data/attributes/response";

fn fields<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    answer.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
}

fn shown(echo: &Echo, id: &str) -> Value {
    echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"]["response"].take()
}

#[test]
fn a_list_of_values_sends_a_field_for_each_value() {
    let echo = Echo::start(&[]);
    let headers = json!({"Set-Cookie": ["a=1; Path=/", "b=2"], "X-One": ["1"], "Vary": "accept, cookie"});
    let id = echo.create("GET", "/login", json!({"code": 200, "headers": headers}));
    let answer = echo.call("GET", "/login");
    assert_eq!(fields(&answer, "set-cookie"), ["a=1; Path=/", "b=2"]);
    assert_eq!((fields(&answer, "x-one"), fields(&answer, "vary")), (vec!["1"], vec!["accept, cookie"]));
    // A list of one value is the same as its value.
    let expected = json!({"Set-Cookie": ["a=1; Path=/", "b=2"], "X-One": "1", "Vary": "accept, cookie"});
    assert_eq!(shown(&echo, &id)["headers"], expected);
    let answer = echo.patch(&id, &changes(json!({"response": {"headers": {"Set-Cookie": "c=3"}}})));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(fields(&echo.call("GET", "/login"), "set-cookie"), ["c=3"]);
}

#[test]
fn the_values_of_a_list_have_the_rules_of_a_value() {
    let echo = Echo::start(&[]);
    for values in [json!(["a", "b\r\nX: 1"]), json!([" a"]), json!(["a", "b", "\u{0}"])] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "headers": {"X-A": values}})));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/headers/X-A"), &values.to_string());
    }
    let spellings = json!({"code": 200, "headers": {"X-A": ["1", "2"], "x-a": "3"}});
    let answer = echo.post(&new_endpoint("GET", "/x", spellings));
    assert_refused_at(&answer, 422, &format!("{RESPONSE}/headers/x-a"), "two spellings");
}

#[test]
fn json_is_sent_compact_in_its_order_with_its_content_type() {
    let echo = Echo::start(&[]);
    let bodies = [
        (r#"{"z": 1, "a": [true, null, {"é": "\u00e9\n"}]}"#, r#"{"z":1,"a":[true,null,{"é":"é\n"}]}"#),
        (r"[ ]", "[]"),
        (r#""text""#, r#""text""#),
        ("0.10", "0.1"),
        ("18446744073709551615", "18446744073709551615"),
        ("false", "false"),
    ];
    for (n, (given, sent)) in bodies.into_iter().enumerate() {
        let document = format!(
            r#"{{"data": {{"type": "endpoints", "attributes": {{"verb": "GET", "path": "/{n}", "response": {{"code": 200, "json": {given}}}}}}}}}"#
        );
        let headers = "Content-Type: application/vnd.api+json\r\n";
        let answer = echo.manage_raw("POST", "/endpoints", headers, document.as_bytes());
        assert_eq!(answer.status, 201, "{answer:?}");
        let served = echo.call("GET", &format!("/{n}"));
        assert_eq!((served.text().as_str(), served.header("content-type")), (sent, Some("application/json")));
    }
    let own = json!({"code": 422, "headers": {"content-TYPE": "application/problem+json"}, "json": {}});
    echo.create("GET", "/problem", own);
    assert_eq!(fields(&echo.call("GET", "/problem"), "content-type"), ["application/problem+json"]);
}

#[test]
fn base64_is_sent_as_bytes_without_a_content_type() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/file", json!({"code": 200, "base64": "AP/+DQo="}));
    let answer = echo.call("GET", "/file");
    assert_eq!((answer.body.as_slice(), answer.header("content-type")), (&[0, 255, 254, 13, 10][..], None));
    assert_eq!(shown(&echo, &id), json!({"code": 200, "base64": "AP/+DQo="}));
    for wrong in ["AP_-", "AA", "AA==\n", "data:text/plain;base64,AA=="] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "base64": wrong})));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/base64"), wrong);
        assert!(answer.details().contains("base64 -w0"), "{}", answer.details());
    }
    let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "base64": [1]})));
    assert_refused_at(&answer, 422, &format!("{RESPONSE}/base64"), "a list");
}

#[test]
fn json_and_base64_have_at_most_256_kib_of_text() {
    let echo = Echo::start(&[]);
    let text = |bytes| "A".repeat(bytes);
    for (member, content, is_accepted) in [
        ("json", text(256 * 1024 - 2), true),
        ("json", text(256 * 1024 - 1), false),
        ("base64", text(256 * 1024), true),
        ("base64", text(256 * 1024 + 4), false),
    ] {
        let answer = echo.post(&new_endpoint("GET", &format!("/{member}"), json!({"code": 200, member: content})));
        if is_accepted {
            assert_eq!(answer.status, 201, "{member}");
        } else {
            assert_refused_at(&answer, 413, &format!("{RESPONSE}/{member}"), member);
        }
    }
    assert_eq!(echo.call("GET", "/base64").body.len(), 192 * 1024);
}

#[test]
fn a_response_has_one_content() {
    let echo = Echo::start(&[]);
    let two =
        [json!({"body": "", "json": 1}), json!({"json": {}, "base64": ""}), json!({"body": "a", "base64": "AA=="})];
    for (response, second) in two.into_iter().zip(["json", "base64", "base64"]) {
        let mut response = response;
        response["code"] = json!(200);
        let answer = echo.post(&new_endpoint("GET", "/x", response));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/{second}"), second);
    }
    for (code, member) in [(204, "json"), (205, "base64"), (304, "json")] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": code, member: ""})));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/{member}"), "no content");
    }
    let nulls = json!({"code": 200, "body": null, "json": null, "base64": "AA=="});
    assert_eq!(echo.post(&new_endpoint("GET", "/x", nulls)).status, 201);
}

#[test]
fn a_new_content_replaces_the_content_in_another_form() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "headers": {"X": "1"}, "body": "text"}));
    for (change, expected) in [
        (json!({"json": {"a": 1, "b": 2}}), json!({"json": {"a": 1, "b": 2}})),
        // Replaced as a whole.
        (json!({"json": {"c": 3}}), json!({"json": {"c": 3}})),
        (json!({"base64": null}), json!({"json": {"c": 3}})),
        (json!({"base64": "AA=="}), json!({"base64": "AA=="})),
        (json!({"body": "text"}), json!({"body": "text"})),
        (json!({"body": null}), json!({})),
    ] {
        let answer = echo.patch(&id, &changes(json!({"response": change})));
        assert_eq!(answer.status, 200, "{change}: {answer:?}");
        let mut expected = expected;
        (expected["code"], expected["headers"]) = (json!(200), json!({"X": "1"}));
        assert_eq!(shown(&echo, &id), expected, "{change}");
    }
    let both = changes(json!({"response": {"json": 1, "body": "1"}}));
    assert_refused_at(&echo.patch(&id, &both), 422, &format!("{RESPONSE}/json"), "two contents");
}
