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
    /// `None` if all tests hold, or if an earlier mock answers.
    pub failure: Option<Failure>,
}

/// The first test that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The names of the members that lead to the test, in the attributes of the mock. Excerpts.
    pub place: Vec<String>,
    /// The test. `None` for a large one.
    pub expected: Option<Value>,
    /// Excerpts of the values in the request.
    pub found: Vec<String>,
}
