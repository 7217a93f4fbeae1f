//! The life of a process, from start to end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Answer, Echo, PATIENCE, new_endpoint, read_answer};

/// A POST whose head has arrived. The service waits for its body and has sent `100 Continue`.
pub struct Upload {
    pub stream: TcpStream,
    pub body: Vec<u8>,
}

impl Upload {
    pub fn begin(echo: &Echo, path: &str) -> Self {
        let body = new_endpoint("GET", path, json!({"code": 200})).to_string().into_bytes();
        let mut stream = TcpStream::connect(echo.management).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /endpoints HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream, body }
    }
}

/// Waits until the other side closes, and returns the bytes before.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut rest);
    rest
}

/// Waits until the service is not ready, and returns that answer.
fn until_not_ready(echo: &Echo) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = echo.get("/-/ready");
        if answer.status != 200 {
            return answer;
        }
        assert!(Instant::now() < deadline, "it is ready although it is stopping");
    }
}

#[test]
fn a_service_that_serves_is_live_and_ready() {
    let echo = Echo::start(&[]);
    for path in ["/-/live", "/-/ready"] {
        let answer = echo.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/vnd.api+json")));
        assert_eq!(answer.json()["meta"]["status"], path.trim_start_matches("/-/"));
    }
}

#[test]
fn during_the_shutdown_delay_the_service_is_not_ready_but_serves() {
    let echo = Echo::start(&["--shutdown-delay", "1h"]);
    echo.create("GET", "/served", json!({"code": 200}));
    echo.signal("TERM");
    echo.log_line(|line| line["message"] == "stopping");
    let not_ready = until_not_ready(&echo);
    assert_eq!((not_ready.status, not_ready.header("retry-after")), (503, Some("1")));
    assert!(not_ready.details().contains("send requests elsewhere"));
    assert_eq!((echo.call("GET", "/served").status, echo.get("/-/live").status), (200, 200));
    echo.create("GET", "/still-created", json!({"code": 200}));
}

#[test]
fn the_process_exits_0_after_the_shutdown_delay() {
    let mut echo = Echo::start(&["--shutdown-delay", "1500ms"]);
    let asked = Instant::now();
    echo.signal("TERM");
    assert!(echo.wait().success() && asked.elapsed() >= Duration::from_millis(1500));
    assert!(echo.rest_of_log().iter().any(|line| line["message"] == "stopped"), "nothing was cut off");
}

#[test]
fn sigint_skips_the_delay() {
    let mut echo = Echo::start(&["--shutdown-delay", "1h"]);
    echo.signal("INT");
    assert!(echo.wait().success());
    assert!(echo.rest_of_log().iter().any(|line| line["message"] == "stopped"));
}

#[test]
fn a_running_request_is_finished_and_new_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}/echo.redb", folder.path().display());
    let mut echo = Echo::start(&["--store", &store]);
    let mut upload = Upload::begin(&echo, "/late");
    echo.signal("TERM");
    echo.log_line(|line| line["message"] == "stopping");
    while TcpStream::connect(echo.mocks).is_ok() {
        thread::yield_now();
    }
    upload.stream.write_all(&upload.body).unwrap();
    let answer = read_answer(&mut upload.stream);
    assert_eq!((answer.status, answer.header("connection")), (201, Some("close")));
    assert!(until_closed(&mut upload.stream).is_empty() && echo.wait().success());
    assert!(echo.rest_of_log().iter().any(|line| line["message"] == "stopped"), "nothing was cut off");

    let next = Echo::start(&["--store", &store]);
    assert_eq!(next.call("GET", "/late").status, 200);
}

#[test]
fn a_refused_body_delays_the_shutdown_only_until_it_has_arrived() {
    let mut echo = Echo::start(&["--shutdown-deadline", "1h", "--request-timeout", "1h"]);
    let mut stream = TcpStream::connect(echo.management).unwrap();
    write!(stream, "PATCH /endpoints/nope HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut stream).status, 404);
    echo.signal("TERM");
    echo.log_line(|line| line["message"] == "stopping");
    while TcpStream::connect(echo.mocks).is_ok() {
        thread::yield_now();
    }
    stream.write_all(b"0123456789").unwrap();
    // The client keeps its side open, like a pool that checks its connections only on use.
    assert!(echo.wait().success());
    drop(stream);
}

#[test]
fn idle_connections_do_not_delay_the_shutdown() {
    let mut echo = Echo::start(&["--shutdown-deadline", "1h"]);
    let mut unused = TcpStream::connect(echo.mocks).unwrap();
    let mut half = TcpStream::connect(echo.mocks).unwrap();
    write!(half, "GET / HTTP/1.1\r\nHo").unwrap();
    let mut used = TcpStream::connect(echo.mocks).unwrap();
    write!(used, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut used).status, 404);
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert!(until_closed(&mut used).is_empty() && until_closed(&mut unused).is_empty());
}

