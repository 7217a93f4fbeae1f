//! What a store should be: a plain map, and the list of what was written.

use std::collections::BTreeMap;

use echo_service::{
    domain::{Endpoint, EndpointId, Verb},
    store::{Change, Changes, Filter, Page, Snapshot, Stored, Version, Write, WriteError},
};
use proptest::sample::Index;

/// See the module.
#[derive(Default)]
pub struct Model {
    endpoints: BTreeMap<EndpointId, Stored>,
    /// Every id that ever was.
    pub ids: Vec<EndpointId>,
    /// What each write made of which endpoint, in order.
    log: Vec<(EndpointId, Option<Endpoint>)>,
}

impl Model {
    pub fn head(&self) -> Version {
        Version(self.log.len() as u64)
    }

    pub fn write(&mut self, write: Write) -> Result<Version, WriteError> {
        let version = Version(self.head().0 + 1);
        let id = match write {
            Write::Create(endpoint) => {
                self.check_free(&endpoint)?;
                self.ids.push(endpoint.id);
                self.put(endpoint, version)
            }
            Write::Replace { endpoint, expected } => {
                self.check_version(endpoint.id, expected)?;
                self.check_free(&endpoint)?;
                self.put(endpoint, version)
            }
            Write::Delete { id, expected } => {
                self.check_version(id, expected)?;
                self.endpoints.remove(&id);
                id
            }
        };
        self.log.push((id, self.endpoints.get(&id).map(|stored| stored.endpoint.clone())));
        Ok(version)
    }

    fn put(&mut self, endpoint: Endpoint, version: Version) -> EndpointId {
        let id = endpoint.id;
        self.endpoints.insert(id, Stored { endpoint, version });
        id
    }

    fn check_version(&self, id: EndpointId, expected: Version) -> Result<(), WriteError> {
        match self.endpoints.get(&id) {
            None => Err(WriteError::Missing),
            Some(stored) if stored.version != expected => Err(WriteError::Changed),
            Some(_) => Ok(()),
        }
    }

    fn check_free(&self, new: &Endpoint) -> Result<(), WriteError> {
        let others = self.endpoints.values().map(|stored| &stored.endpoint).filter(|other| other.id != new.id);
        match { others }.find(|other| other.route == new.route) {
            None => Ok(()),
            Some(holder) => Err(WriteError::Taken { route: new.route.clone(), holder: holder.id }),
        }
    }

    pub fn get(&self, id: EndpointId) -> Option<Stored> {
        self.endpoints.get(&id).cloned()
    }

    pub fn list(&self, filter: &Filter, after: Option<EndpointId>, limit: usize) -> Page {
        let all = self.endpoints.values().map(|stored| stored.endpoint.clone());
        let is_shown =
            |endpoint: &Endpoint| after.is_none_or(|after| endpoint.id > after) && filter.matches(&endpoint.route);
        let mut endpoints: Vec<_> = all.filter(is_shown).collect();
        let more = endpoints.len() > limit;
        endpoints.truncate(limit);
        Page { endpoints, more }
    }

    pub fn list_verb(&self, verb: Verb, ids: &[EndpointId]) -> Page {
        let of_verb = Filter { verb: Some(verb), path: None };
        let mut page = self.list(&of_verb, None, usize::MAX);
        page.endpoints.retain(|endpoint| ids.contains(&endpoint.id));
        page
    }

    pub fn load(&self) -> Snapshot {
        let endpoints = self.endpoints.values().map(|stored| stored.endpoint.clone()).collect();
        Snapshot { head: self.head(), endpoints }
    }

    /// With the states that there were, as a shared store shows them; or with those that there are now.
    pub fn changes_since(&self, since: Version, as_it_was: bool) -> Changes {
        if since > self.head() {
            return Changes::Gap;
        }
        let change = |(at, (id, then)): (usize, &(EndpointId, Option<Endpoint>))| Change {
            version: Version(at as u64 + 1),
            id: *id,
            endpoint: if as_it_was { then.clone() } else { self.get(*id).map(|stored| stored.endpoint) },
        };
        let changes = self.log.iter().enumerate().skip(since.0 as usize).map(change).collect();
        Changes::Log { head: self.head(), changes }
    }

    /// An id that is or was there, and the version to expect of it.
    pub fn pick(&self, which: Index, is_current: bool) -> (EndpointId, Version) {
        if self.ids.is_empty() {
            return (EndpointId::generate(), Version(1));
        }
        let id = *which.get(&self.ids);
        let version = self.endpoints.get(&id).map_or(Version(1), |stored| stored.version);
        (id, if is_current { version } else { Version(version.0 - 1) })
    }
}
