//! Replicas that hold other mocks than the digest of the table says.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    proxy::{Fate, Message, Proxy},
    replicas,
    table::{Table, server, text},
};
use crate::support::{Answer, Echo, PATIENCE, changes, request_bytes};

pub const FOUND: &str = "this replica differs from the digest of the table, and loads the table soon";
const REPAIRED: &str = "this replica agrees with the digest of the table again";
pub const LASTING: &str = "the table itself differs from its digest";

pub fn logs(echo: &Echo, level: &str, message: &str) {
    let is_it = |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with(message));
    let early = echo.early.iter().find(|line| is_it(line)).cloned();
    let line = early.unwrap_or_else(|| echo.log_line(is_it));
    assert_eq!(line["level"], level, "{line}");
}

fn assert_no_more(mut echo: Echo) {
    echo.signal("TERM");
    echo.wait();
    for line in echo.rest_of_log() {
        let text = line["message"].as_str().unwrap_or_default();
        assert!(!text.starts_with(FOUND) && !text.starts_with(LASTING), "{line}");
    }
}

fn adopt(echo: &Echo) -> Answer {
    echo.manage("POST", "/-/store/adopt", "", None)
}

fn assert_adopted(answer: &Answer, endpoints: u64) {
    assert_eq!(
        (answer.status, answer.json()["meta"]["endpoints"].as_u64()),
        (200, Some(endpoints)),
        "{}",
        answer.text()
    );
}

pub async fn edit(table: &Table, id: &str, body: &str) {
    let mut item = table.item("ENDPOINT", id).await.unwrap();
    item.insert("body".into(), text(body));
    table.put(item).await;
}

/// A replica that loaded the item before the edit serves it as it was, and nobody notices: the log does not contain the
/// edit.
#[test]
fn an_item_edited_by_hand_is_found_by_the_next_load_and_adopted_by_all() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let before = replicas::start(&table, server());
    let id = before.create("GET", "/edited", json!({"code": 200, "body": "written"}));
    before.create("GET", "/other", json!({"code": 200}));
    runtime.block_on(edit(&table, &id, "edited"));

    let after = replicas::start(&table, server());
    logs(&after, "WARN", FOUND);
    logs(&after, "WARN", LASTING);
    assert_eq!(after.call("GET", "/edited").text(), "edited");
    assert_eq!(before.call("GET", "/edited").text(), "written");
    // Writes keep the difference, and are no further divergence.
    after.create("GET", "/new", json!({"code": 200}));

    assert_adopted(&adopt(&before), 3);
    logs(&after, "INFO", REPAIRED);
    for echo in [&before, &after] {
        assert_eq!(echo.call("GET", "/edited").text(), "edited");
    }
    let changed = before.patch(&id, &changes(json!({"response": {"body": "changed"}})));
    assert_eq!((changed.status, after.call("GET", "/edited").text()), (200, "changed".to_owned()));
    let late = replicas::start(&table, server());
    assert_eq!(late.call("GET", "/edited").text(), "changed");
    for echo in [before, after, late] {
        assert_no_more(echo);
    }
}

/// The process that changes an edited mock reads the edit, and all others have the mock as it was.
#[test]
fn a_change_of_an_item_edited_by_hand_is_found_by_every_replica() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let [one, other] = [(); 2].map(|()| replicas::start(&table, server()));
    let id = one.create("GET", "/edited", json!({"code": 200, "body": "written"}));
    assert_eq!(other.call("GET", "/edited").text(), "written");
    runtime.block_on(edit(&table, &id, "edited"));
    assert_eq!(one.patch(&id, &changes(json!({"response": {"code": 201}}))).status, 200);
    for echo in [&one, &other] {
        logs(echo, "WARN", FOUND);
        logs(echo, "WARN", LASTING);
        assert_eq!(echo.call("GET", "/edited").status, 201);
    }
    assert_adopted(&adopt(&other), 1);
    logs(&one, "INFO", REPAIRED);
    logs(&other, "INFO", REPAIRED);
}

#[test]
fn a_restored_table_that_lacks_an_item_is_found() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    let echo = replicas::start(&table, server());
    let [_, lost] = ["/kept", "/lost"].map(|path| echo.create("GET", path, json!({"code": 200})));
    drop(echo);
    let mut backup = runtime.block_on(table.items());
    backup.retain(|item| item["SK"] != text(&lost));
    let restored = runtime.block_on(async {
        let restored = Table::create().await;
        restored.put_all(backup).await;
        restored
    });
    let echo = replicas::start(&restored, server());
    logs(&echo, "WARN", FOUND);
    logs(&echo, "WARN", LASTING);
    assert_eq!(["/kept", "/lost"].map(|path| echo.call("GET", path).status), [200, 404]);
    assert_adopted(&adopt(&echo), 1);
    logs(&echo, "INFO", REPAIRED);
}

