//! The only place where a refusal becomes a status and a body.
//!
//! This file has the kinds of errors with their statuses, and the errors of both listeners. The details of the others
//! come from the domain, from the readers of requests, and from `api/error.rs`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use poem::error::ResponseError;
use poem_openapi::types::Example;

use super::{
    MEDIA_TYPE,
    document::{ErrorDocument, ErrorLinks, ErrorMeta, ErrorObject, Source},
    routes,
};
use crate::domain::{Candidate, MAX_PATH_BYTES, RenderError, Undecided, beginning};

/// Maximum number of errors in an answer. One more error tells the number of the omitted errors.
pub const MAX_ERRORS: usize = 50;

/// The kinds of errors. Each has a status, a code for programs and a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Malformed,
    BadRequest,
    BadParameter,
    Unauthorized,
    Forbidden,
    ForeignHost,
    ForeignOrigin,
    ServiceWorker,
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
    Damaged,
    TooCostly,
    TemplateFailed,
    NotImplemented,
    Unavailable,
    Full,
}

impl Kind {
    const fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "Malformed body"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request", "Bad request"),
            Self::BadParameter => (StatusCode::BAD_REQUEST, "bad_parameter", "Invalid query parameter"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
            Self::ForeignHost => (StatusCode::FORBIDDEN, "foreign_host", "Foreign host"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin", "Foreign origin"),
            Self::ServiceWorker => (StatusCode::FORBIDDEN, "service_worker", "Service worker"),
            Self::ClientId => (StatusCode::FORBIDDEN, "client_id", "Client-generated ID"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not_acceptable", "Not acceptable"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "Request timeout"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Conflict"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed", "Precondition failed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Content too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type")
            }
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid value"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Self::Damaged => (StatusCode::INTERNAL_SERVER_ERROR, "damaged", "Damaged record"),
            Self::TooCostly => (StatusCode::INTERNAL_SERVER_ERROR, "too_costly", "Too costly"),
            Self::TemplateFailed => (StatusCode::INTERNAL_SERVER_ERROR, "template_failed", "Failed template"),
            Self::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "not_implemented", "Not implemented"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Service unavailable"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "full", "Memory limit of all mocks"),
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
            links: None,
        }
    }
}

/// A refusal, ready to send.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{errors:?}")]
pub struct ApiError {
    status: StatusCode,
    errors: Vec<ErrorObject>,
    headers: Vec<(HeaderName, HeaderValue)>,
    meta: Option<ErrorMeta>,
}

impl ApiError {
    pub fn new(kind: Kind, detail: impl Into<String>, source: Option<Source>) -> Self {
        Self::all(vec![kind.object(detail, source)])
    }

    /// Several errors. If their statuses differ, the answer's status is 400 (JSON:API 1.1, "Processing Errors").
    pub fn all(errors: Vec<ErrorObject>) -> Self {
        let alike = errors.iter().all(|error| error.status == errors[0].status);
        let status = errors.first().filter(|_| alike).and_then(|error| error.status.parse().ok());
        Self { status: status.unwrap_or(StatusCode::BAD_REQUEST), errors, headers: Vec::new(), meta: None }
    }

    /// Changes the details of the errors with a pointer, by pointer and detail.
    pub(crate) fn map_details(mut self, change: impl Fn(&str, &str) -> String) -> Self {
        for error in self.errors.iter_mut().filter(|error| error.place().0.is_some()) {
            let (pointer, detail) = error.place();
            error.detail = change(pointer.unwrap_or_default(), detail);
        }
        self
    }

