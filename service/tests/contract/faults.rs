//! Broken answers, by the bytes and errors of raw sockets.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    shape::assert_refused_at,
    support::{Answer, Echo, PATIENCE, changes, new_endpoint, read_answer},
};

const RESPONSE: &str = "/data/attributes/response";
const FAULTS: [&str; 4] = ["reset", "close", "garbage", "truncate"];

/// The end of a connection.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Reset,
    Bytes(Vec<u8>),
}

fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads to the end.
fn end_of(stream: &mut TcpStream) -> End {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => End::Bytes(bytes),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
        Err(error) => panic!("{error}, after {bytes:?}"),
    }
}

fn call(address: SocketAddr, request: &str) -> End {
    let mut stream = open(address);
    stream.write_all(request.as_bytes()).unwrap();
    end_of(&mut stream)
}

fn broken(fault: &str) -> Value {
    let mut response = json!({"code": 200, "headers": {"X-A": "1"}, "fault": fault});
    if fault == "truncate" {
        response["body"] = "0123456789".into();
    }
    response
}

/// Checks the end of the connection for a mock of [`broken`].
#[track_caller]
fn assert_broken(end: End, fault: &str, case: &str) {
    match (fault, end) {
        ("reset", End::Reset) => {}
        ("close", End::Bytes(bytes)) => assert_eq!(bytes, b"", "{case}"),
        ("garbage", End::Bytes(bytes)) => {
            assert!(!bytes.is_empty() && bytes.iter().all(|byte| !byte.is_ascii()), "{case}: {bytes:?}");
        }
        ("truncate", End::Bytes(bytes)) => {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.starts_with("HTTP/1.") && text.contains("\r\ncontent-length: 10\r\n"), "{case}: {text}");
            assert!(text.ends_with("\r\n\r\n01234"), "{case}: {text}");
        }
        (_, end) => panic!("{case}: {fault} is {end:?}"),
    }
}

#[test]
fn each_fault_breaks_the_answer_in_its_way() {
    let listeners: [&[&str]; 2] = [&[], &["--management-listen", "127.0.0.1:0"]];
    for arguments in listeners {
        let echo = Echo::start(arguments);
        for fault in FAULTS {
            echo.create("GET", &format!("/{fault}"), broken(fault));
            for version in ["1.1", "1.0"] {
                let request = format!("GET /{fault} HTTP/{version}\r\nHost: x\r\n\r\n");
                assert_broken(call(echo.mocks, &request), fault, &format!("{arguments:?} {version}"));
            }
        }
    }
}

#[test]
fn a_truncated_answer_has_its_head_and_half_of_its_content() {
    let echo = Echo::start(&[]);
    for bytes in [1, 2, 7, 5_000, 256 * 1024] {
        let path = format!("/{bytes}");
        echo.create("GET", &path, json!({"code": 200, "body": "b".repeat(bytes), "fault": "truncate"}));
        let End::Bytes(sent) = call(echo.mocks, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")) else {
            panic!("{bytes} are reset")
        };
        let text = String::from_utf8(sent).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {bytes}")), "{head}");
        assert_eq!(body.len(), bytes / 2);
    }
    let other = json!({"code": 200, "json": ["0123456789"], "fault": "truncate"});
    echo.create("GET", "/json", other);
    let End::Bytes(sent) = call(echo.mocks, "GET /json HTTP/1.1\r\nHost: x\r\n\r\n") else { panic!("a reset") };
    assert!(sent.ends_with(b"\r\n\r\n[\"01234"), "{}", String::from_utf8_lossy(&sent));
}

#[test]
fn a_truncated_answer_without_content_has_half_of_its_head() {
    let echo = Echo::start(&[]);
    echo.create("HEAD", "/x", broken("truncate"));
    echo.create("GET", "/x", json!({"code": 204, "fault": "truncate"}));
    for verb in ["HEAD", "GET"] {
        let End::Bytes(sent) = call(echo.mocks, &format!("{verb} /x HTTP/1.1\r\nHost: x\r\n\r\n")) else {
            panic!("{verb}: a reset")
        };
        let text = String::from_utf8(sent).unwrap();
        assert!(text.starts_with("HTTP/1.1 20") && !text.contains("\r\n\r\n"), "{verb}: {text}");
    }
}

