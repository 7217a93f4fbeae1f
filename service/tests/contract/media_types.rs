//! Answers of management, and the 404 of a missing mock: `application/vnd.api+json` without parameters. Requests:
//! `application/vnd.api+json` or `application/json`; 415 for all other types, and for JSON:API with a parameter other
//! than `profile`. `Accept` follows JSON:API: 406 only if every JSON:API entry has such parameters.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Echo, changes, new_endpoint, send},
};

const GOOD: [&str; 18] = [
    "application/vnd.api+json",
    "Application/VND.API+JSON",
    "application/vnd.api+json; profile=\"https://example.com/p\"",
    "application/vnd.api+json;profile=\"https://example.com/p https://example.com/q\"",
    "application/json",
    "application/JSON",
    "application/json; charset=utf-8",
    "application/json;charset=\"UTF-8\"",
    "application/json; x=y",
    // White space and empty parameters (RFC 9110 section 5.6.6), quoted strings, names in any case.
    "application/json ;charset=utf-8",
    "application/json\t;\t charset=utf-8 ",
    "application/json;; charset=utf-8;",
    "application/json; Charset=UTF-8; x=\"a;b, \\\" c\"",
    "application/json; charset=utf8",
    "application/vnd.api+json ; profile=\"https://example.com/p\"",
    "application/vnd.api+json;\tprofile=\"https://example.com/p\"",
    "application/vnd.api+json;profile=\"a,b\"",
    "application/vnd.api+json;Profile=\"a;b\" ;",
];

/// JSON:API knows the parameter `ext`, but Echo has no extension, and JSON:API demands 415 for an unsupported one.
const BAD: [&str; 19] = [
    "application/vnd.api+json; charset=utf-8",
    "application/vnd.api+json; version=1",
    "application/vnd.api+json; profile=\"https://example.com/p\"; x=y",
    "application/vnd.api+json; ext=\"https://example.com/e\"",
    "application/vnd.api+json ; charset=utf-8",
    "application/vnd.api+json;profile=\"a,b\";x=\";profile=c\"",
    "application/vnd.api+json; profile=\"unclosed",
    "application/json; charset=latin1",
    "application/json ;charset=\"ISO-8859-1\"",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json; charset =utf-8",
    "application/json; charset",
    "application/json, application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/hal+json",
    "*/*",
    "nonsense",
];

#[test]
fn documents_are_accepted_as_json_api_or_json() {
    let echo = Echo::start(&[]);
    for (n, media_type) in GOOD.into_iter().enumerate() {
        let header = format!("Content-Type: {media_type}\r\n");
        let document = new_endpoint("GET", &format!("/{n}"), json!({"code": 200}));
        let answer = echo.manage("POST", "/endpoints", &header, Some(&document));
        assert_eq!((answer.status, answer.header("content-type")), (201, Some(MEDIA_TYPE)), "{media_type}");
        let id = answer.json()["data"]["id"].as_str().unwrap().to_owned();
        let answer = echo.manage("PATCH", &format!("/endpoints/{id}"), &header, Some(&changes(json!({}))));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{media_type}");
    }
}

#[test]
fn other_media_types_and_parameters_are_415() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let endpoint = format!("/endpoints/{id}");
    for media_type in BAD {
        let header = format!("Content-Type: {media_type}\r\n");
        for (method, path) in [("POST", "/endpoints"), ("PATCH", &*endpoint)] {
            let document = new_endpoint("PUT", "/y", json!({"code": 200}));
            let answer = echo.manage(method, path, &header, Some(&document));
            assert_refused(&answer, 415, media_type);
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "Content-Type"}), "{media_type}");
            let advice = "send `Content-Type: application/vnd.api+json` without parameters, or `application/json`";
            assert!(answer.details().contains(advice), "{media_type}: {}", answer.details());
        }
    }
    assert_eq!(echo.call("PUT", "/y").status, 404);
    assert_eq!(echo.get(&endpoint).json()["data"]["attributes"]["path"], "/x");
}

#[test]
fn a_document_without_content_type_is_415_before_its_body() {
    let echo = Echo::start(&[]);
    let document = new_endpoint("GET", "/x", json!({"code": 200})).to_string();
    assert_refused(&echo.manage_raw("POST", "/endpoints", "", document.as_bytes()), 415, "no content type");
    let head = "POST /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99\r\n";
    for header in ["", "Content-Type: \r\n", "Content-Type: text/plain\r\n", "Content-Type: \u{ff}\r\n"] {
        assert_refused(&send(echo.management, format!("{head}{header}\r\n")), 415, header);
    }
}

#[test]
fn two_content_type_headers_must_be_equal() {
    let echo = Echo::start(&[]);
    let post = |lines: &str, path: &str| {
        echo.manage("POST", "/endpoints", lines, Some(&new_endpoint("GET", path, json!({"code": 200}))))
    };
    let answer = post("Content-Type: application/json\r\nContent-Type: text/plain\r\n", "/x");
    assert_refused(&answer, 415, "two types");
    assert!(answer.details().contains("`Content-Type` is given twice"), "{}", answer.details());
    assert_eq!(post("Content-Type: application/json\r\nContent-Type: application/json\r\n", "/x").status, 201);
}