/// As a query might show an item more than ten seconds after the write, when the end of the log does not correct it.
#[test]
fn a_load_that_read_an_old_item_is_found_and_repaired_by_one_load() {
    let (table, runtime, proxy) = (replicas::table(), Runtime::new().unwrap(), Arc::new(Proxy::start()));
    let echo = replicas::start(&table, server());
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "old"}));
    let old = runtime.block_on(table.item("ENDPOINT", &id)).unwrap();
    assert_eq!(echo.patch(&id, &changes(json!({"response": {"body": "new"}}))).status, 200);
    for version in 1..=2 {
        runtime.block_on(table.expire(version));
    }
    let (body, version) = (old["body"].as_s().unwrap().clone(), old["version"].as_n().unwrap().clone());
    let mut loads = 0;
    proxy.set(move |request| {
        if request.body["ExpressionAttributeValues"][":partition"]["S"] != "ENDPOINT" {
            return Fate::Pass;
        }
        loads += 1;
        if loads > 1 {
            return Fate::Pass;
        }
        let (body, version) = (body.clone(), version.clone());
        Fate::Change(Box::new(move |answer| {
            answer["Items"][0]["body"]["S"] = json!(body);
            answer["Items"][0]["version"]["N"] = json!(version);
        }))
    });
    let late = replicas::start(&table, &proxy.url);
    logs(&late, "WARN", FOUND);
    logs(&late, "INFO", REPAIRED);
    assert_eq!(late.call("GET", "/x").text(), "new");
    assert_no_more(late);
}

fn is_load(request: &Message) -> bool {
    request.body["ExpressionAttributeValues"][":partition"]["S"] == "ENDPOINT"
}

/// A load of a large table takes longer than a request may.
#[test]
fn an_adoption_goes_on_after_the_client_has_gone() {
    let (table, proxy, is_slow) = (replicas::table(), Proxy::start(), Arc::new(AtomicBool::new(true)));
    let echo = replicas::start(&table, &proxy.url);
    echo.create("GET", "/x", json!({"code": 200}));
    let ((load, loads), is_held) = (mpsc::channel(), Arc::clone(&is_slow));
    proxy.set(move |request| {
        if is_load(request) && is_held.load(Ordering::Relaxed) {
            load.send(()).ok();
            return Fate::CutBefore;
        }
        Fate::Pass
    });
    let mut client = TcpStream::connect(echo.management).unwrap();
    client.write_all(&request_bytes(echo.management, "POST", "/-/store/adopt", "", b"")).unwrap();
    loads.recv_timeout(PATIENCE).unwrap();
    drop(client);
    for _ in 0..5 {
        loads.recv_timeout(PATIENCE).unwrap();
    }
    is_slow.store(false, Ordering::Relaxed);
    echo.log_line(|line| line["message"] == "the content of the table is adopted" && line["count"] == 1);
    assert_eq!(echo.call("GET", "/x").status, 200);
}

/// As after a raise whose process ended before it could add the digest.
#[test]
fn a_digest_that_the_table_lacks_is_added_by_its_replicas() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    replicas::start(&table, server()).create("GET", "/x", json!({"code": 200}));
    let mut head = runtime.block_on(table.item("LOG", "HEAD")).unwrap();
    let digest = head.remove("digest").unwrap();
    runtime.block_on(table.put(head));
    let replicas = [(); 2].map(|()| replicas::start(&table, server()));
    assert_eq!(runtime.block_on(table.digest()), digest);
    for (number, echo) in replicas.iter().enumerate() {
        echo.create("GET", &format!("/{number}"), json!({"code": 200}));
    }
    replicas.into_iter().for_each(assert_no_more);
}

#[test]
fn a_table_of_format_1_has_no_digest_to_adopt() {
    let (table, runtime) = (replicas::table(), Runtime::new().unwrap());
    runtime.block_on(table.be_of_format(1));
    let proxy = Proxy::start();
    let echo = replicas::start(&table, &proxy.url);
    // A load for nothing would stop the mocks of this replica.
    proxy.set(|request| if is_load(request) { Fate::Silence } else { Fate::Pass });
    let refusal = adopt(&echo);
    assert_eq!(refusal.status, 409, "{}", refusal.text());
    assert!(refusal.details().contains("This needs format 2 of the store"), "{}", refusal.text());
}
