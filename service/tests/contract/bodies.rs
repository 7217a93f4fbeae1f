//! Echo reads a request's body to its end, or closes the connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use echo_service::api::Token;
use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Echo, PATIENCE, changes, read_answer, send},
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

/// A head with `Content-Length` or chunks, and its body.
fn request(line: &str, fields: &str, bytes: usize, is_chunked: bool) -> (String, String) {
    let body = "a".repeat(bytes);
    let head = |framing: String| format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}{framing}\r\n\r\n");
    if is_chunked {
        let last = if bytes == 0 { String::new() } else { format!("{bytes:x}\r\n{body}\r\n") };
        (head("Transfer-Encoding: chunked".into()), format!("{last}0\r\n\r\n"))
    } else {
        (head(format!("Content-Length: {bytes}")), body)
    }
}

/// Requests refused before their body is read: line, fields, status.
fn refusals(read_only: &str) -> Vec<(&'static str, String, u16)> {
    let json = "Content-Type: application/json\r\n";
    let key = format!("Authorization: Bearer {read_only}\r\n");
    vec![
        ("POST /endpoints", json.to_owned(), 401),
        ("PATCH /endpoints/nope", json.to_owned(), 401),
        ("POST /endpoints", format!("{key}{json}"), 403),
        ("GET /endpoints/nope", key.clone(), 404),
        ("POST /endpoints/nope/deeper", key.clone(), 404),
        ("PUT /endpoints", key.clone(), 405),
        ("POST /-/live", String::new(), 405),
        ("GET /endpoints?page[size]=0", key.clone(), 400),
        ("GET /endpoints", format!("{key}Accept: application/vnd.api+json; ext=x\r\n"), 406),
    ]
}

#[test]
fn an_answer_before_the_body_leaves_the_connection_to_the_next_request() {
    let token = Token::generate();
    let echo = Echo::start(&["--keys", &token.entry("reader", "read").unwrap()]);
    for (line, fields, status) in refusals(token.as_str()) {
        for (bytes, is_chunked) in [(1, false), (10, false), (10, true), (1_900_000, false), (10_000_000, true)] {
            let case = format!("{line} {status} with {bytes} bytes, chunked: {is_chunked}");
            let (head, body) = request(line, &fields, bytes, is_chunked);
            let mut stream = TcpStream::connect(echo.mocks).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            // Without the body, so that the answer comes first for sure.
            let answer = read_answer(&mut stream);
            assert_refused(&answer, status, &case);
            assert_eq!(answer.header("connection"), None, "{case}");
            stream.write_all(body.as_bytes()).expect(&case);
            stream.write_all(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n").expect(&case);
            assert_eq!(read_answer(&mut stream).details(), "Requested page `/next` does not exist", "{case}");
        }
    }
}

#[test]
fn a_refused_document_leaves_the_connection_to_the_next_request() {
    let echo = Echo::start(&["--max-body-bytes", "1024"]);
    for (fields, bytes, status) in [
        ("Content-Type: text/plain\r\n", 10_000_000, 415),
        ("Content-Type: application/json\r\n", 10_000_000, 413),
        ("Content-Type: application/json\r\n", 1_000, 400),
    ] {
        for is_chunked in [false, true] {
            let (head, body) = request("POST /endpoints", fields, bytes, is_chunked);
            let mut stream = TcpStream::connect(echo.mocks).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let mut writer = stream.try_clone().unwrap();
            let upload = std::thread::spawn(move || writer.write_all(body.as_bytes()));
            let answer = read_answer(&mut stream);
            assert_refused(&answer, status, fields);
            assert_eq!(answer.header("connection"), None, "{status}");
            upload.join().unwrap().expect("the whole body is taken");
            stream.write_all(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert_eq!(read_answer(&mut stream).status, 404, "{status}");
        }
    }
}

#[test]
fn a_refused_client_gets_no_100_continue_and_connection_close() {
    let echo = Echo::start(&["--max-body-bytes", "1024"]);
    for (line, fields, bytes, status) in
        [("PUT /endpoints", "", 10, 405), ("POST /endpoints", "Content-Type: text/plain\r\n", 10, 415)]
    {
        let head =
            format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}Expect: 100-continue\r\nContent-Length: {bytes}\r\n\r\n");
        // Like a client that stops waiting and sends.
        for body in ["", "0123456789"] {
            let mut stream = TcpStream::connect(echo.mocks).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let answer = read_answer(&mut stream);
            assert_refused(&answer, status, line);
            assert_eq!(answer.header("connection"), Some("close"), "{line}");
            stream.write_all(body.as_bytes()).unwrap();
            assert_eq!(stream.read(&mut [0]).expect("closed gently"), 0, "{line}");
        }
    }
}

#[test]
fn a_mock_answers_after_an_upload_of_any_size_and_keeps_the_connection() {
    let echo = Echo::start(&["--max-body-bytes", "1024"]);
    echo.create("POST", "/hello", json!({"code": 200, "body": "Hello"}));
    for (path, status) in [("/hello", 200), ("/nowhere", 404)] {
        for (bytes, is_chunked, fields) in [
            (0, true, ""),
            (1_025, false, ""),
            (10_000_000, false, ""),
            (10_000_000, true, ""),
            (10_000_000, false, "Expect: 100-continue\r\n"),
        ] {
            let (head, body) = request(&format!("POST {path}"), fields, bytes, is_chunked);
            let mut stream = TcpStream::connect(echo.mocks).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            if !fields.is_empty() {
                assert_eq!(read_answer(&mut stream).status, 100);
            }
            stream.write_all(body.as_bytes()).unwrap();
            let answer = read_answer(&mut stream);
            assert_eq!((answer.status, answer.header("connection")), (status, None), "{path} with {bytes} bytes");
            stream.write_all(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert_eq!(read_answer(&mut stream).status, 404, "after {path} with {bytes} bytes");
        }
    }
}

#[test]
fn a_client_that_never_stops_sending_is_cut_off() {
    let echo = Echo::start(&["--request-timeout", "500ms"]);
    echo.create("POST", "/hello", json!({"code": 200, "body": "Hello"}));
    for (line, status) in [("PUT /endpoints", 405), ("POST /hello", 200)] {
        let mut stream = TcpStream::connect(echo.mocks).unwrap();
        write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        let mut writer = stream.try_clone().unwrap();
        let upload = std::thread::spawn(move || {
            let begin = Instant::now();
            let chunk = format!("10000\r\n{}\r\n", "a".repeat(65_536));
            while writer.write_all(chunk.as_bytes()).is_ok() {
                assert!(begin.elapsed() < PATIENCE, "it is never cut off");
            }
        });
        assert_eq!(read_answer(&mut stream).status, status, "{line}");
        upload.join().unwrap();
    }
}

#[test]
fn the_body_behind_a_refused_head_is_discarded_so_that_the_answer_arrives() {
    let echo = Echo::start(&["--max-header-bytes", "8192"]);
    let long = "x".repeat(3_000_000);
    for (head, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"), 431),
        (format!("POST /?<b> HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n{long}"), 400),
    ] {
        let mut stream = TcpStream::connect(echo.mocks).unwrap();
        stream.write_all(head.as_bytes()).expect("all of it is taken");
        assert_eq!(read_answer(&mut stream).status, status);
        assert_eq!(stream.read(&mut [0]).expect("closed gently"), 0, "{status}");
    }
}

#[test]
fn a_missing_body_times_out() {
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
    assert_eq!(answer.details(), "The body did not arrive completely: send all bytes that the headers announce");
}
