//! Commands against servers other than Echo, and against hostile servers.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use super::{ALL, assert_fails, run};
use crate::support::Echo;

/// Another server: sends a text to each client.
pub fn other_server(answer: impl Into<String>) -> SocketAddr {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").unwrap(), answer.into());
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            _ = stream.read(&mut [0; 4096]);
            _ = stream.write_all(answer.as_bytes());
        }
    });
    at
}

pub fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn a_server_that_is_not_echo_is_recognized() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved = "HTTP/1.1 302 X\r\nLocation: /endpoints\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let servers = [
        (other_server(http("200 OK", "<html>")), "answers 200, but not like management of Echo: check --url"),
        (other_server(http("200 OK", "{}")), "answers 200, but not like management of Echo: check --url"),
        (other_server(http("404 X", "{\"errors\": 1}")), "answers 404, but not like management of Echo: check --url"),
        (other_server(moved), "answers 302, but not like management of Echo: check --url"),
        (other_server("SSH-2.0-x\r\n"), "does not answer: "),
        (nobody, "Connection refused"),
    ];
    for arguments in ALL {
        for (server, words) in &servers {
            assert_fails(&run(*server, arguments), 1, &[&format!("http://{server} "), words]);
        }
    }
    assert_fails(&run(servers[0].0, &["wait", "--timeout", "0s"]), 1, &["not ready after 0s", "answers 200, but not"]);
    for url in ["127.0.0.1:8080", "echo.example.com", "ftp://127.0.0.1", ""] {
        let output = Echo::command().args(["get", "--url", url]).output().unwrap();
        assert_fails(&output, 1, &["write https://HOST or http://HOST:PORT of management"]);
    }
}

#[test]
fn texts_of_a_server_never_reach_the_terminal_raw() {
    let hostile = r"\u001b]0;x\u0007\u009b31m\u202e\r\b\u007f";
    let refusal = format!(r#"{{"errors": [{{"detail": "{hostile}", "source": {{"pointer": "/{hostile}"}}}}]}}"#);
    let mock = format!(
        r#"{{"id": "{hostile}", "verb": "{hostile}", "path": "{hostile}", "attributes": {{"{hostile}": "{hostile}"}}}}"#
    );
    let fails = format!(
        r#"{{"id": 1, "fails": {{"pointer": "{hostile}", "expected": {{"{hostile}": 1}}, "found": ["{hostile}"]}}}}"#
    );
    let sets = format!(r#"[{{"name": "{hostile}", "mocks": "{hostile}"}}]"#);
    let listing = format!(r#"{{"data": [{mock}], "meta": {{"candidates": [{mock}, {fails}], "sets": {sets}}}}}"#);
    for (answer, commands) in [
        (http("400 X", &refusal), &[&ALL[..], &[&["wait", "--timeout", "0s"]]].concat()[..]),
        (http("200 OK", &listing), &[&["get"], &["get", "-o", "json"], &["get", "--sets"], &["explain", "GET", "/x"]]),
        (http("200 OK", &format!("[{mock}]")), &[&["export", "shop"]]),
        ("HTTP/1.1 200 OK\r\n\u{1b}[31m: x\r\n\r\n".into(), &ALL),
    ] {
        let server = other_server(answer);
        for arguments in commands {
            let output = run(server, arguments);
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            let is_raw = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
            assert!(!text.is_empty() && !text.contains(is_raw), "{arguments:?}: {text:?}");
        }
    }
}
