//! A service that looks like a later version: its mocks have a member unknown to other services.

use std::collections::BTreeSet;

use serde_json::json;

use super::history::Counts;
use crate::store::dynamodb::{
    proxy::{Fate, Message},
    table::Item,
};

pub const MEMBER: &str = "later";
/// The numbers of changes that kept and dropped the member.
pub const KEPT: &str = "members kept";
pub const DROPPED: &str = "members dropped";

/// Adds the member to created mocks.
pub fn later(request: &mut Message) -> Fate {
    let items = request.body["TransactItems"].as_array_mut().map(Vec::as_mut_slice);
    if let Some([_head, entry, endpoint, ..]) = items
        && endpoint["Put"]["ConditionExpression"].as_str().is_some_and(|on| on.contains("not_exists"))
    {
        for written in [entry, endpoint] {
            written["Put"]["Item"][MEMBER] = json!({"M": {"of": {"S": "a later version"}}});
        }
    }
    Fate::Pass
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
