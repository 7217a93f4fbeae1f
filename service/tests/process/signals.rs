//! The effects of signals: the first asks for a graceful end, a later SIGINT for an immediate end. Neither a start nor
//! a disk that hangs can keep the process alive.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    lifecycle::Upload,
    small_disk::SmallDisk,
    support::{Echo, PATIENCE, new_endpoint, read_answer},
};

/// Sends a signal twice within a millisecond, like a program that forwards a signal to a group and to its members.
fn signal_twice(echo: &Echo, name: &str) {
    let pid = echo.pid().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &pid, &pid]).status().unwrap().success());
}

fn says(log: &[Value], message: &str) -> bool {
    log.iter().any(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message)))
}

/// A service that is stopping, with a running request.
fn stopping(signal: &str) -> (Echo, Upload) {
    let echo = Echo::start(&["--shutdown-deadline", "1h"]);
    let upload = Upload::begin(&echo, "/late");
    signal_twice(&echo, signal);
    echo.log_line(|line| line["message"] == "stopping");
    (echo, upload)
}

fn assert_finishes(mut echo: Echo, mut upload: Upload) {
    upload.stream.write_all(&upload.body).unwrap();
    assert_eq!(read_answer(&mut upload.stream).status, 201);
    assert!(echo.wait().success());
    assert!(says(&echo.rest_of_log(), "stopped"));
}

#[test]
fn a_repeated_signal_lets_running_requests_finish() {
    for signal in ["TERM", "INT"] {
        let (echo, upload) = stopping(signal);
        assert_finishes(echo, upload);
    }
}

#[test]
fn another_sigterm_changes_nothing_however_late() {
    let (echo, upload) = stopping("TERM");
    // New connections are refused: the service is stopping.
    while TcpStream::connect(echo.mocks).is_ok() {
        thread::yield_now();
    }
    signal_twice(&echo, "TERM");
    assert_finishes(echo, upload);
}

#[test]
fn sigint_after_sigterm_ends_at_once_with_a_log_line() {
    let (mut echo, _upload) = stopping("TERM");
    echo.signal("INT");
    assert_eq!(echo.wait().code(), Some(130));
    assert!(says(&echo.rest_of_log(), "stopped at once by a later SIGINT"));
}

#[test]
fn repeated_sigint_ends_at_once() {
    let (mut echo, _upload) = stopping("INT");
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        // Impatient: within a second, all SIGINTs count as one.
        let _ = Command::new("kill").args(["-INT", &echo.pid().to_string()]).stderr(Stdio::null()).status();
        if let Some(status) = echo.try_wait() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on");
        thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(status.code(), Some(130));
    assert!(says(&echo.rest_of_log(), "stopped at once by a later SIGINT"));
}

#[test]
fn closing_the_terminal_does_not_end_the_service() {
    let mut echo = Echo::start(&[]);
    signal_twice(&echo, "HUP");
    echo.create("GET", "/x", json!({"code": 200}));
    assert_eq!(echo.call("GET", "/x").status, 200);
    echo.signal("TERM");
    assert!(echo.wait().success());
}

/// Begins a start that hangs, on one thread beside the main one, and waits until it handles SIGTERM.
fn begin_start(store: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = Echo::command();
    command.args(["--port", "0", "--store", store]).env("TOKIO_WORKER_THREADS", "1");
    let process = command.envs(variables.iter().copied()).stdout(Stdio::piped()).spawn().unwrap();
    let handles_sigterm = || {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(caught, 16).unwrap() & 1 << 14 != 0
    };
    let deadline = Instant::now() + PATIENCE;
    while !handles_sigterm() {
        assert!(Instant::now() < deadline, "it never does");
        thread::sleep(Duration::from_millis(5));
    }
    process
}

fn assert_ends_by(signal: &str, process: Child) {
    let pid = process.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    let end = thread::spawn(move || process.wait_with_output().unwrap());
    let deadline = Instant::now() + PATIENCE;
    while !end.is_finished() {
        if Instant::now() > deadline {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
            panic!("{signal} does not end the start");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = end.join().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(log.contains("stopped before the start was complete"), "{log}");
}

#[test]
fn a_signal_ends_a_start_that_waits_for_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let aws = [
        ("AWS_REGION", "eu-test-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", &*endpoint),
    ];
    for signal in ["TERM", "INT"] {
        assert_ends_by(signal, begin_start(&format!("file:{}", fifo.display()), &[]));
        let process = begin_start("dynamodb:echo-table", &aws);
        let _connection = silent.accept().unwrap();
        assert_ends_by(signal, process);
    }
}

#[test]
fn a_hanging_disk_does_not_stop_the_shutdown() {
    let disk = SmallDisk::new("2m");
    let path = disk.path("echo.redb");
    let store = format!("file:{}", path.display());
    let mut arguments = vec!["--listen", "127.0.0.1:0", "--store", &store, "--log-format", "json"];
    arguments.extend(["--shutdown-deadline", "0s", "--request-timeout", "1s"]);
    let mut echo = Echo::spawn(disk.command().args(arguments)).unwrap();
    let create = |n: usize| {
        let response = json!({"code": 200, "body": "x".repeat(200_000)});
        echo.post(&new_endpoint("GET", &format!("/{n}"), response)).status
    };
    assert!((0..100).any(|n| create(n) == 503), "the disk is full at some time");
    // The store is closed then, and takes for ever to open again.
    let outside = disk.path_outside("echo.redb");
    fs::remove_file(&outside).unwrap();
    assert!(Command::new("mkfifo").arg(&outside).status().unwrap().success());
    assert_eq!(create(100), 503);
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert!(says(&echo.rest_of_log(), "stopped"));
}
