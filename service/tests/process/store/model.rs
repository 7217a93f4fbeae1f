//! The model of a store: a plain map, and the list of writes.

use std::{collections::BTreeMap, sync::Arc};

use echo_service::{
    domain::{EndpointId, Mock, Route},
    store::{
        Change, Changes, Counter, Damaged, Digest, Filter, Page, Store, StoreError, Stored, TurnError, Version, Write,
        WriteError,
    },
};
use parking_lot::Mutex;
use proptest::sample::Index;

use super::digests::{self, digest_of};

/// All that a load delivers, in the order of ids.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub head: Version,
    pub endpoints: Vec<Mock>,
    pub damaged: Vec<Damaged>,
    pub digest: Digest,
}

impl Snapshot {
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let received = Arc::new(Mutex::new((vec![], vec![], Digest::default())));
        let results = Arc::clone(&received);
        let receive = move |delivered: Result<(Mock, Digest), Damaged>| {
            let (endpoints, damaged, all) = &mut *results.lock();
            *all ^= delivered.as_ref().map_or_else(|damaged| damaged.digest, |(_, digest)| *digest);
            match delivered {
                Ok((endpoint, _)) => endpoints.push(endpoint),
                Err(record) => damaged.push(record),
            }
        };
        let head = store.load(Box::new(receive)).await?;
        let (mut endpoints, damaged, digest) = Arc::into_inner(received).unwrap().into_inner();
        endpoints.sort_unstable_by_key(|endpoint: &Mock| endpoint.id);
        Ok(Self { head, endpoints, damaged, digest })
    }
}

/// See the module.
#[derive(Default)]
pub struct Model {
    endpoints: BTreeMap<EndpointId, Stored>,
    /// Every id in the history.
    pub ids: Vec<EndpointId>,
    /// The changes of each write, in order.
    log: Vec<Vec<(EndpointId, Option<Mock>)>>,
    /// The digest after each write.
    digests: Vec<Digest>,
    /// The number of taken turns, by series.
    taken: BTreeMap<String, u64>,
}

impl Model {
    pub fn head(&self) -> Version {
        Version(self.log.len() as u64)
    }

    /// Carries out all writes, or none.
    pub fn write(&mut self, writes: Vec<Write>) -> Result<Version, WriteError> {
        self.check(&writes)?;
        let version = Version(self.head().0 + 1);
        let mut changes = Vec::new();
        for write in writes {
            changes.push(match write {
                Write::Create(endpoint) | Write::Replace { endpoint, .. } => {
                    if !self.ids.contains(&endpoint.id) {
                        self.ids.push(endpoint.id);
                    }
                    self.endpoints.insert(endpoint.id, Stored { endpoint: endpoint.clone(), version });
                    (endpoint.id, Some(endpoint))
                }
                Write::Delete { id, .. } | Write::Discard { id, .. } => {
                    self.endpoints.remove(&id);
                    (id, None)
                }
            });
        }
        self.log.push(changes);
        self.digests
            .push(digests::sum(self.endpoints.values().map(|stored| digest_of(&stored.endpoint, stored.version))));
        Ok(version)
    }

    /// The digest of all endpoints at a version.
    pub fn digest_at(&self, version: Version) -> Digest {
        version.0.checked_sub(1).map_or_else(Digest::default, |before| self.digests[before as usize])
    }

    /// Whether writes would be accepted, all at once.
    pub fn check(&self, writes: &[Write]) -> Result<(), WriteError> {
        let (mut left, mut new) = (self.endpoints.clone(), BTreeMap::new());
        let mut wanted = Vec::new();
        for write in writes {
            match write {
                Write::Create(endpoint) => wanted.push(endpoint),
                Write::Replace { endpoint, expected } => {
                    self.check_version(endpoint.id, *expected)?;
                    if self.endpoints[&endpoint.id].endpoint.route.claim() != endpoint.route.claim() {
                        left.remove(&endpoint.id);
                        wanted.push(endpoint);
                    }
                }
                Write::Delete { id, expected } => {
                    self.check_version(*id, *expected)?;
                    left.remove(id);
                }
                Write::Discard { id, .. } => _ = left.remove(id),
            }
        }
        for endpoint in wanted {
            if let Some((_, holder)) = new.insert(endpoint.route.claim(), (&endpoint.route, endpoint.id)) {
                return Err(WriteError::Taken { route: endpoint.route.clone(), holder });
            }
        }
        let taken: BTreeMap<_, _> =
            left.values().map(|stored| (stored.endpoint.route.claim(), stored.endpoint.id)).collect();
        // In the order of claims.
        match new.iter().find_map(|(claim, (route, _))| Some((*route, taken.get(claim)?))) {
            Some((route, holder)) => Err(WriteError::Taken { route: route.clone(), holder: *holder }),
            None => Ok(()),
        }
    }

