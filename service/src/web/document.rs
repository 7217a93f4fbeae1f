//! The document of every refusal.

use poem_openapi::Object;
use serde::Serialize;

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
}

/// All errors of a request.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ErrorDocument", example)]
pub struct ErrorDocument {
    pub(super) errors: Vec<ErrorObject>,
}
