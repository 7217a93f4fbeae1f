//! Permits: replicas load everything again one at a time, because all loads share the capacity of one partition key.
//!
//! An item names the process that loads. A task asks for the permit, renews the item during the load, and deletes the
//! item at the end. So no reading waits for the item, and throttled pages delay no renewal. A process without renewals
//! for 30 s, by the monotonic clock of the reader, has ended. A permit only saves capacity: no answer depends on it.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure::AllOld,
};
use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    DynamoStore, failed,
    item::{self, EXPIRES, Item, PARTITION},
    read::{passing, until_answered},
    timing::{self, Backoff},
};

/// Both keys of the item, and its attributes.
const LOAD: &str = "LOAD";
const HOLDER: &str = "holder";
const RENEWED: &str = "renewed";

/// Time between two questions for the permit.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two renewals.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(5);
/// Time without renewals after which the holder has ended.
const HOLDER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for the deletion of the item with all its sendings.
const RETURN_TIMEOUT: Duration = Duration::from_secs(2);

/// The permit in the view of this process.
pub(super) struct Permit {
    wish: Mutex<Option<Wish>>,
    /// Held by the task that asks for the permit or has it. Closed at the end of the process.
    turn: Arc<Semaphore>,
}

/// The drop ends the task.
struct Wish {
    is_granted: watch::Receiver<Option<bool>>,
    _wanted: DropGuard,
}

/// The item, as this process writes it.
struct Task {
    client: Client,
    table: String,
    id: String,
}

impl Permit {
    pub(super) fn none() -> Self {
        Self { wish: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl DynamoStore {
    /// Waits for the answer to the first question. The questions go on until [`Self::return_permit`].
    pub(super) async fn ask_permit(&self) -> bool {
        let mut is_granted = self.permit.wish.lock().get_or_insert_with(|| self.wish()).is_granted.clone();
        is_granted.wait_for(Option::is_some).await.is_ok_and(|granted| *granted == Some(true))
    }

    fn wish(&self) -> Wish {
        let ((answer, is_granted), wanted) = (watch::channel(None), CancellationToken::new());
        let (client, table, id) = (self.client.clone(), self.table.clone(), self.processes.id().to_owned());
        tokio::spawn(Task { client, table, id }.run(Arc::clone(&self.permit.turn), wanted.clone(), answer));
        Wish { is_granted, _wanted: wanted.drop_guard() }
    }

    pub(super) fn return_permit(&self) {
        self.permit.wish.lock().take();
    }

    /// Returns the permit for good.
    pub(super) async fn leave_permit(&self) {
        self.return_permit();
        _ = self.permit.turn.acquire().await;
        self.permit.turn.close();
    }
}

impl Task {
    async fn run(self, turn: Arc<Semaphore>, wanted: CancellationToken, answer: watch::Sender<Option<bool>>) {
        let Ok(_turn) = turn.acquire().await else { return };
        // Requests on their way end first: a late question would take the permit for nobody.
        self.hold(&wanted, answer).await;
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(item::key(LOAD, LOAD)));
        let request = request.condition_expression(format!("{HOLDER} = :own"));
        let request = request.expression_attribute_values(":own", item::text(&self.id));
        let send = || request.clone().customize().config_override(timing::sent_once()).send();
        _ = until_answered(RETURN_TIMEOUT, send, passing).await;
    }

    /// Asks for the permit, and renews the item until the end of the wish.
    async fn hold(&self, wanted: &CancellationToken, answer: watch::Sender<Option<bool>>) -> Option<()> {
        let (mut other, mut lost) = (None, Backoff::default());
        loop {
            let sent = Instant::now();
            let granted = self.ask(&mut other).await;
            answer.send_replace(Some(granted == Some(true)));
            match granted {
                Some(true) => break,
                Some(false) => wanted.run_until_cancelled(sleep(ASK_INTERVAL)).await?,
                None => wanted.run_until_cancelled(lost.wait(sent)).await?,
            }
        }
        for renewed in 2.. {
            wanted.run_until_cancelled(sleep(RENEWAL_INTERVAL)).await?;
            let request = self.put(renewed).condition_expression(format!("{HOLDER} = :own"));
            _ = request.customize().config_override(timing::sent_once()).send().await;
        }
        None
    }

    /// Asks once. Returns `None` if the question is lost. `other`: another holder, the number of its renewals, and the
    /// time of the first sight of both.
    async fn ask(&self, other: &mut Option<(String, u64, Instant)>) -> Option<bool> {
        let free = format!("attribute_not_exists({PARTITION}) OR {HOLDER} = :own");
        let gone = other.as_ref().filter(|(.., since)| since.elapsed() >= HOLDER_TIMEOUT);
        let request = match gone {
            None => self.put(1).condition_expression(free),
            Some((holder, renewed, _)) => self
                .put(1)
                .condition_expression(format!("{free} OR {HOLDER} = :holder AND {RENEWED} = :renewed"))
                .expression_attribute_values(":holder", item::text(holder))
                .expression_attribute_values(":renewed", item::number(*renewed)),
        };
        let request = request.return_values_on_condition_check_failure(AllOld);
        let Err(error) = request.customize().config_override(timing::sent_once()).send().await else {
            return Some(true);
        };
        let (holder, renewed) = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                let holder = refusal.item().and_then(|item| item::text_of(item, HOLDER).ok());
                let renewed = refusal.item().and_then(|item| item::number_of(item, RENEWED).ok());
                // An item without these attributes has no holder.
                let (Some(holder), Some(renewed)) = (holder, renewed) else { return Some(true) };
                (holder, renewed)
            }
            // Others may load while DynamoDB throttles.
            _ if gone.is_none() && passing(&error).is_some() => {
                other.get_or_insert_with(|| (String::new(), 0, Instant::now()));
                return None;
            }
            _ => {
                tracing::warn!(error = %failed(error), "the item of loads cannot be written: this process loads without it");
                return Some(true);
            }
        };
        if other.as_ref().is_none_or(|(of, count, _)| of != holder || *count != renewed) {
            *other = Some((holder.to_owned(), renewed, Instant::now()));
        }
        Some(false)
    }

    fn put(&self, renewed: u64) -> PutItemFluentBuilder {
        let mut item: Item = item::key(LOAD, LOAD);
        item.insert(HOLDER.into(), item::text(&self.id));
        item.insert(RENEWED.into(), item::number(renewed));
        item.insert(EXPIRES.into(), item::number(timing::expiry_of_now()));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.expression_attribute_values(":own", item::text(&self.id))
    }
}