    pub fn errors(&self) -> &[ErrorObject] {
        &self.errors
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same refusal for a document without the envelope of JSON:API.
    #[must_use]
    pub fn without_envelope(mut self) -> Self {
        self.errors.iter_mut().filter_map(|error| error.source.as_mut()).for_each(Source::strip_envelope);
        self
    }

    /// For a possible path of a mock. The detail repeats the longest possible path in full. Names the nearest mocks,
    /// without expected values: these may be secret.
    pub fn page_not_found(path: &str, mut nearest: Vec<Candidate>) -> Self {
        nearest.iter_mut().filter_map(|mock| mock.failure.as_mut()).for_each(|failure| failure.expected = None);
        let nearest = nearest.into_iter().map(Into::into).collect::<Vec<_>>();
        let path = beginning(path, MAX_PATH_BYTES);
        let refusal = Self::new(Kind::NotFound, format!("Requested page `{path}` does not exist"), None);
        let meta = (!nearest.is_empty()).then_some(ErrorMeta { nearest: Some(nearest), operations: None });
        Self { meta, ..refusal }
    }

    /// Links to the documentation page, for a listener that has the page.
    #[must_use]
    pub fn with_documentation(mut self) -> Self {
        let links = ErrorLinks { about: routes::DOCS.into() };
        self.errors.iter_mut().for_each(|error| error.links = Some(links.clone()));
        self
    }

    /// Lists the operations of management.
    #[must_use]
    pub fn with_operations(self) -> Self {
        Self { meta: Some(ErrorMeta { nearest: None, operations: Some(routes::operations().collect()) }), ..self }
    }

    /// The tests for a call cannot be decided.
    pub fn undecided(why: Undecided) -> Self {
        Self::new(Kind::TooCostly, capitalized(&why.to_string()), None)
    }

    /// The template of a mock has no result for a call.
    pub fn unrendered(why: &RenderError) -> Self {
        let kind = match why {
            RenderError::Failed(_) | RenderError::TooLarge => Kind::TemplateFailed,
            RenderError::BodyTooLarge => Kind::TooLarge,
            RenderError::Undecided(why) => return Self::undecided(*why),
        };
        Self::new(kind, capitalized(&why.to_string()), None)
    }

    pub fn service_worker() -> Self {
        let detail = "A service worker would outlive its mock and control the documentation page, which has the same \
                      origin: give management a listener of its own with --management-listen";
        Self::new(Kind::ServiceWorker, detail, Some(Source::header("Service-Worker")))
    }

    pub fn too_many_requests(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        Self::new(Kind::TooManyRequests, format!("Too many requests: try again in {seconds} s"), None)
            .with_header(header::RETRY_AFTER, seconds)
    }

    pub fn store_away() -> Self {
        Self::unavailable(
            "The store cannot be reached: try again. A change may or may not have taken effect; repeating it is safe",
        )
    }

    pub fn turn_lost() -> Self {
        Self::unavailable(
            "The store cannot be reached: a turn of the mock may be used up. A change of the mock begins its turns anew",
        )
    }

    pub fn loading() -> Self {
        Self::unavailable("This process is loading all mocks: try again, or read the progress at `/-/ready`")
    }

    pub fn unavailable(detail: &str) -> Self {
        Self::new(Kind::Unavailable, detail, None).with_header(header::RETRY_AFTER, 1)
    }

    pub fn no_room() -> Self {
        Self::unavailable(
            "Requests of other clients (incomplete, or with unread answers) hold all the memory for requests: try \
             again",
        )
    }

    /// The requests of this caller hold all the memory that one caller may have.
    pub fn too_much_at_once() -> Self {
        Self::unavailable(
            "Your other requests (incomplete, or with unread answers) hold all the memory that one client may have: \
             complete them, read the answers, and try again",
        )
    }

    /// A fault in Echo. Only the log has the cause.
    pub fn internal() -> Self {
        Self::new(Kind::Internal, "A fault in the service prevented an answer; its log has the cause", None)
    }

    /// A stored record cannot be read. Only the log names the record.
    pub fn damaged() -> Self {
        let detail = "The stored record is damaged: delete the endpoint, or ask the operator. The log names the record";
        Self::new(Kind::Damaged, detail, None)
    }

    /// The body did not arrive within `time`.
    pub fn slow_body(time: Duration) -> Self {
        let detail = format!("The body did not arrive within {} s: send it faster", time.as_secs());
        Self::new(Kind::Timeout, detail, None)
    }

    pub fn incomplete_body() -> Self {
        let detail = "The body did not arrive completely: send all bytes that the headers announce";
        Self::new(Kind::Malformed, detail, None)
    }

    pub fn into_document(self) -> ErrorDocument {
        ErrorDocument { errors: self.errors, meta: self.meta }
    }

    pub fn into_http(self) -> http::Response<Bytes> {
        let (status, headers) = (self.status, self.headers.clone());
        let body = serde_json::to_vec(&self.into_document()).expect("strings are always JSON");
        let mut response = http::Response::new(body.into());
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(headers);
        response
    }
}

impl Example for ErrorDocument {
    fn example() -> Self {
        let detail = "The path must begin with `/`: write `/greeting`";
        Self { errors: vec![Kind::Invalid.object(detail, Some(Source::pointer("/data/attributes/path")))], meta: None }
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

pub fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
