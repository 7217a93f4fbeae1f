//! Writing: a transaction, sent until the result is known.

use std::pin::pin;

use parking_lot::Mutex;
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{
    DynamoStore,
    item::{self, Head, Item},
    timing::{self, Backoff},
    transaction::{Answer, Plan, Planned, Transaction},
};
use crate::{
    domain::{EndpointId, Route},
    store::{StoreError, Stored, Untouched, Version, Write, WriteError, Written},
};

/// The result of a transaction without a refusal.
enum Outcome {
    Committed,
    /// No effect, now and later: the head has moved on.
    Overtaken(Head),
}

impl DynamoStore {
    /// Carries out writes as a transaction. Within the time-outs, returns an error if the result is unknown.
    pub(super) async fn carry_out(
        &self,
        writes: Vec<Write>,
        untouched: Option<Untouched>,
    ) -> Result<Written, WriteError> {
        let started = Instant::now();
        let trouble = Mutex::new("the endpoint could not be read".to_owned());
        let mut work = pin!(self.commit(writes, untouched, &trouble));
        loop {
            let answered = *self.answered.lock();
            let deadline = (started.max(answered) + timing::WRITE_TIMEOUT).min(started + timing::QUEUED_WRITE_TIMEOUT);
            match timeout_at(deadline, &mut work).await {
                Ok(outcome) => {
                    if !matches!(outcome, Err(WriteError::Store(_))) {
                        *self.answered.lock() = Instant::now();
                    }
                    return outcome;
                }
                Err(_) if *self.answered.lock() == answered || deadline == started + timing::QUEUED_WRITE_TIMEOUT => {
                    let (seconds, trouble) = (started.elapsed().as_secs(), trouble.lock());
                    let why = format!("the write was not completed in {seconds} s: {trouble}");
                    return Err(StoreError::Unavailable(why).into());
                }
                // DynamoDB has decided another write meanwhile: extend the deadline.
                Err(_) => {}
            }
        }
    }

    async fn commit(
        &self,
        writes: Vec<Write>,
        mut untouched: Option<Untouched>,
        trouble: &Mutex<String>,
    ) -> Result<Written, WriteError> {
        let plan = self.plan(writes).await?;
        "other writes of this process came first".clone_into(&mut trouble.lock());
        let mut turn = self.turn.lock().await;
        let head = self.head.lock().version;
        turn.begin(head).await;
        let mut backoff = Backoff::default();
        loop {
            let head = *self.head.lock();
            if plan.format() > head.format.written {
                // Another process may have raised the table just now.
                match self.read_head().await? {
                    Some(now) if plan.format() <= now.format.written => *self.head.lock() = now,
                    _ => return Err(WriteError::NeedsFormat(plan.format())),
                }
                continue;
            }
            if self.is_of_another_table(head) {
                let why = "the table was restored, and this process has not loaded it yet".to_owned();
                return Err(StoreError::Unavailable(why).into());
            }
            // The transaction is conditional on the head, so the log up to the head decides.
            if let Some(behind) = untouched.take_if(|untouched| untouched.since < head.version) {
                let changes = self.read_log(behind.since).await?;
                untouched = Some(behind.after(&changes)?);
                continue;
            }
            // Cancellation point: an abandoned write stops here. Once sent, a write is harmless: any later write moves
            // the head, and the write is conditional on the head.
            yield_now().await;
            let transaction = plan.after(head, &self.table);
            let sent = Instant::now();
            match self.send(&plan, &transaction, &mut backoff, trouble).await? {
                Outcome::Committed => {
                    self.saw_head(transaction.next);
                    let version = transaction.next.version;
                    turn.end(version, sent.elapsed());
                    return Ok(Written { version, digests: transaction.digests });
                }
                // May be less than the last head: then another table of the same name has replaced the table.
                Outcome::Overtaken(head) => {
                    turn.meet();
                    "other processes came first each time".clone_into(&mut trouble.lock());
                    *self.answered.lock() = Instant::now();
                    *self.head.lock() = head;
                }
            }
        }
    }

