//! Reading endpoints. Always consistently, never by a scan.

use std::{error::Error, pin::pin, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        query::{QueryOutput, builders::QueryFluentBuilder},
        transact_get_items::TransactGetItemsError,
    },
    types::{Get, TransactGetItem},
};
use futures_util::{Stream, TryStreamExt as _, stream};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{
    DynamoStore, chain, failed,
    item::{self, Item, PARTITION, SORT},
    timing::{self, Backoff, READ},
};
use crate::{
    domain::{EndpointId, MockPath, Route, Verb},
    store::{Filling, Filter, Page, StoreError, Stored},
};

/// As many items as one `TransactGetItems` reads.
pub(super) const MAX_AT_ONCE: usize = 100;

/// So many read for management at once.
pub(super) const READERS: usize = 16;

impl DynamoStore {
    /// Once it is decided: the head may count a write of it already, and calls show that.
    pub(super) async fn find(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        let (_place, deadline) = self.place().await?;
        let found = self.get_at_once(vec![item::endpoint_key(id)], deadline - Instant::now()).await?;
        found.iter().flatten().next().map(item::endpoint).transpose()
    }

    /// A place among those who read for management, and until when. Each holds a connection, which are many where the store is silent, and
    /// the readings of the log have to get through as well.
    async fn place(&self) -> Result<(SemaphorePermit<'_>, Instant), StoreError> {
        let deadline = Instant::now() + READ;
        let late = |_| StoreError(format!("{READERS} others have been reading for {} s", READ.as_secs()));
        let place = timeout_at(deadline, self.readers.acquire()).await.map_err(late)?;
        Ok((place.expect("it is never closed"), deadline))
    }

    pub(super) fn partition(&self, name: &str, after: Option<String>) -> QueryFluentBuilder {
        partition(&self.client, &self.table, name, after)
    }

    pub(super) async fn list_all(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        let query = self.partition(item::ENDPOINTS, after.map(|id| id.to_string()));
        // One more than asked for tells whether there are more.
        let query = query.limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let (_place, _) = self.place().await?;
        let mut pages = pin!(pages(query, timing::page_of_listing));
        let mut listed = Filling::new(limit);
        while let Some(page) = pages.try_next().await? {
            for item in page.items() {
                if !listed.add(item::endpoint(item)?.endpoint) {
                    return Ok(listed.page);
                }
            }
        }
        Ok(listed.page)
    }

    /// A page's worth, whatever its endpoints are, is less than the 4 MB that a transaction may read.
    pub(super) async fn list_these(&self, verb: Verb, ids: &[EndpointId]) -> Result<Page, StoreError> {
        let (_place, _) = self.place().await?;
        let mut listed = Filling::new(ids.len());
        for ids in ids.chunks(MAX_AT_ONCE) {
            let keys = ids.iter().copied().map(item::endpoint_key).collect();
            for item in self.get_at_once(keys, READ).await?.iter().flatten() {
                let Stored { endpoint, .. } = item::endpoint(item)?;
                if endpoint.route.verb == verb && !listed.add(endpoint) {
                    return Ok(listed.page);
                }
            }
        }
        Ok(listed.page)
    }

    /// The few endpoints of one path, by their claims: a listing of all would read every record.
    ///
    /// In one transaction, so that what is listed has been so at one time. Which endpoints that has to read is known by one before,
    /// which reads the claims alone.
    pub(super) async fn list_path(
        &self,
        verb: Option<Verb>,
        path: &MockPath,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let verbs = Verb::ALL.into_iter().filter(|of| verb.is_none_or(|verb| verb == *of));
        let claims: Vec<_> = verbs.map(|verb| item::claim_key(&Route { verb, path: path.clone() })).collect();
        let holders =
            |claims: &[Option<Item>]| claims.iter().flatten().map(item::holder).collect::<Result<Vec<_>, _>>();
        let ((_place, deadline), mut ids) = (self.place().await?, Vec::new());
        let mut found = loop {
            // Seven of the largest endpoints are less than half of the 4 MB that a transaction may read.
            let keys = claims.iter().cloned().chain(ids.iter().copied().map(item::endpoint_key));
            let mut read = self.get_at_once(keys.collect(), deadline - Instant::now()).await?;
            let endpoints = read.split_off(claims.len());
            let now = holders(&read)?;
            if now == ids {
                let endpoints = endpoints.iter().flatten().map(|item| Ok(item::endpoint(item)?.endpoint));
                break endpoints.collect::<Result<Vec<_>, StoreError>>()?;
            }
            if Instant::now() > deadline {
                return Err(StoreError(format!("what {path} is held by has changed for {} s", READ.as_secs())));
            }
            ids = now;
        };

        let filter = Filter { verb, path: Some(path.clone()) };
        found.retain(|e| after.is_none_or(|after| e.id > after) && filter.matches(&e.route));
        found.sort_unstable_by_key(|endpoint| endpoint.id);
        Page::of(found.into_iter().map(Ok), limit)
    }

