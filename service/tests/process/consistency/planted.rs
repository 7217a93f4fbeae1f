//! What must not happen, made to happen to real services on purpose, amid all that histories hold: it has to be found.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::json;

use super::{
    history::Checker,
    processes::{REPLICAS, Requests, Setting, history},
    service::{BINARY, LEASE, Plant},
};
use crate::store::dynamodb::proxy::{Fate, Message};

/// In one of some short histories, of few paths, so that many meet on each. Mostly it is the first.
fn assert_found(requests: Requests, leases: [[&'static str; 2]; REPLICAS], plants: [Plant; REPLICAS]) {
    let mut checker = Checker::start();
    let (lasts, binaries) = (Duration::from_secs(3), [BINARY; 2]);
    let setting = Setting { lasts, told: 1_000, paths: 16, requests, leases, plants, binaries };
    // A machine that is busy tells little of what happens within a lease, and needs more of them.
    let mut verdicts = (0..16).filter_map(|seed| checker.judge(&history(seed, &setting).0));
    // What is not decided in time is not found.
    assert!(verdicts.any(|why| why.starts_with("not linearizable")));
}

fn is_multiple_of(count: &AtomicU32, of: u32) -> bool {
    count.fetch_add(1, Ordering::Relaxed).is_multiple_of(of)
}

/// One of three has it. Little is changed, because a call of what has just been changed is a reading.
#[test]
fn a_lease_that_is_longer_than_that_of_others_is_found_in_dynamodb() {
    let short = ["20ms", "10ms"];
    assert_found(Requests::FewChanges(100), [short, short, ["300ms", "150ms"]], [None; REPLICAS]);
}

/// Of twenty readings of the log nineteen are answered as if nothing had been written.
fn stale(request: &mut Message) -> Fate {
    static READINGS: AtomicU32 = AtomicU32::new(1);
    let values = &request.body["ExpressionAttributeValues"];
    let known = values[":after"]["S"].as_str().and_then(|sort| sort.parse::<u64>().ok()).filter(|known| *known > 0);
    match known {
        Some(known) if values[":partition"]["S"] == "LOG" && !is_multiple_of(&READINGS, 20) => {
            let head = json!({"PK": {"S": "LOG"}, "SK": {"S": "HEAD"}, "version": {"N": known.to_string()}});
            Fate::Answer(Message::answer(200, json!({"Count": 1, "ScannedCount": 1, "Items": [head]})))
        }
        _ => Fate::Pass,
    }
}

#[test]
fn a_lease_that_is_renewed_by_an_older_log_is_found_in_dynamodb() {
    assert_found(Requests::FewChanges(10), [LEASE; REPLICAS], [None, Some(stale), None]);
}

#[test]
fn a_miss_that_is_answered_by_an_older_log_is_found_in_dynamodb() {
    assert_found(Requests::Misses, [LEASE; REPLICAS], [None, Some(stale), None]);
}

/// One of twenty is.
#[test]
fn a_write_that_is_acknowledged_and_lost_is_found_in_dynamodb() {
    static WRITES: AtomicU32 = AtomicU32::new(1);
    fn losing(request: &mut Message) -> Fate {
        if request.operation() == "TransactWriteItems" && is_multiple_of(&WRITES, 20) {
            return Fate::Answer(Message::answer(200, json!({})));
        }
        Fate::Pass
    }
    assert_found(Requests::All, [LEASE; REPLICAS], [None, Some(losing), None]);
}
