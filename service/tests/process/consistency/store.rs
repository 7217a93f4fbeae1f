//! A shared store in simulated time. The way of each replica is slow, cut off or lossy by itself.

mod writes;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use echo_service::{
    domain::EndpointId,
    store::{
        AdoptError, Change, Changes, Counter, Deliver, Digest, Filter, Page, Raise, RaiseError, Store, StoreError,
        Stored, TurnError, Untouched, Version, Write, WriteError, Written,
    },
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    formats::{KnownFormat, NEW},
    plant::Plant,
    store_state::Truth,
};
use crate::store::digests::digest_of;

pub const WELL: u8 = 0;
/// Some 100 ms each way.
pub const SLOW: u8 = 1;
/// Requests or answers are lost. Some requests arrive late, after their client has given up.
pub const AWAY: u8 = 2;
/// All of them are lost.
pub const GONE: u8 = 3;
/// Probability of a gap: the replica has to load everything.
const GAPS: f64 = 0.02;
/// Probability of a part, if the log has several writes.
const PARTS: f64 = 0.5;

/// One replica's way to the store.
pub struct Way {
    pub truth: Arc<Mutex<Truth>>,
    pub state: Arc<AtomicU8>,
    pub plant: Plant,
    random: Mutex<StdRng>,
    format: KnownFormat,
    /// Whether this way has a fault that not all ways have.
    is_odd: bool,
    /// Turns that this way has reserved, by a planted fault: the series, and the turns.
    block: Mutex<BTreeMap<String, Range<u64>>>,
}

impl Way {
    pub fn new(truth: &Arc<Mutex<Truth>>, state: &Arc<AtomicU8>, plant: Plant, seed: u64) -> Self {
        Self::of_version(truth, state, plant, seed, NEW)
    }

    /// The way of a process that knows formats up to this one.
    pub fn of_version(truth: &Arc<Mutex<Truth>>, state: &Arc<AtomicU8>, plant: Plant, seed: u64, knows: u64) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        let format = truth.lock().enter(knows);
        let (truth, state, is_odd) = (Arc::clone(truth), Arc::clone(state), seed.is_multiple_of(2));
        Self { truth, state, plant, random, format, is_odd, block: Mutex::default() }
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
            return Err(StoreError::Unavailable("lost".into()));
        }
        Ok(())
    }

    async fn ask<T>(&self, question: impl FnOnce(&Truth) -> T) -> Result<T, StoreError> {
        self.travel().await?;
        let answer = {
            let mut truth = self.truth.lock();
            self.format.read(&mut truth.formats)?;
            question(&truth)
        };
        self.travel().await?;
        Ok(answer)
    }
}

/// Waits until the log shows all writes.
async fn until_counted(truth: &Mutex<Truth>) {
    while let Some(last) = { truth.lock().counted.last().copied() }
        && last > Instant::now()
    {
        sleep_until(last).await;
    }
}

