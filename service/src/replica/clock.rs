//! The length of a lease, and the time for which the machine was suspended.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a replica may answer from memory. All replicas of a store have the same lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// From the sending of a reading.
    pub term: Duration,
    /// Time between the sendings of two readings.
    pub poll: Duration,
}

impl Lease {
    /// After this time on this process's clock, all earlier leases are over. Linux slews a clock by
    /// at most 10 %. A lease on a slow clock lasts 1.1 / 0.9 = 1.22 terms of a fast clock.
    pub(super) fn wait(&self) -> Duration {
        self.term.mul_f64(1.25)
    }
}

/// The precision of [`suspended`], much less than the margin of [`Lease::wait`].
pub(super) const PRECISION: Duration = Duration::from_micros(100);

/// The time for which the machine has been suspended so far. `Instant` does not count this time. At most [`PRECISION`]
/// too long, unless the thread is interrupted again and again.
pub(super) fn suspended() -> Duration {
    let now = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let mut suspended = Duration::MAX;
    for _ in 0..10 {
        let (before, all, after) = (now(ClockId::Monotonic), now(ClockId::Boottime), now(ClockId::Monotonic));
        suspended = suspended.min(all.saturating_sub(before));
        // A longer pause of the thread between the readings would count as suspension.
        if after.saturating_sub(before) < PRECISION {
            break;
        }
    }
    #[cfg(test)]
    let suspended = suspended + Duration::from_millis(SUSPENDED.load(std::sync::atomic::Ordering::Relaxed));
    suspended
}

/// Milliseconds for which a test suspends the machine.
#[cfg(test)]
pub(super) static SUSPENDED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
