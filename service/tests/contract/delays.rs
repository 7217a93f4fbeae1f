//! The delays of answers. No test has an upper bound of time but the patience of all tests.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    shape::assert_refused_at,
    support::{Echo, PATIENCE, changes, new_endpoint, read_answer},
};

const DELAY: &str = "/data/attributes/response/delay";

fn delayed(delay: impl Into<Value>) -> Value {
    json!({"code": 200, "body": "late", "delay": delay.into()})
}

fn shown(echo: &Echo, id: &str) -> Value {
    echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"]["response"]["delay"].take()
}

/// A call whose head has certainly arrived: the service has asked for its body.
fn begin_call(echo: &Echo, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").unwrap();
    stream
}

#[test]
fn an_answer_waits_for_its_delay() {
    let echo = Echo::start(&[]);
    for (n, delay) in [
        json!("300ms"),
        json!("0.3s"),
        json!({"from": "300ms", "to": "400ms"}),
        json!({"from": "300ms", "to": "300ms"}),
        // With equal times, each delay has this time.
        json!({"median": "300ms", "p99": "300ms"}),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{n}");
        echo.create("GET", &path, delayed(delay.clone()));
        let begin = Instant::now();
        let answer = echo.call("GET", &path);
        assert!(begin.elapsed() >= Duration::from_millis(300), "{delay}: {:?}", begin.elapsed());
        assert_eq!((answer.status, answer.text().as_str()), (200, "late"), "{delay}");
    }
    echo.create("GET", "/skewed", delayed(json!({"median": "1ms", "p99": "2ms"})));
    assert_eq!(echo.call("GET", "/skewed").text(), "late");
}

#[test]
fn a_delayed_answer_keeps_the_connection_and_the_order_of_answers() {
    let echo = Echo::start(&[]);
    echo.create("POST", "/late", delayed("200ms"));
    echo.create("GET", "/fast", json!({"code": 200, "body": "fast"}));
    let mut stream = TcpStream::connect(echo.mocks).unwrap();
    let late = "POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    write!(stream, "{late}GET /fast HTTP/1.1\r\nHost: x\r\n\r\n{late}").unwrap();
    for expected in ["late", "fast", "late"] {
        let answer = read_answer(&mut stream);
        assert_eq!((answer.text().as_str(), answer.header("connection")), (expected, None));
    }
}

#[test]
fn a_delay_is_shown_in_canonical_form_and_changed_as_a_whole() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", delayed("1500ms"));
    assert_eq!(shown(&echo, &id), "1.5s");
    for (change, expected) in [
        (json!({"delay": {"from": "1s", "to": "1m"}}), json!({"from": "1s", "to": "60s"})),
        (json!({"delay": {"median": "20ms", "p99": "1s"}}), json!({"median": "20ms", "p99": "1s"})),
        (json!({"body": "new"}), json!({"median": "20ms", "p99": "1s"})),
        (json!({"delay": null}), Value::Null),
    ] {
        let answer = echo.patch(&id, &changes(json!({"response": change})));
        assert_eq!((answer.status, shown(&echo, &id)), (200, expected), "{change}");
    }
    assert_eq!(echo.call("GET", "/x").text(), "new");
    // A part of a delay is no delay.
    let id = echo.create("GET", "/y", delayed(json!({"from": "1s", "to": "2s"})));
    let answer = echo.patch(&id, &changes(json!({"response": {"delay": {"to": "3s"}}})));
    assert_refused_at(&answer, 422, DELAY, "a part");
}

