//! Time-outs and retries. DynamoDB answers within about 10 ms, so a request of a hundred times this duration is lost.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Config, retry::RetryConfig, timeout::TimeoutConfig},
};
use tokio::time::{Instant, sleep};

use crate::store::Version;

/// Time-out of one sending of a write, or of a read of single items. Short, because writes of a
/// process wait for each other: all notice within a second that the store is back. Sending a write
/// again is harmless.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(600);
/// Time-out of a page of a listing or a load: up to 1 MB, perhaps on a busy machine. A shorter one
/// could prevent a load from ever finishing.
const PAGE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// Time-out of a read with all attempts. Within this time a client of management learns that the
/// store is away.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Time-out of each page of a load. So a load outlives throttling and outages, and ends by itself where nothing passes.
pub(super) const LOAD_TIMEOUT: Duration = Duration::from_mins(10);
/// Time-out of a write without progress of any write in this process. So the queue does not add up
/// while the store is away.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time-out of a write in a queue that makes progress. Less than the default of
/// `--request-timeout`; with a shorter `--request-timeout`, the write ends with the request.
pub(super) const QUEUED_WRITE_TIMEOUT: Duration = Duration::from_secs(25);
/// Maximum number of attempts of a start's requests, within [`READ_TIMEOUT`].
const MAX_START_ATTEMPTS: u32 = 8;

/// Maximum of the first wait, and of any wait: the time to notice a returned store.
const MIN_BACKOFF: Duration = Duration::from_millis(10);
const MAX_BACKOFF: Duration = Duration::from_millis(250);

/// For the requests of a start. The SDK's default for a connection, 3.1 s, would leave no time for
/// a second attempt.
pub(super) fn timeouts() -> TimeoutConfig {
    all_within(PAGE_TIMEOUT).to_builder().operation_timeout(READ_TIMEOUT).build()
}

/// For writes and for reads of single items.
pub(super) fn sent_once() -> Builder {
    once(all_within(REQUEST_TIMEOUT))
}

/// For a page of a listing. A client waits, so the answer has to begin as soon as any other.
pub(super) fn page_of_listing() -> Builder {
    let timeouts = all_within(REQUEST_TIMEOUT).to_builder().operation_attempt_timeout(PAGE_TIMEOUT);
    once(timeouts.operation_timeout(PAGE_TIMEOUT).build())
}

/// For a page of a load. DynamoDB Local starts its answer after it has scanned all later items.
pub(super) fn page_of_load() -> Builder {
    once(all_within(PAGE_TIMEOUT))
}

/// Disables the SDK's retries. They hide that an earlier sending of a write got no answer, wait for
/// seconds, and stop altogether after many losses.
fn once(timeouts: TimeoutConfig) -> Builder {
    Config::builder().timeout_config(timeouts).retry_config(RetryConfig::disabled())
}

/// Time-out of a reading of the log. Short, because the next one follows anyway: a returned store
/// is noticed within a second.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_millis(500);

/// For readings of the log. Without retries: a late answer is of no use for an expired lease.
pub(super) fn of_log(client: &Client) -> Client {
    let settings =
        client.config().to_builder().timeout_config(all_within(POLL_TIMEOUT)).retry_config(RetryConfig::disabled());
    Client::from_conf(settings.build())
}

/// The SDK's read time-out ends when the answer begins.
fn all_within(time: Duration) -> TimeoutConfig {
    let of_attempt = TimeoutConfig::builder().connect_timeout(time).read_timeout(time).operation_attempt_timeout(time);
    of_attempt.operation_timeout(time).build()
}

/// Time to live of log entries. A replica that was away for longer loads everything.
const LOG_RETENTION: Duration = Duration::from_hours(24);

/// Expiry of an entry that is written now, in seconds since 1970.
pub(super) fn expiry_of_now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| (since + LOG_RETENTION).as_secs())
}

pub(super) fn retries() -> RetryConfig {
    let retries = RetryConfig::standard().with_max_attempts(MAX_START_ATTEMPTS);
    // The SDK's default waits, up to one and two seconds, are too long after an attempt without an
    // answer.
    retries.with_initial_backoff(MAX_BACKOFF).with_max_backoff(MAX_BACKOFF)
}

/// Maximum wait of a write in favour of other processes.
const MAX_YIELD: Duration = Duration::from_millis(500);
/// A process that met another writer within this time expects to meet it again.
const CONTENTION_MEMORY: Duration = Duration::from_secs(1);

/// Random waits up to a limit that doubles, so that colliding processes do not collide again ("full
/// jitter", AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Waits before the next attempt. `sent` is the time of the previous one.
    pub(super) async fn wait(&mut self, sent: Instant) {
        let limit = MIN_BACKOFF.saturating_mul(2_u32.saturating_pow(self.attempts)).min(MAX_BACKOFF);
        self.attempts += 1;
        // An attempt without an answer has waited already.
        if sent.elapsed() < MAX_BACKOFF {
            sleep(limit.mul_f64(rand::random())).await;
        }
    }
}

/// State between two writes of a process.
pub(super) struct Turn {
    /// The last version of this process, the time of its write, and the write's duration.
    last: Option<(Version, Instant, Duration)>,
    /// The last time that the process met another writer.
    met: Option<Instant>,
}

impl Turn {
    pub(super) const fn first() -> Self {
        Self { last: None, met: None }
    }

    /// Lets other writers go first for a moment. A process that has just written knows the new head
    /// first, so with a full queue it would always win and starve the others.
    pub(super) async fn begin(&mut self, head: Version) {
        let Some((version, at, took)) = self.last else { return };
        if version != head {
            self.meet();
        }
        // Other processes learn the head, and send, in about the duration of a write.
        let longest = took.min(MAX_YIELD);
        if at.elapsed() < longest && self.met.is_some_and(|met| met.elapsed() < CONTENTION_MEMORY) {
            sleep(longest.mul_f64(rand::random())).await;
        }
    }

    pub(super) fn meet(&mut self) {
        self.met = Some(Instant::now());
    }

    pub(super) fn end(&mut self, version: Version, took: Duration) {
        self.last = Some((version, Instant::now(), took));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of waits before a hundred writes of 100 ms.
    async fn waits(others: bool) -> Duration {
        let (mut turn, began, took) = (Turn::first(), Instant::now(), Duration::from_millis(100));
        for version in (1..=100).map(Version) {
            // A head by another process reveals other writers.
            turn.begin(if others { Version(0) } else { Version(version.0 - 1) }).await;
            turn.end(version, took);
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_has_met_others_lets_them_go_first_for_half_a_write_on_average() {
        assert_eq!(waits(false).await, Duration::ZERO);
        let waited = waits(true).await;
        assert!((3..=7).contains(&waited.as_secs()), "{waited:?}");
    }
}
