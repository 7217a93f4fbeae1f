//! Careless and hostile clients, and a hostile environment. No other client may suffer.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Stdio,
    sync::Barrier,
    thread,
    time::Duration,
};

use serde_json::{Map, Value, json};
use socket2::{Domain, Socket, Type};

use crate::{
    small_disk::SmallDisk,
    support::{Answer, Echo, PATIENCE, changes, new_endpoint, send},
};

#[test]
fn an_answer_lists_the_first_errors_and_counts_the_rest() {
    let echo = Echo::start(&[]);
    let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
    for n in 0..9_000 {
        document["data"]["attributes"][format!("unknown-{n}")] = json!(1);
    }
    let answer = echo.post(&document);
    assert_eq!(answer.status, 422);
    assert!(answer.body.len() < 20_000, "{} bytes", answer.body.len());
    assert!(answer.details().ends_with("There are 8950 more errors: correct these first"), "{}", answer.details());
}

#[test]
fn long_input_of_a_client_is_cut_in_errors() {
    let echo = Echo::start(&[]);
    let long = "x".repeat(100_000);
    for document in [
        new_endpoint(&long, "/x", json!({"code": 200})),
        json!({"data": {"type": long, "attributes": {}}}),
        json!({"data": {"type": "endpoints", "attributes": {long.clone(): 1}}}),
    ] {
        let answer = echo.post(&document);
        assert!((400..500).contains(&answer.status) && answer.body.len() < 2_000, "{} bytes", answer.body.len());
    }
}

#[test]
fn very_many_headers_are_refused_by_their_number() {
    let echo = Echo::start(&[]);
    let headers: Map<String, Value> = (0..9_000).map(|n| (format!("x-{n}"), json!(""))).collect();
    let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "headers": headers})));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.details(), "There are 9000 headers: send at most 64");
}

#[test]
fn health_has_no_rate_limit() {
    let echo = Echo::start(&["--rate-limit", "1"]);
    while echo.get("/endpoints").status != 429 {}
    for path in ["/-/live", "/-/ready"] {
        assert_eq!(echo.get(path).status, 200, "{path}");
    }
    let mut healthcheck = Echo::command();
    healthcheck.args(["healthcheck", "--listen", &echo.management.to_string()]);
    assert!(healthcheck.status().unwrap().success());
}

#[test]
fn concurrent_changes_of_one_endpoint_all_succeed() {
    const CLIENTS: usize = 64;
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let together = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let (echo, id, together) = (&echo, &id, &together);
            scope.spawn(move || {
                together.wait();
                let answer = echo.patch(id, &changes(json!({"response": {"body": n.to_string()}})));
                assert_eq!(answer.status, 200, "{}", answer.text());
            });
        }
    });
    // One write to create the endpoint, and one write of each client: none twice, none missing.
    assert_eq!(echo.get(&format!("/endpoints/{id}")).header("etag"), Some("\"65\""));
}

/// Follows a listing from this page on, and checks the size of each answer. Returns the number of endpoints on each
/// page.
pub fn pages(get: impl Fn(&str) -> Answer, first: &str) -> Vec<usize> {
    let mut link = Some(first.to_owned());
    let mut pages = Vec::new();
    while let Some(path) = link {
        let answer = get(&path);
        let document = answer.json();
        let endpoints = document["data"].as_array().unwrap().len();
        assert!(endpoints == 1 || answer.body.len() <= 1025 * 1024, "{endpoints} have {} bytes", answer.body.len());
        pages.push(endpoints);
        link = document["links"]["next"].as_str().map(ToOwned::to_owned);
    }
    pages
}

