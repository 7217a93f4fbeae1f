//! The ids of the mocks of each set.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{EndpointId, SetName};

/// A set in use.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    pub ids: BTreeSet<EndpointId>,
    /// Changes whenever a write touches the set. Another process has other numbers.
    pub touched: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sets {
    of: HashMap<EndpointId, SetName>,
    members: BTreeMap<SetName, Members>,
    touches: u64,
}

impl Sets {
    /// No sets, before a load. Numbers go on.
    pub(super) fn emptied(&self) -> Self {
        Self { touches: self.touches, ..Self::default() }
    }

    /// The new set of a mock. Touches the old and the new set.
    pub(super) fn change(&mut self, id: EndpointId, new: Option<&SetName>) {
        let old = if self.of.is_empty() { None } else { self.of.remove(&id) };
        if old.is_none() && new.is_none() {
            return;
        }
        self.touches += 1;
        if let Some(old) = old
            && let Some(members) = self.members.get_mut(&old)
        {
            members.ids.remove(&id);
            members.touched = self.touches;
            if members.ids.is_empty() && new != Some(&old) {
                self.members.remove(&old);
            }
        }
        if let Some(new) = new {
            // All mocks of a set share one name.
            let name = self.members.get_key_value(new).map_or(new, |(name, _)| name).clone();
            let members = self.members.entry(name.clone()).or_default();
            members.ids.insert(id);
            members.touched = self.touches;
            self.of.insert(id, name);
        }
    }

    pub(super) fn get(&self, name: &SetName) -> Option<&Members> {
        self.members.get(name)
    }

    /// The number of the last touch. 0 for a set without mocks.
    pub(super) fn touched(&self, name: &SetName) -> u64 {
        self.get(name).map_or(0, |members| members.touched)
    }

    /// All names, and the number of mocks of each set.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&SetName, usize)> {
        self.members.iter().map(|(name, members)| (name, members.ids.len()))
    }
}
