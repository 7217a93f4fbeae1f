//! Planted faults in histories of real services. The checker has to find each fault.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::json;

use super::{
    history::Checker,
    later_version::{DROPPED, MEMBER},
    processes::{REPLICAS, Requests, Setting, history},
    service::{BINARY, LEASE, Plant},
};
use crate::store::dynamodb::proxy::{Fate, Message};

/// In one of some short histories with few paths, so that many requests meet on each. Usually the
/// first history is enough.
fn assert_found(requests: Requests, leases: [[&'static str; 2]; REPLICAS], plants: [Plant; REPLICAS]) {
    let mut checker = Checker::start();
    let (lasts, binaries) = (Duration::from_secs(3), [BINARY; 2]);
    let setting = Setting {
        lasts,
        told: 1_000,
        groups: 16,
        requests,
        leases,
        plants,
        binaries,
        has_later: false,
        has_troubles: true,
    };
    // A busy machine completes few requests within a lease, and needs more histories.
    let mut verdicts = (0..32).filter_map(|seed| checker.judge(&history(seed, &setting).0));
    // An undecided history is not a find.
    assert!(verdicts.any(|why| why.starts_with("not linearizable")));
}

fn is_multiple_of(count: &AtomicU32, of: u32) -> bool {
    count.fetch_add(1, Ordering::Relaxed).is_multiple_of(of)
}

/// One of three services has the fault. Few changes, because a call after a change needs a reading.
#[test]
fn a_lease_longer_than_the_others_is_found_in_dynamodb() {
    let short = ["20ms", "10ms"];
    assert_found(Requests::FewChanges(100), [short, short, ["300ms", "150ms"]], [None; REPLICAS]);
}

/// Nineteen of twenty readings of the log return an unchanged log.
fn stale(request: &mut Message) -> Fate {
    static READINGS: AtomicU32 = AtomicU32::new(1);
    let values = &request.body["ExpressionAttributeValues"];
    let known = values[":after"]["S"].as_str().and_then(|sort| sort.parse::<u64>().ok()).filter(|known| *known > 0);
    match known {
        Some(known) if values[":partition"]["S"] == "LOG" && !is_multiple_of(&READINGS, 20) => {
            Fate::Change(Box::new(move |answer| {
                let Some(items) = answer["Items"].as_array_mut() else { return };
                items.retain(|item| item["SK"]["S"] == "HEAD");
                for head in items {
                    head["writes"]["N"] = json!(known.to_string());
                }
            }))
        }
        _ => Fate::Pass,
    }
}

#[test]
fn a_lease_renewed_by_an_older_log_is_found_in_dynamodb() {
    assert_found(Requests::FewChanges(10), [LEASE; REPLICAS], [None, Some(stale), None]);
}

#[test]
fn a_miss_answered_by_an_older_log_is_found_in_dynamodb() {
    assert_found(Requests::Misses, [LEASE; REPLICAS], [None, Some(stale), None]);
}

/// A process that takes a conflict for a refusal: of three creations, the claim of one is taken.
#[test]
fn a_conflict_taken_for_a_refusal_is_found_in_dynamodb() {
    static CREATIONS: AtomicU32 = AtomicU32::new(1);
    fn refusing(request: &mut Message) -> Fate {
        let parts = request.body["TransactItems"].as_array().filter(|_| request.operation() == "TransactWriteItems");
        let Some([_, _, _, claim]) = parts.map(Vec::as_slice) else { return Fate::Pass };
        // A change of a mock with turns puts the claim, too.
        let condition = claim["Put"]["ConditionExpression"].as_str().unwrap_or_default();
        if !condition.starts_with("attribute_not_exists") || !is_multiple_of(&CREATIONS, 3) {
            return Fate::Pass;
        }
        let none = json!({"Code": "None"});
        let taken = json!({"Code": "ConditionalCheckFailed", "Message": "by a test", "Item": claim["Put"]["Item"]});
        Fate::Answer(Message::cancelled(json!([none, none, none, taken])))
    }
    assert_found(Requests::All, [LEASE; REPLICAS], [None, Some(refusing), None]);
}

/// One process writes slowly, and another one takes an entry that is not visible yet for an entry without changes.
#[test]
fn a_reading_that_lacks_an_entry_is_found_in_dynamodb() {
    fn slow(request: &mut Message) -> Fate {
        if request.operation() == "TransactWriteItems" { Fate::UnderWay(rand::random()) } else { Fate::Pass }
    }
    fn skipping(request: &mut Message) -> Fate {
        let values = &request.body["ExpressionAttributeValues"];
        let known = values[":after"]["S"].as_str().and_then(|sort| sort.parse::<u64>().ok());
        let Some(known) = known.filter(|_| values[":partition"]["S"] == "LOG") else { return Fate::Pass };
        Fate::Change(Box::new(move |answer| {
            let Some(items) = answer["Items"].as_array_mut() else { return };
            let Some(head) = items.pop_if(|item| item["SK"]["S"] == "HEAD") else { return };
            for version in known + 1..=head["writes"]["N"].as_str().unwrap().parse().unwrap() {
                let sort = format!("{version:0>20}");
                if !items.iter().any(|item| item["SK"]["S"] == sort) {
                    let (expires, changes) = (json!({"N": "9999999999"}), json!({"L": []}));
                    let [partition, sort, token] = ["LOG", &sort, "skipped"].map(|text| json!({"S": text}));
                    items.push(
                        json!({"PK": partition, "SK": sort, "token": token, "expires_at": expires, "changes": changes}),
                    );
                }
            }
            items.push(head);
        }))
    }
    assert_found(Requests::All, [LEASE; REPLICAS], [Some(slow), Some(skipping), None]);
}

/// One of twenty writes is lost.
#[test]
fn a_lost_acknowledged_write_is_found_in_dynamodb() {
    static WRITES: AtomicU32 = AtomicU32::new(1);
    fn losing(request: &mut Message) -> Fate {
        if request.operation() == "TransactWriteItems" && is_multiple_of(&WRITES, 20) {
            return Fate::Answer(Message::answer(200, json!({})));
        }
        Fate::Pass
    }
    assert_found(Requests::All, [LEASE; REPLICAS], [None, Some(losing), None]);
}

/// A service that writes only the members that it knows, as versions before format 2 do.
#[test]
fn a_service_that_drops_unknown_members_is_found_in_dynamodb() {
    fn dropping(request: &mut Message) -> Fate {
        for item in request.body["TransactItems"].as_array_mut().into_iter().flatten() {
            item["Put"]["Item"].as_object_mut().map(|item| item.remove(MEMBER));
        }
        Fate::Pass
    }
    let setting = Setting {
        lasts: Duration::from_secs(3),
        // Each dropped member is a divergence, and few requests succeed beside the loads.
        told: 200,
        // Few, so that most changes meet a recent mock.
        groups: 4,
        requests: Requests::All,
        leases: [LEASE; REPLICAS],
        plants: [None, Some(dropping), Some(dropping)],
        binaries: [BINARY; 2],
        has_later: true,
        // Killed services answer few changes.
        has_troubles: false,
    };
    assert!((0..16).any(|seed| history(seed, &setting).1[DROPPED] > 0));
}
