//! The way of a process to the table. Each request of `store/dynamodb/` has its size, its units and its retries here.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use echo_service::{
    domain::{EndpointId, Mock},
    store::{
        Changes, Counter, Deliver, Filter, Page, Raise, RaiseError, Store, StoreError, Stored, TurnError, Untouched,
        Version, Write, WriteError, Written,
    },
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync,
    time::{Instant, sleep},
};

use super::{ENDPOINTS, HEAD, LOG, Limited, PAGE, SMALL, WAY, permit::Permit, size};
use crate::{
    consistency::capacity::{reads, writes},
    store::{
        digests::{digest_of, written},
        model::Model,
    },
};

/// Maximum number of entries in the first page of a reading.
const FEW: usize = 100;
const MAX_LOG_PAGES: usize = 16;
const SAMPLE: usize = 3;

/// Time-outs of the requests (`timing.rs`).
const READ: Duration = Duration::from_secs(5);
const LOAD: Duration = Duration::from_mins(10);
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// The end of the log that corrects a load (`log.rs`).
const TAIL: Duration = Duration::from_secs(10);
const TAIL_PAGES: usize = 8;

/// A process's way to the table. The drop is the end of the process by a kill.
pub struct Way {
    table: Arc<Mutex<Limited>>,
    random: Mutex<StdRng>,
    /// The last seen head. Held by the writer whose turn it is.
    head: sync::Mutex<Version>,
    /// The version of the last load, or of the parts of the log after it, and the time of the end of the load.
    loaded: Mutex<Option<(Version, Instant)>>,
    permit: Permit,
}

impl Way {
    pub fn new(table: &Arc<Mutex<Limited>>, seed: u64) -> Self {
        let (random, head) = (Mutex::new(StdRng::seed_from_u64(seed)), sync::Mutex::new(Version(0)));
        let permit = Permit::of(table, seed);
        Self { table: Arc::clone(table), random, head, loaded: Mutex::default(), permit }
    }

    fn random(&self, times: Range<u64>) -> Duration {
        Duration::from_micros(self.random.lock().random_range(times))
    }

    /// A read, sent once.
    async fn send<T>(&self, key: usize, ask: impl FnOnce(&Limited) -> (usize, T)) -> Result<T, StoreError> {
        sleep(self.random(WAY)).await;
        let answer = self.table.lock().read(key, ask);
        sleep(self.random(WAY)).await;
        answer
    }

    /// A read, sent until the answer.
    async fn ask<T>(
        &self,
        key: usize,
        within: Duration,
        ask: impl Fn(&Limited) -> (usize, T),
    ) -> Result<T, StoreError> {
        let (began, mut attempts) = (Instant::now(), 0);
        loop {
            let answer = self.send(key, &ask).await;
            if answer.is_ok() || began.elapsed() > within {
                return answer;
            }
            self.back_off(&mut attempts).await;
        }
    }

    async fn back_off(&self, attempts: &mut u32) {
        let limit = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(*attempts)).min(LONGEST_WAIT);
        *attempts += 1;
        sleep(self.random(0..limit.as_micros() as u64)).await;
    }

    /// The head, and the entry after the head.
    async fn settled_head(&self, within: Duration) -> Result<Version, StoreError> {
        let head = self.ask(LOG, within, |table| (1, table.model.head())).await?;
        self.ask(LOG, within, |_| (2, head)).await
    }

    /// The first entries of a long log, after a load. The head may not count the last entry yet.
    fn part(&self, since: Version, end: usize) -> Changes {
        let head = Version(end as u64 - 1);
        let Changes::Log { mut changes, .. } = self.table.lock().model.changes_since(since, true) else {
            unreachable!("the model keeps its whole log")
        };
        changes.retain(|change| change.version <= head);
        self.loaded.lock().as_mut().expect("it has loaded").0 = head;
        Changes::Part { head, changes }
    }

    /// Items of endpoints in a transaction.
    async fn find<T>(&self, count: usize, ask: impl Fn(&Model) -> T) -> Result<T, StoreError> {
        self.ask(ENDPOINTS, READ, |table| (2 * count * reads(SMALL), ask(&table.model))).await
    }
}

