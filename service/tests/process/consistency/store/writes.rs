//! Writes on their way to the simulated store.

use std::{sync::Arc, time::Duration};

use echo_service::{
    domain::Mock,
    store::{Untouched, Write, WriteError, Written},
};
use rand::Rng;
use tokio::time::{Instant, sleep};

use super::{super::formats::is_new, Plant, Way, until_counted};
use crate::store::digests::written;

/// Time between the two halves: longer than all replicas need to learn of the first.
const NOWHERE: Duration = Duration::from_millis(400);

impl Way {
    pub(super) async fn carry_out(
        &self,
        mut writes: Vec<Write>,
        untouched: Option<Untouched>,
    ) -> Result<Written, WriteError> {
        let asked = writes.clone();
        let forget = self.plant == Plant::LostWrites && self.chance(0.1);
        if let Err(lost) = self.travel().await {
            if self.chance(0.5) {
                self.arrive_late(writes, untouched);
            }
            return Err(lost.into());
        }
        for write in &writes {
            if let Write::Replace { endpoint: Mock { id, .. }, expected } | Write::Delete { id, expected } = write {
                // Reads the endpoint first: it may be ahead of the head.
                let version = self.truth.lock().model.get(*id).map(|stored| stored.version);
                if version != Some(*expected) {
                    self.travel().await?;
                    return Err(if version.is_none() { WriteError::Missing } else { WriteError::Changed });
                }
            }
        }
        // One transaction at a time writes the head.
        until_counted(&self.truth).await;
        let outcome = {
            let mut truth = self.truth.lock();
            let head = truth.model.head();
            let is_guarded = self.plant != Plant::UnguardedSets;
            if let Some(untouched) = untouched.filter(|_| is_guarded) {
                let changes = truth.model.changes_since(untouched.since, true);
                untouched.after(&changes)?;
            }
            let is_cached = self.plant == Plant::CachedRefusal;
            self.format.before_write(&mut truth.formats, head, is_new(&writes), is_cached)?;
            if forget && matches!(writes[..], [Write::Replace { .. }]) {
                Ok(truth.model.head())
            } else {
                let most = if self.chance(0.2) { 60_000 } else { 4_000 };
                let random = || Duration::from_micros(self.random.lock().random_range(0..most));
                let lag = truth.lag.unwrap_or_else(random);
                let outcome = match (self.plant, writes.pop()) {
                    (Plant::MovesInHalves, Some(Write::Replace { endpoint, expected })) if writes.is_empty() => {
                        truth.write_in_halves(endpoint, expected)
                    }
                    (plant, last) => {
                        writes.extend(last);
                        if plant == Plant::EntriesInParts {
                            truth.write_in_parts(writes)
                        } else {
                            truth.model.write(writes)
                        }
                    }
                };
                let new = truth.model.head().0 as usize - truth.counted.len();
                truth.counted.extend((0..new).map(|half| Instant::now() + lag + NOWHERE * half as u32));
                if new > 0 {
                    let head = truth.model.head();
                    self.format.after_write(&mut truth.formats, head);
                }
                outcome
            }
        };
        until_counted(&self.truth).await;
        self.travel().await?;
        Ok(written(&asked, outcome?))
    }

    /// A write without an answer may take effect later, as long as the head is unchanged.
    fn arrive_late(&self, writes: Vec<Write>, untouched: Option<Untouched>) {
        let (truth, late) = (Arc::clone(&self.truth), self.random.lock().random_range(0..1_000));
        let head = truth.lock().model.head();
        tokio::spawn(async move {
            sleep(Duration::from_millis(late)).await;
            until_counted(&truth).await;
            let mut truth = truth.lock();
            let is_untouched =
                untouched.is_none_or(|it| it.clone().after(&truth.model.changes_since(it.since, true)).is_ok());
            let is_as_it_was = is_untouched && truth.model.head() == head && truth.formats.allow(is_new(&writes));
            if is_as_it_was && truth.model.write(writes).is_ok() {
                truth.counted.push(Instant::now());
            }
        });
    }
}
