//! The ways in which a client can read a mock.

use echo_service::{
    domain::{Body, Endpoint, MockPath, Verb},
    replica::Replica,
    store::{Filter, StoreError},
};

/// The answer to a call: the mock's body, or nothing without a mock.
pub async fn called(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let found = replica.find(Verb::Get, path).await?;
    Ok(found.map(|answer| String::from_utf8(answer.into_body().to_vec()).unwrap()).unwrap_or_default())
}

/// A read of one mock by management.
pub async fn listed(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let filter = Filter { verb: Some(Verb::Get), path: Some(MockPath::parse(path).unwrap()) };
    let page = replica.list(filter, None, 2, |_| {}).await?;
    Ok(body_of(page.endpoints.first()))
}

/// A listing of the mock's verb by management.
pub async fn listed_with_others(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let page = replica.list(Filter { verb: Some(Verb::Get), path: None }, None, 100, |_| {}).await?;
    Ok(body_of(page.endpoints.iter().find(|endpoint| endpoint.route.path.as_str() == path)))
}

pub fn body_of(endpoint: Option<&Endpoint>) -> String {
    endpoint.and_then(|endpoint| endpoint.response.body()).map_or("", Body::as_str).to_owned()
}
