//! Mocks that may answer a request, for explanations.

use serde_json::Value;

use super::{EndpointId, Priority, Verb};

/// A mock that may answer a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub id: EndpointId,
    pub verb: Verb,
    pub path: String,
    pub priority: Priority,
    /// `None` if all tests hold.
    pub failure: Option<Failure>,
}

/// The first test that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The names of the members that lead to the test, in the attributes of the mock.
    pub place: Vec<String>,
    /// The test. `None` for a large one.
    pub expected: Option<Value>,
    /// Excerpts of the values in the request.
    pub found: Vec<String>,
}

impl Failure {
    /// Whether the test may hold a password or a token: a cookie, or a value with such a name.
    pub fn is_of_credential(&self) -> bool {
        const SIGNS: [&str; 6] = ["auth", "cookie", "key", "pass", "secret", "token"];
        let names = self.place.iter().map(|name| name.to_ascii_lowercase());
        names.into_iter().any(|name| SIGNS.iter().any(|sign| name.contains(sign)))
    }
}
