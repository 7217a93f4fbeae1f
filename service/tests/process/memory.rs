//! Clients that do not read their answers or do not finish their documents. They occupy a bounded part of the memory,
//! and Echo serves the other clients.

use std::{io::Write, net::TcpStream, process::Command, thread, time::Instant};

use echo_service::{
    api::Token,
    domain::Verb,
    store::{EmbeddedStore, Store as _, Write as Change},
};
use serde_json::json;
use tokio::{net::TcpSocket, runtime::Runtime};

use crate::{
    store::{
        dynamodb::{
            replicas::table,
            table::{VARIABLES, server},
        },
        endpoint, text_response,
    },
    support::{Answer, Echo, PATIENCE, changes, new_endpoint},
};

/// The service with the memory of a small container.
fn small_container() -> Command {
    with_memory(256)
}

pub fn with_memory(mib: usize) -> Command {
    let service = Echo::command();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {}; exec \"$0\" \"$@\"", mib * 1024)]).arg(service.get_program());
    for (name, _) in service.get_envs() {
        command.env_remove(name);
    }
    command
}

/// Sends this many requests on a connection with the smallest possible buffers.
fn ask_and_do_not_read(echo: &Echo, requests: usize, path: &str, headers: &str) -> TcpStream {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    send_and_do_not_read(echo, &request.repeat(requests))
}

fn send_and_do_not_read(echo: &Echo, requests: &str) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let mut stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(echo.management).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    stream
}

