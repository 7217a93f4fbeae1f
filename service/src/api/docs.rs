//! The OpenAPI document and Swagger UI. Both are part of the binary, without a CDN or files.

mod examples;
mod mock_file;
mod page;

use std::mem;

use bytes::Bytes;
use poem::{Endpoint, Response, endpoint::make_sync};
use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService, ServerObject};
use serde_json::{Map, Value, json};

pub use self::{mock_file::schema as mock_file_schema, page::page};
use super::{
    document::{self, Attribute, Form},
    operations::{self, Operation},
    parameters,
};
use crate::{
    domain::{MockPath, Verb},
    web::{MEDIA_TYPE, routes},
    yaml,
};

const DESCRIPTION: &str = "A mock HTTP server. Create an endpoint (method, path and response), then call it.\n\n\
    Requests are plain JSON (`application/json`) or [JSON:API 1.1](https://jsonapi.org/format/1.1/). \
    An answer to plain JSON has the same form; all other answers and all errors are JSON:API. Every error names the mistake and the correction.";

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
        let document = describe(service, shared_listener, has_keys);
        let json = serde_json::to_string_pretty(&document).expect("a document is JSON");
        let yaml = yaml::write(&document);
        let mut page = document;
        if shared_listener && has_keys {
            page = describe(service, shared_listener, false);
            page["info"]["description"] = format!("{DESCRIPTION}{NO_KEY}").into();
        }
        Self { json, yaml, page: page.to_string() }
    }
}

/// The document of poem-openapi with the parts that depend on constants or settings. poem-openapi takes all parts from
/// types: it would need a type for each parameter and for each set of statuses.
fn describe<A: OpenApi>(service: &OpenApiService<A, ()>, shared_listener: bool, has_keys: bool) -> Value {
    let mut document = serde_json::from_str::<Value>(&service.spec()).expect("poem-openapi writes JSON");
    // Operations without an own requirement need no key. Linters want an explicit statement.
    document["security"] = json!([]);
    add_schemas(members(&mut document["components"]["schemas"]), shared_listener);
    for path in members(&mut document["paths"]).values_mut() {
        for operation in members(path).values_mut() {
            complete(members(operation), has_keys);
        }
    }
    if has_keys {
        document["components"]["securitySchemes"] = json!({"Key": {
            "type": "http",
            "description": "A token from `echo-service key new`.",
            "scheme": "bearer",
            "bearerFormat": "echo_…",
        }});
    }
    if shared_listener {
        add_calls_of_mocks(&mut document);
    }
    document
}

fn members(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("this is an object in OpenAPI")
}

/// Adds the schemas of attributes and requests.
fn add_schemas(schemas: &mut Map<String, Value>, shared_listener: bool) {
    schemas.extend(document::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)));
    for name in document::REQUESTED.into_iter().filter(|_| shared_listener) {
        schemas[name]["properties"][MockPath::NAME]["not"] = json!({"pattern": routes::RESERVED});
    }
    for name in [&["Attributes", document::ANSWERED][..], &document::REQUESTED].concat() {
        suit_generators(schemas, name);
    }
    schemas["Endpoint"]["properties"]["attributes"] = json!({"$ref": "#/components/schemas/Attributes"});
}

/// Adapts a schema of attributes to generators of clients: they lose the members of a schema with `oneOf`, and have
/// names only for objects with a name. A nullable schema cannot have a name. The descriptions have the lost rules.
fn suit_generators(schemas: &mut Map<String, Value>, name: &str) {
    members(&mut schemas[name]).shift_remove("oneOf");
    let response = if name == document::REQUESTED[1] { "ResponseChanges" } else { "Response" };
    for (member, part) in [("verb", "Verb"), ("when", "When"), ("response", response), ("then", "Then")] {
        let reference = json!({"$ref": format!("#/components/schemas/{part}")});
        let mut schema = mem::replace(&mut schemas[name]["properties"][member], reference);
        members(&mut schema).shift_remove("nullable");
        schemas.insert(part.into(), schema);
    }
}

/// Adds the schemas of parameters, the document of the request, the refusals and the key to an operation of management.
fn complete(operation: &mut Map<String, Value>, has_keys: bool) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
        parameter["schema"] = parameters::schema(parameter["name"].as_str().expect("each parameter has a name"));
    }
    let id = operation["operationId"].as_str().expect("each operation has an id").to_owned();
    let Some(Operation { documents, refusals }) = operations::of(&id) else { return };
    let content = |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    if id == "showSet" {
        let content = content(document::LIST);
        operation["responses"]["200"]["content"] = json!({"application/json": &content, "application/yaml": &content});
    }
    if let Some([plain_name, name]) = documents {
        let [mut plain, mut enveloped] = [plain_name, name].map(content);
        if id == "createEndpoint" {
            plain["examples"] = examples::of_new_endpoints(Form::Plain);
            enveloped["examples"] = examples::of_new_endpoints(Form::JsonApi);
        }
        // The plain form comes first: some generators of clients, and the page, know only the first form.
        let mut contents = json!({"application/json": plain});
        if plain_name != name {
            contents[MEDIA_TYPE] = enveloped;
            for answer in members(&mut operation["responses"]).values_mut() {
                if let Some(Value::Object(contents)) = answer.get_mut("content") {
                    contents.shift_insert(0, "application/json".into(), content(document::ANSWERED));
                }
            }
        }
        operation.insert("requestBody".into(), json!({"required": true, "content": contents}));
    }
    if has_keys {
        operation.insert("security".into(), json!([{"Key": []}]));
    }
    members(&mut operation["responses"]).extend(refusals);
}

/// Describes calls of mocks. The part `mocks` serves them, not poem.
fn add_calls_of_mocks(document: &mut Value) {
    const TAG: &str = "Mocks";
    let tag = json!({"name": TAG, "description": "Call the mocks that you have created. No key is needed."});
    document["tags"].as_array_mut().expect("the operations have tags").push(tag);
    let operation = |verb: Verb| {
        let method = verb.as_str().to_lowercase();
        let operation = json!({
            "tags": [TAG],
            "summary": format!("Call a mock with {verb}"),
            "description": "The documentation page sends the path as you type it. Clients generated from this document \
                            may send `/` in the path as `%2F`, which is another path.",
            "operationId": format!("{method}Mock"),
            "parameters": [{
                "name": "path",
                "in": "path",
                "required": true,
                "description": "The path of the mock, as in `attributes.path`. The leading slash is optional.",
                "schema": {"type": "string", "example": MockPath::EXAMPLE.trim_matches(['"', '/'])},
            }],
            "responses": {
                "200": {"description": "The answer of a mock with code 200."},
                "404": {
                    "description": "No mock fits this method and path, or the mock has code 404.",
                    "content": operations::content(),
                },
                "default": {"description": "The answer of the mock, as defined."},
            },
        });
        (method, operation)
    };
    let requests = Verb::ALL.into_iter().filter(|verb| *verb != Verb::Any);
    document["paths"]["/{path}"] = requests.map(operation).collect::<Map<_, _>>().into();
}

pub fn file(content_type: &'static str, text: String) -> impl Endpoint {
    let bytes = Bytes::from(text);
    make_sync(move |_| Response::builder().content_type(content_type).body(bytes.clone()))
}
