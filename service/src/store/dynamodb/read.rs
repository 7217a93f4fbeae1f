//! Reading endpoints. Always consistently, never by a scan.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    error::Error,
    pin::pin,
    time::Duration,
};

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
    DynamoStore, chain, claim, failed,
    item::{self, Item, PARTITION, SORT},
    timing::{self, Backoff, READ_TIMEOUT},
};
use crate::{
    domain::{EndpointId, Route},
    store::{
        Filter, Page, StoreError, Stored,
        listing::{Filling, readable},
    },
};

/// Maximum number of items of a `TransactGetItems`.
pub(super) const MAX_AT_ONCE: usize = 100;

/// The largest items that fit into the 4 MB of a `TransactGetItems`.
pub(super) const MAX_LARGEST_AT_ONCE: usize = 10;

/// Maximum number of concurrent reads for management.
pub(super) const MAX_READERS: usize = 16;

impl DynamoStore {
    /// A decided state: calls may already show a write that is missing in a plain read.
    pub(super) async fn find(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.read_item(item::endpoint_key(id)).await?.as_ref().map(item::endpoint).transpose()
    }

    pub(super) async fn read_item(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let (_place, deadline) = self.place().await?;
        Ok(self.get_at_once(vec![key], deadline - Instant::now()).await?.pop().flatten())
    }

    /// The items of the existing endpoints among these.
    pub(super) async fn read_endpoints(&self, ids: Vec<EndpointId>) -> Result<HashMap<EndpointId, Item>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let (_place, deadline) = self.place().await?;
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(MAX_LARGEST_AT_ONCE) {
            let keys = ids.iter().copied().map(item::endpoint_key).collect();
            let items = self.get_at_once(keys, deadline - Instant::now()).await?;
            found.extend(ids.iter().copied().zip(items).filter_map(|(id, item)| Some((id, item?))));
        }
        Ok(found)
    }

    /// Takes no place of management's reads, because calls of mocks wait for the result.
    pub(super) async fn claimed(
        &self,
        routes: &BTreeSet<Route>,
        within: Duration,
    ) -> Result<BTreeMap<Route, EndpointId>, StoreError> {
        let mut holders = BTreeMap::new();
        // Routes that differ only by the names of parameters have one claim.
        let claims: BTreeSet<_> = routes.iter().map(Route::claim).collect();
        for claims in claims.into_iter().collect::<Vec<_>>().chunks(MAX_AT_ONCE) {
            let keys = claims.iter().map(|claim| claim::claim_key(claim)).collect();
            let found = claims.iter().zip(self.get_at_once(keys, within).await?);
            let held = found.filter_map(|(claim, item)| Some((claim, item::holder(&item?).ok()?)));
            let held: BTreeMap<_, _> = held.collect();
            holders.extend(routes.iter().filter_map(|route| Some((route.clone(), *held.get(&route.claim())?))));
        }
        Ok(holders)
    }

    /// A place among the reads for management, and the deadline. Each read holds a connection. While the store is
    /// silent, the connections of waiting reads add up, and readings of the log need connections as well.
    async fn place(&self) -> Result<(SemaphorePermit<'_>, Instant), StoreError> {
        let deadline = Instant::now() + READ_TIMEOUT;
        let late = |_| {
            StoreError::Unavailable(format!("{MAX_READERS} others have been reading for {} s", READ_TIMEOUT.as_secs()))
        };
        let place = timeout_at(deadline, self.readers.acquire()).await.map_err(late)?;
        Ok((place.expect("it is never closed"), deadline))
    }

    pub(super) fn partition(&self, name: &str, after: Option<String>) -> QueryFluentBuilder {
        partition(&self.client, &self.table, name, after)
    }

    pub(super) async fn list_all(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        let query = self.partition(item::ENDPOINTS, after.map(|id| id.to_string()));
        // An additional endpoint tells whether more follow.
        let query = query.limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX));
        let (_place, _) = self.place().await?;
        let mut pages = pin!(pages(query, timing::page_of_listing, READ_TIMEOUT));
        let mut listed = Filling::new(limit);
        while let Some(page) = pages.try_next().await? {
            for stored in page.items().iter().map(item::endpoint).filter_map(readable) {
                if !listed.add(stored?) {
                    return Ok(listed.page);
                }
            }
        }
        Ok(listed.page)
    }

    /// A page of any endpoints is smaller than the 4 MB limit of a transaction.
    pub(super) async fn list_chosen(&self, filter: &Filter, ids: &[EndpointId]) -> Result<Page, StoreError> {
        let (_place, _) = self.place().await?;
        let mut listed = Filling::new(ids.len());
        for ids in ids.chunks(MAX_AT_ONCE) {
            let keys = ids.iter().copied().map(item::endpoint_key).collect();
            let items = self.get_at_once(keys, READ_TIMEOUT).await?;
            for stored in items.iter().flatten().map(item::endpoint).filter_map(readable) {
                let stored = stored?;
                if filter.matches(&stored.endpoint) && !listed.add(stored) {
                    return Ok(listed.page);
                }
            }
        }
        Ok(listed.page)
    }

    /// Items at one point between transactions, in the order of the keys. At most [`MAX_AT_ONCE`].
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
        let read = until_answered(within, ask, |error| conflict(error).or_else(|| passing(error))).await?;
        Ok(read.responses.unwrap_or_default().into_iter().map(|response| response.item).collect())
    }
}

