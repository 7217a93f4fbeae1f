//! The limit for all mocks together: a flood of writes ends in refusals, in a process with little memory.

use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use echo_service::{domain::Verb, store::Write};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    memory::{patiently, with_memory},
    store::{
        dynamodb::{
            replicas::table,
            table::{VARIABLES, server},
        },
        endpoint, text_response,
    },
    support::{Answer, Echo, changes, new_endpoint},
};

const MIB: usize = 1024 * 1024;
/// Of the processes in MiB, and of their mocks by default.
const MEMORY: usize = 128;
const ROOM: usize = MEMORY * MIB / 3;
/// The memory of a mock besides its texts.
const MOCK: usize = 448;
const LARGE: usize = 256 * 1024;

fn command(mib: usize, store: &str) -> Command {
    let mut command = with_memory(mib);
    command.args(["--listen", "127.0.0.1:0", "--log-format", "json", "--rate-limit", "0", "--store", store]);
    command
}

fn mock(path: &str, body: usize) -> Value {
    new_endpoint("GET", path, json!({"code": 200, "body": "x".repeat(body)}))
}

fn assert_full(answer: &Answer, limit: usize) {
    assert_eq!(answer.status, 507, "{}", answer.text());
    let error = &answer.json()["errors"][0];
    assert_eq!(error["code"], "full");
    let detail = error["detail"].as_str().unwrap();
    assert!(detail.contains(&format!(" of {limit} bytes of memory, and this write needs ")), "{detail}");
}

/// Creates mocks by concurrent clients until all are refused. Returns ids and sizes.
fn flood(services: &[&Echo], prefix: &str, limit: usize, body: impl Fn(usize) -> usize + Sync) -> Vec<(String, usize)> {
    let next = AtomicUsize::new(0);
    let client = || {
        let mut created = Vec::new();
        loop {
            let n = next.fetch_add(1, Relaxed);
            let (path, bytes) = (format!("/{prefix}/{n:06}"), body(n));
            let answer = patiently(|| services[n % services.len()].post(&mock(&path, bytes)));
            match answer.status {
                201 => created.push((answer.json()["data"]["id"].as_str().unwrap().into(), MOCK + path.len() + bytes)),
                // A client that repeats a creation after a 503 meets its own mock.
                409 => {}
                _ => {
                    assert_full(&answer, limit);
                    return created;
                }
            }
        }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..16).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Without room, deletions and smaller bodies work, and new mocks do not.
fn assert_is_full(echo: &Echo, mocks: &[(String, usize)], limit: usize) {
    let (large, _) = mocks.iter().max_by_key(|(_, bytes)| *bytes).unwrap();
    assert_full(&echo.post(&mock("/one/more", LARGE)), limit);
    let body = |bytes: usize| changes(json!({"response": {"body": "y".repeat(bytes)}}));
    let shrunk = patiently(|| echo.patch(large, &body(1_000)));
    assert_eq!(shrunk.status, 200, "{}", shrunk.text());
    assert_eq!(patiently(|| echo.patch(large, &body(LARGE))).status, 200, "there is room again");
    assert_eq!(patiently(|| echo.delete(large)).status, 204);
    assert_eq!(patiently(|| echo.post(&mock("/in/place", LARGE))).status, 201, "there is room again");
    assert_full(&echo.post(&mock("/one/more", LARGE)), limit);
}

#[test]
fn concurrent_writes_stay_within_the_limit_together() {
    let limit = 11 * (MOCK + 100_000);
    let echo = Echo::start(&["--store", "memory", "--rate-limit", "0", "--max-mocks-bytes", &limit.to_string()]);
    let mocks = flood(&[&echo], "mocks", limit, |_| 99_000);
    assert_eq!(mocks.len(), 11);
    // A write of several changes counts as a whole, and a smaller mock fits.
    let used: usize = mocks.iter().map(|(_, bytes)| bytes).sum();
    let rest = limit - used - MOCK - "/rest".len();
    assert_full(&echo.post(&mock("/rest", rest + 1)), limit);
    assert_eq!(echo.post(&mock("/rest", rest)).status, 201);
    // A longer path needs room as well.
    let (id, _) = &mocks[0];
    assert_full(&echo.patch(id, &changes(json!({"path": "/a/longer/path/than/before"}))), limit);
    assert_eq!(echo.patch(id, &changes(json!({"path": "/short"}))).status, 200);
}

#[test]
fn a_flood_does_not_fill_the_memory_of_a_process_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let mut echo = Echo::spawn(&mut command(MEMORY, &store)).unwrap();
    // Mocks of all sizes, and many clients.
    let mut mocks = flood(&[&echo], "mocks", ROOM, |n| [100, 3_000, 60_000, LARGE][n % 4]);
    assert_is_full(&echo, &mocks, ROOM);
    // Deletions leave gaps for smaller mocks.
    for (turn, bytes) in [30_000, 45_000, 70_000].into_iter().enumerate() {
        for (id, _) in mocks.iter().step_by(2) {
            // Some are gone already.
            assert!([204, 404].contains(&echo.delete(id).status));
        }
        mocks.extend(flood(&[&echo], &format!("turn/{turn}"), ROOM, |_| bytes));
    }
    echo.signal("KILL");
    echo.wait();

    let mut echo = Echo::spawn(&mut command(MEMORY, &store)).unwrap();
    assert_eq!(echo.call("GET", "/in/place").text().len(), LARGE, "the process starts again");
    assert_full(&echo.post(&mock("/one/more", LARGE)), ROOM);
    echo.signal("TERM");
    assert!(echo.wait().success());

    let mut smaller = command(MEMORY, &store);
    smaller.args(["--max-mocks-bytes", &(24 * MIB).to_string()]);
    let Err((status, log)) = Echo::spawn(&mut smaller) else { panic!("the process is too small, and starts") };
    assert_eq!(status.code(), Some(1), "{log}");
    let sizes = format!(" bytes of memory, and the limit of this process is {} bytes: ", 24 * MIB);
    assert!(log.contains("all mocks together take 4") && log.contains(&sizes), "{log}");
}

