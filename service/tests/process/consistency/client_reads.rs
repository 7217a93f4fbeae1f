//! The ways in which a client can read a mock.

use echo_service::{
    domain::{Body, Call, Mock, Verb},
    replica::{FindError, Replica},
    store::{Filter, StoreError},
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::routes::{Request, route};

/// The answer to a call: the body of the first mock that fits, or nothing without a mock. A request is a path, perhaps
/// with values.
pub async fn called(replica: &Replica, request: &str) -> Result<String, StoreError> {
    let Request { path, query, headers } = Request::of(request);
    let field =
        |(name, value): (&str, &str)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    let headers: HeaderMap = headers.into_iter().map(field).collect();
    match replica.find(&Call { verb: Verb::Get, path, query: &query, headers: &headers, body: None }).await {
        Ok(Some(answer)) => Ok(String::from_utf8(answer.into_body().to_vec()).unwrap()),
        Ok(None) => Ok(String::new()),
        Err(FindError::Store(error)) => Err(error),
        Err(FindError::Undecided(error)) => panic!("{error}"),
    }
}

/// A read of the mock with this route by management.
pub async fn listed(replica: &Replica, text: &str) -> Result<String, StoreError> {
    let route = route(text);
    listed_by(replica, Filter { verb: Some(route.verb), path: Some(route.path) }, text).await
}

/// A listing of the route's verb by management.
pub async fn listed_with_others(replica: &Replica, text: &str) -> Result<String, StoreError> {
    listed_by(replica, Filter { verb: Some(route(text).verb), path: None }, text).await
}

async fn listed_by(replica: &Replica, filter: Filter, text: &str) -> Result<String, StoreError> {
    let claim = route(text).claim();
    let page = replica.list(filter, None, 100, |_| {}).await?;
    Ok(body_of(page.endpoints.iter().find(|endpoint| endpoint.route.claim() == claim)))
}

pub fn body_of(endpoint: Option<&Mock>) -> String {
    endpoint.and_then(|endpoint| endpoint.response.body()).map_or("", Body::as_str).to_owned()
}
