//! The ways in which a client can read a mock.

use echo_service::{
    domain::{Call, EndpointId, Mock, Payload, Verb},
    replica::{FindError, Replica, Reply},
    store::{Filter, StoreError},
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::routes::{Request, route};

/// The answer to a call: the body of the first mock that fits, or nothing without a mock. A request is a path, perhaps
/// with values.
pub async fn called(replica: &Replica, request: &str) -> Result<String, StoreError> {
    Ok(called_in_turn(replica, request).await?.expect("no turn is lost"))
}

/// The same. `None` if a turn may be lost.
pub async fn called_in_turn(replica: &Replica, request: &str) -> Result<Option<String>, StoreError> {
    let find = async |call: &Call<'_>| match replica.find(call).await {
        Err(FindError::Turn(_)) => Ok(None),
        found => found.map(Some),
    };
    let body = |reply: Reply| String::from_utf8(reply.response.into_body().to_vec()).unwrap();
    let found = with_call(request, find).await?;
    Ok(found.map(|answer| answer.map_or_else(String::new, body)))
}

/// The mock that answers a call.
pub async fn explained(replica: &Replica, request: &str) -> Result<Option<EndpointId>, StoreError> {
    Ok(with_call(request, async |call| replica.explain(call).await).await?.answers)
}

async fn with_call<T>(
    request: &str,
    ask: impl AsyncFnOnce(&Call<'_>) -> Result<T, FindError>,
) -> Result<T, StoreError> {
    let Request { path, query, headers } = Request::of(request);
    let field =
        |(name, value): (&str, &str)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    let headers: HeaderMap = headers.into_iter().map(field).collect();
    let call = Call { verb: Verb::Get, path, query: &query, headers: &headers, body: None };
    ask(&call).await.map_err(|error| match error {
        FindError::Store(error) | FindError::Turn(error) => error,
        FindError::Undecided(error) => panic!("{error}"),
    })
}

/// A read of the mock with this route by management.
pub async fn listed(replica: &Replica, text: &str) -> Result<String, StoreError> {
    let route = route(text);
    listed_by(replica, Filter { verb: Some(route.verb), path: Some(route.path), set: None }, text).await
}

/// A listing of the route's verb by management.
pub async fn listed_with_others(replica: &Replica, text: &str) -> Result<String, StoreError> {
    listed_by(replica, Filter { verb: Some(route(text).verb), path: None, set: None }, text).await
}

async fn listed_by(replica: &Replica, filter: Filter, text: &str) -> Result<String, StoreError> {
    let claim = route(text).claim();
    let page = replica.list(filter, None, 100, |_| {}).await?;
    Ok(body_of(page.mocks().find(|endpoint| endpoint.route.claim() == claim)))
}

/// Of a mock with turns: without the number of the turn.
pub fn body_of(endpoint: Option<&Mock>) -> String {
    let body = endpoint.and_then(|endpoint| endpoint.response.payload()).map_or("", Payload::text);
    body.split('#').next().unwrap_or_default().to_owned()
}
