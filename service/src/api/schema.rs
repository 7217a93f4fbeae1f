//! The documents of answers, for handlers and for the OpenAPI document.
//!
//! [`super::document`] reads and describes the documents of requests and the attributes of a mock. Here attributes are
//! a `Value`, and [`super::docs`] adds their schema.

use poem_openapi::{
    Enum, Object,
    types::{Example, ToJSON as _},
};
use serde_json::Value;

use super::{document::Attribute, error::MAX_ERRORS};
use crate::{
    domain::Mock,
    replica::Explanation,
    store::{Page, Raise},
    web::document::MockObject,
};

/// The type of every resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ResourceType {
    #[oai(rename = "endpoints")]
    Endpoints,
}

/// A mock with its id.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Endpoint", example)]
pub struct EndpointResource {
    r#type: ResourceType,
    /// An opaque id from the server.
    id: String,
    attributes: Value,
}

/// A document with one endpoint.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct EndpointDocument {
    data: EndpointResource,
    meta: Option<EndpointMeta>,
}

/// Notes on a new endpoint.
#[derive(Debug, Clone, Object)]
pub struct EndpointMeta {
    /// Likely mistakes in the mock, each with a correction.
    warnings: Vec<String>,
}

/// Links to other pages of the listing.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct ListLinks {
    #[oai(rename = "self")]
    this: String,
    /// The next page. Absent on the last page.
    next: Option<String>,
}

/// A page of the listing, in the order of ids.
#[derive(Debug, Clone, Object)]
pub struct ListDocument {
    data: Vec<EndpointResource>,
    links: ListLinks,
}

/// A document with the state of the process.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct HealthDocument {
    pub meta: Health,
}

/// The state of the process.
#[derive(Debug, Clone, Object)]
pub struct Health {
    /// `live` at `/-/live`, `ready` at `/-/ready`. A process that is not ready answers with an error instead.
    pub status: String,
}

/// The explanation of a call.
#[derive(Debug, Clone, Object)]
pub struct ExplanationDocument {
    meta: ExplanationMeta,
}

/// The mocks that may answer a call.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Explanation", skip_serializing_if_is_none)]
pub struct ExplanationMeta {
    /// The id of the endpoint whose mock answers. Absent without a mock.
    answers: Option<String>,
    /// The first 50 mocks whose verb and path fit, in the order in which Echo tries them, and the mock that answers.
    /// The mocks after it are not tested.
    candidates: Vec<MockObject>,
    /// Whether more mocks fit.
    more: bool,
}

impl From<Explanation> for ExplanationDocument {
    fn from(Explanation { answers, candidates, more, .. }: Explanation) -> Self {
        let candidates = candidates.into_iter().map(Into::into).collect();
        Self { meta: ExplanationMeta { answers: answers.map(|id| id.to_string()), candidates, more } }
    }
}

/// The outcome of a raise.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct RaiseDocument {
    meta: RaiseMeta,
}

/// The store is written in the greater of `from` and `to` after a raise.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Raise")]
pub struct RaiseMeta {
    /// The format in which the store was written before.
    from: u64,
    /// The format that was asked for, or the newest that the service knows.
    to: u64,
    /// Whether this call has raised the store.
    raised: bool,
}

impl From<Raise> for RaiseDocument {
    fn from(Raise { from, to, is_done }: Raise) -> Self {
        Self { meta: RaiseMeta { from, to, raised: is_done } }
    }
}

/// The outcome of an adoption.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct AdoptDocument {
    pub meta: Adoption,
}

/// The content of the table that was adopted.
#[derive(Debug, Clone, Object)]
pub struct Adoption {
    /// The number of writes to the table, with the adoption.
    pub version: u64,
    /// The number of endpoints in the table.
    pub endpoints: u64,
}

impl From<&Mock> for EndpointResource {
    fn from(endpoint: &Mock) -> Self {
        Self { r#type: ResourceType::Endpoints, id: endpoint.id.to_string(), attributes: endpoint.show() }
    }
}

impl From<&Mock> for EndpointDocument {
    fn from(endpoint: &Mock) -> Self {
        Self { data: endpoint.into(), meta: None }
    }
}

impl EndpointDocument {
    /// The document of a new endpoint, with warnings.
    pub fn of_new(endpoint: &Mock) -> Self {
        let warnings: Vec<_> = endpoint.route.path.lookalikes().take(MAX_ERRORS).map(lookalike).collect();
        let meta = (!warnings.is_empty()).then_some(EndpointMeta { warnings });
        Self { data: endpoint.into(), meta }
    }

    /// The attributes alone, with the id, and with warnings if there are any.
    pub fn into_plain(self) -> Value {
        let Value::Object(attributes) = self.data.attributes else { unreachable!("attributes are an object") };
        let meta = self.meta.and_then(|meta| Some(("meta".to_owned(), meta.to_json()?)));
        [("id".to_owned(), self.data.id.into())].into_iter().chain(attributes).chain(meta).collect()
    }
}

/// A segment that is literal in Echo, and a parameter in other mock servers.
fn lookalike((segment, parameter): (&str, String)) -> String {
    format!("The segment `{segment}` of the path only matches itself: write `{parameter}` for a parameter")
}

impl ListDocument {
    pub fn new(page: &Page, this: String, next: Option<String>) -> Self {
        Self { data: page.mocks().map(Into::into).collect(), links: ListLinks { this, next } }
    }
}

const EXAMPLE_ID: &str = "01a22e80-afe2-77d2-9351-aaa7fd959968";

impl Example for EndpointResource {
    fn example() -> Self {
        let attributes = serde_json::from_str(Mock::EXAMPLE).expect("each example is JSON");
        Self { r#type: ResourceType::Endpoints, id: EXAMPLE_ID.into(), attributes }
    }
}

impl Example for ListLinks {
    fn example() -> Self {
        Self {
            this: "/endpoints?page%5Bsize%5D=100".into(),
            next: Some(format!("/endpoints?page%5Bafter%5D={EXAMPLE_ID}&page%5Bsize%5D=100")),
        }
    }
}

impl Example for HealthDocument {
    fn example() -> Self {
        Self { meta: Health { status: "live".into() } }
    }
}

impl Example for RaiseDocument {
    fn example() -> Self {
        Raise { from: 1, to: 2, is_done: true }.into()
    }
}

impl Example for AdoptDocument {
    fn example() -> Self {
        Self { meta: Adoption { version: 1042, endpoints: 12 } }
    }
}
