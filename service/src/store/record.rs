//! How an endpoint is written down: JSON with a version of its own, apart from the API's representation.

use serde::{Deserialize, Serialize};

use super::{StoreError, Stored, Version};
use crate::domain::{Body, Endpoint, EndpointId, Headers, MockPath, MockResponse, Route, StatusCode, Verb};

/// Verb and path are borrowed: neither ever needs an escape in JSON.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    version: u64,
    verb: &'a str,
    path: &'a str,
    code: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

pub(super) fn encode(endpoint: &Endpoint, version: Version) -> Vec<u8> {
    let Endpoint { route, response, .. } = endpoint;
    let record = Record {
        version: version.0,
        verb: route.verb.as_str(),
        path: route.path.as_str(),
        code: response.code().get(),
        headers: response.headers().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        body: response.body().map(|body| body.as_str().to_owned()),
    };
    serde_json::to_vec(&record).expect("a record of strings and numbers is always JSON")
}

/// Parses what [`encode`] wrote. The domain's rules are checked again: a damaged record must not become an answer.
pub(super) fn decode(id: EndpointId, bytes: &[u8]) -> Result<Stored, StoreError> {
    let damaged = |why: String| StoreError(format!("the record of endpoint {id} is damaged: {why}"));
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
    let route = Route {
        verb: Verb::parse(record.verb).map_err(|e| damaged(e.to_string()))?,
        path: MockPath::parse(record.path).map_err(|e| damaged(e.to_string()))?,
    };
    let code = StatusCode::parse(record.code.into()).map_err(|e| damaged(e.to_string()))?;
    let headers = Headers::parse(record.headers).map_err(|e| damaged(format!("{e:?}")))?;
    let body = record.body.map(Body::parse).transpose().map_err(|e| damaged(e.to_string()))?;
    let response = MockResponse::new(code, headers, body).map_err(|e| damaged(e.to_string()))?;
    Ok(Stored { endpoint: Endpoint { id, route, response }, version: Version(record.version) })
}
