//! The JSON Schema of a mock file, for editors. Like the OpenAPI document, it is made from the declarations of
//! attributes.

use serde_json::{Map, Value, json};

use super::document;
use crate::{domain::MAX_BODY_BYTES, files::BODY_FILE, web::routes};

/// Draft 7, because most editors know no later one.
pub fn schema() -> Value {
    let [mock, response] = [document::REQUESTED[0], document::RESPONSE_IN_TURN];
    let parts = [mock, response, "Test", "BodyTest"];
    let mut parts: Map<_, _> = document::schemas()
        .into_iter()
        .filter(|(name, _)| parts.contains(name))
        .map(|(name, schema)| (name.to_owned(), adapted(schema)))
        .collect();
    let description = format!(
        "Instead of `body`: the path of a file beneath the folder of this file. The content of at most {} KiB is the \
         body.",
        MAX_BODY_BYTES >> 10
    );
    let body_file = json!({"type": "string", "description": description, "examples": ["bodies/greeting.html"]});
    parts[mock]["properties"]["response"]["properties"][BODY_FILE] = body_file.clone();
    parts[response]["properties"][BODY_FILE] = body_file;
    let mock = json!({"$ref": format!("#/definitions/{mock}")});
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": format!("http://127.0.0.1:8080{}", routes::MOCK_FILE_SCHEMA),
        "title": "Mock file of Echo",
        "description": "A mock, or a list of mocks.",
        "anyOf": [&mock, {"type": "array", "minItems": 1, "items": &mock}],
        "definitions": parts,
    })
}

/// A schema of OpenAPI 3.0 as JSON Schema.
fn adapted(schema: Value) -> Value {
    match schema {
        Value::Array(list) => list.into_iter().map(adapted).collect(),
        Value::Object(members) => adapted_object(members),
        Value::String(text) => text.replace("#/components/schemas/", "#/definitions/").into(),
        other => other,
    }
}

fn adapted_object(mut members: Map<String, Value>) -> Value {
    if members.remove("nullable").is_some() {
        members["type"] = json!([members["type"], "null"]);
        if let Some(Value::Array(values)) = members.get_mut("enum") {
            values.push(Value::Null);
        }
    }
    let each = members.into_iter().map(|(name, value)| match &*name {
        "example" => ("examples".into(), vec![value].into()),
        _ => (name, adapted(value)),
    });
    each.collect::<Map<_, _>>().into()
}
