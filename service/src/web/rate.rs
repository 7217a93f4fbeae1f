//! Limits of requests and of log lines per second.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Above this number, the limit forgets idle callers at once. A flood of addresses takes bounded memory after its first
/// second.
const MAX_TRACKED_CALLERS: usize = 100_000;

/// Allows each key a number of requests per second, and bursts of the same number. Replicas do not share the count.
pub struct RateLimit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// `None` is no limit.
    pub fn per_second(rate: Option<NonZeroU32>) -> Self {
        Self(rate.map(|rate| RateLimiter::dashmap(Quota::per_second(rate))))
    }

    /// Whether there is a limit. Without one, the caller need not find out the key.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Allows a request, or returns the time to wait.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > MAX_TRACKED_CALLERS {
            limiter.retain_recent();
        }
        limiter.check_key(key).map_err(|refusal| refusal.wait_time_from(DefaultClock::default().now()))
    }

    /// Forgets keys with a full allowance. Call this periodically.
    pub fn forget_idle(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Number of remembered keys.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.0.as_ref().map_or(0, RateLimiter::len)
    }
}

/// Log lines per second for invalid requests of all clients together.
const LINES_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Bounds the log lines that clients can cause, and counts the omitted lines.
pub struct LineLimit {
    limiter: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Default for LineLimit {
    fn default() -> Self {
        Self { limiter: RateLimiter::direct(Quota::per_second(LINES_PER_SECOND)), left_out: AtomicU64::new(0) }
    }
}

impl LineLimit {
    /// Whether the log has room for one more line. If so, reports the lines omitted before.
    pub fn has_room(&self) -> bool {
        let has_room = self.limiter.check().is_ok();
        if has_room {
            self.report();
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        has_room
    }

    /// Logs the number of lines omitted since the last report.
    pub fn report(&self) {
        let lines = self.left_out.swap(0, Ordering::Relaxed);
        if lines > 0 {
            tracing::warn!(lines, "log lines about refused requests were omitted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Instant};

    use super::*;

    #[test]
    fn a_burst_is_let_through_and_the_rest_told_to_wait() {
        let limit = RateLimit::per_second(NonZeroU32::new(5));
        assert!((0..5).all(|_| limit.check(&"a").is_ok()));
        let wait = limit.check(&"a").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limit.check(&"b").is_ok());
        limit.forget_idle();
        assert!(limit.check(&"a").is_err());
        assert!((0..1000).all(|_| RateLimit::per_second(None).check(&"a").is_ok()));
    }

    /// At this rate, every caller has the full allowance again at once.
    const FORGIVING: Option<NonZeroU32> = NonZeroU32::new(100_000_000);

    #[test]
    fn a_flood_of_addresses_does_not_fill_the_memory() {
        let limit = RateLimit::per_second(FORGIVING);
        for n in 0..2 * MAX_TRACKED_CALLERS as u32 {
            limit.check(&IpAddr::from(n.to_be_bytes())).unwrap();
            assert!(limit.remembered() <= MAX_TRACKED_CALLERS + 1, "{} are remembered", limit.remembered());
        }
    }

    #[test]
    fn callers_with_a_full_allowance_are_forgotten() {
        let limit = RateLimit::per_second(FORGIVING);
        (0..1_000).for_each(|n| limit.check(&n).unwrap());
        let begin = Instant::now();
        while limit.remembered() > 0 {
            limit.forget_idle();
            assert!(begin.elapsed() < Duration::from_secs(20), "{} are remembered", limit.remembered());
        }
    }
}
