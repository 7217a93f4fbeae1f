//! The OpenAPI document and Swagger UI, both from this binary: no CDN, no file.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;
use http::{Method, header};
use poem::{
    Endpoint, Response,
    endpoint::{BoxEndpoint, make_sync},
};
use poem_openapi::{
    OpenApi, OpenApiService,
    payload::Payload,
    registry::{
        MetaApi, MetaMediaType, MetaOperation, MetaOperationParam, MetaParamIn, MetaPath, MetaResponse, MetaResponses,
        MetaSchema, MetaSchemaRef, MetaTag, Registry,
    },
    types::Type,
};

use serde_json::Value;

use super::{error::ErrorDocument, jsonapi::JsonApi, text::RESERVED};

const DESCRIPTION: &str = "Mock HTTP endpoints that answer what they were told to: create one here, then call it.\n\n\
    Requests and answers are [JSON:API 1.1](https://jsonapi.org/format/1.1/). Every error names what was wrong and what to write instead.";

/// Describes the service.
pub fn service<A: OpenApi>(api: A) -> OpenApiService<A, ()> {
    OpenApiService::new(api, "Echo", env!("CARGO_PKG_VERSION")).description(DESCRIPTION)
}

/// The OpenAPI document, as JSON and YAML.
pub struct Documentation {
    pub json: String,
    pub yaml: String,
}

impl Documentation {
    pub fn of<A: OpenApi>(service: &OpenApiService<A, ()>, shared_listener: bool) -> Self {
        let mut document = serde_json::from_str::<Value>(&service.spec()).expect("poem-openapi writes JSON");
        // poem-openapi enforces `deny_unknown_fields`, but does not write it down.
        for name in ["Attributes", "Response", "AttributeChanges", "ResponseChanges"] {
            document["components"]["schemas"][name]["additionalProperties"] = false.into();
        }
        if !shared_listener {
            for name in ["Attributes", "AttributeChanges"] {
                let path = &mut document["components"]["schemas"][name]["properties"]["path"];
                path["pattern"] = path["pattern"].as_str().map(|rule| rule.replace(RESERVED, "")).into();
            }
        }
        let json = serde_json::to_string_pretty(&document).expect("a document is JSON");
        let yaml = serde_yaml::to_string(&document).expect("what is JSON can be YAML");
        Self { json, yaml }
    }
}

/// The page that shows the document, with everything that it needs. Its 1.6 MB are put together when it is first asked for,
/// and kept then: most processes are never asked.
pub fn page(document: String) -> impl Endpoint {
    let html = LazyLock::new(move || Bytes::from(html(&document)));
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            // Swagger UI is inline, and may talk to this origin only.
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            )
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::REFERRER_POLICY, "no-referrer")
            .body(html.clone())
    })
}

fn html(document: &str) -> String {
    // Swagger UI around no service, whose description the document takes the place of.
    let empty = OpenApiService::new((), "", "");
    // Without an icon of its own the page would ask for /favicon.ico, which is a mock's path.
    let head = "<head><meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\">";
    let page = empty.swagger_ui_html().replacen(&empty.spec(), document, 1).replacen("<head>", head, 1);
    format!("<!DOCTYPE html>{}", page.replacen("<title>Swagger UI", "<title>Echo", 1))
}

pub fn file(content_type: &'static str, text: String) -> impl Endpoint {
    let bytes = Bytes::from(text);
    make_sync(move |_| Response::builder().content_type(content_type).body(bytes.clone()))
}

/// Calls of mocks, described: they are served by [`crate::mocks`], not by poem.
pub struct MocksDescription;

impl OpenApi for MocksDescription {
    fn meta() -> Vec<MetaApi> {
        let operations = [
            (Method::GET, "getMock", "Call a mock with GET"),
            (Method::POST, "postMock", "Call a mock with POST"),
            (Method::PUT, "putMock", "Call a mock with PUT"),
            (Method::PATCH, "patchMock", "Call a mock with PATCH"),
            (Method::DELETE, "deleteMock", "Call a mock with DELETE"),
        ]
        .map(operation)
        .into();
        vec![MetaApi { paths: vec![MetaPath { path: "/{path}".into(), operations }] }]
    }

    fn register(registry: &mut Registry) {
        registry.create_tag(MetaTag {
            name: TAG,
            description: Some("Call what you have set up. No key is needed."),
            external_docs: None,
        });
        ErrorDocument::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

const TAG: &str = "Mocks";

fn operation((method, operation_id, summary): (Method, &'static str, &'static str)) -> MetaOperation {
    let path =
        MetaSchema { example: Some("greeting".into()), pattern: Some("^[^/]+$".into()), ..MetaSchema::new("string") };
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
        description: Some("Any path can be mocked; from this page those of one segment can be called."),
        external_docs: None,
        params: vec![MetaOperationParam {
            name: "path".into(),
            schema: MetaSchemaRef::Inline(Box::new(path)),
            in_type: MetaParamIn::Path,
            description: Some("The path of the mock, without the leading slash.".into()),
            required: true,
            deprecated: false,
            explode: true,
            style: None,
        }],
        request: None,
        responses: MetaResponses {
            responses: vec![
                answer(Some(404), "There is no such mock, or it was told to answer so.", vec![error]),
                answer(None, "What the mock was told to answer.", vec![]),
            ],
        },
        deprecated: false,
        security: vec![],
        operation_id: Some(operation_id),
        code_samples: vec![],
    }
}
