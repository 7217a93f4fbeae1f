//! The items of the processes on a table, so that all processes know of each other.
//!
//! Each process renews its item every 9 s, and then reads the items of all processes. No time of day is compared: a
//! process is live for 30 s after the reader has first seen the present count of renewals, by the reader's monotonic
//! clock. So a killed process counts as live for 30 s, and at the start of a reader every process counts as live. The
//! expiry only cleans up. No answer depends on this list: a forgotten process finds a table in an unknown format, and
//! answers 503.

use std::{collections::HashMap, mem, pin::pin, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures_util::TryStreamExt as _;
use parking_lot::Mutex;
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    failed,
    item::{self, EXPIRES, Item, SORT},
    read::{pages, partition, passing, until_answered},
    timing,
};
use crate::store::{Limits, Process, StoreError, format::NEWEST};

const PROCESSES: &str = "PROCESS";
/// Time between the beginnings of two renewals.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(9);
/// Time-out of a renewal with all its sendings.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Two renewals may fail: the third ends 29 s after the last success.
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// The processes on a table, in the view of this process.
pub(super) struct Processes {
    client: Client,
    table: String,
    own: Process,
    seen: Mutex<Seen>,
    /// Held while the item of this process is written or removed.
    writing: AsyncMutex<()>,
}

impl Processes {
    pub(super) fn of(client: &Client, table: &str, limits: Limits) -> Self {
        let own = Process { id: Uuid::now_v7().to_string(), format: NEWEST, limits };
        Self {
            client: client.clone(),
            table: table.to_owned(),
            own,
            seen: Mutex::default(),
            writing: AsyncMutex::default(),
        }
    }

    /// The id of this process.
    pub(super) fn id(&self) -> &str {
        &self.own.id
    }

    /// Writes the item of this process, and renews it until the handle is dropped.
    pub(super) async fn start(self: Arc<Self>) -> Result<AbortOnDropHandle<()>, StoreError> {
        let mut interval = interval(RENEWAL_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.tick().await;
        self.renew(1, timing::READ_TIMEOUT).await?;
        tracing::info!(process = self.own.id, format = self.own.format, "this process shares the table");
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            for renewed in 2.. {
                interval.tick().await;
                if let Err(error) = self.renew(renewed, RENEWAL_TIMEOUT).await {
                    tracing::warn!(%error, "the item of this process is not renewed");
                }
            }
        })))
    }

    async fn renew(&self, renewed: u64, within: Duration) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(own_item(&self.own, renewed)));
        let send = || put.clone().customize().config_override(timing::sent_once()).send();
        {
            let _writing = self.writing.lock().await;
            until_answered(within, send, passing).await?;
        }
        self.read().await
    }

    /// Reads the items of all processes.
    pub(super) async fn read(&self) -> Result<(), StoreError> {
        let query = partition(&self.client, &self.table, PROCESSES, None);
        let mut pages = pin!(pages(query, timing::page_of_listing, timing::READ_TIMEOUT));
        let mut found = Vec::new();
        while let Some(page) = pages.try_next().await? {
            found.extend(page.items().iter().filter_map(process));
        }
        self.seen.lock().update(found, Instant::now());
        Ok(())
    }

    /// The limits with this name of all live processes.
    pub(super) fn limits(&self, name: &str) -> Vec<u64> {
        self.seen.lock().live(Instant::now()).filter_map(|process| process.limits.get(name).copied()).collect()
    }

    /// The live processes at the last reading, including this process, in the order of starts.
    pub(super) fn live(&self) -> Vec<Process> {
        let mut live: Vec<_> = self.seen.lock().live(Instant::now()).cloned().collect();
        live.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        live
    }

    /// Removes the item of this process for good, and ends its renewals.
    pub(super) async fn leave(&self, renewing: Option<&AbortOnDropHandle<()>>) {
        // A renewal on its way could arrive after the removal, so it ends first.
        let _writing = self.writing.lock().await;
        if let Some(renewing) = renewing {
            renewing.abort();
        }
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(item::key(PROCESSES, &self.own.id)));
        if let Err(error) = request.customize().config_override(timing::sent_once()).send().await {
            tracing::warn!(error = %failed(error), "the item of this process is not removed: it counts as live for 30 s");
        }
    }
}

fn own_item(process: &Process, renewed: u64) -> Item {
    let limits = process.limits.iter().map(|(name, limit)| (name.clone(), item::number(*limit)));
    let mut item = item::key(PROCESSES, &process.id);
    item.insert("format".into(), item::number(process.format));
    item.insert("limits".into(), AttributeValue::M(limits.collect()));
    item.insert("renewed".into(), item::number(renewed));
    item.insert(EXPIRES.into(), item::number(timing::expiry_of_now()));
    item
}

/// A process, and the number of renewals of its item. A missing or damaged value counts as 0: no format may be assumed.
fn process(item: &Item) -> Option<(Process, u64)> {
    let number = |name| item::number_of(item, name).unwrap_or(0);
    let limits = item.get("limits").and_then(|limits| limits.as_m().ok());
    let limits = limits
        .into_iter()
        .flat_map(|limits| limits.keys().filter_map(|name| Some((name.clone(), item::number_of(limits, name).ok()?))));
    let id = item::text_of(item, SORT).ok()?.to_owned();
    Some((Process { id, format: number("format"), limits: limits.collect() }, number("renewed")))
}

/// The items of the last reading, by the id of the process.
#[derive(Default)]
struct Seen(HashMap<String, Sighting>);

struct Sighting {
    process: Process,
    renewed: u64,
    /// The time of the first reading with this count of renewals.
    since: Instant,
}

impl Seen {
    fn update(&mut self, found: Vec<(Process, u64)>, now: Instant) {
        let before = mem::take(&mut self.0);
        self.0.extend(found.into_iter().map(|(process, renewed)| {
            let known = before.get(&process.id).filter(|known| known.renewed == renewed);
            let since = known.map_or(now, |known| known.since);
            (process.id.clone(), Sighting { process, renewed, since })
        }));
    }

    fn live(&self, now: Instant) -> impl Iterator<Item = &Process> {
        self.0.values().filter(move |seen| now.duration_since(seen.since) < LIVE_WITHIN).map(|seen| &seen.process)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn process(id: &str) -> Process {
        Process { id: id.into(), format: NEWEST, limits: Limits::new() }
    }

    #[test]
    fn a_process_is_live_for_30_s_after_its_last_renewal_was_seen() {
        let (mut seen, start) = (Seen::default(), Instant::now());
        let live = |seen: &Seen, now| seen.live(now).map(|process| process.id.clone()).collect::<BTreeSet<_>>();
        let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let at = |seconds| start + Duration::from_secs(seconds);
        // An old item without renewals counts from the first reading on, at any age.
        seen.update(vec![(process("1"), 7), (process("2"), 1)], at(0));
        for seconds in [10, 20, 29] {
            seen.update(vec![(process("1"), 7), (process("2"), seconds)], at(seconds));
            assert_eq!(live(&seen, at(seconds)), ids(&["1", "2"]));
        }
        assert_eq!(live(&seen, at(30)), ids(&["2"]));
        assert_eq!(live(&seen, at(59)), ids(&[]));
        // Process 1 was stopped for a while.
        seen.update(vec![(process("1"), 8), (process("2"), 29)], at(60));
        assert_eq!(live(&seen, at(60)), ids(&["1"]));
        // A process that has ended has no item.
        seen.update(vec![], at(61));
        assert_eq!(live(&seen, at(61)), ids(&[]));
    }
}
