//! Reads of the change log, and loads.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use futures_util::TryStreamExt as _;
use tokio::time::Instant;

use super::{
    DynamoStore, failed,
    item::{self, Entry, Head, Item, Logged},
    read::{MAX_AT_ONCE, pages, partition, passing, until_answered},
    timing::{self, Backoff},
};
use crate::store::{Change, Changes, Damaged, Deliver, StoreError, Stored, Version, listing::readable};

/// Maximum number of entries in a poll. A replica further behind reads pages with longer time-outs.
const POLL_ENTRIES: i32 = 100;

/// Maximum number of pages of a reading. During the load of a large table others may write more, so the log after a
/// load is read in parts of this size. A replica further behind loads everything. A page has 1 MB: about
/// 4,000 entries of small mocks.
const MAX_LOG_PAGES: usize = 16;
const MAX_LOG_BYTES: u64 = MAX_LOG_PAGES as u64 * 1_000_000;

/// Number of further pages after which the size of the rest is estimated.
const SAMPLE_PAGES: usize = 3;

/// Number of pages at the end of the log that are older than [`TAIL_AGE`] at any clock: a partition key takes 1,000
/// write units a second, so a page of a transaction's entries takes two seconds.
const MIN_TAIL_PAGES: usize = 8;

/// The writes of this time correct a load. Assumption: no transaction that the head counts stays unfinished for longer.
const TAIL_AGE: Duration = Duration::from_secs(10);

impl DynamoStore {
    /// One query. The head sorts after the entries, so without news it is the only item.
    pub(super) async fn read_log(&self, since: Version) -> Result<Changes, StoreError> {
        let after = Some(item::log_sort(since));
        let query = partition(&self.log_client, &self.table, item::LOG, after.clone()).limit(POLL_ENTRIES);
        let first = query.send().await.map_err(failed)?;
        let (mut head, mut entries, mut within) = (None, BTreeMap::new(), timing::POLL_TIMEOUT);
        take(first.items(), &mut head, &mut entries)?;
        if let Some(next) = first.last_evaluated_key.clone() {
            within = timing::LOAD_TIMEOUT;
            let is_limited = !self.has_just_loaded(since);
            let (mut bytes, mut count) = size(first.items());
            // Far behind: pages need more time than a poll. An unfinished reading would begin again at its first page.
            let rest = self.partition(item::LOG, after).set_exclusive_start_key(Some(next));
            let mut pages = pin!(pages(rest, timing::page_of_load, within));
            for read in 1.. {
                let Some(page) = pages.try_next().await? else { break };
                take(page.items(), &mut head, &mut entries)?;
                let (of_page, in_page) = size(page.items());
                (bytes, count) = (bytes + of_page, count + in_page);
                if read == SAMPLE_PAGES && is_limited && page.last_evaluated_key.is_some() {
                    let behind = self.head_now(within).await?.0.saturating_sub(since.0);
                    if behind.saturating_mul(bytes / count.max(1)) > MAX_LOG_BYTES {
                        return Ok(Changes::Gap);
                    }
                }
                if read == MAX_LOG_PAGES && page.last_evaluated_key.is_some() {
                    return if is_limited { Ok(Changes::Gap) } else { self.part(since, entries).await };
                }
            }
        }
        let is_another = head.is_some_and(|head| self.is_of_another_table(head));
        let digest = head.and_then(|head: Head| head.digest);
        let head = self.seen(head);
        if is_another || head < since {
            return Ok(Changes::Gap);
        }
        // Entries after the head belong to unacknowledged writes: left to the next reading.
        entries.retain(|version, _| *version <= head);
        if head.0 - since.0 > (entries.len() + MAX_AT_ONCE) as u64 {
            return Ok(Changes::Gap);
        }
        // Entries expire in no order, so an older entry may still exist.
        if self.add_missing(since, head, &mut entries, within).await?.is_some() {
            return Ok(Changes::Gap);
        }
        Ok(Changes::Log { head, digest, changes: changes(entries) })
    }

    /// Whether a load ended at this version a short time ago. Other replicas that are far behind load everything.
    fn has_just_loaded(&self, version: Version) -> bool {
        self.loaded.lock().is_some_and(|(loaded, at)| loaded == version && at.elapsed() < timing::LOAD_TIMEOUT)
    }

    /// The first entries of a long log, after a load.
    async fn part(&self, since: Version, mut entries: BTreeMap<Version, Entry>) -> Result<Changes, StoreError> {
        // The head may not count the last entry yet. It counts all others: each write follows the head before it.
        entries.pop_last();
        let Some((&head, _)) = entries.last_key_value() else { return Ok(Changes::Gap) };
        let is_whole = head.0 - since.0 <= (entries.len() + MAX_AT_ONCE) as u64;
        if !is_whole || self.add_missing(since, head, &mut entries, timing::LOAD_TIMEOUT).await?.is_some() {
            return Ok(Changes::Gap);
        }
        // The time stays, so that parts have an end while others write faster than this process reads.
        self.loaded.lock().as_mut().expect("it has loaded").0 = head;
        Ok(Changes::Part { head, changes: changes(entries) })
    }

