//! Reading the change log, and everything together with it.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use futures_util::TryStreamExt as _;
use tokio::time::Instant;

use super::{
    DynamoStore, failed,
    item::{self, Entry, Item, Logged},
    read::{MAX_AT_ONCE, is_passing, pages, partition, until_answered},
    timing::{self, Backoff},
};
use crate::store::{Change, Changes, Snapshot, StoreError, Stored, Version};

/// A reading of so many entries is not yet one of a replica that is far behind.
const FEW: i32 = 100;

/// A replica that is further behind loads everything. A page has 1 MB: some 4,000 entries of small mocks.
const MAX_LOG_PAGES: usize = 16;

/// The writes of the last seconds are checked against what was loaded. It is assumed that no transaction that the head counts stays
/// unfinished for so long.
const TAIL: Duration = Duration::from_secs(10);

impl DynamoStore {
    /// One query: the head's item sorts after the entries, so that without news it is all that is read.
    pub(super) async fn read_log(&self, since: Version) -> Result<Changes, StoreError> {
        let after = Some(item::log_sort(since));
        let query = partition(&self.log_client, &self.table, item::LOG, after.clone()).limit(FEW);
        let first = query.send().await.map_err(failed)?;
        let (mut head, mut entries) = (Version(0), BTreeMap::new());
        take(first.items(), &mut head, &mut entries)?;
        if let Some(next) = first.last_evaluated_key {
            // Far behind, so that it has to take its time.
            let rest = self.partition(item::LOG, after).set_exclusive_start_key(Some(next));
            let mut pages = pin!(pages(rest, timing::page_of_load));
            for read in 1.. {
                let Some(page) = pages.try_next().await? else { break };
                if read == MAX_LOG_PAGES {
                    return Ok(Changes::Gap);
                }
                take(page.items(), &mut head, &mut entries)?;
            }
        }
        self.saw_head(head);
        if head < since {
            return Ok(Changes::Gap);
        }
        // Those after the head belong to writes that nobody was told of yet: the next reading shows them.
        entries.retain(|version, _| *version <= head);
        if head.0 - since.0 > (entries.len() + MAX_AT_ONCE) as u64 {
            return Ok(Changes::Gap);
        }
        // Entries expire in no order, so that an older one may still be there.
        if self.add_missing(since, head, &mut entries, timing::LOG).await?.is_some() {
            return Ok(Changes::Gap);
        }
        let change = |entry: Entry| Change { version: entry.version, id: entry.id, endpoint: entry.endpoint };
        Ok(Changes::Log { head, changes: entries.into_values().map(change).collect() })
    }

    /// The end of the log first, then all endpoints. What is read of these is at least as new as the head, except for
    /// writes that were being carried out just then; these are the last ones, and the log says what they did.
    pub(super) async fn read_all(&self) -> Result<Snapshot, StoreError> {
        let (head, tail) = self.tail().await?;
        let mut endpoints = BTreeMap::new();
        let mut pages = pin!(pages(self.partition(item::ENDPOINTS, None), timing::page_of_load));
        while let Some(page) = pages.try_next().await? {
            for item in page.items() {
                let stored = item::endpoint(item)?;
                endpoints.insert(stored.endpoint.id, stored);
            }
        }
        for Entry { version, id, endpoint, .. } in tail {
            if endpoints.get(&id).is_some_and(|stored| stored.version >= version) {
                continue;
            }
            match endpoint {
                Some(endpoint) => endpoints.insert(id, Stored { endpoint, version }),
                None => endpoints.remove(&id),
            };
        }
        // A query may also have shown a write that the head did not count yet.
        self.settled_head().await?;
        Ok(Snapshot { head, endpoints: endpoints.into_values().map(|stored| stored.endpoint).collect() })
    }

