//! The only place where a refusal becomes a status and a body.
//!
//! This file has the kinds of errors with their statuses; the details come from the domain and from the readers of
//! requests.

mod document;
mod store;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use poem::error::ResponseError;

pub use self::document::{ErrorDocument, ErrorObject, Source};
use super::{jsonapi, routes};
pub use crate::domain::excerpt;
use crate::domain::{EndpointId, MAX_PATH_BYTES, Route, beginning};

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
}

impl ApiError {
    pub fn new(kind: Kind, detail: impl Into<String>, source: Option<Source>) -> Self {
        Self::all(vec![kind.object(detail, source)])
    }

    /// Several errors. If their statuses differ, the answer's status is 400 (JSON:API 1.1, "Processing Errors").
    pub fn all(errors: Vec<ErrorObject>) -> Self {
        let alike = errors.iter().all(|error| error.status == errors[0].status);
        let status = errors.first().filter(|_| alike).and_then(|error| error.status.parse().ok());
        Self { status: status.unwrap_or(StatusCode::BAD_REQUEST), errors, headers: Vec::new() }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// For a possible path of a mock. The detail repeats the longest possible path in full.
    pub fn page_not_found(path: &str) -> Self {
        let path = beginning(path, MAX_PATH_BYTES);
        Self::new(Kind::NotFound, format!("Requested page `{path}` does not exist"), None)
    }

    /// For a path that no mock can have on the listener of management. The hint lists the paths of management.
    pub fn route_not_found(path: &str) -> Self {
        let hint = match routes::meant(path) {
            Some(path) => format!("write `{}`", excerpt(&path)),
            None if routes::is_reserved(path) => format!("the paths of management are {}", routes::LIST),
            None => format!("the paths of management are {}; mocks are on another listener", routes::LIST),
        };
        Self::new(Kind::NotFound, format!("Requested page `{}` does not exist: {hint}", excerpt(path)), None)
    }

    pub fn endpoint_not_found(id: &str) -> Self {
        Self::new(Kind::NotFound, format!("Requested Endpoint with ID `{}` does not exist", excerpt(id)), None)
    }

    pub fn method_not_allowed(method: &str, path: &str, allowed: &'static str) -> Self {
        let (method, path) = (excerpt(method), excerpt(path));
        Self::new(Kind::MethodNotAllowed, format!("`{path}` does not support {method}: use {allowed}"), None)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
    }

    pub fn unauthorized(token_given: bool) -> Self {
        if token_given {
            Self::wrong_token("The key in `Authorization` is unknown: check it, or ask the operator for a key")
        } else {
            Self::challenge("This request needs a key: send `Authorization: Bearer echo_…`", r#"Bearer realm="echo""#)
        }
    }

    pub fn key_entry() -> Self {
        Self::wrong_token("`Authorization` holds an entry for `--keys`: send the token, which begins with `echo_`")
    }

    fn wrong_token(detail: &str) -> Self {
        Self::challenge(detail, r#"Bearer realm="echo", error="invalid_token""#)
    }

    /// The form of a challenge: RFC 6750 section 3.
    fn challenge(detail: &str, challenge: &'static str) -> Self {
        Self::new(Kind::Unauthorized, detail, Some(Source::header("Authorization")))
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    pub fn foreign_host(host: &str) -> Self {
        let detail = format!(
            "An attacker may control the name `{}` (DNS rebinding), and management has no keys: use an IP address or \
             `localhost`, or start Echo with --public-url or --keys",
            excerpt(host)
        );
        Self::new(Kind::ForeignHost, detail, Some(Source::header("Host")))
    }

    pub fn foreign_origin(origin: &str) -> Self {
        let detail = format!(
            "A page of `{}` cannot use management without keys: use Echo's own page `/-/docs`, or start Echo with \
             --public-url or --keys",
            excerpt(origin)
        );
        Self::new(Kind::ForeignOrigin, detail, Some(Source::header("Origin")))
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

    /// The write may have been sent, so that its result is unknown.
    pub fn out_of_time() -> Self {
        Self::unavailable("The request took too long. A change may or may not have taken effect; repeating it is safe")
    }

    pub fn store_away() -> Self {
        Self::unavailable(
            "The store cannot be reached: try again. A change may or may not have taken effect; repeating it is safe",
        )
    }

    pub fn loading() -> Self {
        Self::unavailable("This process is loading all mocks: try again, or read the progress at `/-/ready`")
    }

    /// The requests of this caller hold all the memory that one caller may have.
    pub fn too_much_at_once() -> Self {
        Self::unavailable(
            "Your other requests (incomplete, or with unread answers) hold all the memory that one caller may have: \
             complete them, read the answers, and try again",
        )
    }

    pub fn no_room() -> Self {
        Self::unavailable(
            "Requests of other clients (incomplete, or with unread answers) hold all the memory for requests: try \
             again",
        )
    }

    pub fn unavailable(detail: &str) -> Self {
        Self::new(Kind::Unavailable, detail, None).with_header(header::RETRY_AFTER, 1)
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

    /// A conflict for a client with the right to read: the detail names the holder.
    pub fn taken(route: &Route, holder: EndpointId) -> Self {
        let detail =
            format!("`{route}` belongs to the endpoint `{holder}`: change or delete it, or choose another path");
        Self::new(Kind::Conflict, detail, Some(Source::pointer("/data/attributes/path")))
    }

    /// [`Self::taken`] without the holder. In a change, the client may have sent only the verb or only the path.
    pub fn taken_by_another() -> Self {
        let detail = "Another endpoint has this verb and path: use a key with the scope `read` to see it, or choose \
                      another path";
        Self::new(Kind::Conflict, detail, Some(Source::pointer("/data/attributes/path")))
    }

    pub fn changed() -> Self {
        let detail = "`If-Match` does not name the current version of the endpoint: get the endpoint again, and send \
                      its new ETag";
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-Match")))
    }

    /// A compressing proxy makes an ETag weak, and `If-Match` compares strongly (RFC 9110 section 13.1.1).
    pub fn weak_tag(current: &str) -> Self {
        let detail = format!(
            "The tag in `If-Match` is weak, and `If-Match` takes strong tags only: send `{current}`, without `W/`"
        );
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-Match")))
    }

    pub fn not_excluded() -> Self {
        let detail = "`If-None-Match` names the current version of the endpoint: leave this field out to change or delete the \
             endpoint";
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-None-Match")))
    }

    pub fn into_document(self) -> ErrorDocument {
        ErrorDocument { errors: self.errors }
    }

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
