//! What must not happen, made to happen to real services on purpose: it has to be found.

use std::time::Instant;

use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    history::{Checker, Kind, Operation, Outcome, Recorder},
    processes::{LEASE, Service},
};
use crate::{
    store::dynamodb::{
        proxy::{Fate, Message},
        table::Table,
    },
    support::changes,
};

const LONG: [&str; 2] = ["5s", "2s"];

/// A service that writes, and one that is called, with these leases.
fn services(leases: [[&'static str; 2]; 2]) -> [Service; 2] {
    let runtime = Runtime::new().unwrap();
    let table = runtime.block_on(Table::create());
    leases.map(|lease| {
        let service = Service::start(&table, lease);
        // So that another length is let in.
        runtime.block_on(table.forget_lease());
        service
    })
}

/// What the checker says of a mock that one service makes and changes, while another one is called.
fn judge([writer, called]: &[Service; 2]) -> Option<String> {
    let (recorder, start) = (Recorder::default(), Instant::now());
    let now = || start.elapsed().as_nanos() as u64;
    let record = |kind, value: &str, call| {
        let (route, mock, value) = ("GET /mock".into(), "mock".into(), value.into());
        let outcome = Outcome::Done;
        recorder.record(Operation { client: 0, route, kind, mock, value, outcome, call, r#return: now() });
    };
    let call = || {
        let (began, answer) = (now(), called.echo.read().call("GET", "/mock"));
        record(Kind::Call, if answer.status == 200 { answer.text() } else { String::new() }.as_str(), began);
    };
    let began = now();
    let id = writer.echo.read().create("GET", "/mock", json!({"code": 200, "body": "one"}));
    record(Kind::Create, "one", began);
    call();
    let began = now();
    assert_eq!(writer.echo.read().patch(&id, &changes(json!({"response": {"body": "two"}}))).status, 200);
    record(Kind::Patch, "two", began);
    call();
    Checker::start().judge(&recorder.finish("planted".into()))
}

const FOUND: Option<&str> = Some("not linearizable: planted GET /mock");

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    assert_eq!(judge(&services([LEASE; 2])), None);
}

/// It reads the log every two seconds, and is called for what was changed since.
#[test]
fn a_lease_that_is_longer_than_that_of_others_is_found_in_dynamodb() {
    assert_eq!(judge(&services([LEASE, LONG])).as_deref(), FOUND);
}

#[test]
fn a_miss_that_is_answered_from_an_older_log_is_found_in_dynamodb() {
    let services = services([LEASE; 2]);
    services[1].proxy.on("Query", |_, _| {
        Fate::Change(Box::new(|answer| {
            answer["Items"] = json!([]);
            answer["Count"] = json!(0);
        }))
    });
    assert_eq!(judge(&services).as_deref(), FOUND);
}

#[test]
fn a_write_that_is_acknowledged_and_lost_is_found_in_dynamodb() {
    let services = services([LEASE; 2]);
    services[0].proxy.on("TransactWriteItems", |n, _| match n {
        0 => Fate::Pass,
        _ => Fate::Answer(Message::answer(200, json!({}))),
    });
    assert_eq!(judge(&services).as_deref(), FOUND);
}
