//! A shared store in simulated time that limits each partition key, as DynamoDB does.

mod permit;
mod way;

use std::{ops::Range, sync::Arc};

use echo_service::{domain::Mock, store::StoreError};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::capacity::{Bucket, READS, WRITES};
use crate::store::model::Model;
use permit::Holder;
pub use way::Way;

/// One way of a request, in microseconds.
const WAY: Range<u64> = 2_500..5_000;
/// Size of a page of a query, in bytes.
const PAGE: usize = 1_000_000;
/// Size of the head.
const HEAD: usize = 200;
/// Size of a small mock as stored.
const SMALL: usize = 400;
/// Size of a mock below `/large/` as stored.
const LARGE: usize = 256 * 1024;

/// The partition keys.
const LOG: usize = 0;
const ENDPOINTS: usize = 1;

fn size(endpoint: &Mock) -> usize {
    if endpoint.route.path.as_str().starts_with("/large/") { LARGE } else { SMALL }
}

/// The table of all processes.
pub struct Limited {
    model: Model,
    /// The time and the size of each entry.
    entries: Vec<(Instant, usize)>,
    /// Of log and endpoints.
    reads: [Bucket; 2],
    writes: [Bucket; 2],
    /// Of the item of the permit to load.
    permits: Bucket,
    holder: Option<Holder>,
    /// Endpoints that only count for the size of a load, in bytes.
    ballast: usize,
    asked: u64,
    throttled: u64,
}

impl Limited {
    pub fn new(ballast: usize) -> Arc<Mutex<Self>> {
        let [reads, writes] = [READS, WRITES].map(|rate| [Bucket::new(rate), Bucket::new(rate)]);
        Arc::new(Mutex::new(Self {
            model: Model::default(),
            entries: Vec::new(),
            reads,
            writes,
            permits: Bucket::new(WRITES),
            holder: None,
            ballast,
            asked: 0,
            throttled: 0,
        }))
    }

    /// The numbers of requests, of throttled requests, and of writes.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.asked, self.throttled, self.entries.len() as u64)
    }

    /// A read of a key. A throttled request costs nothing.
    fn read<T>(&mut self, key: usize, ask: impl FnOnce(&Self) -> (usize, T)) -> Result<T, StoreError> {
        self.asked += 1;
        if self.reads[key].is_empty() {
            self.throttled += 1;
            return Err(StoreError::Throttled("throttled".into()));
        }
        let (units, answer) = ask(self);
        self.reads[key].left -= units as f64;
        Ok(answer)
    }

    /// The units of a transaction.
    fn take(&mut self, units: [usize; 2]) -> Result<(), StoreError> {
        self.asked += 1;
        if self.writes.iter_mut().any(Bucket::is_empty) {
            self.throttled += 1;
            return Err(StoreError::Throttled("throttled".into()));
        }
        self.writes.iter_mut().zip(units).for_each(|(bucket, units)| bucket.left -= units as f64);
        Ok(())
    }

    /// A write of the item of the permit, or a refusal by a condition, which costs the same.
    fn write_permit<T>(&mut self, write: impl FnOnce(&mut Option<Holder>) -> T) -> Option<T> {
        self.asked += 1;
        if self.permits.is_empty() {
            self.throttled += 1;
            return None;
        }
        self.permits.left -= 1.0;
        Some(write(&mut self.holder))
    }

    /// The end of a page of the log, and its size.
    fn page(&self, from: usize, most: usize) -> (usize, usize) {
        let (mut end, mut bytes) = (from, 0);
        while end < self.entries.len().min(from.saturating_add(most)) && bytes < PAGE {
            bytes += self.entries[end].1;
            end += 1;
        }
        (end, bytes)
    }

    /// The size of all endpoints.
    fn bytes(&self) -> usize {
        self.ballast + self.model.stored().iter().map(|stored| size(&stored.endpoint)).sum::<usize>()
    }
}
