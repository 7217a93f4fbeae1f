//! The claims that a write changes.

use std::collections::{BTreeMap, BTreeSet};

use super::WriteError;
use crate::domain::{EndpointId, Route};

/// A route with a new holder.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    pub left_by: Option<EndpointId>,
    pub taken_by: Option<EndpointId>,
}

/// An endpoint, its route before the write, and its route after the write.
pub(super) type Move<'a> = (EndpointId, Option<&'a Route>, Option<&'a Route>);

/// Returns all routes with a new holder. The net effect counts: two mocks can swap routes. Refuses a write with two
/// changes of the same endpoint.
pub(super) fn claims<'a>(moves: impl IntoIterator<Item = Move<'a>>) -> Result<BTreeMap<Route, Claim>, WriteError> {
    let (mut claims, mut ids) = (BTreeMap::<Route, Claim>::new(), BTreeSet::new());
    for (id, old, new) in moves {
        if !ids.insert(id) {
            return Err(WriteError::Changed);
        }
        if old == new {
            continue;
        }
        if let Some(route) = old {
            claims.entry(route.clone()).or_default().left_by = Some(id);
        }
        if let Some(route) = new {
            let claim = claims.entry(route.clone()).or_default();
            if let Some(holder) = claim.taken_by {
                return Err(WriteError::Taken { route: route.clone(), holder });
            }
            claim.taken_by = Some(id);
        }
    }
    Ok(claims)
}
