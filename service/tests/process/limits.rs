//! The limits for clients: time, size, number and rate.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use echo_service::api::Token;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::support::{Answer, Echo, PATIENCE, new_endpoint, read_answer, send};

/// Maximum delay of a time-out on a busy machine. Half a second is intended (`TICK`).
const LATE: Duration = Duration::from_secs(5);

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request on a connection that stays open.
fn get(stream: &mut TcpStream, path: &str) -> Answer {
    // In one piece: separate writes would wait for acknowledgements.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    read_answer(stream)
}

/// Waits until the service closes the connection without an answer.
fn assert_is_closed(stream: &mut TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("it was not closed: {other:?}"),
    }
}

fn assert_took(since: Instant, at_least: Duration) {
    let taken = since.elapsed();
    assert!((at_least..at_least + LATE).contains(&taken), "{at_least:?} were asked for, {taken:?} taken");
}

#[test]
fn a_slow_request_head_is_cut_off() {
    let echo = Echo::start(&["--header-timeout", "1s", "--idle-timeout", "1h"]);
    let mut stream = connect(echo.mocks);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let begin = Instant::now();
    let endless = b"GET / HTTP/1.1\r\nX-Slow: ".iter().chain([b'x'].iter().cycle());
    for byte in endless {
        // Each byte comes in time: the limit is for the whole head.
        let is_sent = stream.write_all(&[*byte]).is_ok();
        let is_open = matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        if !is_sent || !is_open {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "it is never cut off");
    }
    assert_took(begin, Duration::from_secs(1));
}

#[test]
fn a_silent_connection_is_closed() {
    let echo = Echo::start(&["--header-timeout", "500ms", "--idle-timeout", "1h"]);
    let begin = Instant::now();
    assert_is_closed(&mut connect(echo.mocks));
    assert_took(begin, Duration::from_millis(500));
}

#[test]
fn an_idle_connection_may_outlast_the_time_for_a_head() {
    let echo = Echo::start(&["--header-timeout", "1s", "--idle-timeout", "3500ms"]);
    let mut stream = connect(echo.mocks);
    assert_eq!(get(&mut stream, "/x").status, 404);
    // Half a second more than the limit for a head, the maximum delay of a time-out.
    thread::sleep(Duration::from_millis(1600));
    assert_eq!(get(&mut stream, "/x").status, 404);
    let idle = Instant::now();
    assert_is_closed(&mut stream);
    assert_took(idle, Duration::from_millis(3500));
}

#[test]
fn later_request_heads_have_the_same_time_limit_as_the_first() {
    let echo = Echo::start(&["--header-timeout", "1s", "--idle-timeout", "1h"]);
    let mut stream = connect(echo.mocks);
    assert_eq!(get(&mut stream, "/x").status, 404);
    let begin = Instant::now();
    write!(stream, "GET /x HTTP/1.1\r\n").unwrap();
    assert_is_closed(&mut stream);
    assert_took(begin, Duration::from_secs(1));
}

#[test]
fn a_missing_body_is_408() {
    let echo = Echo::start(&["--request-timeout", "500ms", "--header-timeout", "1h"]);
    let begin = Instant::now();
    let answer = send(
        echo.management,
        "POST /endpoints HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{",
    );
    assert_eq!((answer.status, answer.header("content-type")), (408, Some("application/vnd.api+json")));
    assert!(answer.details().contains("The body did not arrive"), "{}", answer.details());
    assert_took(begin, Duration::from_millis(500));
}

#[test]
fn each_refused_body_has_the_time_of_a_request() {
    let echo = Echo::start(&["--request-timeout", "1h", "--header-timeout", "500ms", "--idle-timeout", "500ms"]);
    let head = |bytes: usize| format!("PATCH /endpoints/nope HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n");
    for _ in 0..5 {
        let mut stream = connect(echo.management);
        // The end of the first body comes with the head of the second request.
        stream.write_all(format!("{}0123456789{}", head(10), head(100)).as_bytes()).unwrap();
        assert_eq!((read_answer(&mut stream).status, read_answer(&mut stream).status), (404, 404));
        for byte in 0..100 {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(b"x").unwrap_or_else(|error| panic!("cut off at byte {byte}: {error}"));
        }
        assert_eq!(get(&mut stream, "/-/live").status, 200);
    }
}

