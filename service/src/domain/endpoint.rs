//! An endpoint: a mock with its identity.

use std::fmt;

use uuid::Uuid;

use super::{MockPath, MockResponse, Verb};

/// The identity of an endpoint: made by the server, opaque to clients. UUIDv7 (RFC 9562), so that ids sort by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(Uuid);

impl EndpointId {
    /// A new id, greater than all that this process has made before.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads an id in the one form in which Echo writes them: lower case, hyphenated.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(Uuid::try_parse(text).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

/// What makes an endpoint unique beside its id: no two share verb and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    pub verb: Verb,
    pub path: MockPath,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.path)
    }
}

/// A mock: requests for its route get its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub route: Route,
    pub response: MockResponse,
}
