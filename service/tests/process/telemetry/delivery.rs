//! The delivery of telemetry, and the log lines about failures.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::collector::free_address;
use crate::support::{Echo, PATIENCE, request_bytes, send};

/// Answers every request with the same answer, and reports the request's target.
fn answering(status: &'static str, body: &'static [u8]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (told, targets) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            thread::spawn(move || {
                while let Some(target) = answer(&stream, status, body) {
                    let _ = told.send(target);
                }
            });
        }
    });
    (endpoint, targets)
}

fn answer(mut stream: &TcpStream, status: &str, body: &[u8]) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut target = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match (line.trim_end().split_once(": "), &target) {
            (Some((name, value)), _) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            (Some(_), _) => {}
            (None, None) => target = Some(line.split(' ').nth(1)?.to_owned()),
            (None, Some(_)) => break,
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
    stream.write_all(body).ok()?;
    target
}

/// Exports often, so that tests need not wait.
const OFTEN: [(&str, &str); 2] = [("OTEL_METRIC_EXPORT_INTERVAL", "50"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];

/// Runs a service until its log has a line with this message, and then for several more exports. Returns the whole log,
/// including the lines before it serves.
fn log_until(message: &str, variables: &[(&str, &str)]) -> Vec<Value> {
    let mut command = Echo::command();
    command.args(["--port", "0", "--store", "memory"]).envs(OFTEN).envs(variables.iter().copied());
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let (mut log, mut address, mut calls) = (Vec::<Value>::new(), None, 0);
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        log.push(serde_json::from_str(&line.unwrap()).unwrap());
        let line = log.last().unwrap();
        if line["message"] == "serving" {
            address = line["mocks"].as_str().map(|text| text.parse::<SocketAddr>().unwrap());
        }
        // Each call causes one line, so that the loop always has a next line to read.
        let Some(address) = address else { continue };
        if calls < 20 || !log.iter().any(|line| line["message"] == message) {
            thread::sleep(Duration::from_millis(10));
            assert_eq!(send(address, request_bytes(address, "GET", "/endpoints", "", b"")).status, 200);
            calls += 1;
        } else {
            let _ = Command::new("kill").arg(process.id().to_string()).status();
        }
    }
    assert!(process.wait().unwrap().success());
    log
}

#[test]
fn a_failed_export_is_logged_once_with_address_and_reason() {
    let dead = format!("http://{}", free_address());
    let (missing, _targets) = answering("404 Not Found", b"");
    // rejected_spans = 3, error_message = "full"
    let (full, _targets) = answering("200 OK", b"\x0a\x08\x08\x03\x12\x04full");
    for (endpoint, cause) in [
        (&*dead, "Connection refused"),
        ("http://collector.invalid:4318", "dns error"),
        (&*missing, "the collector answered 404 Not Found"),
        (&*full, "the collector rejected 3: full"),
    ] {
        for (signal, other) in [("traces", "OTEL_METRICS_EXPORTER"), ("metrics", "OTEL_TRACES_EXPORTER")] {
            let message = format!("{signal} cannot be delivered");
            let log = log_until(&message, &[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), (other, "none")]);
            let told: Vec<_> = log.iter().filter(|line| line["message"] == message).collect();
            let [line] = told.as_slice() else { panic!("{told:#?}") };
            let url = format!("{endpoint}/v1/{signal}");
            assert_eq!((&line["level"], &line["url"]), (&json!("WARN"), &json!(url)), "{line}");
            assert!(line["cause"].as_str().unwrap().contains(cause), "{line}");
            // The library's own lines would come each time, with less information.
            let is_ours = |line: &Value| line["target"].as_str().unwrap().starts_with("echo_service");
            assert!(log.iter().all(is_ours), "{log:#?}");
        }
    }
}

#[test]
fn a_local_collector_is_reached_without_the_proxy() {
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        for host in ["127.0.0.1", "localhost"] {
            let (endpoint, targets) = answering("200 OK", b"");
            let endpoint = endpoint.replace("127.0.0.1", host);
            let nobody = format!("http://{}", free_address());
            let echo = Echo::start_with(
                &[],
                &[&OFTEN[..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), (proxy, &*nobody)]].concat(),
            );
            echo.call("GET", "/x");
            let mut missing = vec!["/v1/traces", "/v1/metrics"];
            while !missing.is_empty() {
                let target = targets.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{missing:?} by {proxy}"));
                missing.retain(|path| *path != target);
            }
        }
    }
}

#[test]
fn a_remote_collector_is_reached_through_the_proxy() {
    let (proxy, targets) = answering("200 OK", b"");
    let elsewhere = "http://collector.invalid:4318";
    let echo = Echo::start_with(
        &[],
        &[&OFTEN[..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", elsewhere), ("HTTP_PROXY", &*proxy)]].concat(),
    );
    echo.call("GET", "/x");
    assert!(targets.recv_timeout(PATIENCE).unwrap().starts_with(elsewhere));
}
