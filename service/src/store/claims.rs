//! The claims that a write changes.

use std::collections::{BTreeMap, BTreeSet};

use super::WriteError;
use crate::domain::{EndpointId, Route};

/// A claim with a new holder.
#[derive(Debug)]
pub(super) struct Claim {
    pub route: Route,
    pub left_by: Option<EndpointId>,
    pub taken_by: Option<EndpointId>,
}

/// An endpoint, its route before the write, and its route after the write.
pub(super) type Move<'a> = (EndpointId, Option<&'a Route>, Option<&'a Route>);

/// Returns all claims with a new holder, by [`Route::claim`]. The net effect counts: two mocks can swap routes. Refuses
/// a write with two changes of the same endpoint.
pub(super) fn claims<'a>(moves: impl IntoIterator<Item = Move<'a>>) -> Result<BTreeMap<String, Claim>, WriteError> {
    let (mut claims, mut ids) = (BTreeMap::new(), BTreeSet::new());
    for (id, old, new) in moves {
        if !ids.insert(id) {
            return Err(WriteError::Changed);
        }
        let [old, new] = [old, new].map(|route| route.map(|route| (route.claim(), route.clone())));
        if old.as_ref().map(|(claim, _)| claim) == new.as_ref().map(|(claim, _)| claim) {
            continue;
        }
        let free = |route| Claim { route, left_by: None, taken_by: None };
        if let Some((claim, route)) = old {
            claims.entry(claim).or_insert_with(|| free(route)).left_by = Some(id);
        }
        if let Some((claim, route)) = new {
            let claim = claims.entry(claim).or_insert_with(|| free(route.clone()));
            if let Some(holder) = claim.taken_by {
                return Err(WriteError::Taken { route, holder });
            }
            claim.taken_by = Some(id);
        }
    }
    Ok(claims)
}