    /// The head, and the last writes up to it, as far as they have not expired.
    async fn tail(&self) -> Result<(Version, Vec<Entry>), StoreError> {
        // The head's item is one of the first page.
        let query = self.partition(item::LOG, None).scan_index_forward(false).limit(FEW + 1);
        let mut pages = pin!(pages(query, timing::page_of_load));
        let (mut head, mut entries, mut is_enough) = (Version(0), BTreeMap::new(), false);
        let old = timing::expiry_of_now().saturating_sub(TAIL.as_secs());
        while !is_enough && let Some(page) = pages.try_next().await? {
            take(page.items(), &mut head, &mut entries)?;
            // Few entries of large mocks are a page; and the clock of who wrote the oldest may be slow.
            let is_old = entries.first_key_value().is_some_and(|(_, oldest)| oldest.expires < old);
            is_enough = is_old && entries.len() >= FEW as usize;
        }
        entries.retain(|version, _| *version <= head);
        // Where the log does not reach back so far, those before its oldest entry may be on their way.
        let oldest = entries.first_key_value().map_or(head.0 + 1, |(oldest, _)| oldest.0);
        let start = Version((oldest - 1).saturating_sub(if is_enough { 0 } else { MAX_AT_ONCE as u64 }));
        let expired = self.add_missing(start, head, &mut entries, timing::READ).await?.unwrap_or(start);
        // Entries expire in no order. What is older than one that has expired says what an endpoint was, and not what became of it.
        Ok((head, entries.split_off(&Version(expired.0 + 1)).into_values().collect()))
    }

    /// Adds to the entries what of `since` to `head` is not among them, because it was on its way. Ends at the newest one that has
    /// expired, and returns its version.
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

    /// Entries once they are decided: one that is not there then is never going to be by what was begun before. At most
    /// [`MAX_AT_ONCE`].
    async fn decided(&self, versions: &[Version], within: Duration) -> Result<Vec<Option<Entry>>, StoreError> {
        let items = self.get_at_once(versions.iter().copied().map(item::log_key).collect(), within).await?;
        items.iter().map(|item| item.as_ref().map(entry).transpose()).collect()
    }

    /// By whom a write was carried out, once that is decided.
    pub(super) async fn token_of(&self, version: Version) -> Result<Option<String>, StoreError> {
        Ok(self.decided(&[version], timing::READ).await?.pop().flatten().map(|entry| entry.token))
    }

    /// A version that every reading of the log reaches from now on, and that counts all that any read has shown before.
    ///
    /// A read may show a write that the head does not count yet. It can only be the next one, because the one after that is
    /// not begun before.
    pub(super) async fn settled_head(&self) -> Result<Version, StoreError> {
        let head = self.head_now().await?;
        let next = Version(head.0 + 1);
        if self.token_of(next).await?.is_none() {
            return Ok(head);
        }
        let (deadline, mut backoff) = (Instant::now() + timing::READ, Backoff::default());
        loop {
            let sent = Instant::now();
            if self.head_now().await? >= next {
                return Ok(next);
            }
            if Instant::now() > deadline {
                let why =
                    format!("write {next} is in the log, and the head does not count it: was the table restored?");
                return Err(StoreError(why));
            }
            backoff.wait(sent).await;
        }
    }

    async fn head_now(&self) -> Result<Version, StoreError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let request = request.set_key(Some(item::head_key()));
        let ask = || request.clone().customize().config_override(timing::sent_once()).send();
        let found = until_answered(timing::READ, ask, is_passing).await?;
        let head = found.item.as_ref().map_or(Ok(Version(0)), item::head)?;
        self.saw_head(head);
        Ok(head)
    }
}

fn entry(item: &Item) -> Result<Entry, StoreError> {
    match item::logged(item)? {
        Logged::Entry(entry) => Ok(entry),
        Logged::Head(head) => Err(StoreError(format!("the head, {head}, is where an entry of the log should be"))),
    }
}

fn take(items: &[Item], head: &mut Version, entries: &mut BTreeMap<Version, Entry>) -> Result<(), StoreError> {
    for item in items {
        match item::logged(item)? {
            Logged::Head(version) => *head = version,
            Logged::Entry(entry) => _ = entries.insert(entry.version, entry),
        }
    }
    Ok(())
}
