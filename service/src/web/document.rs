//! The document of every refusal.

use poem_openapi::Object;

/// The place of the error in the request.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "ErrorSource", skip_serializing_if_is_none)]
pub struct Source {
    /// JSON pointer (RFC 6901) into the document of the request.
    pointer: Option<String>,
    /// Name of the query parameter.
    parameter: Option<String>,
    /// Name of the header field.
    header: Option<String>,
}

impl Source {
    const NONE: Self = Self { pointer: None, parameter: None, header: None };

    pub fn pointer(pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::NONE }
    }

    pub fn parameter(name: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), ..Self::NONE }
    }

    pub fn header(name: impl Into<String>) -> Self {
        Self { header: Some(name.into()), ..Self::NONE }
    }
}

/// One error (JSON:API 1.1, "Error Objects").
#[derive(Debug, Clone, PartialEq, Eq, Object)]
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
    pub(super) source: Option<Source>,
}

/// All errors of a request.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "ErrorDocument", example)]
pub struct ErrorDocument {
    pub(super) errors: Vec<ErrorObject>,
}
