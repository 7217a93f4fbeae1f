//! A store that several replicas share in simulated time: slow, cut off and lost for a while, each replica's way to it by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use echo_service::{
    domain::{Endpoint, EndpointId, Route, Verb},
    store::{Changes, Filter, Page, Snapshot, Store, StoreError, Stored, Version, Write, WriteError},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};

use crate::store::model::Model;

/// What is wrong with the store on purpose, so that the checker has something to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    Nothing,
    /// The log that a replica is shown may be older than its question: as if it answered without reading.
    StaleLog,
    /// Some writes are acknowledged and forgotten.
    LostWrites,
    /// A mock that moves has left its old route for a while before it is at the new one.
    MovesInHalves,
}

/// How long a mock that moves is nowhere then: until all know that it has left, and longer.
const NOWHERE: Duration = Duration::from_millis(400);

/// The one truth, and when the log shows each version: as in DynamoDB, other reads may show it a moment before.
#[derive(Default)]
pub struct Truth {
    model: Model,
    counted: Vec<Instant>,
    /// How long it takes the log to show a write, where a test wants to know.
    pub lag: Option<Duration>,
}

impl Truth {
    /// The head that the log has shown for so long.
    fn head_since(&self, age: Duration) -> Version {
        let now = Instant::now();
        Version(self.counted.partition_point(|counted| *counted + age <= now) as u64)
    }

    fn write_in_halves(&mut self, endpoint: Endpoint, expected: Version) -> Result<Version, WriteError> {
        let Route { verb, path } = endpoint.route.clone();
        if self.model.list(&Filter { verb: Some(verb), path: Some(path) }, None, 1).endpoints.is_empty() {
            self.model.write(Write::Delete { id: endpoint.id, expected })?;
            return self.model.write(Write::Create(endpoint));
        }
        self.model.write(Write::Replace { endpoint, expected })
    }
}

pub const WELL: u8 = 0;
/// Some 100 ms each way.
pub const SLOW: u8 = 1;
/// Requests are lost, or their answers are; and some requests arrive late, when nobody waits for them any longer.
pub const AWAY: u8 = 2;
/// All of them are lost.
pub const GONE: u8 = 3;
/// How often the log does not reach back to what a replica knows, so that it has to load everything.
const GAPS: f64 = 0.02;

/// One replica's way to the truth.
pub struct Way {
    pub truth: Arc<Mutex<Truth>>,
    pub state: Arc<AtomicU8>,
    pub plant: Plant,
    random: Mutex<StdRng>,
}

impl Way {
    pub fn new(truth: &Arc<Mutex<Truth>>, state: &Arc<AtomicU8>, plant: Plant, seed: u64) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        Self { truth: Arc::clone(truth), state: Arc::clone(state), plant, random }
    }

    fn chance(&self, probability: f64) -> bool {
        self.random.lock().random_bool(probability)
    }

    /// A request or an answer on its way.
    async fn travel(&self) -> Result<(), StoreError> {
        let state = self.state.load(Ordering::Relaxed);
        let most = if state == SLOW { 120_000 } else { 4_000 };
        let time = self.random.lock().random_range(200..most);
        sleep(Duration::from_micros(time)).await;
        if state == GONE || state == AWAY && self.chance(0.7) {
            return Err(StoreError("lost".into()));
        }
        Ok(())
    }

    async fn ask<T>(&self, question: impl FnOnce(&Truth) -> T) -> Result<T, StoreError> {
        self.travel().await?;
        let answer = question(&self.truth.lock());
        self.travel().await?;
        Ok(answer)
    }

    /// A write that its client was told nothing of may be carried out later: as long as the head is what it was.
    fn arrive_late(&self, write: Write) {
        let (truth, late) = (Arc::clone(&self.truth), self.random.lock().random_range(0..1_000));
        let head = truth.lock().model.head();
        tokio::spawn(async move {
            sleep(Duration::from_millis(late)).await;
            until_counted(&truth).await;
            let mut truth = truth.lock();
            if truth.model.head() == head && truth.model.write(write).is_ok() {
                truth.counted.push(Instant::now());
            }
        });
    }
}