/// Such a store holds each mock twice.
#[test]
fn a_flood_does_not_fill_the_memory_of_a_process_with_a_store_in_memory() {
    let echo = Echo::spawn(&mut command(MEMORY, "memory")).unwrap();
    let mocks = flood(&[&echo], "mocks", ROOM / 4, |n| [100, 30_000][n % 2]);
    assert!(mocks.len() > 300);
}

/// Another version may write without a limit, or an operator restores a larger table.
#[test]
fn a_process_that_becomes_too_small_for_its_table_ends_and_names_both_sizes() {
    const BODY: usize = 240_000;
    let runtime = Runtime::new().unwrap();
    // A process that was away loads everything again.
    for is_away in [false, true] {
        let table = table();
        let mut command = command(MEMORY, &format!("dynamodb:{}", table.name));
        command.args(["--max-mocks-bytes", &MIB.to_string()]);
        let mut echo = Echo::spawn(command.envs(VARIABLES).env("AWS_ENDPOINT_URL", server())).unwrap();
        if is_away {
            echo.signal("STOP");
        }
        runtime.block_on(async {
            let other = table.open().await;
            for path in ["/0", "/1", "/2", "/3", "/4", "/5"] {
                let mock = endpoint(Verb::Get, path, &text_response(&"x".repeat(BODY)));
                other.write(Write::Create(mock)).await.unwrap();
            }
            if is_away {
                table.expire(2).await;
            }
        });
        echo.signal("CONT");
        assert_eq!(echo.wait().code(), Some(1));
        let (errors, used) = (echo.errors.take().unwrap().join().unwrap(), 6 * (MOCK + "/0".len() + BODY));
        let sizes = format!("all mocks together take {used} bytes of memory, and the limit of this process is {MIB} ");
        assert!(errors.contains(&sizes), "{errors}");
        assert_eq!(runtime.block_on(table.count("PROCESS")), 0);
    }
}

#[test]
fn a_flood_does_not_fill_the_memory_of_processes_on_a_table() {
    let store = format!("dynamodb:{}", table().name);
    // DynamoDB Local reads all later items for each page of a load, so the mocks are few.
    let start = |limit: Option<usize>| {
        let mut command = command(MEMORY / 2, &store);
        command.args(limit.map(|limit| format!("--max-mocks-bytes={limit}")));
        Echo::spawn(command.envs(VARIABLES).env("AWS_ENDPOINT_URL", server())).unwrap()
    };
    let small = 20 * MIB;
    // The second process learns of the first at its start, and the smaller limit is the limit of both.
    let (mut one, mut other) = (start(Some(small)), start(None));
    let mocks = flood(&[&one, &other], "mocks", small, |n| [3_000, LARGE][n % 2]);
    assert_is_full(&other, &mocks, small);
    for echo in [&mut one, &mut other] {
        echo.signal("KILL");
        echo.wait();
    }
    let mut again = start(Some(small));
    assert_eq!(again.call("GET", "/in/place").text().len(), LARGE, "the process starts again");
    again.signal("TERM");
    assert!(again.wait().success());
}
