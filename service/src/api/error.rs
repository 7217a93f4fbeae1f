//! The only place where a refusal becomes a status and a body.
//!
//! The kinds of error, with their statuses, are here; what is said of a value comes from the domain and from whoever read it.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use poem::error::ResponseError;
use poem_openapi::Object;
use serde::Serialize;

use super::jsonapi;
use crate::{
    domain::{EndpointId, Route},
    store::{StoreError, WriteError},
};

/// Where a client should look for the fault.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ErrorSource")]
pub struct Source {
    /// JSON pointer (RFC 6901) into the request's document.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Name of the query parameter.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Name of the header field.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// One thing that is wrong (JSON:API 1.1, "Error Objects").
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Error")]
pub struct ErrorObject {
    /// The HTTP status code that belongs to this error.
    status: String,
    /// A word for programs; it does not change.
    code: String,
    /// The kind of error in a few words.
    title: String,
    /// What was wrong, and what to do or write instead.
    detail: String,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

/// All that is wrong with a request, at once.
#[derive(Debug, Clone, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ErrorDocument")]
pub struct ErrorDocument {
    errors: Vec<ErrorObject>,
}

/// A request with more faults than this is told of the first ones, and how many more there are.
pub const MAX_ERRORS: usize = 50;

/// The beginning of what a client sent, which may be as long as it likes.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    const CHARACTERS: usize = 100;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// The kinds of error, each with its status, its word for programs and its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Malformed,
    BadParameter,
    Unauthorized,
    Forbidden,
    ClientId,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    Timeout,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl Kind {
    const fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The body can not be read"),
            Self::BadParameter => (StatusCode::BAD_REQUEST, "bad_parameter", "A query parameter is wrong"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "A key is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The key does not allow this"),
            Self::ClientId => (StatusCode::FORBIDDEN, "client_id", "Ids are made by the server"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "It does not exist"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The resource does not have this method")
            }
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not_acceptable", "No acceptable media type"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The request took too long to arrive"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "It conflicts with what exists"),
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "precondition_failed", "It was changed in the meantime")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "It is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The media type is not supported")
            }
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A value is not valid"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something is broken here"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The service can not answer now"),
        }
    }

    pub fn object(self, detail: impl Into<String>, source: Option<Source>) -> ErrorObject {
        let (status, code, title) = self.describe();
        ErrorObject {
            status: status.as_str().into(),
            code: code.into(),
            title: title.into(),
            detail: detail.into(),
            source,
        }
    }
}

/// A refusal, ready to be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{errors:?}")]
pub struct ApiError {
    status: StatusCode,
    errors: Vec<ErrorObject>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub fn new(kind: Kind, detail: impl Into<String>, source: Option<Source>) -> Self {
        Self::all(vec![kind.object(detail, source)])
    }

    /// Several errors. Where they do not agree on a status it is 400 (JSON:API 1.1, "Processing Errors").
    pub fn all(errors: Vec<ErrorObject>) -> Self {
        let alike = errors.iter().all(|error| error.status == errors[0].status);
        let status = errors.first().filter(|_| alike).and_then(|error| error.status.parse().ok());
        Self { status: status.unwrap_or(StatusCode::BAD_REQUEST), errors, headers: Vec::new() }
    }

    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn page_not_found(path: &str) -> Self {
        Self::new(Kind::NotFound, format!("Requested page `{path}` does not exist"), None)
    }

    pub fn endpoint_not_found(id: &str) -> Self {
        Self::new(Kind::NotFound, format!("Requested Endpoint with ID `{id}` does not exist"), None)
    }

    pub fn method_not_allowed(method: &str, path: &str, allowed: &'static str) -> Self {
        Self::new(Kind::MethodNotAllowed, format!("`{path}` does not have {method}: use {allowed}"), None)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// RFC 6750 section 3.
    pub fn unauthorized(token_given: bool) -> Self {
        let (detail, challenge) = if token_given {
            (
                "The key in `Authorization` is not known: check it, or ask the operator for one",
                r#"Bearer realm="echo", error="invalid_token""#,
            )
        } else {
            ("This needs a key: send `Authorization: Bearer echo_…`", r#"Bearer realm="echo""#)
        };
        Self::new(Kind::Unauthorized, detail, Some(Source::header("Authorization")))
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    pub fn too_many_requests(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        Self::new(Kind::TooManyRequests, format!("Too many requests: try again in {seconds} s"), None)
            .with_header(header::RETRY_AFTER, seconds)
    }

    /// After a write was sent, nobody knows.
    pub fn out_of_time() -> Self {
        Self::unavailable(
            "It took too long. If this was a change, it may or may not have been made; repeating it is safe",
        )
    }

    pub fn store_away() -> Self {
        Self::unavailable(
            "The store can not be reached: try again. If this was a change, it may or may not have been made; repeating it is safe",
        )
    }

    pub fn unavailable(detail: &str) -> Self {
        Self::new(Kind::Unavailable, detail, None).with_header(header::RETRY_AFTER, 1)
    }

    /// A fault of ours. What it was is for the log only.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "The request met a fault in the service; its log says more", None)
    }

    pub fn taken(route: &Route, holder: EndpointId) -> Self {
        let detail = format!(
            "`{route}` is taken by the endpoint with ID `{holder}`: change or delete that one, or choose another path"
        );
        Self::new(Kind::Conflict, detail, Some(Source::pointer("/data/attributes/path")))
    }

    pub fn changed() -> Self {
        let detail = "The endpoint is not at the version that `If-Match` names: get it again, and send its new ETag";
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-Match")))
    }

    pub fn into_document(self) -> ErrorDocument {
    /// A proxy that compresses an answer makes its ETag weak, and `If-Match` compares strongly (RFC 9110 section 13.1.1).
    pub fn weak_tag(current: &str) -> Self {
        let detail = format!(
            "The tag in `If-Match` is weak, and `If-Match` takes strong tags only: send `{current}`, without `W/`"
        );
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-Match")))
    }

    pub fn not_excluded() -> Self {
        let detail =
            "The endpoint is at a version that `If-None-Match` names: leave this field out to change or delete it";
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-None-Match")))
    }

        ErrorDocument { errors: self.errors }
    }

    /// The refusal as HTTP sends it.
    pub fn into_http(self) -> http::Response<Bytes> {
        let (status, headers) = (self.status, self.headers.clone());
        let body = serde_json::to_vec(&self.into_document()).expect("strings are always JSON");
        let mut response = http::Response::new(body.into());
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(jsonapi::MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::store_away()
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Taken { route, holder } => Self::taken(&route, holder),
            WriteError::Missing => Self::new(Kind::NotFound, "The endpoint was deleted in the meantime", None),
            WriteError::Changed => Self::changed(),
            WriteError::Store(error) => error.into(),
        }
    }
}

impl ResponseError for ApiError {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> poem::Response {
        let (parts, body) = self.clone().into_http().into_parts();
        let mut response = poem::Response::from(body.to_vec());
        response.set_status(parts.status);
        *response.headers_mut() = parts.headers;
        response
    }
}
