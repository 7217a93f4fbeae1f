//! The documents of answers about sets.

use poem_openapi::Object;

use crate::{
    domain::{EndpointId, Route, SetName},
    replica::Outcome,
};

/// The differences between a list and its set.
#[derive(Debug, Clone, Object)]
pub struct SetDocument {
    meta: SetMeta,
}

/// The differences between a list and its set.
#[derive(Debug, Clone, Object)]
#[oai(rename = "SetChanges")]
pub struct SetMeta {
    created: SetPart,
    changed: SetPart,
    deleted: SetPart,
    unchanged: SetPart,
}

/// A part of the mocks.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SetPart {
    count: u64,
    /// The first three. Absent if the key does not have the scope `read`.
    first: Option<Vec<SetMember>>,
}

/// A mock of a set.
#[derive(Debug, Clone, Object)]
pub struct SetMember {
    /// The id of the endpoint. With `dryRun`, a new endpoint gets another one.
    id: String,
    verb: String,
    path: String,
}

impl SetDocument {
    pub fn new(outcome: &Outcome, may_read: bool) -> Self {
        const MAX_NAMED: usize = 3;
        let part = |mocks: &[(EndpointId, Route)]| {
            let member = |(id, route): &(EndpointId, Route)| SetMember {
                id: id.to_string(),
                verb: route.verb.to_string(),
                path: route.path.to_string(),
            };
            let first = may_read.then(|| mocks.iter().take(MAX_NAMED).map(member).collect());
            SetPart { count: mocks.len() as u64, first }
        };
        let Outcome { created, changed, deleted, unchanged } = outcome;
        let meta = SetMeta {
            created: part(created),
            changed: part(changed),
            deleted: part(deleted),
            unchanged: part(unchanged),
        };
        Self { meta }
    }
}

/// The sets in use.
#[derive(Debug, Clone, Object)]
pub struct SetsDocument {
    meta: SetsMeta,
}

/// The first 10,000 sets by name.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Sets")]
pub struct SetsMeta {
    sets: Vec<SetCount>,
    /// Whether more sets follow.
    more: bool,
}

/// A set.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Set")]
pub struct SetCount {
    name: String,
    /// The number of mocks.
    mocks: u64,
}

impl SetsDocument {
    pub fn new(sets: Vec<(SetName, usize)>, more: bool) -> Self {
        let count = |(name, mocks): (SetName, usize)| SetCount { name: name.to_string(), mocks: mocks as u64 };
        Self { meta: SetsMeta { sets: sets.into_iter().map(count).collect(), more } }
    }
}

/// The outcome of a deletion of several endpoints.
#[derive(Debug, Clone, Object)]
pub struct DeletionDocument {
    meta: Deletion,
}

/// The outcome of a deletion of several endpoints.
#[derive(Debug, Clone, Object)]
pub struct Deletion {
    /// The number of deleted endpoints.
    deleted: u64,
}

impl DeletionDocument {
    pub fn new(deleted: usize) -> Self {
        Self { meta: Deletion { deleted: deleted as u64 } }
    }
}
