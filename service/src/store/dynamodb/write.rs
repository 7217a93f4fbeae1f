//! Writing: one transaction, sent until it is known what has become of it.

use std::{pin::pin, sync::atomic::Ordering};

use aws_sdk_dynamodb::{
    client::customize::CustomizableOperation,
    operation::transact_write_items::{
        TransactWriteItemsError, TransactWriteItemsOutput, builders::TransactWriteItemsFluentBuilder,
    },
};
use parking_lot::Mutex;
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};

use super::{
    DynamoStore,
    timing::{self, Backoff},
    transaction::{Answer, Plan, Transaction},
};
use crate::{
    domain::{EndpointId, Route},
    store::{StoreError, Version, Write, WriteError},
};

type Request =
    CustomizableOperation<TransactWriteItemsOutput, TransactWriteItemsError, TransactWriteItemsFluentBuilder>;

/// What has become of a transaction that was not refused.
enum Outcome {
    Committed,
    /// It has not been carried out, and never will be: the head has moved on without it.
    Overtaken(Version),
}

impl DynamoStore {
    /// Carries out a write, or says in time that it is not known whether it took effect.
    pub(super) async fn carry_out(&self, write: Write) -> Result<Version, WriteError> {
        let started = Instant::now();
        let trouble = Mutex::new("the endpoint could not be read".to_owned());
        let mut work = pin!(self.commit(write, &trouble));
        loop {
            let answered = *self.answered.lock();
            let deadline = (started.max(answered) + timing::WRITE).min(started + timing::WRITE_IN_QUEUE);
            match timeout_at(deadline, &mut work).await {
                Ok(outcome) => {
                    if !matches!(outcome, Err(WriteError::Store(_))) {
                        *self.answered.lock() = Instant::now();
                    }
                    return outcome;
                }
                Err(_) if *self.answered.lock() == answered || deadline == started + timing::WRITE_IN_QUEUE => {
                    let (seconds, trouble) = (started.elapsed().as_secs(), trouble.lock());
                    return Err(StoreError(format!("the write was not completed in {seconds} s: {trouble}")).into());
                }
                // The queue moves on.
                Err(_) => {}
            }
        }
    }

    async fn commit(&self, write: Write, trouble: &Mutex<String>) -> Result<Version, WriteError> {
        let plan = self.plan(write).await?;
        "other writes of this process came first".clone_into(&mut trouble.lock());
        let mut turn = self.turn.lock().await;
        turn.begin(Version(self.head.load(Ordering::Acquire))).await;
        let mut backoff = Backoff::default();
        loop {
            let head = Version(self.head.load(Ordering::Acquire));
            // A write that nobody waits for any more ends here. One that is given up after this has a head that anything done instead moves.
            yield_now().await;
            let transaction = plan.after(head, &self.table);
            let sent = Instant::now();
            match self.send(&plan, &transaction, &mut backoff, trouble).await? {
                Outcome::Committed => {
                    self.saw_head(transaction.version);
                    turn.end(transaction.version, sent.elapsed());
                    return Ok(transaction.version);
                }
                // May be less than what was seen before: then this is another table of the same name.
                Outcome::Overtaken(head) => {
                    turn.meet();
                    "other processes came first each time".clone_into(&mut trouble.lock());
                    *self.answered.lock() = Instant::now();
                    self.head.store(head.0, Ordering::Release);
                }
            }
        }
    }

    /// What has to be known for a change, above all the route that the endpoint has: it can not be another one while the
    /// endpoint is at the version that is expected.
    async fn plan(&self, write: Write) -> Result<Plan, WriteError> {
        Ok(match write {
            Write::Create(endpoint) => Plan {
                id: endpoint.id,
                take: Some(endpoint.route.clone()),
                leave: None,
                endpoint: Some(endpoint),
                expected: None,
            },
            Write::Replace { endpoint, expected } => {
                let old = self.expect(endpoint.id, expected).await?;
                let moves = old != endpoint.route;
                Plan {
                    id: endpoint.id,
                    take: moves.then(|| endpoint.route.clone()),
                    leave: moves.then_some(old),
                    endpoint: Some(endpoint),
                    expected: Some(expected),
                }
            }
            Write::Delete { id, expected } => {
                let old = self.expect(id, expected).await?;
                Plan { id, take: None, leave: Some(old), endpoint: None, expected: Some(expected) }
            }
        })
    }

    async fn expect(&self, id: EndpointId, expected: Version) -> Result<Route, WriteError> {
        match self.find(id).await? {
            None => Err(WriteError::Missing),
            Some(stored) if stored.version != expected => Err(WriteError::Changed),
            Some(stored) => Ok(stored.endpoint.route),
        }
    }

    /// Sends a transaction until it is decided.
    ///
    /// After a sending that got no answer, what later answers say may be this transaction's own doing: the head has moved, the
    /// version is no longer the expected one, the route is taken. The log says whether it was.
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
            let Err(error) = self.request(transaction).send().await else { return Ok(Outcome::Committed) };
            let answer = plan.read(&error);
            if in_doubt
                && matches!(answer, Answer::Moved(_) | Answer::Refused(_))
                && self.token_of(transaction.version).await?.as_ref() == Some(&transaction.token)
            {
                // The log may show it before the head counts it.
                self.settled_head().await?;
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

    fn request(&self, transaction: &Transaction) -> Request {
        self.client
            .transact_write_items()
            .client_request_token(&transaction.token)
            .set_transact_items(Some(transaction.items.clone()))
            .customize()
            .config_override(timing::sent_once())
    }
}