#[test]
fn a_request_that_never_ends_is_cut_off_at_the_deadline_with_a_warning() {
    let mut echo = Echo::start(&["--shutdown-deadline", "400ms"]);
    let mut upload = Upload::begin(&echo, "/never");
    let asked = Instant::now();
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert!((Duration::from_millis(400)..Duration::from_secs(10)).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    assert!(until_closed(&mut upload.stream).is_empty());
    let log = echo.rest_of_log();
    let warning = log.iter().find(|line| line["level"] == "WARN").unwrap();
    assert_eq!(warning["message"], "stopped; some requests did not finish before the deadline");
    assert_eq!(warning["deadline"], "400ms");
}

#[test]
fn logs_are_json_except_on_a_terminal() {
    // The first line says that the service loads.
    let second_line = |format: &str| {
        let arguments = ["--listen", "127.0.0.1:0", "--store", "memory", "--log-format", format];
        let mut service = Echo::command().args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let line = BufReader::new(service.stdout.take().unwrap()).lines().nth(1).unwrap().unwrap();
        service.kill().unwrap();
        service.wait().unwrap();
        line
    };
    // Standard output is no terminal here.
    for format in ["auto", "json"] {
        let line: Value = serde_json::from_str(&second_line(format)).unwrap();
        assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("serving")));
    }
    // `script` gives its command a terminal. The end of the terminal does not end the service; its time-out does.
    let mut service = Command::new("script");
    let command = format!("timeout 10 {} --listen 127.0.0.1:0 --store memory", Echo::command().get_program().display());
    service
        .args(["--quiet", "--flush", "--command", &command, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut service = service.spawn().unwrap();
    let line = BufReader::new(service.stdout.take().unwrap()).lines().nth(1).unwrap().unwrap();
    service.kill().unwrap();
    service.wait().unwrap();
    assert!(line.contains("INFO") && line.contains("serving") && !line.starts_with('{'), "{line}");

    let text = second_line("text");
    assert!(text.contains(" INFO ") && text.contains("serving") && text.contains("docs=\"http://127.0.0.1:"), "{text}");
}

#[test]
fn an_address_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--management-listen"] {
        let Err((status, message)) = Echo::try_start(&[flag, &address], &[]) else { panic!("it has started") };
        assert_eq!(status.code(), Some(1));
        let expected = format!("echo-service: cannot listen on {address} ({flag}): Address already in use");
        assert!(message.starts_with(&expected) && message.contains("Choose another address"), "{message}");
    }
}

fn healthcheck(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = Echo::command().arg("healthcheck").args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn healthcheck_asks_the_management_listener() {
    let healthy = (Some(0), String::new());
    let shared = Echo::start(&[]);
    assert_eq!(healthcheck(&["--listen", &shared.mocks.to_string()]), healthy);

    let apart = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    let (mocks, management) = (apart.mocks.to_string(), apart.management.to_string());
    assert_eq!(healthcheck(&["--listen", &mocks, "--management-listen", &management]), healthy);
    // Only the mocks are there, and their 404 is not health.
    let (code, message) = healthcheck(&["--listen", &mocks]);
    assert_eq!(code, Some(1));
    assert!(message.contains("answers, but not like a healthy Echo: HTTP/1.1 404"), "{message}");

    for everywhere in ["0.0.0.0:0", "[::]:0"] {
        let open = Echo::start(&["--listen", everywhere, "--allow-anonymous"]);
        assert_eq!(healthcheck(&["--listen", &open.mocks.to_string(), "--allow-anonymous"]), healthy, "{everywhere}");
    }
}

#[test]
fn healthcheck_succeeds_without_a_key_and_before_readiness() {
    let key = format!("ci:read:{}", "0".repeat(64));
    let mut echo = Echo::start(&["--keys", &key, "--shutdown-delay", "1h"]);
    echo.signal("TERM");
    echo.log_line(|line| line["message"] == "stopping");
    until_not_ready(&echo);
    assert_eq!(healthcheck(&["--listen", &echo.mocks.to_string()]), (Some(0), String::new()));
    echo.signal("KILL");
    echo.wait();
    let (code, message) = healthcheck(&["--listen", &echo.mocks.to_string()]);
    assert_eq!(code, Some(1));
    assert!(message.contains(&format!("nothing answers at {}: Connection refused", echo.mocks)), "{message}");
}

#[test]
fn healthcheck_times_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = Instant::now();
    let (code, message) = healthcheck(&["--listen", &silent.local_addr().unwrap().to_string()]);
    assert_eq!(code, Some(1));
    assert!(message.contains("nothing answers at ") && asked.elapsed() < Duration::from_secs(10), "{message}");
}
