//! How long DynamoDB is waited for. DynamoDB answers within some 10 ms, so that what takes a hundred times as long is lost.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Config, retry::RetryConfig, timeout::TimeoutConfig},
};
use tokio::time::{Instant, sleep};

use crate::store::Version;

/// One sending of a write, or of a read of single items, and its answer. Short, because somebody waits for each, and the writes of a
/// process wait for each other: so a store that is back is noticed by all of them within a second. To send a write again does no harm,
/// and finds what the sending before has done.
const SENDING: Duration = Duration::from_millis(600);
/// One request of a listing or a load, and its answer: a page of up to 1 MB, of many, and on a machine that may be busy with them. Cut off
/// too soon, they would never come to an end.
const PAGE: Duration = Duration::from_millis(1_500);
/// A read with all its attempts. A client of management is told within this that the store is away.
pub(super) const READ: Duration = Duration::from_secs(5);
/// A write, as long as no other write of this process gets on either: so that those who wait for a store that is away
/// do not wait for each other as well.
pub(super) const WRITE: Duration = Duration::from_secs(5);
/// A write in all, while those before it are carried out one by one, or other processes come first. Less than `--request-timeout` by
/// default: with a shorter one, the write ends when the client is told that time is up.
pub(super) const WRITE_IN_QUEUE: Duration = Duration::from_secs(25);
/// What a start asks of the table is asked so often at most, within [`READ`].
const START_ATTEMPTS: u32 = 8;

/// Longest first wait, and longest wait of all: a store that comes back is noticed within this.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// For what a start asks of the table. The SDK's own time for a connection, 3.1 s, would leave none for a second attempt.
pub(super) fn timeouts() -> TimeoutConfig {
    all_within(PAGE).to_builder().operation_timeout(READ).build()
}

/// For writes and for reads of single items.
pub(super) fn sent_once() -> Builder {
    once(all_within(SENDING))
}

/// For a page of a listing. Somebody waits for it as well: its answer has to begin as soon as any other.
pub(super) fn page_of_listing() -> Builder {
    once(all_within(SENDING).to_builder().operation_attempt_timeout(PAGE).operation_timeout(PAGE).build())
}

/// For a page of a load. DynamoDB Local begins to answer when it has looked at all that comes after it as well.
pub(super) fn page_of_load() -> Builder {
    once(all_within(PAGE))
}

/// The SDK does not repeat it: it would hide that an earlier sending of a write got no answer, waits for up to seconds, and stops to repeat
/// anything where much was lost.
fn once(timeouts: TimeoutConfig) -> Builder {
    Config::builder().timeout_config(timeouts).retry_config(RetryConfig::disabled())
}

/// A reading of the log, which is repeated anyway: so that a store that is back is noticed within a second.
pub(super) const LOG: Duration = Duration::from_millis(500);

/// For readings of the log. They are not sent again by themselves: what comes later is of no use for a lease that ran out.
pub(super) fn of_log(client: &Client) -> Client {
    let settings = client.config().to_builder().timeout_config(all_within(LOG)).retry_config(RetryConfig::disabled());
    Client::from_conf(settings.build())
}

/// What the SDK calls reading is to wait for the answer to begin.
fn all_within(time: Duration) -> TimeoutConfig {
    let of_attempt = TimeoutConfig::builder().connect_timeout(time).read_timeout(time).operation_attempt_timeout(time);
    of_attempt.operation_timeout(time).build()
}

/// Entries of the log go away after a day: a replica that was away for so long loads everything.
const LOG_KEPT: Duration = Duration::from_hours(24);

/// When an entry that is written now goes away, in seconds since 1970.
pub(super) fn expiry_of_now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| (since + LOG_KEPT).as_secs())
}

pub(super) fn retries() -> RetryConfig {
    let retries = RetryConfig::standard().with_max_attempts(START_ATTEMPTS);
    // The SDK's own waits, up to a second and then two, would come on top of an attempt that got no answer.
    retries.with_initial_backoff(LONGEST_WAIT).with_max_backoff(LONGEST_WAIT)
}

/// As slow as DynamoDB may be, a write does not wait longer than this for the sake of others.
const LONGEST_COURTESY: Duration = Duration::from_millis(500);
/// Those who have met others within this time expect to meet them again.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Waits between attempts: random from nothing up to a limit that doubles, so that those who have met do not meet again
/// ("full jitter", AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Before the next attempt after one that was sent at that time.
    pub(super) async fn wait(&mut self, sent: Instant) {
        let limit = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.attempts)).min(LONGEST_WAIT);
        self.attempts += 1;
        // What got no answer has waited already.
        if sent.elapsed() < LONGEST_WAIT {
            sleep(limit.mul_f64(rand::random())).await;
        }
    }
}

/// What one write leaves to the next one of the same process.
pub(super) struct Turn {
    /// The last version that this process has written, when, and how long that took.
    last: Option<(Version, Instant, Duration)>,
    /// When it last found that another process had written.
    met: Option<Instant>,
}

impl Turn {
    pub(super) const fn first() -> Self {
        Self { last: None, met: None }
    }

    /// Lets others go first for a moment, where there are others. A process that has just written knows the head before all
    /// others do: with many writes to carry out it would be the first every time, and the others would never come to theirs.
    pub(super) async fn begin(&mut self, head: Version) {
        let Some((version, at, took)) = self.last else { return };
        if version != head {
            self.meet();
        }
        // Others learn of the head, and send, in about the time that it took.
        let longest = took.min(LONGEST_COURTESY);
        if at.elapsed() < longest && self.met.is_some_and(|met| met.elapsed() < REMEMBERED) {
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
