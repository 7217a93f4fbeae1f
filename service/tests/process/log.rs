//! The log of management, and attacks on it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use echo_service::api::Token;
use serde_json::{Value, json};

use crate::support::{Echo, PATIENCE, new_endpoint, send};

/// Sends many requests on one connection without waiting, and then reads all answers.
fn flood(to: SocketAddr, requests: usize, head: &str) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let last = "GET /-/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let bytes = format!("{head}\r\n").repeat(requests) + last;
    let writer = thread::spawn(move || writing.write_all(bytes.as_bytes()));
    stream.read_to_end(&mut Vec::new()).unwrap();
    writer.join().unwrap().unwrap();
}

/// A process whose log the test reads later.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn requests(log: &[Value]) -> Vec<&Value> {
    log.iter().filter(|line| line["message"] == "management request").collect()
}

fn end(echo: &mut Echo) -> Vec<Value> {
    echo.signal("TERM");
    assert!(echo.wait().success());
    echo.rest_of_log()
}

#[test]
fn lines_about_client_faults_are_limited_and_the_dropped_ones_are_counted() {
    const MANY: usize = 3_000;
    let token = Token::generate();
    let keys = token.entry("ci", "read+write").unwrap();
    let header = format!("Authorization: Bearer {}\r\n", token.as_str());
    let (no_key, key) =
        ("GET /endpoints HTTP/1.1\r\nHost: x\r\n", format!("GET /endpoints HTTP/1.1\r\nHost: x\r\n{header}"));
    for (arguments, head, status) in [
        (vec!["--keys", &*keys], no_key, 401),
        (vec!["--keys", &keys], "GET /-/nothing HTTP/1.1\r\nHost: x\r\n", 404),
        (vec!["--keys", &keys, "--rate-limit", "1"], no_key, 429),
        (vec!["--keys", &keys, "--rate-limit", "1"], &key, 429),
        (vec![], "GET /endpoints HTTP/1.1\r\nHost: evil.example\r\n", 403),
    ] {
        let begin = Instant::now();
        let mut echo = Echo::start(&arguments);
        flood(echo.management, MANY, head);
        if status == 401 {
            let document = new_endpoint("GET", "/mine", json!({"code": 200}));
            assert_eq!(echo.manage("POST", "/endpoints", &header, Some(&document)).status, 201);
        }
        let log = end(&mut echo);
        let most = 5 * (2 + begin.elapsed().as_secs() as usize);
        let (done, refused): (Vec<_>, Vec<_>) = requests(&log).into_iter().partition(|line| line["status"] != status);
        assert!(!refused.is_empty() && refused.len() <= most, "{status}: {} lines", refused.len());
        assert_eq!(done.iter().any(|line| line["path"] == "/endpoints" && line["status"] == 201), status == 401);
        let left_out = log.iter().filter(|line| line["message"] == "log lines about refused requests were omitted");
        let left_out: usize = left_out.map(|line| line["lines"].as_u64().unwrap() as usize).sum();
        let before_the_limit = if status == 429 { done.len() } else { 0 };
        assert_eq!(refused.len() + left_out + before_the_limit, MANY, "{status}");
    }
}

#[test]
fn a_line_names_the_client_and_what_was_created_and_never_the_query() {
    let mut echo = Echo::start(&["--trusted-proxies", "127.0.0.0/8"]);
    let from = "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n";
    let document = new_endpoint("GET", "/mine", json!({"code": 200}));
    let created = echo.manage("POST", "/endpoints", from, Some(&document));
    let id = created.json()["data"]["id"].clone();
    assert_eq!(echo.get("/endpoints?filter[path]=/secret&token=secret").status, 400);
    assert_eq!(echo.get("/%65ndpoints?filter[path]=/secret").status, 200);
    assert_eq!(echo.get("/-/nothing?secret").status, 404);
    let log = end(&mut echo);
    let lines = requests(&log);
    assert_eq!((&lines[0]["client"], &lines[0]["id"]), (&json!("192.0.2.1"), &id));
    assert_eq!((&lines[1]["client"], &lines[1]["id"]), (&json!("127.0.0.1"), &Value::Null));
    assert_eq!(lines.len(), 4);
    for line in log {
        assert!(!line.to_string().contains("secret"), "{line}");
    }
}

