//! Reading the change log, and everything together with it.

use std::collections::BTreeMap;

use super::{
    DynamoStore, failed,
    item::{self, Entry, Logged},
    read::partition,
};
use crate::store::{Change, Changes, Snapshot, StoreError, Stored, Version};

/// A replica that is further behind loads everything. A page has 1 MB: some 4,000 entries of small mocks.
const MAX_LOG_PAGES: usize = 16;

/// How many writes at the end of the log are checked against what was loaded. No transaction stays unfinished while so many
/// others are carried out: a process has one at a time. As many as one `TransactGetItems` reads.
const TAIL: u8 = 100;

impl DynamoStore {
    /// One query: the head's item sorts after the entries, so that without news it is all that is read.
    pub(super) async fn read_log(&self, since: Version) -> Result<Changes, StoreError> {
        let after = Some(item::log_sort(since));
        let mut pages = partition(&self.log_client, &self.table, item::LOG, after).into_paginator().send();
        let (mut head, mut entries) = (Version(0), BTreeMap::new());
        for read in 0.. {
            let Some(page) = pages.try_next().await.map_err(failed)? else { break };
            if read == MAX_LOG_PAGES {
                return Ok(Changes::Gap);
            }
            take(page.items(), &mut head, &mut entries)?;
        }
        self.saw_head(head);
        if head < since {
            return Ok(Changes::Gap);
        }
        // Those after the head belong to writes that nobody was told of yet: the next reading shows them.
        entries.retain(|version, _| *version <= head);
        if head.0 - since.0 > entries.len() as u64 + u64::from(TAIL) {
            return Ok(Changes::Gap);
        }
        for (version, entry) in self.missing(since, head, &entries).await? {
            match entry {
                Some(entry) => entries.insert(version, entry),
                // It has expired. Entries do so in no order, so that an older one may still be there.
                None => return Ok(Changes::Gap),
            };
        }
        let change = |entry: Entry| Change { version: entry.version, id: entry.id, endpoint: entry.endpoint };
        Ok(Changes::Log { head, changes: entries.into_values().map(change).collect() })
    }

    /// The end of the log first, then all endpoints. What is read of these is at least as new as the head, except for
    /// writes that were being carried out just then; these are the last ones, and the log says what they did.
    pub(super) async fn read_all(&self) -> Result<Snapshot, StoreError> {
        let (head, tail) = self.tail().await?;
        let mut endpoints = BTreeMap::new();
        let mut items = self.partition(item::ENDPOINTS, None).into_paginator().items().send();
        while let Some(item) = items.try_next().await.map_err(failed)? {
            let stored = item::endpoint(&item)?;
            endpoints.insert(stored.endpoint.id, stored);
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
        self.saw_head(head);
        Ok(Snapshot { head, endpoints: endpoints.into_values().map(|stored| stored.endpoint).collect() })
    }

    /// The head, and the last writes up to it, as far as they have not expired.
    async fn tail(&self) -> Result<(Version, Vec<Entry>), StoreError> {
        let query = self.partition(item::LOG, None).scan_index_forward(false).limit(i32::from(TAIL) + 1);
        let mut pages = query.into_paginator().send();
        let (mut head, mut entries) = (Version(0), BTreeMap::new());
        while let Some(page) = pages.try_next().await.map_err(failed)? {
            take(page.items(), &mut head, &mut entries)?;
            if entries.len() >= usize::from(TAIL) {
                break;
            }
        }
        let start = Version(head.0.saturating_sub(TAIL.into()));
        entries.retain(|version, _| start < *version && *version <= head);
        let mut expired = start;
        for (version, entry) in self.missing(start, head, &entries).await? {
            match entry {
                Some(entry) => _ = entries.insert(version, entry),
                None => expired = expired.max(version),
            }
        }
        // Entries expire in no order. What is older than one that has expired says what an endpoint was, and not what became of it.
        Ok((head, entries.into_iter().filter(|(version, _)| *version > expired).map(|(_, entry)| entry).collect()))
    }

    /// What of `since` to `head` is not among the entries: those that were on their way, and `None` for those that have expired.
    async fn missing(
        &self,
        since: Version,
        head: Version,
        entries: &BTreeMap<Version, Entry>,
    ) -> Result<Vec<(Version, Option<Entry>)>, StoreError> {
        let versions = (since.0 + 1..=head.0).map(Version).filter(|version| !entries.contains_key(version));
        self.settled(versions.collect()).await
    }

    /// Entries once they are decided: one that is not there then is never going to be.
    pub(super) async fn settled(&self, versions: Vec<Version>) -> Result<Vec<(Version, Option<Entry>)>, StoreError> {
        let items = self.get_at_once(versions.iter().map(|version| item::log_key(*version)).collect()).await?;
        let entry =
            |(version, item): (Version, Option<item::Item>)| match item.as_ref().map(item::logged).transpose()? {
                Some(Logged::Entry(entry)) => Ok((version, Some(entry))),
                Some(Logged::Head(_)) | None => Ok((version, None)),
            };
        versions.into_iter().zip(items).map(entry).collect()
    }
}

fn take(items: &[item::Item], head: &mut Version, entries: &mut BTreeMap<Version, Entry>) -> Result<(), StoreError> {
    for item in items {
        match item::logged(item)? {
            Logged::Head(version) => *head = version,
            Logged::Entry(entry) => _ = entries.insert(entry.version, entry),
        }
    }
    Ok(())
}
