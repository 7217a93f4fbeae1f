//! How an endpoint is written down, apart from the API's representation: as JSON with a version of its own, or field by field.

use serde::{Deserialize, Serialize};

use super::{StoreError, Stored, Version};
use crate::domain::{Body, Endpoint, EndpointId, Headers, MockPath, MockResponse, Route, StatusCode, Verb};

/// An endpoint without its id, in types that every store can keep.
///
/// Verb and path are borrowed: neither ever needs an escape in JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<'a> {
    pub version: u64,
    pub verb: &'a str,
    pub path: &'a str,
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

impl<'a> Record<'a> {
    pub(super) fn of(endpoint: &'a Endpoint, version: Version) -> Self {
        let Endpoint { route, response, .. } = endpoint;
        Self {
            version: version.0,
            verb: route.verb.as_str(),
            path: route.path.as_str(),
            code: response.code().get(),
            headers: response.headers().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            body: response.body().map(|body| body.as_str().to_owned()),
        }
    }

    /// The domain's rules are checked again: a damaged record must not become an answer.
    pub(super) fn parse(self, id: EndpointId) -> Result<Stored, StoreError> {
        let damaged = |why: String| damaged(id, &why);
        let route = Route {
            verb: Verb::parse(self.verb).map_err(|e| damaged(e.to_string()))?,
            path: MockPath::parse(self.path).map_err(|e| damaged(e.to_string()))?,
        };
        let code = StatusCode::parse(self.code.into()).map_err(|e| damaged(e.to_string()))?;
        let headers = Headers::parse(self.headers).map_err(|e| damaged(format!("{e:?}")))?;
        let body = self.body.map(Body::parse).transpose().map_err(|e| damaged(e.to_string()))?;
        let response = MockResponse::new(code, headers, body).map_err(|e| damaged(e.to_string()))?;
        Ok(Stored { endpoint: Endpoint { id, route, response }, version: Version(self.version) })
    }
}

pub(super) fn encode(endpoint: &Endpoint, version: Version) -> Vec<u8> {
    serde_json::to_vec(&Record::of(endpoint, version)).expect("a record of strings and numbers is always JSON")
}

/// Parses what [`encode`] wrote.
pub(super) fn decode(id: EndpointId, bytes: &[u8]) -> Result<Stored, StoreError> {
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(|e| damaged(id, &e.to_string()))?;
    record.parse(id)
}

pub(super) fn damaged(id: EndpointId, why: &str) -> StoreError {
    StoreError(format!("the record of endpoint {id} is damaged: {why}"))
}