#[test]
fn a_refused_charset_is_named() {
    let echo = Echo::start(&[]);
    let header = "Content-Type: application/json; charset=latin1\r\n";
    let answer = echo.manage("POST", "/endpoints", header, Some(&new_endpoint("GET", "/x", json!({"code": 200}))));
    let told = answer.details();
    assert!(told.starts_with("JSON is UTF-8, but `Content-Type` names the charset `latin1`: send "), "{told}");
}

#[test]
fn a_content_encoding_is_415_with_advice() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let endpoint = format!("/endpoints/{id}");
    for (lines, coding) in [
        ("Content-Encoding: gzip\r\n", Some("gzip")),
        ("Content-Encoding: BR\r\n", Some("BR")),
        ("Content-Encoding: identity, x-unknown\r\n", Some("x-unknown")),
        ("Content-Encoding: identity\r\nContent-Encoding: zstd\r\n", Some("zstd")),
        ("Content-Encoding: Identity\r\n", None),
        ("Content-Encoding: \r\n", None),
    ] {
        for (method, path) in [("POST", "/endpoints"), ("PATCH", &*endpoint)] {
            let document = changes(json!({"path": "y"}));
            let answer = echo.manage(method, path, lines, Some(&document));
            let Some(coding) = coding else {
                assert_refused(&answer, 422, "read, and refused for its path");
                continue;
            };
            assert_refused(&answer, 415, lines);
            assert_eq!(answer.header("accept-encoding"), Some("identity"), "{lines}");
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "Content-Encoding"}), "{lines}");
            let told = answer.details();
            assert_eq!(
                told,
                format!("The body is encoded as `{coding}`: send it as it is, without `Content-Encoding`")
            );
        }
    }
}

#[test]
fn accept_is_406_only_if_every_json_api_entry_has_parameters() {
    let echo = Echo::start(&[]);
    for (accept, status) in [
        ("", 200),
        ("Accept: */*\r\n", 200),
        ("Accept: application/vnd.api+json\r\n", 200),
        ("Accept: application/json\r\n", 200),
        ("Accept: text/html\r\n", 200),
        ("Accept: nonsense\r\n", 200),
        ("Accept: application/vnd.api+json; q=0.5\r\n", 200),
        ("Accept: application/vnd.api+json; profile=\"https://example.com/p\"\r\n", 200),
        ("Accept: application/vnd.api+json; charset=utf-8, application/vnd.api+json\r\n", 200),
        ("Accept: application/vnd.api+json; charset=utf-8\r\nAccept: application/vnd.api+json\r\n", 200),
        ("Accept: application/vnd.api+json; ext=\"https://example.com/e\", Application/Vnd.Api+Json;q=0.1\r\n", 200),
        ("Accept: , application/vnd.api+json; charset=utf-8 ,, application/vnd.api+json ,\r\n", 200),
        ("Accept: application/vnd.api+json;profile=\"a,b\" ; Q=0.5\r\n", 200),
        ("Accept: application/vnd.api+json;x=\", application/vnd.api+json\"\r\n", 406),
        ("Accept: application/vnd.api+json ; charset=utf-8\r\n", 406),
        ("Accept: application/vnd.api+json\t;charset=utf-8, text/html\r\nAccept: */*\r\n", 406),
        ("Accept: application/vnd.api+json; charset=utf-8\r\n", 406),
        ("Accept: application/vnd.api+json; version=1; q=0.5\r\n", 406),
        ("Accept: application/vnd.api+json; ext=\"https://example.com/e\"\r\n", 406),
        ("Accept: application/vnd.api+json; a=b, application/vnd.api+json; c=d\r\n", 406),
        ("Accept: application/vnd.api+json; a=b\r\nAccept: application/vnd.api+json; c=d\r\n", 406),
        ("Accept: application/vnd.api+json; charset=utf-8, */*\r\n", 406),
    ] {
        let answer = echo.manage("GET", "/endpoints", accept, None);
        if status == 406 {
            assert_refused(&answer, 406, accept);
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "Accept"}), "{accept}");
        } else {
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{accept}");
        }
    }
}

#[test]
fn a_request_with_406_has_no_effect() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let endpoint = format!("/endpoints/{id}");
    let accept = "Accept: application/vnd.api+json; charset=utf-8\r\n";
    let document = new_endpoint("GET", "/y", json!({"code": 200}));
    assert_refused(&echo.manage("POST", "/endpoints", accept, Some(&document)), 406, "POST");
    assert_refused(&echo.manage("PATCH", &endpoint, accept, Some(&changes(json!({"path": "/y"})))), 406, "PATCH");
    assert_refused(&echo.manage("DELETE", &endpoint, accept, None), 406, "DELETE");
    assert_eq!((echo.call("GET", "/x").status, echo.call("GET", "/y").status), (200, 404));
}