#[test]
fn a_page_of_large_endpoints_is_shorter_and_links_to_the_rest() {
    let (plain, escaped) = ("x".repeat(200 * 1024), "\u{1}".repeat(200 * 1024));
    for (body, in_one) in [(&plain, 5), (&escaped, 1), (&"\"".repeat(200 * 1024), 2), (&"\u{e9}".repeat(100 * 1024), 5)]
    {
        let echo = Echo::start(&[]);
        for verb in ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"] {
            echo.create(verb, "/same", json!({"code": 200, "body": body}));
        }
        for n in 0..6 {
            echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": body}));
        }
        for (filter, all) in [("", 12), ("filter[path]=/same&", 6), ("filter[verb]=GET&", 7)] {
            let pages = pages(|path| echo.get(path), &format!("/endpoints?{filter}page[size]=1000"));
            assert_eq!((pages.iter().sum(), pages[0]), (all, in_one), "{filter}{body:.1}: {pages:?}");
        }
    }
}

#[test]
fn the_size_of_a_page_includes_all_headers_of_its_mocks() {
    let echo = Echo::start(&[]);
    let headers: Map<String, Value> = (0..64).map(|n| (format!("x-{n}"), json!("\"\t\\".repeat(40)))).collect();
    for n in 0..100 {
        echo.create("GET", &format!("/{n}"), json!({"code": 200, "headers": headers}));
    }
    let pages = pages(|path| echo.get(path), "/endpoints?page[size]=1000");
    assert_eq!(pages.iter().sum::<usize>(), 100);
    assert!(pages.len() > 1 && pages[0] > 50, "{pages:?}");
}

