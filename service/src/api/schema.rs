//! The documents of the API as types, for the OpenAPI document and for answers.
//!
//! [`super::document`] reads requests, because it reports all errors at once. These types only describe requests.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object, types::Example};

use super::text::{PathRule, Text, VerbRule};
use crate::{
    domain::{Endpoint, MockResponse},
    store::{Page, Raise},
};

/// The type of every resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ResourceType")]
pub enum ResourceType {
    #[oai(rename = "endpoints")]
    Endpoints,
}

/// The answer of the mock. Echo sends it unchanged.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Response {
    /// A final status code.
    #[oai(validator(minimum(value = "200"), maximum(value = "599")))]
    code: u16,
    /// Header fields by name. Names are tokens (RFC 9110), unique without regard to case. Values hold no control
    /// characters except tabs, and no white space at their ends. Echo refuses fields that frame the message
    /// (`Content-Length`, `Transfer-Encoding`, `Connection`, …). At most 16 KiB in all.
    #[oai(nullable, validator(max_properties = 64))]
    headers: Option<BTreeMap<String, String>>,
    /// At most 256 KiB of UTF-8. Echo never parses or changes it. Codes 204, 205 and 304 have no body.
    #[oai(nullable)]
    body: Option<String>,
}

/// The mock: verb, path and response.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields)]
pub struct Attributes {
    verb: Text<VerbRule>,
    path: Text<PathRule>,
    response: Response,
}

/// A mock with its id.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Endpoint")]
pub struct EndpointResource {
    r#type: ResourceType,
    /// An opaque id from the server.
    id: String,
    attributes: Attributes,
}

/// A document with one endpoint.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct EndpointDocument {
    data: EndpointResource,
}

/// Links to other pages of the listing.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ListLinks {
    #[oai(rename = "self")]
    this: String,
    /// The next page. Absent on the last page.
    next: Option<String>,
}

/// A page of the listing, in the order of ids.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct ListDocument {
    data: Vec<EndpointResource>,
    links: ListLinks,
}

/// A new endpoint. The server chooses its id.
#[derive(Debug, Clone, Object)]
pub struct NewEndpoint {
    r#type: ResourceType,
    attributes: Attributes,
}

/// A document with a new endpoint.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct NewEndpointDocument {
    data: NewEndpoint,
}

/// Changes to the response. Absent members keep their values; `headers` is replaced as a whole; null clears `headers`
/// or `body`.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct ResponseChanges {
    /// See `Response`.
    #[oai(validator(minimum(value = "200"), maximum(value = "599")))]
    code: Option<u16>,
    /// See `Response`.
    #[oai(nullable, validator(max_properties = 64))]
    headers: Option<BTreeMap<String, String>>,
    /// See `Response`.
    #[oai(nullable)]
    body: Option<String>,
}

/// Changes to the mock. Absent members keep their values.
#[derive(Debug, Clone, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct AttributeChanges {
    verb: Option<Text<VerbRule>>,
    path: Option<Text<PathRule>>,
    response: Option<ResponseChanges>,
}

/// Changes to an endpoint.
#[derive(Debug, Clone, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct EndpointChanges {
    r#type: ResourceType,
    /// Optional. If present, the id in the URL.
    id: Option<String>,
    attributes: Option<AttributeChanges>,
}

/// A document with changes to an endpoint.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub struct EndpointChangesDocument {
    data: EndpointChanges,
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
    meta: Adoption,
}

/// The content of the table that was adopted.
#[derive(Debug, Clone, Object)]
pub struct Adoption {
    /// The number of writes to the table, with the adoption.
    version: u64,
    /// The number of endpoints in the table.
    endpoints: u64,
}

impl AdoptDocument {
    pub fn of(version: u64, endpoints: u64) -> Self {
        Self { meta: Adoption { version, endpoints } }
    }
}

impl From<&MockResponse> for Response {
    fn from(response: &MockResponse) -> Self {
        let headers: BTreeMap<_, _> =
            response.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self {
            code: response.code().get(),
            headers: (!headers.is_empty()).then_some(headers),
            body: response.body().map(|body| body.as_str().to_owned()),
        }
    }
}

impl From<&Endpoint> for EndpointResource {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            r#type: ResourceType::Endpoints,
            id: endpoint.id.to_string(),
            attributes: Attributes {
                verb: Text::new(endpoint.route.verb.as_str()),
                path: Text::new(endpoint.route.path.as_str()),
                response: (&endpoint.response).into(),
            },
        }
    }
}

impl From<&Endpoint> for EndpointDocument {
    fn from(endpoint: &Endpoint) -> Self {
        Self { data: endpoint.into() }
    }
}

impl ListDocument {
    pub fn new(page: &Page, this: String, next: Option<String>) -> Self {
        Self { data: page.endpoints.iter().map(Into::into).collect(), links: ListLinks { this, next } }
    }
}

fn example_attributes() -> Attributes {
    let headers = BTreeMap::from([("Content-Type".to_owned(), "application/json".to_owned())]);
    let response = Response { code: 200, headers: Some(headers), body: Some(r#"{"message": "Hello, world"}"#.into()) };
    Attributes { verb: Text::new("GET"), path: Text::new("/greeting"), response }
}

impl Example for NewEndpointDocument {
    fn example() -> Self {
        Self { data: NewEndpoint { r#type: ResourceType::Endpoints, attributes: example_attributes() } }
    }
}

impl Example for EndpointDocument {
    fn example() -> Self {
        let id = "01a20c52-012f-7258-a11a-9a9e2879f923".into();
        Self { data: EndpointResource { r#type: ResourceType::Endpoints, id, attributes: example_attributes() } }
    }
}

impl Example for ListDocument {
    fn example() -> Self {
        let links = ListLinks { this: "/endpoints?page%5Bsize%5D=100".into(), next: None };
        Self { data: vec![EndpointDocument::example().data], links }
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

impl Example for EndpointChangesDocument {
    fn example() -> Self {
        let body = Some(r#"{"message": "Hello, everyone"}"#.into());
        let response = ResponseChanges { code: None, headers: None, body };
        let attributes = AttributeChanges { verb: None, path: None, response: Some(response) };
        Self { data: EndpointChanges { r#type: ResourceType::Endpoints, id: None, attributes: Some(attributes) } }
    }
}

impl Example for AdoptDocument {
    fn example() -> Self {
        Self::of(1042, 12)
    }
}