#[test]
fn a_mock_waits_for_a_body_no_longer_than_for_management() {
    let echo = Echo::start(&["--request-timeout", "500ms", "--header-timeout", "1h"]);
    echo.create("POST", "/mock", json!({"code": 202}));
    let begin = Instant::now();
    let mut stream = connect(echo.mocks);
    write!(stream, "POST /mock HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
    let answer = read_answer(&mut stream);
    // The connection cannot be used again: the beginning of its next request is unknown.
    assert_eq!((answer.status, answer.header("connection")), (202, Some("close")));
    assert_took(begin, Duration::from_millis(500));
    assert_is_closed(&mut stream);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let echo = Echo::start(&["--max-header-bytes", "8192"]);
    echo.create("GET", "/mock", json!({"code": 200}));
    let with = |bytes: usize| echo.call_with("GET", "/mock", &format!("X-Large: {}\r\n", "x".repeat(bytes)), b"");
    assert_eq!(with(7_900).status, 200);
    for bytes in [8_192, 20_000] {
        assert_eq!(with(bytes).status, 431, "{bytes}");
    }
    let long_path = echo.call("GET", &format!("/{}", "x".repeat(8_192)));
    assert_eq!(long_path.status, 431);
    assert_eq!(echo.call("GET", "/mock").status, 200);
}

#[test]
fn input_that_is_not_http_is_refused_without_a_document_and_the_connection_closed() {
    let echo = Echo::start(&[]);
    let fields = "X-Field: 1\r\n".repeat(101);
    for (request, status) in [
        ("BROKEN\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"), 431),
    ] {
        let mut stream = connect(echo.mocks);
        write!(stream, "{request}").unwrap();
        let answer = read_answer(&mut stream);
        assert_eq!((answer.status, answer.text().as_str()), (status, ""), "{request:.60}");
        assert_is_closed(&mut stream);
    }
}

