//! The document of every refusal.

use poem_openapi::{Object, types::Example};
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Candidate, Failure};

/// The place of the error in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ErrorSource", skip_serializing_if_is_none)]
pub struct Source {
    /// JSON pointer (RFC 6901) into the document of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Name of the header field.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
}

impl Source {
    pub fn pointer(pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::default() }
    }

    /// Points into the attributes alone.
    pub(super) fn strip_envelope(&mut self) {
        let Some(pointer) = &mut self.pointer else { return };
        let inner = ["/data/attributes", "/data"].into_iter().find_map(|envelope| pointer.strip_prefix(envelope));
        *pointer = inner.unwrap_or(pointer).to_owned();
    }

    pub fn parameter(name: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), ..Self::default() }
    }

    pub fn header(name: impl Into<String>) -> Self {
        Self { header: Some(name.into()), ..Self::default() }
    }
}

/// One error (JSON:API 1.1, "Error Objects").
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Error", skip_serializing_if_is_none)]
pub struct ErrorObject {
    /// The HTTP status code of this error.
    pub(super) status: String,
    /// A code for programs. It does not change.
    pub(super) code: String,
    /// The kind of error in a few words.
    pub(super) title: String,
    /// The mistake, and the correction.
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) links: Option<ErrorLinks>,
}

impl ErrorObject {
    /// The pointer, if any, and the detail.
    pub fn place(&self) -> (Option<&str>, &str) {
        (self.source.as_ref().and_then(|source| source.pointer.as_deref()), &self.detail)
    }
}

/// Links of an error.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
pub struct ErrorLinks {
    /// The documentation page.
    pub(super) about: String,
}

/// All errors of a request.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ErrorDocument", example)]
#[oai(skip_serializing_if_is_none)]
pub struct ErrorDocument {
    pub(super) errors: Vec<ErrorObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<ErrorMeta>,
}

/// Hints for a request to nothing: either member is present.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct ErrorMeta {
    /// The nearest mocks, at most three: their tests fail, or their verb or path differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<Vec<MockObject>>,
    /// The operations of management, each a method and a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operations: Option<Vec<String>>,
}

/// A mock that may answer a request.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Candidate", skip_serializing_if_is_none, example)]
pub struct MockObject {
    /// The id of the endpoint.
    id: String,
    verb: String,
    path: String,
    priority: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    fails: Option<FailureObject>,
}

/// The first test that does not hold for the request.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "FailedTest", skip_serializing_if_is_none)]
pub struct FailureObject {
    /// JSON pointer (RFC 6901) of the test in the attributes of the endpoint.
    pointer: String,
    /// The test. Absent for a test of more than 1 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Value>,
    /// The beginnings of the values in the request, at most eight. Empty without a value.
    found: Vec<String>,
}

impl From<Candidate> for MockObject {
    fn from(Candidate { id, verb, path, priority, failure }: Candidate) -> Self {
        let fails = failure.map(|Failure { place, expected, found }| {
            let names = place.iter().map(|name| escaped(name)).collect::<Vec<_>>();
            FailureObject { pointer: format!("/{}", names.join("/")), expected, found }
        });
        Self { id: id.to_string(), verb: verb.to_string(), path, priority: priority.get(), fails }
    }
}

impl Example for MockObject {
    fn example() -> Self {
        let fails =
            FailureObject { pointer: "/when/query/lang".into(), expected: Some("fr".into()), found: vec!["en".into()] };
        let id = "01a22e80-afe2-77d2-9351-aaa7fd959968".into();
        Self { id, verb: "GET".into(), path: "/greeting".into(), priority: 0, fails: Some(fails) }
    }
}

/// The name of a member as a part of a JSON pointer (RFC 6901 section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
