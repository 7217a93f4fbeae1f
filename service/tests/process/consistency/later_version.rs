//! A service that looks like a later version: its mocks have a member unknown to other services.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::history::Counts;
use crate::store::dynamodb::{
    proxy::{Fate, Message},
    table::Item,
};

pub const MEMBER: &str = "later";
/// The numbers of changes that kept and dropped the member.
pub const KEPT: &str = "members kept";
pub const DROPPED: &str = "members dropped";

/// Longer than the time between two readings of the log: so the process reads its own write, with the member.
const UNTIL_READ: Duration = Duration::from_millis(100);

/// Adds the member to every other created mock, and to the digest of the table.
pub fn later(request: &mut Message) -> Fate {
    let items = request.body["TransactItems"].as_array_mut().map(Vec::as_mut_slice);
    if let Some([head, entry, endpoint, ..]) = items
        && endpoint["Put"]["ConditionExpression"].as_str().is_some_and(|on| on.contains("not_exists"))
        && let own = digest(&endpoint["Put"]["Item"])
        && own.is_multiple_of(2)
    {
        let entry = &mut entry["Put"]["Item"];
        // Of a write with several changes, the first one.
        let change = if entry["changes"].is_null() { entry } else { &mut entry["changes"]["L"][0]["M"] };
        for written in [change, &mut endpoint["Put"]["Item"]] {
            written[MEMBER] = json!({"M": {"of": {"S": "a later version"}}});
        }
        let all = &mut head["Put"]["Item"]["digest"]["N"];
        if let Some(before) = all.as_str().map(|digits| digits.parse::<u64>().unwrap()) {
            *all = json!((before ^ own ^ digest(&endpoint["Put"]["Item"])).to_string());
        }
        return Fate::Delay(Duration::ZERO, UNTIL_READ);
    }
    Fate::Pass
}

/// The digest of an endpoint's item, as `store/dynamodb/digest.rs` computes it.
fn digest(item: &Value) -> u64 {
    let mut hash = Sha256::new();
    text(&mut hash, b'I', item["SK"]["S"].as_str().unwrap().as_bytes());
    map(&mut hash, item, &["PK", "SK"]);
    u64::from_be_bytes(*hash.finalize().first_chunk().unwrap())
}

fn text(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

fn map(hash: &mut Sha256, map: &Value, left_out: &[&str]) {
    let members: BTreeMap<_, _> =
        map.as_object().unwrap().iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect();
    text(hash, b'M', &members.len().to_be_bytes());
    for (name, member) in members {
        text(hash, b'K', name.as_bytes());
        value(hash, member);
    }
}

fn value(hash: &mut Sha256, typed: &Value) {
    let (kind, value) = typed.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" | "N" => text(hash, kind.as_bytes()[0], value.as_str().unwrap().as_bytes()),
        "L" => {
            let list = value.as_array().unwrap();
            text(hash, b'L', &list.len().to_be_bytes());
            for member in list {
                self::value(hash, member);
            }
        }
        "M" => map(hash, value, &[]),
        _ => panic!("{kind} has no place in a mock"),
    }
}

/// Counts the member in the changes of the log, and in the remaining endpoints.
pub fn kept(mut items: Vec<Item>) -> Counts {
    let text =
        |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    // First the log, in order, then the endpoints.
    items.sort_by_key(|item| (text(item, "PK") == "ENDPOINT", text(item, "SK")));
    let (mut have, mut counts) = (BTreeSet::new(), Counts::from([(KEPT.into(), 0), (DROPPED.into(), 0)]));
    for item in items.iter().filter(|item| item.contains_key("verb")) {
        let id = if text(item, "PK") == "ENDPOINT" { text(item, "SK") } else { text(item, "endpoint_id") };
        if have.contains(&id) {
            let what = if item.contains_key(MEMBER) { KEPT } else { DROPPED };
            *counts.get_mut(what).unwrap() += 1;
        } else if item.contains_key(MEMBER) {
            have.insert(id);
        }
    }
    counts
}
