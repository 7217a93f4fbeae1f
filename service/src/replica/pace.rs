//! The pace of reads that only requests want. The regular readings keep the lease, and come first.

use std::time::Duration;

use parking_lot::Mutex;

use crate::store::StoreError;

/// Minimum time between reads: a flood of misses must not become a flood of reads.
const MIN_INTERVAL: Duration = Duration::from_millis(12);
/// Maximum time between reads while the store throttles.
const MAX_INTERVAL: Duration = Duration::from_millis(200);
/// The time shrinks slowly: a factor for each reading.
const EASING_FACTOR: f64 = 0.97;

/// The time between two reads. All replicas of a store adapt to the capacity that the regular readings leave.
pub(super) struct Pace(Mutex<Duration>);

impl Pace {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(MIN_INTERVAL))
    }

    pub(super) fn apart(&self) -> Duration {
        *self.0.lock()
    }

    /// The time between two readings. The regular reading comes after `poll`.
    pub(super) fn between_readings(&self, poll: Duration) -> Duration {
        self.apart().min(poll.max(MIN_INTERVAL))
    }

    /// Learns from a reading.
    pub(super) fn learn(&self, outcome: &Result<(), StoreError>) {
        let mut apart = self.0.lock();
        match outcome {
            Ok(()) => *apart = MIN_INTERVAL.max(apart.mul_f64(EASING_FACTOR)),
            Err(StoreError::Throttled(_)) => *apart = MAX_INTERVAL.min(*apart * 2),
            Err(_) => {}
        }
    }
}
