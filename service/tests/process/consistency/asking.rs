//! The ways in which a client can ask what is at a path.

use echo_service::{
    domain::{Body, Endpoint, MockPath, Verb},
    replica::Replica,
    store::{Filter, StoreError},
};

/// What a call is answered: the mock's body, or nothing where there is none.
pub async fn called(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let found = replica.find(Verb::Get, path).await?;
    Ok(found.map(|answer| String::from_utf8(answer.into_body().to_vec()).unwrap()).unwrap_or_default())
}

/// The same, as management tells it.
pub async fn listed(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let filter = Filter { verb: Some(Verb::Get), path: Some(MockPath::parse(path).unwrap()) };
    let page = replica.list(filter, None, 2, |_| {}).await?;
    Ok(body_of(page.endpoints.first()))
}

/// The same, by a listing of all with its verb.
pub async fn listed_with_others(replica: &Replica, path: &str) -> Result<String, StoreError> {
    let page = replica.list(Filter { verb: Some(Verb::Get), path: None }, None, 100, |_| {}).await?;
    Ok(body_of(page.endpoints.iter().find(|endpoint| endpoint.route.path.as_str() == path)))
}

pub fn body_of(endpoint: Option<&Endpoint>) -> String {
    endpoint.and_then(|endpoint| endpoint.response.body()).map_or("", Body::as_str).to_owned()
}