#[test]
fn input_of_clients_is_escaped_in_the_log() {
    let invisible = "\u{7f}\u{85}\u{9b}31m\u{9d}\u{61c}\u{200e}\u{2028}\u{202e}\u{2066}\u{feff}";
    for format in ["json", "text"] {
        let mut command = Echo::command();
        command.args(["--listen", "127.0.0.1:0", "--store", "memory", "--log-format", format, "--log", "trace"]);
        let mut process = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut log = BufReader::new(process.0.stdout.take().unwrap());
        let (mut text, mut address) = (String::new(), None::<SocketAddr>);
        while address.is_none() {
            text.clear();
            assert!(log.read_line(&mut text).unwrap() > 0);
            let found = text.split(['=', '"', ' ']).find_map(|word| word.parse().ok());
            address = found.filter(|_| text.contains("serving"));
        }
        for part in invisible.chars().map(String::from).chain([invisible.to_owned()]) {
            for line in
                [format!("GET /endpoints/%zz{part}"), format!("GET /-/{part}"), format!("GET /endpoints?{part}")]
            {
                let head = format!("{line} HTTP/1.1\r\nHost: x\r\nX-Any: {part}\r\nConnection: close\r\n\r\n");
                send(address.unwrap(), head);
            }
        }
        let long_method = format!("{} /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "X".repeat(10_000));
        send(address.unwrap(), long_method);
        drop(process);
        log.read_to_string(&mut text).unwrap();
        assert!(text.matches("management request").count() > 20, "{text}");
        let raw = text.chars().find(|&c| c != '\n' && c != '…' && !c.is_ascii_graphic() && c != ' ');
        assert_eq!(raw, None, "{text:?}");
        let longest = text.lines().filter(|line| line.contains("management request")).map(str::len).max();
        assert!(longest < Some(2_000), "{longest:?}");
    }
}

/// More requests than the pipe and the queue together hold lines.
const MANY: usize = 15_000;

/// A service whose log nobody reads after the first line, and whose queue of lines is full.
fn flooded() -> (Killed, BufReader<ChildStdout>, SocketAddr) {
    let mut command = Echo::command();
    command.args(["--listen", "127.0.0.1:0", "--store", "memory", "--rate-limit", "0", "--log-format", "json"]);
    let mut process = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(process.0.stdout.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let serving: Value = serde_json::from_str(&line).unwrap();
    let address = serving["management"].as_str().unwrap().parse().unwrap();
    flood(address, MANY, "GET /-/nothing HTTP/1.1\r\nHost: x\r\n");
    (process, log, address)
}

#[test]
fn an_unread_log_does_not_delay_the_end() {
    let (mut process, _log, _) = flooded();
    assert!(Command::new("kill").arg(process.0.id().to_string()).status().unwrap().success());
    let end = Instant::now() + Duration::from_secs(20);
    while process.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the process waits for a reader of its log");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn unread_log_lines_are_dropped_and_counted_and_block_no_request() {
    let (_process, log, address) = flooded();
    assert_eq!(send(address, "GET /-/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status, 200);

    let (mut told, mut lost) = (0, None);
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    for line in lines {
        match line["message"].as_str() {
            Some("management request") => told += 1,
            Some("log lines were lost since the start, because the log was not read") => {
                assert_eq!(line["level"], "WARN");
                lost = line["lines"].as_u64();
                break;
            }
            _ => {}
        }
    }
    let lost = lost.expect("the loss is told") as usize;
    assert!((1..MANY).contains(&told) && told + lost >= MANY, "{told} were told, {lost} lost");
}
