//! The document of each operation's request and its error statuses, for the OpenAPI document.

use poem_openapi::{
    ApiResponse,
    registry::{MetaResponses, Registry},
};
use serde_json::{Map, Value, json};

use super::{
    document::{LIST, REQUESTED},
    error::ApiError,
};
use crate::web::MEDIA_TYPE;

/// An operation that needs a key, if there are keys.
pub struct Operation {
    /// The schemas of the request's document: as `application/json`, and, if it differs, as JSON:API.
    pub documents: Option<[&'static str; 2]>,
    /// The refusals by status, as OpenAPI describes them.
    pub refusals: Map<String, Value>,
}

/// The operation with this id. `None` stands for an operation without a key.
pub fn of(id: &str) -> Option<Operation> {
    /// Missing key, missing scope, `Accept`, rate limit, fault, unavailable store.
    const COMMON: [u16; 6] = [401, 403, 406, 429, 500, 503];
    let (documents, own): (_, &[u16]) = match id {
        "listEndpoints" | "deleteEndpoints" | "listSets" => (None, &[400]),
        "createEndpoint" => (Some([REQUESTED[0], "NewEndpointDocument"]), &[400, 408, 409, 413, 415, 422]),
        "showEndpoint" | "deleteEndpoint" => (None, &[400, 404, 412]),
        "changeEndpoint" => {
            (Some([REQUESTED[1], "EndpointChangesDocument"]), &[400, 404, 408, 409, 412, 413, 415, 422])
        }
        "explainCall" => (Some(["Call"; 2]), &[400, 408, 413, 415, 422]),
        "showSet" => (None, &[400, 404, 413]),
        "writeSet" => (Some([LIST; 2]), &[400, 408, 409, 413, 415, 422, 507]),
        "deleteSet" => (None, &[400, 404]),
        "raiseStore" | "adoptStore" => (None, &[400, 409]),
        "live" | "ready" => return None,
        _ => unreachable!("`{id}` needs a line here"),
    };
    let mut statuses = [&COMMON, own].concat();
    statuses.sort_unstable();
    let refusals = statuses.into_iter().map(|status| (status.to_string(), describe(status))).collect();
    Some(Operation { documents, refusals })
}

fn describe(status: u16) -> Value {
    let description = match status {
        400 => "The body is malformed, or a query parameter is wrong.",
        401 => "The key is missing or unknown.",
        403 => {
            "The key's scope does not allow the operation, the client sent an id of its own, or a foreign page or name \
             called management without keys."
        }
        404 => "No endpoint has this id, or no mock belongs to the set.",
        406 => "`Accept` contains JSON:API only with unknown parameters.",
        408 => "The body did not arrive in time.",
        409 => {
            "Another endpoint has this verb, path, tests and priority, `type` or `id` is wrong, the store's format is too old, or a \
             process does not know the format."
        }
        412 => "`If-Match` does not name the current version of the endpoint, or `If-None-Match` names it.",
        413 => "The body of the request or of the mock is too large.",
        415 => {
            "`Content-Type` is not `application/vnd.api+json` or `application/json`, or for a set `application/yaml`."
        }
        422 => "The document is well-formed, but not valid. Each error points at its member.",
        429 => "Too many requests.",
        503 => "The store cannot be reached, or there is no memory for the request. Repeating the request is safe.",
        507 => "All mocks together would take more memory than they may.",
        _ => "A fault in the service.",
    };
    let mut response = json!({"description": description, "content": content()});
    let field = match status {
        401 => Some(("WWW-Authenticate", "string")),
        429 | 503 => Some(("Retry-After", "integer")),
        _ => None,
    };
    if let Some((name, ty)) = field {
        response["headers"] = json!({name: {"required": true, "schema": {"type": ty}}});
    }
    response
}

/// The content of every refusal.
pub fn content() -> Value {
    json!({MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ErrorDocument"}}})
}

// `meta` names no statuses, because poem-openapi reads them from types: `responses` has the statuses of each operation.
impl ApiResponse for ApiError {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_registry: &mut Registry) {}
}