    /// Reads the endpoints to change, above all for the routes. The routes stay valid as long as the endpoints have the
    /// expected versions.
    async fn plan(&self, writes: Vec<Write>) -> Result<Plan, WriteError> {
        let there = writes.iter().filter_map(|write| match write {
            Write::Replace { endpoint, .. } => Some(endpoint.id),
            Write::Delete { id, .. } => Some(*id),
            Write::Create(_) | Write::Discard { .. } => None,
        });
        let there = self.read_endpoints(there.collect()).await?;
        let expect = |id, expected| expect(there.get(&id), expected);
        let mut changes = Vec::with_capacity(writes.len());
        for write in writes {
            changes.push(match write {
                Write::Create(endpoint) => Planned::of(endpoint.id, None, Some(endpoint), None),
                Write::Replace { endpoint, expected } => {
                    let old = expect(endpoint.id, expected)?;
                    Planned::of(endpoint.id, Some(old), Some(endpoint), Some(expected))
                }
                Write::Delete { id, expected } => {
                    let old = expect(id, expected)?;
                    Planned::of(id, Some(old), None, Some(expected))
                }
                Write::Discard { id, route } => {
                    let (route, item) = self.damaged(id, route).await?;
                    // A record without a readable version is never changed.
                    let expected = item::number_of(&item, "version").ok().map(Version);
                    Planned::of(id, Some((route, item)), None, expected)
                }
            });
        }
        Plan::of(changes)
    }

    /// The item of an endpoint with a damaged record, and the endpoint's claimed route: the route in the record, or
    /// `other`.
    async fn damaged(&self, id: EndpointId, other: Option<Route>) -> Result<(Route, Item), WriteError> {
        let Some(item) = self.read_item(item::endpoint_key(id)).await? else { return Err(WriteError::Missing) };
        let shown = item::route(&item);
        let routes = shown.iter().cloned().chain(other).collect();
        let own = self.claimed(&routes, timing::READ_TIMEOUT).await?.into_iter().find(|(_, holder)| *holder == id);
        // A readable record is damaged if it shows another route than its claim.
        if item::endpoint(&item).is_ok()
            && own.as_ref().is_some_and(|(route, _)| shown.as_ref().map(Route::claim) == Some(route.claim()))
        {
            return Err(WriteError::Changed);
        }
        // A deletion of the record without the claim would block the route for ever.
        let (route, _) = own.ok_or_else(|| {
            let why = format!(
                "the damaged endpoint {id} does not show its route, so that its claim is not known: call its route, and delete it then; with \
                 parameters or a priority, delete both items by hand (docs/runbook.md#a-damaged-record)"
            );
            StoreError::Damaged(why)
        })?;
        Ok((route, item))
    }

    /// Sends a transaction until it is decided.
    ///
    /// After a sending without an answer, a later refusal may be the effect of the first sending: a moved head, a
    /// changed version, a taken route. The log tells.
    async fn send(
        &self,
        plan: &Plan,
        transaction: &Transaction,
        backoff: &mut Backoff,
        trouble: &Mutex<String>,
    ) -> Result<Outcome, WriteError> {
        let mut in_doubt = false;
        loop {
            let sent = Instant::now();
            let request = self.client.transact_write_items().client_request_token(&transaction.token);
            let request = request.set_transact_items(Some(transaction.items.clone())).customize();
            let sending = request.config_override(timing::sent_once()).send();
            let Err(error) = sending.await else { return Ok(Outcome::Committed) };
            let answer = plan.read(transaction, &error);
            if in_doubt
                && matches!(answer, Answer::Moved(_) | Answer::Refused(_))
                && self.token_of(transaction.next.version, timing::READ_TIMEOUT).await?.as_ref()
                    == Some(&transaction.token)
            {
                // The log may show the write ahead of the head.
                self.settled_head(timing::READ_TIMEOUT).await?;
                return Ok(Outcome::Committed);
            }
            let why = match answer {
                Answer::Moved(head) => return Ok(Outcome::Overtaken(head)),
                Answer::Refused(refusal) => return Err(refusal),
                Answer::Busy(why) => why,
                Answer::InDoubt(why) => {
                    in_doubt = true;
                    why
                }
            };
            *trouble.lock() = why;
            backoff.wait(sent).await;
        }
    }
}

/// The route of an endpoint, and the endpoint's item.
fn expect(item: Option<&Item>, expected: Version) -> Result<(Route, Item), WriteError> {
    let Some(item) = item else { return Err(WriteError::Missing) };
    let Stored { endpoint, version } = item::endpoint(item)?;
    if version == expected { Ok((endpoint.route, item.clone())) } else { Err(WriteError::Changed) }
}
