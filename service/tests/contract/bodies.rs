//! A request's body is read away or the connection closed.

use std::{io::Write, net::TcpStream};

use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Echo, changes, read_answer, send},
};

#[test]
fn a_connection_serves_on_after_requests_with_bodies() {
    let echo = Echo::start(&[]);
    echo.create("POST", "/hello", json!({"code": 200, "body": "Hello"}));
    let id = echo.create("GET", "/after", json!({"code": 200, "body": "after"}));
    let patch = changes(json!({})).to_string();
    let requests = [
        ("POST /hello", "Content-Length: 9\r\n\r\nname=Echo".to_owned(), 200),
        ("POST /hello", "Content-Length: 0\r\n\r\n".to_owned(), 200),
        ("POST /hello", "Transfer-Encoding: chunked\r\n\r\n4\r\nname\r\n5;x=y\r\n=Echo\r\n0\r\n\r\n".to_owned(), 200),
        ("POST /hello", format!("Content-Length: 500000\r\n\r\n{}", "a".repeat(500_000)), 200),
        ("POST /nowhere", "Content-Length: 9\r\n\r\nname=Echo".to_owned(), 404),
        ("GET /nowhere", "Content-Length: 4\r\n\r\nbody".to_owned(), 404),
        (
            &format!("PATCH /endpoints/{id}"),
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{patch}", patch.len()),
            200,
        ),
    ];
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    for (line, rest, status) in requests {
        write!(stream, "{line} HTTP/1.1\r\nHost: x\r\n{rest}GET /after HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let answer = read_answer(&mut stream);
        assert_eq!((answer.status, answer.header("connection")), (status, None), "{line} {rest:.80}");
        assert_eq!(read_answer(&mut stream).text(), "after", "after {line} {rest:.80}");
    }
}

#[test]
fn a_body_within_the_limit_keeps_the_connection_and_a_larger_one_is_answered_and_closes_it() {
    let echo = Echo::start(&["--max-body-bytes", "1024"]);
    echo.create("POST", "/hello", json!({"code": 200, "body": "Hello"}));
    let sized = |path: &str, bytes: usize| {
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n{}", "a".repeat(bytes))
    };
    let chunked = |path: &str, bytes: usize| {
        let body = "a".repeat(bytes);
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{body}\r\n0\r\n\r\n")
    };
    for (framing, request) in [("sized", &sized as &dyn Fn(&str, usize) -> String), ("chunked", &chunked)] {
        let mut stream = TcpStream::connect(echo.mocks).unwrap();
        for path in ["/hello", "/hello"] {
            stream.write_all(request(path, 1024).as_bytes()).unwrap();
            let answer = read_answer(&mut stream);
            assert_eq!((answer.text().as_str(), answer.header("connection")), ("Hello", None), "{framing}");
        }
        // `send` reads until the server closes, which was not asked to.
        let answer = send(echo.mocks, request("/hello", 1025));
        assert_eq!((answer.status, answer.text().as_str()), (200, "Hello"), "{framing}");
        assert_eq!(answer.header("connection"), Some("close"), "{framing}");
        let answer = send(echo.mocks, request("/nowhere", 1025));
        assert_refused(&answer, 404, framing);
        assert_eq!(answer.header("connection"), Some("close"), "{framing}");
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let echo = Echo::start(&["--request-timeout", "500ms"]);
    echo.create("POST", "/hello", json!({"code": 200, "body": "Hello"}));
    let answer = send(echo.mocks, "POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nname");
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("Hello", Some("close")));
    let document = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let answer = send(echo.mocks, format!("POST /endpoints HTTP/1.1\r\nHost: x\r\n{document}"));
    assert_refused(&answer, 408, "a document that does not come");
}

#[test]
fn a_body_that_ends_early_is_malformed() {
    let echo = Echo::start(&[]);
    let head = "POST /endpoints HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
    let answer = send(echo.mocks, format!("{head}\r\n\r\n2\r\n{{}}\r\nnot a size\r\n"));
    assert_refused(&answer, 400, "a chunk that is none");
    assert_eq!(answer.details(), "The body did not arrive whole: send all that the headers announce");
}
