//! Clients that do not read their answers: what they can take of the memory is bounded, and others are served.

use std::{io::Write, net::TcpStream, process::Command, time::Instant};

use echo_service::config::Token;
use serde_json::json;
use tokio::net::TcpSocket;

use crate::{
    store::dynamodb::{
        replicas::table,
        table::{VARIABLES, server},
    },
    support::{Answer, Echo, PATIENCE, changes, new_endpoint},
};

/// The service as it is started with so few bytes of data as a small container has.
fn small_container() -> Command {
    const KIB: usize = 256 * 1024;
    let service = Echo::command();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {KIB}; exec \"$0\" \"$@\"")]).arg(service.get_program());
    for (name, _) in service.get_envs() {
        command.env_remove(name);
    }
    command
}

/// So many requests on a connection of which the system keeps as little as it can.
fn ask_and_do_not_read(echo: &Echo, requests: usize, path: &str, headers: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let mut stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(echo.management).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.write_all(request.repeat(requests).as_bytes()).unwrap();
    stream
}

/// Asks until the answer is no 503, for a while: room comes back, and a store on a busy machine as well.
fn patiently(ask: impl Fn() -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.status != 503 || Instant::now() > until {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

fn bears_answers_that_nobody_reads(store: &str, variables: &[(&str, &str)]) {
    const UNREAD: usize = 200;
    let (reader, writer) = (Token::generate(), Token::generate());
    let keys = [reader.entry("reader", "read").unwrap(), writer.entry("writer", "read+write").unwrap()].join(",");
    let header = |token: &Token| format!("Authorization: Bearer {}\r\n", token.as_str());
    let mut command = small_container();
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--store", store, "--keys", &keys]);
    let mut echo = Echo::spawn(command.envs(variables.iter().copied())).unwrap();
    let create = |path: &str, body: &str| {
        let document = new_endpoint("GET", path, json!({"code": 200, "body": body}));
        patiently(|| echo.manage("POST", "/endpoints", &header(&writer), Some(&document)))
    };
    let ids: Vec<_> = (0..8)
        .map(|n| {
            // Each character is six in JSON.
            let answer = create(&format!("/{n}"), &"\u{1}".repeat(256 * 1024));
            assert_eq!(answer.status, 201, "{}", answer.text());
            answer.json()["data"]["id"].as_str().unwrap().to_owned()
        })
        .collect();

    let paths = ["/endpoints?page[size]=1000", "/endpoints?filter[path]=/1", &format!("/endpoints/{}", ids[0])];
    let mut unread = Vec::new();
    while unread.len() < UNREAD {
        let some = paths.iter().cycle().take(20).map(|path| ask_and_do_not_read(&echo, 1, path, &header(&reader)));
        let some: Vec<_> = some.collect();
        // Each of them is answered, or waits for a second and is refused.
        for stream in &some {
            stream.peek(&mut [0; 1]).expect("an answer begins");
        }
        unread.extend(some);
    }
    assert_eq!(patiently(|| echo.call("GET", "/1")).status, 200, "mocks are served");
    assert_eq!(echo.get("/-/ready").status, 200);
    assert_eq!(create("/small", "x").status, 201, "a small answer has room");

    drop(unread);
    let listed = patiently(|| echo.manage("GET", "/endpoints", &header(&reader), None));
    assert_eq!(listed.status, 200, "{}", listed.text());
    echo.signal("TERM");
    assert!(echo.wait().success());
}

#[test]
fn answers_that_nobody_reads_do_not_take_all_memory() {
    bears_answers_that_nobody_reads("memory", &[]);
}

#[test]
fn answers_that_nobody_reads_do_not_take_all_memory_with_dynamodb() {
    let variables = [&VARIABLES[..], &[("AWS_ENDPOINT_URL", server())]].concat();
    bears_answers_that_nobody_reads(&format!("dynamodb:{}", table().name), &variables);
}

/// Asks for this until there is no room for the answer.
fn until_refused(mut ask: impl FnMut(usize) -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    let refused = (0..100_000).map(&mut ask).find(|answer| answer.status == 503 || Instant::now() > until).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert!(refused.details().contains("have not read yet"), "{}", refused.details());
    refused
}

#[test]
fn without_room_for_its_answer_nothing_is_done() {
    let echo = Echo::start(&[]);
    let body = "x".repeat(250 * 1024);
    let ids = [0, 1, 2, 3].map(|n| echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": body})));
    // The system takes some MiB for each connection.
    let mut unread: Vec<_> = (0..16).map(|_| ask_and_do_not_read(&echo, 12, "/endpoints", "")).collect();
    until_refused(|_| echo.get("/endpoints"));
    let shown = format!("/endpoints/{}", ids[0]);
    unread.extend((0..16).map(|_| ask_and_do_not_read(&echo, 48, &shown, "")));

    let large = json!({"code": 200, "body": "\u{1}".repeat(256 * 1024)});
    let mut last = String::new();
    until_refused(|n| {
        last = format!("/large/{n}");
        echo.post(&new_endpoint("GET", &last, large.clone()))
    });
    assert_eq!(echo.call("GET", &last).status, 404);
    assert_eq!(echo.call("GET", "/0").text(), body, "mocks are served");
    drop(unread);
    assert_eq!(patiently(|| echo.get("/endpoints")).status, 200);
    assert_eq!(patiently(|| echo.patch(&ids[1], &changes(json!({"path": "/moved"})))).status, 200);
}
