//! The condition of a write that replaces the mocks of a set.

use std::{collections::BTreeSet, sync::Arc};

use super::{Change, Changes, Version, WriteError};
use crate::domain::{EndpointId, SetName};

/// No write since a version has touched a set, except for writes of the holder of the condition.
#[derive(Debug, Clone)]
pub struct Untouched {
    pub set: SetName,
    /// The mocks of the set at the version.
    pub members: Arc<BTreeSet<EndpointId>>,
    pub since: Version,
}

impl Untouched {
    /// Whether a change touches the set: of a mock that was in the set, or is in the set now.
    pub fn is_touched_by(&self, id: EndpointId, new: Option<&SetName>) -> bool {
        self.members.contains(&id) || new == Some(&self.set)
    }

    /// The condition at the end of these changes, or [`WriteError::Changed`]. A gap may hide a write.
    pub fn after(self, changes: &Changes) -> Result<Self, WriteError> {
        let Changes::Log { head, changes, .. } = changes else { return Err(WriteError::Changed) };
        let touches = |Change { id, endpoint, .. }: &Change| {
            self.is_touched_by(*id, endpoint.as_ref().and_then(|endpoint| endpoint.set.as_ref()))
        };
        if changes.iter().any(touches) { Err(WriteError::Changed) } else { Ok(Self { since: *head, ..self }) }
    }
}