#[async_trait]
impl Store for Way {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        self.carry_out(writes, untouched).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.ask(|truth| truth.model.get(id)).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.ask(|truth| truth.model.list(after, limit)).await
    }

    /// Not all of them at once.
    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        let (first, rest) = ids.split_at(ids.len() / 2);
        let mut page = self.ask(|truth| truth.model.list_these(&filter, first)).await?;
        page.endpoints.extend(self.ask(|truth| truth.model.list_these(&filter, rest)).await?.endpoints);
        Ok(page)
    }

    async fn head(&self) -> Result<Version, StoreError> {
        let head = self.ask(|truth| truth.model.head()).await?;
        until_counted(&self.truth).await;
        Ok(head)
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        let is_away = self.state.load(Ordering::Relaxed) >= AWAY;
        let tries = if self.plant == Plant::RetriedTurn && is_away { 2 } else { 1 };
        let mut outcome = Err(StoreError::Unavailable("lost".into()).into());
        for _ in 0..tries {
            if let Err(lost) = self.travel().await {
                // The request is lost, or arrives late.
                if self.chance(0.5) {
                    let (truth, counter) = (Arc::clone(&self.truth), counter.clone());
                    let late = self.random.lock().random_range(0..1_000);
                    tokio::spawn(async move {
                        sleep(Duration::from_millis(late)).await;
                        _ = truth.lock().model.turns(&counter).map(|taken| *taken += 1);
                    });
                }
                outcome = Err(lost.into());
                continue;
            }
            let turn = {
                let mut truth = self.truth.lock();
                self.format.read(&mut truth.formats)?;
                self.plant.take_turn(&mut truth.model, counter, &self.block)
            };
            outcome = match self.travel().await {
                Ok(()) => return turn,
                Err(lost) => Err(lost.into()),
            };
        }
        outcome
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.travel().await?;
        let taken = self.truth.lock().model.turns(counter).map(|taken| *taken);
        self.travel().await?;
        taken
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        let is_stale = self.plant == Plant::StaleLog && self.chance(0.5);
        let age = if is_stale { Duration::from_millis(40) } else { Duration::ZERO };
        let (is_forgotten, is_part) = (self.chance(GAPS), self.chance(PARTS));
        self.ask(|truth| {
            let changes = truth.model.changes_since(version, true);
            let Changes::Log { changes, .. } = changes else { return changes };
            if is_forgotten {
                return Changes::Gap;
            }
            let mut head = truth.head_since(age).max(version);
            let is_part = is_part && head.0 > version.0 + 1;
            if is_part {
                head = Version(version.0.midpoint(head.0));
            }
            let read = |change: Change| match change.endpoint {
                Some(endpoint) => Some(Change { endpoint: Some(self.plant.misread(endpoint, self.is_odd)?), ..change }),
                None => Some(change),
            };
            let changes = changes.into_iter().filter(|change| change.version <= head).filter_map(read).collect();
            if is_part && self.plant != Plant::PartAsLog {
                return Changes::Part { head, changes };
            }
            Changes::Log { head, digest: truth.digest_at(head), changes }
        })
        .await
    }

    async fn load(&self, mut deliver: Deliver) -> Result<Version, StoreError> {
        self.travel().await?;
        let head = self.truth.lock().head_since(Duration::ZERO);
        // Endpoints are newer than the head, and some of them newer than the others.
        let mut endpoints = self.ask(|truth| truth.model.stored()).await?;
        let middle = endpoints.get(endpoints.len() / 2).map(|stored| stored.endpoint.id);
        let rest = self.ask(|truth| truth.model.stored()).await?;
        endpoints.retain(|stored| Some(stored.endpoint.id) < middle);
        endpoints.extend(rest.into_iter().filter(|stored| Some(stored.endpoint.id) >= middle));
        if self.plant == Plant::OldLoad && self.chance(0.5) {
            endpoints.pop();
        }
        for Stored { endpoint, version } in endpoints {
            let digest = digest_of(&endpoint, version);
            if let Some(endpoint) = self.plant.misread(endpoint, self.is_odd) {
                deliver(Ok((endpoint, digest)));
            }
        }
        until_counted(&self.truth).await;
        Ok(head)
    }

    async fn raise(&self, _: Option<u64>, _: bool) -> Result<Raise, RaiseError> {
        self.travel().await?;
        until_counted(&self.truth).await;
        let raise = {
            let mut truth = self.truth.lock();
            let raise = truth.formats.raise(NEW, self.plant == Plant::BlindRaise)?;
            if raise.is_done && self.plant != Plant::RaiseOutsideLog {
                truth.model.write(vec![]).expect("it changes no endpoint");
                truth.counted.push(Instant::now());
            }
            raise
        };
        self.travel().await?;
        Ok(raise)
    }

    fn has_digest(&self) -> Result<bool, AdoptError> {
        let truth = self.truth.lock();
        if truth.formats.allow(true) { Ok(truth.has_digest()) } else { Err(WriteError::NeedsFormat(2).into()) }
    }

    async fn adopt(&self, version: Version, digest: Digest) -> Result<bool, AdoptError> {
        self.travel().await.map_err(WriteError::from)?;
        until_counted(&self.truth).await;
        let is_next = self.truth.lock().adopt(version, digest);
        self.travel().await.map_err(WriteError::from)?;
        Ok(is_next)
    }

    fn is_shared(&self) -> bool {
        true
    }
}