/// Waits until the log shows all that there is.
async fn until_counted(truth: &Mutex<Truth>) {
    while let Some(last) = { truth.lock().counted.last().copied() }
        && last > Instant::now()
    {
        sleep_until(last).await;
    }
}

#[async_trait]
impl Store for Way {
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        let forget = self.plant == Plant::LostWrites && self.chance(0.1);
        if let Err(lost) = self.travel().await {
            if self.chance(0.5) {
                self.arrive_late(write);
            }
            return Err(lost.into());
        }
        if let Write::Replace { endpoint: Endpoint { id, .. }, expected } | Write::Delete { id, expected } = &write {
            // The endpoint is read first, and may be what the head does not count yet.
            let version = self.truth.lock().model.get(*id).map(|stored| stored.version);
            if version != Some(*expected) {
                self.travel().await?;
                return Err(if version.is_none() { WriteError::Missing } else { WriteError::Changed });
            }
        }
        // The head is being written by one transaction at a time.
        until_counted(&self.truth).await;
        let outcome = {
            let mut truth = self.truth.lock();
            if forget && matches!(write, Write::Replace { .. }) {
                Ok(truth.model.head())
            } else {
                let most = if self.chance(0.2) { 60_000 } else { 4_000 };
                let random = || Duration::from_micros(self.random.lock().random_range(0..most));
                let lag = truth.lag.unwrap_or_else(random);
                let outcome = match write {
                    Write::Replace { endpoint, expected } if self.plant == Plant::MovesInHalves => {
                        truth.write_in_halves(endpoint, expected)
                    }
                    write => truth.model.write(write),
                };
                let new = truth.model.head().0 as usize - truth.counted.len();
                truth.counted.extend((0..new).map(|half| Instant::now() + lag + NOWHERE * half as u32));
                outcome
            }
        };
        until_counted(&self.truth).await;
        self.travel().await?;
        outcome
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.ask(|truth| truth.model.get(id)).await
    }

    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.ask(|truth| truth.model.list(&filter, after, limit)).await
    }

    /// Not all of them at once.
    async fn list_verb(&self, verb: Verb, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        let (first, rest) = ids.split_at(ids.len() / 2);
        let mut page = self.ask(|truth| truth.model.list_verb(verb, first)).await?;
        page.endpoints.extend(self.ask(|truth| truth.model.list_verb(verb, rest)).await?.endpoints);
        Ok(page)
    }

    async fn head(&self) -> Result<Version, StoreError> {
        let head = self.ask(|truth| truth.model.head()).await?;
        until_counted(&self.truth).await;
        Ok(head)
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        let is_stale = self.plant == Plant::StaleLog && self.chance(0.5);
        let age = if is_stale { Duration::from_millis(40) } else { Duration::ZERO };
        let is_forgotten = self.chance(GAPS);
        self.ask(|truth| {
            let changes = truth.model.changes_since(version, true);
            let Changes::Log { changes, .. } = changes else { return changes };
            if is_forgotten {
                return Changes::Gap;
            }
            let head = truth.head_since(age).max(version);
            Changes::Log { head, changes: changes.into_iter().filter(|change| change.version <= head).collect() }
        })
        .await
    }

    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.travel().await?;
        let head = self.truth.lock().head_since(Duration::ZERO);
        // Endpoints are newer than the head, and some of them newer than the others.
        let mut endpoints = self.ask(|truth| truth.model.load().endpoints).await?;
        let middle = endpoints.get(endpoints.len() / 2).map(|endpoint| endpoint.id);
        let rest = self.ask(|truth| truth.model.load().endpoints).await?;
        endpoints.retain(|endpoint| Some(endpoint.id) < middle);
        endpoints.extend(rest.into_iter().filter(|endpoint| Some(endpoint.id) >= middle));
        until_counted(&self.truth).await;
        Ok(Snapshot { head, endpoints })
    }

    fn is_shared(&self) -> bool {
        true
    }
}