/// Repeats a request while the answer is 503: room returns, and so does a store on a busy machine.
pub fn patiently(ask: impl Fn() -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if answer.status != 503 || Instant::now() > until {
            return answer;
        }
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

/// A new key: its entry for `--keys`, and its header line.
fn key(name: &str, scopes: &str) -> (String, String) {
    let token = Token::generate();
    (token.entry(name, scopes).unwrap(), format!("Authorization: Bearer {}\r\n", token.as_str()))
}

fn bears_answers_that_nobody_reads(store: &str, variables: &[(&str, &str)]) {
    const UNREAD: usize = 200;
    let ((reader_key, reader), (writer_key, writer)) = (key("reader", "read"), key("writer", "read+write"));
    let keys = [reader_key, writer_key].join(",");
    let mut command = small_container();
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--store", store, "--keys", &keys]);
    let mut echo = Echo::spawn(command.envs(variables.iter().copied())).unwrap();
    let create = |path: &str, body: &str| {
        let document = new_endpoint("GET", path, json!({"code": 200, "body": body}));
        patiently(|| echo.manage("POST", "/endpoints", &writer, Some(&document)))
    };
    for n in 0..8 {
        // Each character takes six bytes in JSON.
        let answer = create(&format!("/{n}"), &"\u{1}".repeat(256 * 1024));
        // 409 after a 503: the first attempt took effect.
        assert!([201, 409].contains(&answer.status), "{}", answer.text());
    }
    let listed = patiently(|| echo.manage("GET", "/endpoints?filter[path]=/0", &reader, None)).json();
    let id = listed["data"][0]["id"].as_str().unwrap();

    let paths = ["/endpoints?page[size]=1000", "/endpoints?filter[path]=/1", &format!("/endpoints/{id}")];
    let mut unread = Vec::new();
    while unread.len() < UNREAD {
        let some = paths.iter().cycle().take(20).map(|path| ask_and_do_not_read(&echo, 1, path, &reader));
        let some: Vec<_> = some.collect();
        // Each request gets its answer, or waits for a second and is refused.
        for stream in &some {
            stream.peek(&mut [0; 1]).expect("an answer begins");
        }
        unread.extend(some);
    }
    assert_eq!(patiently(|| echo.call("GET", "/1")).status, 200, "mocks are served");
    assert_eq!(echo.get("/-/ready").status, 200);
    assert_eq!(create("/small", "x").status, 201, "a small answer has room");

    drop(unread);
    let listed = patiently(|| echo.manage("GET", "/endpoints", &reader, None));
    assert_eq!(listed.status, 200, "{}", listed.text());
    echo.signal("TERM");
    assert!(echo.wait().success());
}

#[test]
fn unread_answers_do_not_take_all_memory() {
    bears_answers_that_nobody_reads("memory", &[]);
}

#[test]
fn unread_answers_do_not_take_all_memory_with_dynamodb() {
    let variables = [&VARIABLES[..], &[("AWS_ENDPOINT_URL", server())]].concat();
    bears_answers_that_nobody_reads(&format!("dynamodb:{}", table().name), &variables);
}

/// Repeats a request until there is no room for its answer.
fn until_refused(mut ask: impl FnMut(usize) -> Answer) -> Answer {
    let until = Instant::now() + PATIENCE;
    let refused = (0..100_000).map(&mut ask).find(|answer| answer.status == 503 || Instant::now() > until).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert!(refused.details().contains("with unread answers"), "{}", refused.details());
    refused
}

#[test]
fn without_memory_for_its_answer_a_request_has_no_effect() {
    let echo = Echo::start(&[]);
    let body = "x".repeat(250 * 1024);
    let ids = [0, 1, 2, 3].map(|n| echo.create("GET", &format!("/{n}"), json!({"code": 200, "body": body})));
    // The system buffers some MiB for each connection.
    let mut unread: Vec<_> = (0..16).map(|_| ask_and_do_not_read(&echo, 12, "/endpoints", "")).collect();
    until_refused(|_| echo.get("/endpoints"));
    let change = changes(json!({"verb": "GET"})).to_string();
    let head = format!("Host: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", change.len());
    let change = format!("PATCH /endpoints/{} HTTP/1.1\r\n{head}{change}", ids[0]).repeat(48);
    unread.extend((0..16).map(|_| send_and_do_not_read(&echo, &change)));

    let large = json!({"code": 200, "body": "\u{1}".repeat(256 * 1024)});
    let mut last = String::new();
    until_refused(|n| {
        last = format!("/large/{n}");
        echo.post(&new_endpoint("GET", &last, large.clone()))
    });
    assert_eq!(echo.call("GET", &last).status, 404);
    until_refused(|n| {
        last = format!("/changed/{n}");
        echo.patch(&ids[1], &changes(json!({"path": last})))
    });
    assert_eq!(echo.call("GET", &last).status, 404);
    assert_eq!(echo.call("GET", "/0").text(), body, "mocks are served");
    drop(unread);
    assert_eq!(patiently(|| echo.get("/endpoints")).status, 200);
    assert_eq!(patiently(|| echo.patch(&ids[1], &changes(json!({"path": "/moved"})))).status, 200);
}

#[test]
fn unread_answers_of_one_key_do_not_delay_other_keys() {
    let ((reader_key, reader), (writer_key, writer)) = (key("reader", "read"), key("writer", "read+write"));
    let echo = Echo::start(&["--keys", &[reader_key, writer_key].join(",")]);
    let create = |path: &str| {
        let document = new_endpoint("GET", path, json!({"code": 200, "body": "x".repeat(250 * 1024)}));
        let created = echo.manage("POST", "/endpoints", &writer, Some(&document));
        format!("/endpoints/{}", created.json()["data"]["id"].as_str().unwrap())
    };
    let (shown, deleted) = (create("/shown"), create("/deleted"));
    let mut unread = Vec::new();
    let refused = until_refused(|_| {
        unread.extend((0..10).map(|_| ask_and_do_not_read(&echo, 1, &shown, &reader)));
        echo.manage("GET", &shown, &reader, None)
    });
    assert!(refused.details().starts_with("Your other requests"), "{}", refused.details());
    let change = changes(json!({"path": "/changed"}));
    assert_eq!(echo.manage("PATCH", &shown, &writer, Some(&change)).status, 200);
    assert_eq!(echo.manage("DELETE", &deleted, &writer, None).status, 204);
    assert_eq!(echo.manage("GET", &shown, &writer, None).status, 200);
    assert_eq!(echo.manage("GET", "/endpoints", &writer, None).status, 200);
}

#[test]
fn endless_documents_do_not_take_all_memory() {
    const UNFINISHED: usize = 200;
    let ((slow_key, slow), (writer_key, writer)) = (key("slow", "write"), key("writer", "write"));
    let mut command = small_container();
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--store", "memory", "--rate-limit", "0"]);
    // The documents stay unfinished for the whole test.
    command.args(["--request-timeout", "600s", "--keys", &[slow_key, writer_key].join(",")]);
    let mut echo = Echo::spawn(&mut command).unwrap();
    let create = |key: &str, path: &str, bytes: usize| {
        let document = new_endpoint("GET", path, json!({"code": 200, "body": "x".repeat(bytes)}));
        echo.manage("POST", "/endpoints", key, Some(&document))
    };
    let framings = ["Content-Length: 2000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1e8480\r\n"];
    for (n, framing) in framings.into_iter().enumerate() {
        let head = format!("POST /endpoints HTTP/1.1\r\nHost: x\r\n{slow}Content-Type: application/json\r\n{framing}");
        let blanks = " ".repeat(1_900_000);
        let upload = || {
            let mut stream = TcpStream::connect(echo.management).unwrap();
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(blanks.as_bytes())).unwrap();
            stream
        };
        let unfinished: Vec<_> = thread::scope(|scope| {
            let uploads: Vec<_> = (0..UNFINISHED).map(|_| scope.spawn(upload)).collect();
            uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
        });
        let refused = until_refused(|_| create(&slow, &format!("/slow/{n}"), 250 * 1024));
        assert!(refused.details().starts_with("Your other requests"), "{}", refused.details());
        assert_eq!(create(&writer, &format!("/large/{n}"), 250 * 1024).status, 201, "others are served");
        assert_eq!(create(&slow, &format!("/small/{n}"), 1).status, 201, "a small document has room");
        drop(unfinished);
        assert_eq!(patiently(|| create(&slow, &format!("/again/{n}"), 250 * 1024)).status, 201, "room comes back");
    }
    echo.signal("TERM");
    assert!(echo.wait().success());
}

/// The mocks fill more than half of the memory.
#[test]
fn a_start_takes_little_more_memory_than_its_mocks() {
    const MOCKS: usize = 240;
    let (folder, runtime) = (tempfile::tempdir().unwrap(), Runtime::new().unwrap());
    let path = folder.path().join("echo.redb");
    {
        let store = EmbeddedStore::open(&path).unwrap();
        let response = text_response(&"x".repeat(256 * 1024));
        for n in 0..MOCKS {
            let creation = Change::Create(endpoint(Verb::Get, &format!("/{n}"), &response));
            runtime.block_on(store.write(creation)).unwrap();
        }
    }
    let store = format!("file:{}", path.display());
    let mut command = with_memory(112);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--store",
        &store,
        "--max-mocks-bytes",
        "67108864",
    ]);
    let mut echo = Echo::spawn(&mut command).unwrap();
    assert_eq!(echo.call("GET", &format!("/{}", MOCKS - 1)).text().len(), 256 * 1024);
    echo.signal("TERM");
    assert!(echo.wait().success());
}
