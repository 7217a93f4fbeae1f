//! The OpenAPI document and Swagger UI. Both are part of the binary, without a CDN or files.

mod page;

use std::collections::HashMap;

use bytes::Bytes;
use http::Method;
use poem::{
    Endpoint, Response,
    endpoint::{BoxEndpoint, make_sync},
};
use poem_openapi::{
    ContactObject, LicenseObject, OpenApi, OpenApiService, ServerObject,
    payload::Payload,
    registry::{
        MetaApi, MetaMediaType, MetaOperation, MetaOperationParam, MetaParamIn, MetaPath, MetaResponse, MetaResponses,
        MetaSchema, MetaSchemaRef, MetaTag, Registry,
    },
    types::Type,
};

use serde_json::{Map, Value, json};

pub use self::page::page;
use super::{error::ErrorDocument, jsonapi::JsonApi, text::RESERVED};

const DESCRIPTION: &str = "A mock HTTP server. Create an endpoint (method, path and response), then call it.\n\n\
    Requests and answers are [JSON:API 1.1](https://jsonapi.org/format/1.1/). Every error names the mistake and the correction.";

/// The note on the page without a form for keys.
const NO_KEY: &str = "\n\n**This page takes no key**, because a mock on the same listener could hold a script that reads the key. Start \
     Echo with `--management-listen` to give management a listener of its own, or call management with another client.";

/// Describes the service.
pub fn service<A: OpenApi>(api: A) -> OpenApiService<A, ()> {
    OpenApiService::new(api, "Echo", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .contact(ContactObject::new().name("The operator of this service"))
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(ServerObject::new("/").description("This service"))
}

/// The OpenAPI document as JSON, as YAML, and for the page.
pub struct Documentation {
    pub json: String,
    pub yaml: String,
    pub page: String,
}

impl Documentation {
    pub fn of<A: OpenApi>(service: &OpenApiService<A, ()>, shared_listener: bool, has_keys: bool) -> Self {
        let mut document = serde_json::from_str::<Value>(&service.spec()).expect("poem-openapi writes JSON");
        // poem-openapi enforces `deny_unknown_fields`, but omits it from the document.
        for name in ["Attributes", "Response", "AttributeChanges", "ResponseChanges"] {
            document["components"]["schemas"][name]["additionalProperties"] = false.into();
        }
        if !shared_listener {
            for name in ["Attributes", "AttributeChanges"] {
                let path = &mut document["components"]["schemas"][name]["properties"]["path"];
                path["pattern"] = path["pattern"].as_str().map(|rule| rule.replace(RESERVED, "")).into();
            }
        }
        // Operations without an own requirement need no key. Linters want an explicit statement.
        document["security"] = json!([]);
        if !has_keys {
            remove_keys(&mut document);
        }
        let json = serde_json::to_string_pretty(&document).expect("a document is JSON");
        let yaml = serde_yaml::to_string(&document).expect("what is JSON can be YAML");
        if shared_listener && has_keys {
            remove_keys(&mut document);
            document["info"]["description"] = format!("{DESCRIPTION}{NO_KEY}").into();
        }
        Self { json, yaml, page: document.to_string() }
    }
}

/// Removes the scheme of keys from the document and its operations, so that Swagger UI shows no padlocks and no form
/// for keys.
fn remove_keys(document: &mut Value) {
    fn members(value: &mut Value) -> &mut Map<String, Value> {
        value.as_object_mut().expect("these are objects in OpenAPI")
    }
    members(&mut document["components"]).shift_remove("securitySchemes");
    for path in members(&mut document["paths"]).values_mut() {
        for operation in members(path).values_mut() {
            members(operation).shift_remove("security");
        }
    }
}

pub fn file(content_type: &'static str, text: String) -> impl Endpoint {
    let bytes = Bytes::from(text);
    make_sync(move |_| Response::builder().content_type(content_type).body(bytes.clone()))
}

/// Describes calls of mocks. The part `mocks` serves them, not poem.
pub struct MocksDescription;

impl OpenApi for MocksDescription {
    fn meta() -> Vec<MetaApi> {
        let operations = [
            (Method::GET, "getMock", "Call a mock with GET"),
            (Method::HEAD, "headMock", "Call a mock with HEAD"),
            (Method::POST, "postMock", "Call a mock with POST"),
            (Method::PUT, "putMock", "Call a mock with PUT"),
            (Method::PATCH, "patchMock", "Call a mock with PATCH"),
            (Method::DELETE, "deleteMock", "Call a mock with DELETE"),
            (Method::OPTIONS, "optionsMock", "Call a mock with OPTIONS"),
        ]
        .map(operation)
        .into();
        vec![MetaApi { paths: vec![MetaPath { path: "/{path}".into(), operations }] }]
    }

    fn register(registry: &mut Registry) {
        registry.create_tag(MetaTag {
            name: TAG,
            description: Some("Call the mocks that you have created. No key is needed."),
            external_docs: None,
        });
        ErrorDocument::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

const TAG: &str = "Mocks";

fn operation((method, operation_id, summary): (Method, &'static str, &'static str)) -> MetaOperation {
    let path = MetaSchema { example: Some("greeting".into()), ..MetaSchema::new("string") };
    let answer = |status, description, content| MetaResponse {
        description,
        status,
        status_range: None,
        content,
        headers: vec![],
    };
    let error =
        MetaMediaType { content_type: JsonApi::<ErrorDocument>::CONTENT_TYPE, schema: ErrorDocument::schema_ref() };
    MetaOperation {
        method,
        tags: vec![TAG],
        summary: Some(summary),
        description: Some(
            "The documentation page sends the path as you type it. Clients generated from this document may send `/` \
             in the path as `%2F`, which is another path.",
        ),
        external_docs: None,
        params: vec![MetaOperationParam {
            name: "path".into(),
            schema: MetaSchemaRef::Inline(Box::new(path)),
            in_type: MetaParamIn::Path,
            description: Some("The path of the mock, as in `attributes.path`. The leading slash is optional.".into()),
            required: true,
            deprecated: false,
            explode: true,
            style: None,
        }],
        request: None,
        responses: MetaResponses {
            responses: vec![
                answer(Some(200), "The answer of a mock with code 200.", vec![]),
                answer(Some(404), "No mock has this method and path, or the mock has code 404.", vec![error]),
                answer(None, "The answer of the mock, as defined.", vec![]),
            ],
        },
        deprecated: false,
        security: vec![],
        operation_id: Some(operation_id),
        code_samples: vec![],
    }
}
