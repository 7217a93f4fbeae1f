//! Memory for the bytes of all clients at once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit of pools. Smaller amounts are free, because the number of connections is bounded.
pub const UNIT_BYTES: usize = 1024;

/// Units of memory. Each client may take half of them.
pub struct Pool<K> {
    units: usize,
    pub all: Arc<Semaphore>,
    /// The next request removes the entries of clients without requests.
    halves: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// The same number of units from the client's half and from the whole pool.
pub struct Room {
    pub own: OwnedSemaphorePermit,
    pub all: OwnedSemaphorePermit,
}

impl<K: Eq + Hash> Pool<K> {
    pub fn new(bytes: usize) -> Self {
        let units = bytes / UNIT_BYTES;
        Self { units, all: Arc::new(Semaphore::new(units)), halves: Mutex::default() }
    }

    /// The half that this client may take.
    pub fn half_of(&self, client: K) -> Arc<Semaphore> {
        let mut halves = self.halves.lock();
        halves.retain(|_, half| half.strong_count() > 0);
        let known = halves.get(&client).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let half = Arc::new(Semaphore::new(self.units / 2));
            halves.insert(client, Arc::downgrade(&half));
            half
        })
    }

    #[cfg(test)]
    pub fn clients(&self) -> usize {
        self.halves.lock().len()
    }
}

impl Room {
    pub fn merge(&mut self, more: Self) {
        self.own.merge(more.own);
        self.all.merge(more.all);
    }
}