#[test]
fn connections_above_the_limit_wait_until_one_is_closed() {
    let echo = Echo::start(&["--max-connections", "2", "--management-listen", "127.0.0.1:0"]);
    let (mut first, mut second) = (connect(echo.mocks), connect(echo.mocks));
    assert_eq!((get(&mut first, "/x").status, get(&mut second, "/x").status), (404, 404));

    let mut third = connect(echo.mocks);
    write!(third, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    assert_eq!(third.peek(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock, "it is not served yet");
    assert_eq!(get(&mut first, "/x").status, 404, "those that are there are served");
    assert_eq!(echo.get("/-/ready").status, 200, "the other listener has a limit of its own");

    drop(second);
    assert_eq!(read_answer(&mut third).status, 404);
}

/// The service with a limit for open files.
fn with_descriptors(limit: usize) -> Echo {
    let service = Echo::command();
    let mut command = Command::new("sh");
    command.args(["-c", &format!(r#"ulimit -n {limit} && exec "$@""#), "sh"]).arg(service.get_program());
    command.args(["--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0", "--store", "memory"]);
    command.args(["--log-format", "json", "--header-timeout", "1h"]);
    for (name, _) in service.get_envs() {
        command.env_remove(name);
    }
    Echo::spawn(&mut command).unwrap()
}

#[test]
fn without_file_descriptors_connections_wait_until_some_are_closed() {
    let listeners: [fn(&Echo) -> SocketAddr; 2] = [|echo| echo.mocks, |echo| echo.management];
    for flooded in listeners {
        let echo = with_descriptors(48);
        let flood: Vec<_> = (0..48).map(|_| connect(flooded(&echo))).collect();
        let refusal = echo.log_line(|line| line["message"] == "a connection could not be accepted");
        assert!(refusal["error"].as_str().unwrap().contains("Too many open files"), "{refusal}");
        drop(flood);
        for (address, path, status) in [(echo.mocks, "/mock", 404), (echo.management, "/-/ready", 200)] {
            assert_eq!(get(&mut connect(address), path).status, status, "{path}");
        }
    }
}

#[test]
fn requests_to_mocks_above_the_rate_are_429() {
    let echo = Echo::start(&["--mock-rate-limit", "5"]);
    echo.create("GET", "/mock", json!({"code": 200}));
    let mut stream = connect(echo.mocks);
    let begin = Instant::now();
    let answers: Vec<_> = (0..40).map(|_| get(&mut stream, "/mock")).collect();
    let allowed = 5 + (begin.elapsed().as_secs_f64() * 5.0).ceil() as usize;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((5..=allowed).contains(&served), "{served} of {allowed}");
    let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.header("content-type"), Some("application/vnd.api+json"));
    assert!(refused.details().contains("try again in 1 s"));
    assert_eq!(echo.get("/endpoints").status, 200, "management has a rate of its own");
}

/// The number of served requests among these requests to a mock, with this header.
fn served(echo: &Echo, header: &str, requests: usize) -> usize {
    (0..requests).filter(|_| echo.call_with("GET", "/mock", header, b"").status == 404).count()
}

#[test]
fn only_a_trusted_proxy_can_separate_its_clients() {
    // The expected numbers include the allowance that returns while the test runs.
    let trusting = Echo::start(&["--mock-rate-limit", "1", "--trusted-proxies", "127.0.0.0/8, ::1"]);
    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        let begin = Instant::now();
        let served = served(&trusting, &format!("X-Forwarded-For: {client}\r\n"), 10);
        assert!((1..=1 + begin.elapsed().as_secs() as usize + 1).contains(&served), "{client}: {served}");
    }
    // The client's own entries stand to the left of the proxy's entry.
    let begin = Instant::now();
    let forged = (0..10).map(|n| format!("X-Forwarded-For: 198.51.100.{n}, 192.0.2.3\r\n"));
    let through: usize = forged.map(|header| served(&trusting, &header, 1)).sum();
    assert!((1..=2 + begin.elapsed().as_secs() as usize).contains(&through), "{through}");

    let strict = Echo::start(&["--mock-rate-limit", "1"]);
    let begin = Instant::now();
    let through: usize = (0..10).map(|n| served(&strict, &format!("X-Forwarded-For: 192.0.2.{n}\r\n"), 1)).sum();
    assert!((1..=2 + begin.elapsed().as_secs() as usize).contains(&through), "{through}");
}

/// A connection from another address of this machine, which the service may see in another form.
fn connect_from(source: &str, to: SocketAddr) -> TcpStream {
    let source: IpAddr = source.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        let local = if source.is_ipv4() { IpAddr::from([127, 0, 0, 1]) } else { Ipv6Addr::LOCALHOST.into() };
        socket.bind(SocketAddr::new(source, 0)).unwrap();
        socket.connect(SocketAddr::new(local, to.port())).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn rates_are_counted_for_each_address() {
    let rates = ["--mock-rate-limit", "1", "--rate-limit", "1"];
    let ipv4 = Echo::start(&rates);
    // A listener for both families sees IPv4 addresses as IPv6 addresses of one /64.
    let both = Echo::start(&[&rates[..], &["--listen", "[::]:0", "--allow-anonymous"]].concat());
    for (echo, sources) in [(ipv4, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]), (both, ["127.0.0.1", "127.0.0.2", "::1"])]
    {
        for (path, free) in [("/mock", 404), ("/endpoints", 200)] {
            for source in sources {
                let mut stream = connect_from(source, echo.mocks);
                assert_eq!(get(&mut stream, path).status, free, "{source} has its own allowance");
                let refused = (0..1_000).map(|_| get(&mut stream, path)).find(|answer| answer.status == 429);
                assert!(refused.is_some_and(|answer| answer.header("retry-after").is_some()), "{source} {path}");
            }
        }
    }
}

#[test]
fn a_flood_of_management_is_429_for_its_key_only() {
    let keys = ["a", "b"].map(|name| (Token::generate(), name));
    let entries = keys.each_ref().map(|(token, name)| token.entry(name, "read+write").unwrap()).join(",");
    let echo = Echo::start(&["--rate-limit", "2", "--keys", &entries]);
    let post = |token: &Token, n: usize| {
        let document = new_endpoint("GET", &format!("/{n}"), json!({"code": 200}));
        let header = format!("Authorization: Bearer {}\r\n", token.as_str());
        echo.manage("POST", "/endpoints", &header, Some(&document)).status
    };
    let statuses: Vec<_> = (0..20).map(|n| post(&keys[0].0, n)).collect();
    assert!(statuses[..2] == [201, 201] && statuses.contains(&429), "{statuses:?}");
    assert_eq!(post(&keys[1].0, 100), 201, "the other key has its own allowance");
}