    /// Items as they are between two transactions, in the order of the keys, of which there may be [`MAX_AT_ONCE`].
    pub(super) async fn get_at_once(&self, keys: Vec<Item>, within: Duration) -> Result<Vec<Option<Item>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let get = |key| {
            let get = Get::builder().table_name(&self.table).set_key(Some(key)).build().expect("it has all its parts");
            TransactGetItem::builder().get(get).build()
        };
        let request = self.client.transact_get_items().set_transact_items(Some(keys.into_iter().map(get).collect()));
        let ask = || request.clone().customize().config_override(timing::sent_once()).send();
        let read = until_answered(within, ask, |error| is_conflict(error) || is_passing(error)).await?;
        Ok(read.responses.unwrap_or_default().into_iter().map(|response| response.item).collect())
    }
}

/// Sends a read until it is answered, or fails for good.
pub(super) async fn until_answered<Answer, Failure, Sending>(
    within: Duration,
    ask: impl Fn() -> Sending,
    may_pass: impl Fn(&SdkError<Failure>) -> bool,
) -> Result<Answer, StoreError>
where
    Failure: Error + 'static,
    Sending: Future<Output = Result<Answer, SdkError<Failure>>>,
{
    let (deadline, mut backoff) = (Instant::now() + within, Backoff::default());
    let mut trouble = "no answer".to_owned();
    loop {
        let sent = Instant::now();
        match timeout_at(deadline, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if may_pass(&error) => trouble = chain(&error),
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(StoreError(format!("nothing was read in {} ms: {trouble}", within.as_millis()))),
        }
        backoff.wait(sent).await;
    }
}

/// A query for what comes after a sort key. No sort key begins with less than a digit.
pub(super) fn partition(client: &Client, table: &str, name: &str, after: Option<String>) -> QueryFluentBuilder {
    client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression(format!("{PARTITION} = :partition AND {SORT} > :after"))
        .expression_attribute_values(":partition", item::text(name))
        .expression_attribute_values(":after", item::text(after.unwrap_or_else(|| "!".into())))
}

/// The pages of a query, one after the other.
pub(super) fn pages(
    query: QueryFluentBuilder,
    settings: fn() -> Builder,
) -> impl Stream<Item = Result<QueryOutput, StoreError>> {
    stream::try_unfold(Some(query), move |query: Option<QueryFluentBuilder>| async move {
        let Some(query) = query else { return Ok(None) };
        let ask = || query.clone().customize().config_override(settings()).send();
        let page = until_answered(READ, ask, is_passing).await?;
        let next = page.last_evaluated_key.clone().map(|last| query.set_exclusive_start_key(Some(last)));
        Ok(Some((page, next)))
    })
}

/// Whether the request or its answer was lost, or DynamoDB can not answer just now.
pub(super) fn is_passing<Failure: ProvideErrorMetadata>(error: &SdkError<Failure>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(error) => {
            let signs = ["Throttl", "LimitExceeded", "ThroughputExceeded"];
            error.raw().status().is_server_error()
                || error.err().code().is_some_and(|code| signs.iter().any(|sign| code.contains(sign)))
        }
        _ => true,
    }
}

/// Whether one of the items is being written: it says nothing until that is decided.
fn is_conflict(error: &SdkError<TransactGetItemsError>) -> bool {
    let SdkError::ServiceError(error) = error else { return false };
    let TransactGetItemsError::TransactionCanceledException(cancelled) = error.err() else { return false };
    let transient = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    cancelled.cancellation_reasons().iter().all(|reason| reason.code().is_none_or(|code| transient.contains(&code)))
}
