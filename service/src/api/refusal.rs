//! The error statuses of each operation, for the OpenAPI document.

use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    payload::Payload,
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};

use super::{
    error::{ApiError, ErrorDocument},
    jsonapi::JsonApi,
};

/// The error statuses of an operation, in addition to the common statuses.
pub trait Statuses: Send + Sync + 'static {
    const OWN: &'static [u16];
}

/// The error of an operation: an [`ApiError`] with documented statuses.
pub struct Refusal<S>(ApiError, PhantomData<fn() -> S>);

/// Missing key, missing scope, `Accept`, rate limit, fault, unavailable store.
const COMMON: &[u16] = &[401, 403, 406, 429, 500, 503];

impl<S, E: Into<ApiError>> From<E> for Refusal<S> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<S> From<Refusal<S>> for poem::Error {
    fn from(refusal: Refusal<S>) -> Self {
        refusal.0.into()
    }
}

impl<S: Statuses> ApiResponse for Refusal<S> {
    fn meta() -> MetaResponses {
        let mut statuses = [COMMON, S::OWN].concat();
        statuses.sort_unstable();
        statuses.dedup();
        MetaResponses { responses: statuses.into_iter().map(describe).collect() }
    }

    fn register(registry: &mut Registry) {
        JsonApi::<ErrorDocument>::register(registry);
    }
}

fn describe(status: u16) -> MetaResponse {
    let (description, field) = match status {
        400 => ("The body is not JSON, or a query parameter is wrong.", None),
        401 => ("The key is missing or unknown.", Some(("WWW-Authenticate", "string"))),
        403 => (
            "The key's scope does not allow the operation, the client sent an id of its own, or a foreign page or \
             name called management without keys.",
            None,
        ),
        404 => ("No endpoint has this id.", None),
        406 => ("`Accept` contains JSON:API only with unknown parameters.", None),
        408 => ("The body did not arrive in time.", None),
        409 => (
            "Another endpoint has this verb and path, `type` or `id` is wrong, the store's format is too old, or a process \
             does not know the format.",
            None,
        ),
        412 => ("`If-Match` does not name the current version of the endpoint, or `If-None-Match` names it.", None),
        413 => ("The body of the request or of the mock is too large.", None),
        415 => ("`Content-Type` is not `application/vnd.api+json` or `application/json`.", None),
        422 => ("The document is well-formed, but not valid. Each error points at its member.", None),
        429 => ("Too many requests.", Some(("Retry-After", "integer"))),
        503 => (
            "The store cannot be reached, or there is no memory for the request. Repeating the request is safe.",
            Some(("Retry-After", "integer")),
        ),
        _ => ("A fault in the service.", None),
    };
    let header = |(name, ty): (&str, &str)| MetaHeader {
        name: name.to_owned(),
        description: None,
        required: true,
        deprecated: false,
        schema: if ty == "integer" { u64::schema_ref() } else { String::schema_ref() },
    };
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType {
            content_type: JsonApi::<ErrorDocument>::CONTENT_TYPE,
            schema: JsonApi::<ErrorDocument>::schema_ref(),
        }],
        headers: field.map(header).into_iter().collect(),
    }
}
