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
    domain::EndpointId,
    store::{Changes, Filter, Page, Snapshot, Store, StoreError, Stored, Version, Write, WriteError},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::store::model::Model;

/// What is wrong with the store on purpose, so that the checker has something to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    Nothing,
    /// The log that a replica is shown may be older than its question: as if it answered without reading.
    StaleLog,
    /// Some writes are acknowledged and forgotten.
    LostWrites,
}

/// The one truth, and when each version came to be.
#[derive(Default)]
pub struct Truth {
    model: Model,
    written: Vec<Instant>,
}

pub const WELL: u8 = 0;
/// Some 100 ms each way.
pub const SLOW: u8 = 1;
/// Requests are lost, or their answers are.
pub const AWAY: u8 = 2;

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
        if state == AWAY && self.chance(0.7) {
            return Err(StoreError("lost".into()));
        }
        Ok(())
    }

    async fn ask<T, E: From<StoreError>>(&self, question: impl FnOnce(&mut Truth) -> Result<T, E>) -> Result<T, E> {
        self.travel().await?;
        let answer = question(&mut self.truth.lock());
        self.travel().await?;
        answer
    }
}

#[async_trait]
impl Store for Way {
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        let forget = self.plant == Plant::LostWrites && self.chance(0.1);
        self.ask(|truth| {
            if forget && matches!(write, Write::Replace { .. }) {
                return Ok(truth.model.head());
            }
            let version = truth.model.write(write)?;
            truth.written.push(Instant::now());
            Ok(version)
        })
        .await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.ask(|truth| Ok(truth.model.get(id))).await
    }

    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.ask(|truth| Ok(truth.model.list(&filter, after, limit))).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        let is_stale = self.plant == Plant::StaleLog && self.chance(0.5);
        self.ask(|truth| {
            let changes = truth.model.changes_since(version, true);
            let Changes::Log { changes, head } = changes else { return Ok(changes) };
            let known = |at: &Version| {
                at.0 <= version.0 || truth.written[at.0 as usize - 1].elapsed() > Duration::from_millis(40)
            };
            let head = if is_stale { (version.0..=head.0).map(Version).filter(known).max().unwrap() } else { head };
            Ok(Changes::Log { head, changes: changes.into_iter().filter(|change| change.version <= head).collect() })
        })
        .await
    }

    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.ask(|truth| Ok(truth.model.load())).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}