/// A connection with a small receive buffer, so that the service notices a slow client.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads at most this many bytes, with a pause after each part. Returns the number of bytes.
fn read_slowly(stream: &mut TcpStream, pause: Duration) -> usize {
    let (mut part, mut read) = (vec![0; 16 * 1024], 0);
    while let Ok(bytes @ 1..) = stream.read(&mut part) {
        read += bytes;
        thread::sleep(pause);
    }
    read
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_its_answers() {
    let echo = Echo::start(&["--idle-timeout", "2s"]);
    let body = "x".repeat(256 * 1024);
    echo.create("GET", "/large", json!({"code": 200, "body": body}));
    // One answer takes longer than the time-out; many answers exceed the buffers of the system.
    for (answers, pause) in [(1, 200), (20, 40)] {
        let mut stream = narrow(echo.mocks);
        let keep = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n".repeat(answers - 1);
        write!(stream, "{keep}GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let read = read_slowly(&mut stream, Duration::from_millis(pause));
        assert!(read > answers * body.len(), "cut off after {read} bytes of {answers} answers");
    }
}

#[test]
fn a_slow_reader_may_send_its_next_request_meanwhile() {
    let times = ["--idle-timeout", "2s", "--header-timeout", "500ms", "--request-timeout", "500ms"];
    let echo = Echo::start(&times);
    let body = "x".repeat(256 * 1024);
    echo.create("GET", "/large", json!({"code": 200, "body": body}));
    for next in ["\r\n", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = narrow(echo.mocks);
        write!(stream, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        // The answer has begun.
        stream.read_exact(&mut [0; 1024]).unwrap();
        write!(stream, "{next}").unwrap();
        for _ in 0..15 {
            thread::sleep(Duration::from_millis(100));
            stream.read_exact(&mut [0; 16 * 1024]).unwrap_or_else(|error| panic!("cut off with {next:?}: {error}"));
        }
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let echo = Echo::start(&["--idle-timeout", "500ms", "--log", "echo_service=debug"]);
    echo.create("GET", "/large", json!({"code": 200, "body": "x".repeat(256 * 1024)}));
    let mut stream = narrow(echo.mocks);
    write!(stream, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    echo.log_line(|line| line["message"] == "a connection was closed because it was too slow");
    assert!(read_slowly(&mut stream, Duration::ZERO) < 256 * 1024);
}

#[test]
fn an_unread_log_blocks_neither_requests_nor_the_shutdown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let mut command = Echo::command();
    command.args(["--listen", &address.to_string(), "--store", "memory", "--rate-limit", "0", "--log-format", "json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(file.reopen().unwrap()).spawn().unwrap();
    let until = std::time::Instant::now() + PATIENCE;
    let ready = "GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    while TcpStream::connect(address).is_err() || send(address, ready).status != 200 {
        assert!(std::time::Instant::now() < until, "the service does not start");
        thread::yield_now();
    }
    // A pipe holds 64 KiB; each of these requests causes a line of some 200 bytes.
    for _ in 0..1_000 {
        let answer = send(address, "GET /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(send(address, "GET /-/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").status, 200);
    let killed = std::process::Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let until = std::time::Instant::now() + PATIENCE;
    let status = loop {
        match process.try_wait().unwrap() {
            Some(status) => break status,
            None if std::time::Instant::now() > until => {
                process.kill().unwrap();
                panic!("SIGTERM does not end it");
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    assert!(status.success(), "{status}");
}

#[test]
fn a_store_whose_file_was_replaced_is_unavailable() {
    let disk = SmallDisk::new("16m");
    let start = |name: &str| {
        let store = format!("file:{}", disk.path(name).display());
        let mut command = disk.command();
        command.args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json", "--store", &store]);
        Echo::spawn(&mut command).unwrap()
    };
    start("theirs.redb").create("GET", "/theirs", json!({"code": 200}));
    let echo = start("echo.redb");
    echo.create("GET", "/kept", json!({"code": 200}));
    disk.rename("echo.redb", "elsewhere");
    disk.rename("theirs.redb", "echo.redb");
    // redb keeps its file open until an error makes it open the file again.
    disk.fill(8 * 1024 * 1024);
    let body = "x".repeat(200 * 1024);
    let create = |n: usize| echo.post(&new_endpoint("GET", &format!("/{n}"), json!({"code": 200, "body": body})));
    assert!((0..1_000).any(|n| create(n).status == 503), "the disk never fills");
    disk.free();

    for _ in 0..3 {
        assert_eq!((create(1_000).status, echo.get("/endpoints").status), (503, 503));
    }
    echo.log_line(|line| line["error"].as_str().is_some_and(|error| error.contains("replaced by another store")));
    assert_eq!(["/kept", "/theirs"].map(|path| echo.call("GET", path).status), [200, 404]);
}

#[test]
fn a_store_whose_file_was_deleted_is_unavailable_and_not_empty() {
    let disk = SmallDisk::new("8m");
    let store = format!("file:{}", disk.path("echo.redb").display());
    let mut command = disk.command();
    command.args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json", "--store", &store]);
    let echo = Echo::spawn(&mut command).unwrap();
    echo.create("GET", "/kept", json!({"code": 200}));
    // redb keeps its file open and notices nothing until an error makes it reopen the file.
    disk.fill(4 * 1024 * 1024);
    disk.rename("echo.redb", "elsewhere");
    let body = "x".repeat(200 * 1024);
    let mut n = 0;
    while echo.post(&new_endpoint("GET", &format!("/{n}"), json!({"code": 200, "body": body}))).status == 201 {
        n += 1;
        assert!(n < 1_000, "the disk never fills");
    }
    disk.free();

    let refused = echo.post(&new_endpoint("GET", "/new", json!({"code": 200})));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert_eq!(echo.get("/endpoints").status, 503);
    assert_eq!(echo.call("GET", "/kept").status, 200, "what is in memory is still true");
    assert!(!disk.exists("echo.redb"), "a new and empty store is not made");

    disk.rename("elsewhere", "echo.redb");
    let mut details = String::new();
    let created = (0..100).any(|_| {
        let answer = echo.post(&new_endpoint("GET", "/new", json!({"code": 200})));
        let _ = writeln!(details, "{}", answer.text());
        answer.status == 201
    });
    assert!(created, "{details}");
    assert_eq!(echo.call("GET", "/kept").status, 200);
}
