//! The errors of management, and its answers to failures and refusals of the store.

use http::{HeaderValue, header};

pub use crate::{
    domain::excerpt,
    web::{
        document::{ErrorDocument, ErrorObject, Source},
        problem::{ApiError, Kind, MAX_ERRORS, capitalized},
    },
};
use crate::{
    domain::{EndpointId, Route},
    replica::{ItemError, SetError},
    store::{StoreError, WriteError},
    web::routes,
};

const TAKEN_BY_ANOTHER: &str = "Another endpoint has this verb, path, tests and priority: use a key with the scope `read` to \
                                see it, or choose another path, other tests or another priority";

fn taken(route: &Route, holder: EndpointId) -> String {
    format!(
        "{route} belongs to the endpoint `{holder}`: change or delete it, or choose another path, other tests or another priority"
    )
}

impl ApiError {
    /// For a path that no mock can have on the listener of management.
    pub fn route_not_found(path: &str) -> Self {
        let hint = match routes::meant(path) {
            Some(path) => format!("write `{}`", excerpt(&path)),
            None if routes::is_reserved(path) => "`meta.operations` lists the operations of management".to_owned(),
            None => {
                "`meta.operations` lists the operations of management, and mocks are on another listener".to_owned()
            }
        };
        Self::new(Kind::NotFound, format!("Requested page `{}` does not exist: {hint}", excerpt(path)), None)
            .with_operations()
    }

    pub fn endpoint_not_found(id: &str) -> Self {
        Self::new(Kind::NotFound, format!("Requested Endpoint with ID `{}` does not exist", excerpt(id)), None)
    }

    pub fn method_not_allowed(method: &str, path: &str, allowed: &'static str) -> Self {
        let (method, path) = (excerpt(method), excerpt(path));
        Self::new(Kind::MethodNotAllowed, format!("`{path}` does not support {method}: use {allowed}"), None)
            .with_header(header::ALLOW, HeaderValue::from_static(allowed))
            .with_operations()
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

    /// The write may have been sent, so that its result is unknown.
    pub fn out_of_time() -> Self {
        Self::unavailable("The request took too long. A change may or may not have taken effect; repeating it is safe")
    }

    /// A conflict for a client with the right to read: the detail names the holder.
    pub fn taken(route: &Route, holder: EndpointId) -> Self {
        Self::new(Kind::Conflict, taken(route, holder), Some(Source::pointer("/data/attributes/path")))
    }

    /// [`Self::taken`] without the holder. In a change, the client may have sent only the verb or only the path.
    pub fn taken_by_another() -> Self {
        Self::new(Kind::Conflict, TAKEN_BY_ANOTHER, Some(Source::pointer("/data/attributes/path")))
    }

    pub fn set_not_found(name: &str) -> Self {
        Self::new(
            Kind::NotFound,
            format!("Requested set `{}` does not exist: no mock belongs to it", excerpt(name)),
            None,
        )
    }

    pub fn set_too_large(limit: usize) -> Self {
        let detail = format!(
            "The set is larger than {limit} bytes: list its endpoints with `filter[set]`, or raise --max-set-bytes \
             (ECHO_MAX_SET_BYTES)"
        );
        Self::new(Kind::TooLarge, detail, None)
    }

    /// All wrong mocks of a list, each with its place.
    pub fn unwritten_set(error: SetError, may_read: bool) -> Self {
        let wrong = match error {
            SetError::Items(wrong) => wrong,
            SetError::Write(WriteError::Taken { .. }) if !may_read => return Self::taken_by_another(),
            // The place in the list is unknown.
            SetError::Write(error @ (WriteError::TooManyShapes { .. } | WriteError::TooManyMocks { .. })) => {
                return Self::new(Kind::Invalid, capitalized(&error.to_string()), None);
            }
            SetError::Write(error) => return error.into(),
        };
        let untold = wrong.len().saturating_sub(MAX_ERRORS);
        let object = |(place, error): (usize, ItemError)| {
            let (kind, detail) = match error {
                ItemError::Refused(WriteError::Taken { .. }) if !may_read => (Kind::Conflict, TAKEN_BY_ANOTHER.into()),
                ItemError::Refused(WriteError::Taken { route, holder }) => (Kind::Conflict, taken(&route, holder)),
                ItemError::Twice { .. } => (Kind::Conflict, capitalized(&error.to_string())),
                ItemError::Refused(WriteError::TooManyMocks { .. }) => (Kind::Invalid, capitalized(&error.to_string())),
                ItemError::Refused(error) => (Kind::TooLarge, capitalized(&error.to_string())),
            };
            kind.object(detail, Some(Source::pointer(format!("/{place}"))))
        };
        let mut errors: Vec<_> = wrong.into_iter().take(MAX_ERRORS).map(object).collect();
        if untold > 0 {
            let detail = format!("There are {untold} more errors: correct these first");
            errors.push(Kind::Conflict.object(detail, None));
        }
        Self::all(errors)
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

    pub fn condition_on_many() -> Self {
        let detail = "Many endpoints at once have no ETag: leave `If-Match` and `If-None-Match` out";
        Self::new(Kind::BadRequest, detail, None)
    }

    pub fn not_excluded() -> Self {
        let detail = "`If-None-Match` names the current version of the endpoint: leave this field out to change or delete the \
             endpoint";
        Self::new(Kind::PreconditionFailed, detail, Some(Source::header("If-None-Match")))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Loading) {
            return Self::loading();
        }
        if matches!(error, StoreError::Damaged(_)) {
            // The load has logged the record as an error. Errors roll a deployment back, and clients must not be able
            // to do that.
            tracing::warn!(%error, "a damaged record was asked for");
            return Self::damaged();
        }
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
            WriteError::Full { .. } => Self::new(Kind::Full, capitalized(&error.to_string()), None),
            WriteError::TooManyShapes { .. } | WriteError::TooManyMocks { .. } => {
                let source = Source::pointer("/data/attributes/path");
                Self::new(Kind::Invalid, capitalized(&error.to_string()), Some(source))
            }
            WriteError::NeedsFormat(_) => Self::new(Kind::Conflict, capitalized(&error.to_string()), None),
            WriteError::TooLarge { .. } | WriteError::TooMany { .. } | WriteError::ReplacesTooMuch { .. } => {
                Self::new(Kind::TooLarge, capitalized(&error.to_string()), Some(Source::pointer("/data/attributes")))
            }
        }
    }
}
