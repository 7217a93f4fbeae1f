//! The rules of HTTP/1.1 for the head of a request, on every listener.

use crate::{
    shape::assert_refused,
    support::{Echo, send},
};
use serde_json::json;

#[test]
fn a_missing_duplicate_or_invalid_host_is_400() {
    let echo = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    echo.create("GET", "/mock", json!({"code": 200}));
    for (address, path) in [(echo.mocks, "/mock"), (echo.management, "/-/live")] {
        let ask = |version: &str, fields: &str| {
            send(address, format!("GET {path} HTTP/{version}\r\n{fields}Connection: close\r\n\r\n"))
        };
        for host in ["localhost", "127.0.0.1:80", "[::1]:80", "echo_dev", "", "a:"] {
            assert_eq!(ask("1.1", &format!("Host: {host}\r\n")).status, 200, "{host}");
        }
        for wrong in
            ["", "Host: a b\r\n", "Host: a/c\r\n", "Host: x\r\nHost: x\r\n", "Host: x\r\nHost: y\r\n", "Host: u@x\r\n"]
        {
            let answer = ask("1.1", wrong);
            assert_refused(&answer, 400, wrong);
            assert_eq!(answer.json()["errors"][0]["source"]["header"], "Host", "{wrong}");
        }
        assert_eq!(ask("1.0", "").status, 200);
        assert_refused(&ask("1.0", "Host: a b\r\n"), 400, "HTTP/1.0");
        // A target in absolute form does not replace the `Host` field (RFC 9112 section 3.2.2).
        let absolute = format!("GET http://echo{path} HTTP/1.1\r\nConnection: close\r\n");
        assert_refused(&send(address, format!("{absolute}\r\n")), 400, "absolute-form without Host");
        assert_eq!(send(address, format!("{absolute}Host: echo\r\n\r\n")).status, 200);
    }
}

#[test]
fn a_transfer_coding_other_than_chunked_is_refused() {
    let echo = Echo::start(&[]);
    echo.create("POST", "/mock", json!({"code": 200}));
    let ask = |fields: &str| {
        let head = format!("POST /mock HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}");
        send(echo.mocks, format!("{head}\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
    };
    for right in ["Transfer-Encoding: chunked", "Transfer-Encoding: Chunked"] {
        assert_eq!(ask(right).status, 200, "{right}");
    }
    for wrong in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked;x=y",
    ] {
        let answer = ask(wrong);
        assert!([400, 501].contains(&answer.status), "{wrong}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{wrong}");
    }
}

#[test]
fn a_mock_answers_for_every_host() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/mock", json!({"code": 200}));
    let answer = send(echo.mocks, "GET /mock HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.status, 200);
}