/// Interval of the log lines about a read without an answer. Only loads wait that long.
const WARNING_INTERVAL: Duration = Duration::from_secs(30);

/// Sends a read until the answer, or a final failure.
pub(super) async fn until_answered<Answer, Failure, Sending>(
    within: Duration,
    ask: impl Fn() -> Sending,
    passing: impl Fn(&SdkError<Failure>) -> Option<Kind>,
) -> Result<Answer, StoreError>
where
    Failure: Error + ProvideErrorMetadata + 'static,
    Sending: Future<Output = Result<Answer, SdkError<Failure>>>,
{
    let (deadline, mut backoff) = (Instant::now() + within, Backoff::default());
    let (mut trouble, mut told) = ("no answer".to_owned(), Instant::now());
    let mut kind: Kind = StoreError::Unavailable;
    loop {
        let sent = Instant::now();
        match timeout_at(deadline, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => match passing(&error) {
                Some(passes) => (kind, trouble) = (passes, chain(&error)),
                None => return Err(failed(error)),
            },
            Err(_) => return Err(kind(format!("nothing was read in {} ms: {trouble}", within.as_millis()))),
        }
        if told.elapsed() > WARNING_INTERVAL {
            told = Instant::now();
            tracing::warn!(error = trouble, "DynamoDB does not answer: the load waits");
        }
        backoff.wait(sent).await;
    }
}

/// A query for the items after a sort key. `!` sorts before every sort key.
pub(super) fn partition(client: &Client, table: &str, name: &str, after: Option<String>) -> QueryFluentBuilder {
    client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression(format!("{PARTITION} = :partition AND {SORT} > :after"))
        .expression_attribute_values(":partition", item::text(name))
        .expression_attribute_values(":after", item::text(after.unwrap_or_else(|| "!".into())))
}

/// The pages of a query, in order.
pub(super) fn pages(
    query: QueryFluentBuilder,
    settings: fn() -> Builder,
    within: Duration,
) -> impl Stream<Item = Result<QueryOutput, StoreError>> {
    stream::try_unfold(Some(query), move |query: Option<QueryFluentBuilder>| async move {
        let Some(query) = query else { return Ok(None) };
        let ask = || query.clone().customize().config_override(settings()).send();
        let page = until_answered(within, ask, passing).await?;
        let next = page.last_evaluated_key.clone().map(|last| query.set_exclusive_start_key(Some(last)));
        Ok(Some((page, next)))
    })
}

/// The kind of a failure.
pub(super) type Kind = fn(String) -> StoreError;

/// The kind of a failure after which another attempt may succeed: the request or answer was lost, or DynamoDB is busy.
pub(super) fn passing<Failure: ProvideErrorMetadata>(error: &SdkError<Failure>) -> Option<Kind> {
    let may_pass = match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => service.raw().status().is_server_error() || is_throttled(error),
        _ => true,
    };
    may_pass.then(|| kind_of(error))
}

/// Whether DynamoDB refuses the request only because of the rate of requests.
pub(super) fn is_throttled(error: &impl ProvideErrorMetadata) -> bool {
    error.code().is_some_and(is_of_throttling)
}

fn is_of_throttling(code: &str) -> bool {
    ["Throttl", "LimitExceeded", "ThroughputExceeded"].iter().any(|sign| code.contains(sign))
}

/// The kind of a failure with this error.
pub(super) fn kind_of(error: &impl ProvideErrorMetadata) -> Kind {
    if is_throttled(error) { StoreError::Throttled } else { StoreError::Unavailable }
}

/// As [`passing`], for a refused transaction: DynamoDB throttles, or another transaction on an item is undecided.
fn conflict(error: &SdkError<TransactGetItemsError>) -> Option<Kind> {
    let TransactGetItemsError::TransactionCanceledException(cancelled) = error.as_service_error()? else { return None };
    let mut codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let is_throttled = codes.clone().any(is_of_throttling);
    let may_pass = codes.all(|code| ["None", "TransactionConflict"].contains(&code) || is_of_throttling(code));
    may_pass.then_some(if is_throttled { StoreError::Throttled } else { StoreError::Unavailable })
}