    fn check_version(&self, id: EndpointId, expected: Version) -> Result<(), WriteError> {
        match self.endpoints.get(&id) {
            None => Err(WriteError::Missing),
            Some(stored) if stored.version != expected => Err(WriteError::Changed),
            Some(_) => Ok(()),
        }
    }

    pub fn get(&self, id: EndpointId) -> Option<Stored> {
        self.endpoints.get(&id).cloned()
    }

    /// The count of the present turns of a mock.
    pub fn turns(&mut self, Counter { id, claim, series }: &Counter) -> Result<&mut u64, TurnError> {
        let stored = self.endpoints.get(id).filter(|stored| stored.endpoint.route.claim() == *claim);
        let turns = stored.and_then(|stored| stored.endpoint.turns.as_ref());
        turns.filter(|turns| turns.series == *series).ok_or(TurnError::Changed)?;
        Ok(self.taken.entry(series.to_string()).or_default())
    }

    pub fn list(&self, after: Option<EndpointId>, limit: usize) -> Page {
        let later = |stored: &&Stored| after.is_none_or(|after| stored.endpoint.id > after);
        let mut endpoints: Vec<_> = self.endpoints.values().filter(later).cloned().collect();
        let more = endpoints.len() > limit;
        endpoints.truncate(limit);
        Page { endpoints, more }
    }

    pub fn list_these(&self, filter: &Filter, ids: &[EndpointId]) -> Page {
        let mut page = self.list(None, usize::MAX);
        page.endpoints.retain(|stored| ids.contains(&stored.endpoint.id) && filter.matches(&stored.endpoint));
        page
    }

    /// Whether an endpoint has the claim of this route.
    pub fn is_taken(&self, route: &Route) -> bool {
        self.endpoints.values().any(|stored| stored.endpoint.route.claim() == route.claim())
    }

    pub fn stored(&self) -> Vec<Stored> {
        self.endpoints.values().cloned().collect()
    }

    pub fn load(&self) -> Snapshot {
        let endpoints = self.stored().into_iter().map(|stored| stored.endpoint).collect();
        Snapshot { head: self.head(), endpoints, damaged: vec![], digest: self.digest_at(self.head()) }
    }

    /// With `as_it_was`, each earlier state, as by a shared store; otherwise the current states.
    pub fn changes_since(&self, since: Version, as_it_was: bool) -> Changes {
        if since > self.head() {
            return Changes::Gap;
        }
        let entry = |(at, changes): (usize, &Vec<(EndpointId, Option<Mock>)>)| {
            let version = Version(at as u64 + 1);
            let change = |(id, then): &(EndpointId, Option<Mock>)| {
                let endpoint = if as_it_was { then.clone() } else { self.get(*id).map(|stored| stored.endpoint) };
                let digest = endpoint.as_ref().map(|endpoint| digest_of(endpoint, version)).unwrap_or_default();
                Change { version, id: *id, endpoint, digest }
            };
            changes.iter().map(change).collect::<Vec<_>>()
        };
        let changes = self.log.iter().enumerate().skip(since.0 as usize).flat_map(entry).collect();
        Changes::Log { head: self.head(), digest: Some(self.digest_at(self.head())), changes }
    }

    /// A present or past id, and the expected version.
    pub fn pick(&self, which: Index, is_current: bool) -> (EndpointId, Version) {
        if self.ids.is_empty() {
            return (EndpointId::generate(), Version(1));
        }
        let id = *which.get(&self.ids);
        let version = self.endpoints.get(&id).map_or(Version(1), |stored| stored.version);
        (id, if is_current { version } else { Version(version.0 - 1) })
    }
}