#[test]
fn a_fault_comes_after_the_body_of_the_call_and_ends_the_connection() {
    let echo = Echo::start(&[]);
    for fault in FAULTS {
        echo.create("POST", &format!("/{fault}"), broken(fault));
        let mut stream = open(echo.mocks);
        write!(stream, "POST /{fault} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n").unwrap();
        let mut writer = stream.try_clone().unwrap();
        let upload = thread::spawn(move || {
            writer.write_all("b".repeat(3_000_000).as_bytes()).unwrap();
            // Not answered: the connection ends. The system tells a reset once, to the reader or to this writer.
            if fault != "reset" {
                let _ = writer.write_all(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
            }
        });
        assert_broken(end_of(&mut stream), fault, "after an upload");
        upload.join().expect("the whole body is taken");
    }
}

#[test]
fn a_fault_leaves_earlier_answers_of_the_connection_whole() {
    let echo = Echo::start(&[]);
    let whole = "b".repeat(256 * 1024);
    echo.create("GET", "/whole", json!({"code": 200, "body": whole}));
    for fault in FAULTS {
        echo.create("GET", &format!("/{fault}"), broken(fault));
        // One after the other.
        let mut stream = open(echo.mocks);
        for _ in 0..2 {
            stream.write_all(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            assert!(read_answer(&mut stream).text() == whole, "before {fault}");
        }
        write!(stream, "GET /{fault} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_broken(end_of(&mut stream), fault, "after two answers");
        // All at once, and read late. A reset also drops earlier answers that have not arrived.
        let mut stream = open(echo.mocks);
        let whole_calls = "GET /whole HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
        write!(stream, "{whole_calls}GET /{fault} HTTP/1.1\r\nHost: x\r\n\r\n{whole_calls}").unwrap();
        thread::sleep(Duration::from_millis(200));
        for n in 0..20 {
            if fault != "reset" {
                assert!(read_answer(&mut stream).text() == whole, "answer {n} before {fault}");
            }
        }
        if fault != "reset" {
            assert_broken(end_of(&mut stream), fault, "after pipelined answers");
        }
    }
}

#[test]
fn a_fault_comes_after_the_delay() {
    let echo = Echo::start(&[]);
    for fault in FAULTS {
        let mut response = broken(fault);
        response["delay"] = "200ms".into();
        echo.create("GET", &format!("/{fault}"), response);
        let begin = Instant::now();
        assert_broken(call(echo.mocks, &format!("GET /{fault} HTTP/1.1\r\nHost: x\r\n\r\n")), fault, "delayed");
        assert!(begin.elapsed() >= Duration::from_millis(200), "{fault}");
    }
}

#[test]
fn a_fault_concerns_its_connection_only() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/whole", json!({"code": 200, "body": "whole"}));
    let mut other = open(echo.mocks);
    for fault in FAULTS {
        echo.create("GET", &format!("/{fault}"), broken(fault));
        assert_broken(call(echo.mocks, &format!("GET /{fault} HTTP/1.1\r\nHost: x\r\n\r\n")), fault, "another");
        other.write_all(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(read_answer(&mut other).text(), "whole", "after {fault}");
    }
}

#[test]
fn an_unknown_fault_is_refused_with_the_known_ones() {
    let echo = Echo::start(&[]);
    for fault in [json!("drop"), json!("RESET"), json!(""), json!(1), json!(["reset"])] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "fault": fault})));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/fault"), &fault.to_string());
    }
    let told = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "fault": "drop"}))).details();
    assert_eq!(told, "`drop` is not a fault: write `reset`, `close`, `garbage` or `truncate`");
}

#[test]
fn only_truncate_stands_beside_a_content() {
    let echo = Echo::start(&[]);
    let contents = [("body", json!("text")), ("json", json!([1])), ("base64", json!("AA=="))];
    for fault in FAULTS {
        for (n, (member, content)) in contents.iter().enumerate() {
            let response = json!({"code": 200, *member: content, "fault": fault});
            let answer = echo.post(&new_endpoint("GET", &format!("/{fault}/{n}"), response));
            if fault == "truncate" {
                assert_eq!(answer.status, 201, "{member}: {answer:?}");
            } else {
                assert_refused_at(&answer, 422, &format!("{RESPONSE}/fault"), &format!("{fault} {member}"));
            }
        }
    }
}

#[test]
fn a_content_and_a_fault_replace_each_other() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "delay": "1ms", "body": "text"}));
    for (change, expected) in [
        (json!({"fault": "truncate"}), json!({"body": "text", "fault": "truncate"})),
        (json!({"json": [1]}), json!({"json": [1], "fault": "truncate"})),
        (json!({"fault": "reset"}), json!({"fault": "reset"})),
        (json!({"fault": "close"}), json!({"fault": "close"})),
        (json!({"code": 200}), json!({"fault": "close"})),
        (json!({"base64": "AA=="}), json!({"base64": "AA=="})),
        (json!({"fault": "garbage", "base64": null}), json!({"fault": "garbage"})),
        (json!({"fault": "truncate", "body": "new"}), json!({"body": "new", "fault": "truncate"})),
        (json!({"fault": null}), json!({"body": "new"})),
    ] {
        let answer: Answer = echo.patch(&id, &changes(json!({"response": change})));
        assert_eq!(answer.status, 200, "{change}: {answer:?}");
        let mut expected = expected;
        (expected["code"], expected["delay"]) = (json!(200), json!("1ms"));
        assert_eq!(answer.json()["data"]["attributes"]["response"], expected, "{change}");
    }
    assert_eq!(echo.call("GET", "/x").text(), "new");
    let both = changes(json!({"response": {"fault": "reset", "body": "new"}}));
    assert_refused_at(&echo.patch(&id, &both), 422, &format!("{RESPONSE}/fault"), "both at once");
}

#[test]
fn delays_and_faults_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let echo = Echo::start(&["--store", &store]);
    for fault in FAULTS {
        let mut response = broken(fault);
        response["delay"] = json!({"median": "1.5s", "p99": "2s"});
        echo.create("GET", &format!("/{fault}"), response);
    }
    let before = echo.get("/endpoints").json();
    drop(echo);
    let echo = Echo::start(&["--store", &store, "--max-delay", "0s"]);
    assert_eq!(echo.get("/endpoints").json(), before);
    for fault in FAULTS {
        assert_broken(call(echo.mocks, &format!("GET /{fault} HTTP/1.1\r\nHost: x\r\n\r\n")), fault, "restarted");
    }
}
