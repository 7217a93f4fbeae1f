//! What a careless or hostile client does, and what surrounds the process: nobody else is to suffer from it.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::Barrier,
    thread,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    small_disk::SmallDisk,
    support::{Echo, PATIENCE, changes, new_endpoint, send},
};

#[test]
fn of_very_many_faults_the_first_are_told_and_how_many_more_there_are() {
    let echo = Echo::start(&[]);
    let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
    for n in 0..5_000 {
        document["data"]["attributes"][format!("unknown-{n}")] = json!(1);
    }
    let answer = echo.post(&document);
    assert_eq!(answer.status, 422);
    assert!(answer.body.len() < 20_000, "{} bytes", answer.body.len());
    assert!(answer.details().ends_with("There are 4950 more errors: correct these first"), "{}", answer.details());
}

#[test]
fn what_a_client_sent_is_not_echoed_at_any_length() {
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
fn very_many_headers_are_refused_before_they_are_compared() {
    let echo = Echo::start(&[]);
    let headers: Map<String, Value> = (0..5_000).map(|n| (format!("x-{n}"), json!(""))).collect();
    let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "headers": headers})));
    assert_eq!(answer.status, 422);
    assert_eq!(answer.details(), "There are 5000 headers: at most 64 are allowed");
}

#[test]
fn health_is_told_to_a_client_that_has_asked_too_much() {
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
fn many_who_change_one_endpoint_all_succeed() {
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
    // One write to create it, and one for each client: none was made twice, none is missing.
    assert_eq!(echo.get(&format!("/endpoints/{id}")).header("etag"), Some("\"65\""));
}

#[test]
fn a_page_of_large_endpoints_ends_early_and_links_to_the_rest() {
    let echo = Echo::start(&[]);
    let body = "x".repeat(256 * 1024);
    for n in 0..40 {
        echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": body}));
    }
    let mut link = Some("/endpoints?page%5Bsize%5D=1000".to_owned());
    let (mut pages, mut endpoints) = (0, 0);
    while let Some(path) = link {
        let answer = echo.get(&path);
        assert!(answer.body.len() < 6 * 1024 * 1024, "a page of {} bytes", answer.body.len());
        let document = answer.json();
        pages += 1;
        endpoints += document["data"].as_array().unwrap().len();
        link = document["links"]["next"].as_str().map(ToOwned::to_owned);
    }
    assert_eq!((pages, endpoints), (3, 40));
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let echo = Echo::start(&["--idle-timeout", "1s"]);
    let body = "x".repeat(256 * 1024);
    for n in 0..16 {
        echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": body}));
    }
    let mut stream = TcpStream::connect(echo.management).unwrap();
    write!(stream, "GET /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A time-out and a half, during which something is taken again and again.
    let mut part = vec![0; 256 * 1024];
    let mut read = 0;
    loop {
        match stream.read(&mut part).unwrap() {
            0 => break,
            bytes => read += bytes,
        }
        thread::sleep(Duration::from_millis(if read < 4 * 1024 * 1024 { 100 } else { 0 }));
    }
    assert!(read > 16 * body.len(), "cut off after {read} bytes");
}

#[test]
fn a_log_that_nobody_reads_stops_neither_the_service_nor_its_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
    let mut command = Echo::command();
    command.args(["--listen", &address.to_string(), "--store", "memory", "--rate-limit", "0", "--log-format", "json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(file.reopen().unwrap()).spawn().unwrap();
    let until = std::time::Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(std::time::Instant::now() < until, "the service does not start");
        thread::yield_now();
    }
    // A pipe holds 64 KiB; each of these is logged with some 200 bytes.
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
fn a_store_whose_file_has_vanished_is_away_and_not_empty() {
    let disk = SmallDisk::new("8m");
    let store = format!("file:{}", disk.path("echo.redb").display());
    let mut command = disk.command();
    command.args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json", "--store", &store]);
    let echo = Echo::spawn(&mut command).unwrap();
    echo.create("GET", "/kept", json!({"code": 200}));
    // redb keeps its file open, so that it notices nothing until an error makes it open the file again.
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