#[async_trait]
impl Store for Way {
    async fn write_if(&self, untouched: Option<Untouched>, changes: Vec<Write>) -> Result<Written, WriteError> {
        assert!(untouched.is_none(), "nobody writes a set");
        let began = Instant::now();
        for write in &changes {
            if let Write::Replace { endpoint: Mock { id, .. }, .. } | Write::Delete { id, .. } = write {
                self.find(1, |model| model.get(*id)).await?;
            }
        }
        let bytes = changes.iter().map(|write| match write {
            Write::Create(endpoint) | Write::Replace { endpoint, .. } => size(endpoint),
            Write::Delete { .. } | Write::Discard { .. } => 0,
        });
        let bytes = bytes.sum::<usize>();
        let units = [writes(HEAD) + writes(HEAD + bytes), writes(HEAD + bytes)];
        let (mut known, mut attempts) = (self.head.lock().await, 0);
        loop {
            sleep(self.random(WAY)).await;
            let outcome = {
                let mut table = self.table.lock();
                match table.take(units) {
                    Err(_) if began.elapsed() < READ => None,
                    Err(throttled) => Some(Err(throttled.into())),
                    Ok(()) if *known != table.model.head() => {
                        *known = table.model.head();
                        None
                    }
                    Ok(()) => {
                        let outcome = table.model.write(changes.clone());
                        if outcome.is_ok() {
                            table.entries.push((Instant::now(), HEAD + bytes));
                            *known = table.model.head();
                        }
                        Some(outcome)
                    }
                }
            };
            sleep(self.random(WAY)).await;
            match outcome {
                Some(outcome) => return Ok(written(&changes, outcome?)),
                None => self.back_off(&mut attempts).await,
            }
        }
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.find(1, |model| model.get(id)).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.find(1, |model| model.list(after, limit)).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.find(ids.len(), |model| model.list_these(&filter, &ids)).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.settled_head(READ).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        let since = version.0 as usize;
        let has_just_loaded = |(loaded, at): (Version, Instant)| loaded == version && at.elapsed() < LOAD;
        let is_limited = !self.loaded.lock().is_some_and(has_just_loaded);
        let page = |table: &Limited, from: usize, most: usize| {
            let (end, bytes) = table.page(from, most);
            let is_last = end == table.entries.len() && bytes < PAGE;
            let changes = is_last.then(|| table.model.changes_since(version, true));
            (reads(bytes + HEAD), (end, bytes, changes))
        };
        let (mut end, mut bytes, mut changes) = self.send(LOG, |table| page(table, since, FEW)).await?;
        for pages in 1.. {
            if let Some(changes) = changes {
                return Ok(changes);
            }
            let (next, of_page, read) = self.ask(LOG, LOAD, |table| page(table, end, usize::MAX)).await?;
            (end, bytes, changes) = (next, bytes + of_page, read);
            if is_limited && pages == SAMPLE && changes.is_none() {
                let behind = self.ask(LOG, READ, |table| (1, table.entries.len() - since)).await?;
                if bytes / (end - since) * behind > MAX_LOG_PAGES * PAGE {
                    break;
                }
            }
            if pages == MAX_LOG_PAGES && changes.is_none() {
                return Ok(if is_limited { Changes::Gap } else { self.part(version, end) });
            }
        }
        Ok(Changes::Gap)
    }

    /// The end of the log, all endpoints, and the head.
    async fn load(&self, mut deliver: Deliver) -> Result<Version, StoreError> {
        let head = self.ask(LOG, READ, |table| (1, table.entries.len())).await?;
        let mut begin = head;
        for pages in 1.. {
            let (end, is_enough);
            end = begin;
            (begin, is_enough) = self
                .ask(LOG, LOAD, |table| {
                    let (mut begin, mut bytes) = (end, HEAD);
                    while begin > 0 && bytes < PAGE && end - begin < FEW {
                        begin -= 1;
                        bytes += table.entries[begin].1;
                    }
                    let is_old = table.entries.get(begin).is_some_and(|(at, _)| at.elapsed() > TAIL);
                    let is_enough = is_old && (head - begin >= FEW || pages >= TAIL_PAGES);
                    (reads(bytes), (begin, begin == 0 || is_enough))
                })
                .await?;
            if is_enough {
                break;
            }
        }
        let mut bytes = self.table.lock().bytes();
        while bytes > 0 {
            let page = bytes.min(PAGE);
            self.ask(ENDPOINTS, LOAD, |_| (reads(page), ())).await?;
            bytes -= page;
        }
        let endpoints = self.table.lock().model.stored();
        for Stored { endpoint, version } in endpoints {
            let digest = digest_of(&endpoint, version);
            deliver(Ok((endpoint, digest)));
        }
        self.settled_head(LOAD).await?;
        let head = Version(head as u64);
        *self.loaded.lock() = Some((head, Instant::now()));
        Ok(head)
    }

    async fn take_turn(&self, _: &Counter) -> Result<u64, TurnError> {
        unreachable!("its mocks have no turns")
    }

    async fn turns_taken(&self, _: &Counter) -> Result<u64, TurnError> {
        unreachable!("its mocks have no turns")
    }

    async fn raise(&self, _: Option<u64>, _: bool) -> Result<Raise, RaiseError> {
        unreachable!("nobody raises it")
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn may_load(&self) -> bool {
        self.permit.ask().await
    }

    fn has_loaded(&self) {
        self.permit.give_back();
    }
}