    /// Reads the end of the log, then all endpoints. The endpoints are at least as new as the head, except for
    /// unfinished writes. Only the last writes can be unfinished, so the end of the log has all unfinished writes.
    pub(super) async fn read_all(&self, mut deliver: Deliver) -> Result<Version, StoreError> {
        self.check_epoch().await?;
        let (head, tail) = self.tail().await?;
        // Of each endpoint in the end of the log, the last state.
        let mut last: BTreeMap<_, _> = tail
            .into_iter()
            .flat_map(|Entry { version, changes, .. }| {
                changes.into_iter().map(move |(id, new, digest)| (id, (version, new, digest)))
            })
            .collect();
        let mut damaged = Vec::new();
        let mut pages = pin!(pages(self.partition(item::ENDPOINTS, None), timing::page_of_load, timing::LOAD_TIMEOUT));
        while let Some(page) = pages.try_next().await? {
            for item in page.items() {
                match item::endpoint(item) {
                    Ok(Stored { endpoint, version }) => {
                        if last.get(&endpoint.id).is_none_or(|(newest, ..)| *newest <= version) {
                            last.remove(&endpoint.id);
                            let digest = item::digest(endpoint.id, item);
                            deliver(Ok((endpoint, digest)));
                        }
                    }
                    Err(why) => {
                        // An item with any other sort key is not Echo's.
                        let id = item::id(item).inspect_err(|error| tracing::warn!(%error, "an item is no endpoint"));
                        let Ok(id) = id else { continue };
                        // A deletion is final: ids are never reused.
                        if !matches!(last.remove(&id), Some((_, None, _))) {
                            let (route, why) = (item::route(item), why.to_string());
                            damaged.push(Damaged { id, route, why, digest: item::digest(id, item) });
                        }
                    }
                }
            }
        }
        for (_, endpoint, digest) in last.into_values() {
            if let Some(endpoint) = endpoint {
                deliver(Ok((endpoint, digest)));
            }
        }
        // The claim decides about the route of a damaged record.
        let routes = damaged.iter().filter_map(|damaged| damaged.route.clone()).collect();
        let holders = self.claimed(&routes, timing::LOAD_TIMEOUT).await?;
        for mut damaged in damaged {
            damaged.route.take_if(|route| holders.get(route) != Some(&damaged.id));
            deliver(Err(damaged));
        }
        // A query may also have shown a write ahead of the head.
        self.settled_head(timing::LOAD_TIMEOUT).await?;
        *self.loaded.lock() = Some((head, Instant::now()));
        Ok(head)
    }

    /// The head, and the last writes up to the head without expired entries.
    pub(super) async fn tail(&self) -> Result<(Version, Vec<Entry>), StoreError> {
        // The first page includes the head.
        let query = self.partition(item::LOG, None).scan_index_forward(false).limit(POLL_ENTRIES + 1);
        let mut pages = pin!(pages(query, timing::page_of_load, timing::LOAD_TIMEOUT));
        let (mut head, mut entries, mut is_enough, mut read) = (None, BTreeMap::new(), false, 0);
        let old = timing::expiry_of_now().saturating_sub(TAIL_AGE.as_secs());
        while !is_enough && let Some(page) = pages.try_next().await? {
            take(page.items(), &mut head, &mut entries)?;
            read += 1;
            // More conditions: a page may hold few large entries, and the clock of an entry's writer may be slow.
            let is_old = entries.first_key_value().is_some_and(|(_, oldest)| oldest.expires < old);
            is_enough = is_old && (entries.len() >= POLL_ENTRIES as usize || read >= MIN_TAIL_PAGES);
        }
        let head = self.seen(head);
        // Computed before entries of older epochs go: after such an entry, the log of the new epoch must be complete.
        let oldest = entries.first_key_value().map_or(head.0 + 1, |(oldest, _)| oldest.0);
        // Entries under way at a restore never arrive.
        entries.retain(|version, _| *version <= head && version.epoch() == head.epoch());
        // In a short log, the entries before the oldest entry may be under way.
        let start = oldest.saturating_sub(if is_enough { 1 } else { 1 + MAX_AT_ONCE as u64 });
        let start = Version(start.max(Version::first_of(head.epoch()).0.saturating_sub(1)));
        let expired = self.add_missing(start, head, &mut entries, timing::LOAD_TIMEOUT).await?.unwrap_or(start);
        // Entries expire in no order. An entry older than an expired entry may show an outdated state.
        Ok((head, entries.split_off(&Version(expired.0 + 1)).into_values().collect()))
    }