#[test]
fn a_wrong_delay_is_refused_at_its_place_with_a_correction() {
    let echo = Echo::start(&[]);
    for (delay, at, told) in [
        (json!(300), "", r#""300ms""#),
        (json!("soon"), "", "1.5s"),
        (json!("0.5ms"), "", "whole milliseconds"),
        (json!({"from": "2s", "to": "1s"}), "/to", "swap"),
        (json!({"from": "2s", "to": 3}), "/to", "a string"),
        (json!({"median": "2s", "p99": "1s"}), "/p99", "swap"),
        (json!({"median": "0s", "p99": "1s"}), "/median", "1ms"),
        (json!({"from": "1s", "p99": "1s"}), "", r#""p99""#),
        (json!(["1s"]), "", r#""300ms""#),
    ] {
        let answer = echo.post(&new_endpoint("GET", "/x", delayed(delay.clone())));
        assert_refused_at(&answer, 422, &format!("{DELAY}{at}"), &delay.to_string());
        assert!(answer.details().contains(told), "{delay}: {}", answer.details());
    }
}

#[test]
fn a_delay_is_at_most_the_maximum() {
    let delays =
        [json!("61s"), json!({"from": "0s", "to": "60.001s"}), json!({"median": "1s", "p99": "2m"}), json!("25h")];
    let echo = Echo::start(&[]);
    for delay in &delays {
        let answer = echo.post(&new_endpoint("GET", "/x", delayed(delay.clone())));
        assert_refused_at(&answer, 422, DELAY, &delay.to_string());
    }
    let told = echo.post(&new_endpoint("GET", "/x", delayed("61s"))).details();
    assert_eq!(told, "The delay is longer than `--max-delay`: write at most 1m, or start Echo with a longer one");
    assert_eq!(echo.post(&new_endpoint("GET", "/x", delayed("60s"))).status, 201);
    let echo = Echo::start(&["--max-delay", "2m"]);
    assert_eq!(echo.post(&new_endpoint("GET", "/x", delayed(delays[2].clone()))).status, 201);
}

#[test]
fn a_lowered_maximum_cuts_stored_delays() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let echo = Echo::start(&["--store", &store, "--max-delay", "1h"]);
    let id = echo.create("GET", "/x", delayed("1h"));
    drop(echo);
    let echo = Echo::start(&["--store", &store, "--max-delay", "0s"]);
    assert_eq!((shown(&echo, &id), echo.call("GET", "/x").text()), (json!("3600s"), "late".to_owned()));
    // The delay stays through other changes, and no new delay is as long.
    let answer = echo.patch(&id, &changes(json!({"response": {"body": "new"}})));
    assert_eq!((answer.status, shown(&echo, &id), echo.call("GET", "/x").text()), (200, json!("3600s"), "new".into()));
    assert_refused_at(&echo.post(&new_endpoint("GET", "/y", delayed("1ms"))), 422, DELAY, "a new delay");
}

#[test]
fn a_delay_does_not_count_in_the_time_of_a_request() {
    let echo = Echo::start(&["--request-timeout", "300ms"]);
    echo.create("POST", "/late", delayed("900ms"));
    let begin = Instant::now();
    let mut stream = begin_call(&echo, "/late");
    let answer = read_answer(&mut stream);
    assert!(begin.elapsed() >= Duration::from_millis(900));
    assert_eq!((answer.status, answer.text().as_str(), answer.header("connection")), (200, "late", None));
}

#[test]
fn a_client_that_goes_away_ends_the_wait() {
    // With a single connection, the next client is served after the end of the first one.
    let echo = Echo::start(&["--max-connections", "1", "--management-listen", "127.0.0.1:0"]);
    echo.create("POST", "/late", delayed("60s"));
    echo.create("GET", "/fast", json!({"code": 200, "body": "fast"}));
    drop(begin_call(&echo, "/late"));
    assert_eq!(echo.call("GET", "/fast").text(), "fast");
}

#[test]
fn waiting_answers_need_no_threads() {
    const WAITING: usize = 200;
    let echo = Echo::start(&["--max-delay", "1h"]);
    echo.create("POST", "/late", delayed("1h"));
    echo.create("GET", "/fast", json!({"code": 200, "body": "fast"}));
    let threads = || {
        let status = fs::read_to_string(format!("/proc/{}/status", echo.pid())).unwrap();
        let count = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        count.trim().parse::<usize>().unwrap()
    };
    let before = threads();
    let waiting: Vec<_> = (0..WAITING).map(|_| begin_call(&echo, "/late")).collect();
    assert_eq!(echo.call("GET", "/fast").text(), "fast");
    // The runtime's pool for files may have changed.
    assert!(threads() < before + WAITING / 4, "{} threads, before {before}", threads());
    drop(waiting);
}

#[test]
fn a_delay_runs_on_during_a_stop_and_its_answer_goes_out_at_the_deadline_at_the_latest() {
    for (delay, deadline, least) in [("1s", "20s", 1_000), ("1h", "1s", 1_000), ("1h", "0s", 0)] {
        let mut echo = Echo::start(&["--max-delay", "1h", "--shutdown-deadline", deadline]);
        echo.create("POST", "/late", delayed(delay));
        let mut stream = begin_call(&echo, "/late");
        let begin = Instant::now();
        echo.signal("TERM");
        assert_eq!(read_answer(&mut stream).text(), "late", "{delay} {deadline}");
        assert!(begin.elapsed() >= Duration::from_millis(least * 9 / 10), "{delay} {deadline}: {:?}", begin.elapsed());
        assert!(echo.wait().success());
        assert!(echo.rest_of_log().iter().any(|line| line["message"] == "stopped"), "{delay} {deadline}");
    }
}

#[test]
fn effects_change_neither_explanations_nor_near_misses() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "delay": "60s", "fault": "reset"}));
    let answer = echo.manage("POST", "/-/explain", "", Some(&json!({"verb": "GET", "target": "/x"})));
    assert_eq!((answer.status, answer.json()["meta"]["answers"].as_str()), (200, Some(&*id)), "{}", answer.text());
    let missed = echo.call("GET", "/X");
    assert_eq!((missed.status, missed.json()["meta"]["nearest"][0]["id"].as_str()), (404, Some(&*id)));
}