    /// Adds entries between `since` and `head` that the query missed because of transactions under way. Stops at the
    /// newest expired entry, and returns its version.
    async fn add_missing(
        &self,
        since: Version,
        head: Version,
        entries: &mut BTreeMap<Version, Entry>,
        within: Duration,
    ) -> Result<Option<Version>, StoreError> {
        let missing = (since.0 + 1..=head.0).rev().map(Version).filter(|version| !entries.contains_key(version));
        let missing: Vec<_> = missing.collect();
        for some in missing.chunks(MAX_AT_ONCE) {
            for (version, entry) in some.iter().zip(self.decided(some, within).await?) {
                match entry {
                    Some(entry) => _ = entries.insert(*version, entry),
                    None => return Ok(Some(*version)),
                }
            }
        }
        Ok(None)
    }

    /// Entries of decided transactions: waits for the decisions. A missing entry cannot appear later by a transaction
    /// that began before. A damaged entry counts as expired, so the reader loads everything. At most [`MAX_AT_ONCE`].
    async fn decided(&self, versions: &[Version], within: Duration) -> Result<Vec<Option<Entry>>, StoreError> {
        let items = self.get_at_once(versions.iter().copied().map(item::log_key).collect(), within).await?;
        items.iter().map(|item| item.as_ref().map(entry).and_then(readable).transpose()).collect()
    }

    /// The token of a write, after the decision of the transaction.
    pub(super) async fn token_of(&self, version: Version, within: Duration) -> Result<Option<String>, StoreError> {
        Ok(self.decided(&[version], within).await?.pop().flatten().map(|entry| entry.token))
    }

    /// A version that includes every write that any read has shown before. Each later reading of
    /// the log reaches it.
    ///
    /// A read may show a write ahead of the head, but only the next write: each write is conditional on the head before
    /// it.
    pub(super) async fn settled_head(&self, within: Duration) -> Result<Version, StoreError> {
        let head = self.head_now(within).await?;
        let next = Version(head.0 + 1);
        if self.token_of(next, within).await?.is_none() {
            return Ok(head);
        }
        let (deadline, mut backoff) = (Instant::now() + timing::READ_TIMEOUT, Backoff::default());
        loop {
            let sent = Instant::now();
            if self.head_now(within).await? >= next {
                return Ok(next);
            }
            if Instant::now() > deadline {
                let why =
                    format!("write {next} is in the log, and the head does not count it: was the table restored?");
                return Err(StoreError::Unavailable(why));
            }
            backoff.wait(sent).await;
        }
    }

    async fn head_now(&self, within: Duration) -> Result<Version, StoreError> {
        Ok(self.seen(self.read_head_within(within).await?))
    }

    pub(super) async fn read_head(&self) -> Result<Option<Head>, StoreError> {
        self.read_head_within(timing::READ_TIMEOUT).await
    }

    async fn read_head_within(&self, within: Duration) -> Result<Option<Head>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let request = request.set_key(Some(item::head_key()));
        let ask = || request.clone().customize().config_override(timing::sent_once()).send();
        let found = until_answered(within, ask, passing).await?;
        found.item.as_ref().map(item::head).transpose()
    }

    /// The version of a head. A table without a head has no writes.
    fn seen(&self, head: Option<Head>) -> Version {
        head.map_or(Version(0), |head| {
            self.saw_head(head);
            head.version
        })
    }
}

/// The size of the items in bytes, and their number.
fn size(items: &[Item]) -> (u64, u64) {
    (items.iter().map(item::bytes).sum::<usize>() as u64, items.len() as u64)
}

fn changes(entries: BTreeMap<Version, Entry>) -> Vec<Change> {
    let changes = entries.into_values().flat_map(|Entry { version, changes, .. }| {
        changes.into_iter().map(move |(id, endpoint, digest)| Change { version, id, endpoint, digest })
    });
    changes.collect()
}

fn entry(item: &Item) -> Result<Entry, StoreError> {
    match item::logged(item)? {
        Logged::Entry(entry) => Ok(entry),
        Logged::Head(head) => {
            Err(StoreError::Damaged(format!("the head, {}, is where an entry of the log should be", head.version)))
        }
    }
}

fn take(items: &[Item], head: &mut Option<Head>, entries: &mut BTreeMap<Version, Entry>) -> Result<(), StoreError> {
    for item in items {
        match item::logged(item) {
            Ok(Logged::Head(found)) => *head = Some(found),
            Ok(Logged::Entry(entry)) => _ = entries.insert(entry.version, entry),
            // Skip a damaged entry: `decided` reads the entry again as missing.
            Err(_) if !item::is_head(item) => {}
            Err(damaged) => return Err(damaged),
        }
    }
    Ok(())
}
