//! Examples of new endpoints in the OpenAPI document. Each example works when pasted.

use serde_json::{Map, Value, json};

use crate::api::document::{Form, object};

/// Documents by name, in the form of OpenAPI.
pub fn of_new_endpoints(form: Form) -> Value {
    let answer = |path: &str, verb: &str, when: Value, response: Value| {
        object([("verb", verb.into()), ("path", path.into()), ("when", when), ("response", response)])
    };
    let mock = |path: &str, verb: &str, when: Value, body: &str| {
        answer(path, verb, when, json!({"code": 200, "headers": {"Content-Type": "text/plain"}, "body": body}))
    };
    let get = |path: &str, response: Value| answer(path, "GET", Value::Null, response);
    let mut last = mock("/{*all}", "ANY", Value::Null, "Not mocked");
    last["priority"] = (-1_000).into();
    let examples = [
        ("plain", "A method and a path", mock("/greeting", "GET", Value::Null, "Hello, world")),
        ("parameter", "A parameter in the path", mock("/users/{id}", "GET", Value::Null, "A user")),
        (
            "query",
            "Tests of query, header and cookie",
            mock(
                "/greeting",
                "GET",
                json!({"query": {"lang": "fr"}, "headers": {"Accept": {"contains": "text"}}, "cookies": {"beta": {"absent": true}}}),
                "Bonjour",
            ),
        ),
        (
            "expression",
            "A parameter by a regular expression",
            mock("/users/{id}", "GET", json!({"params": {"id": {"matches": "^[0-9]+$"}}}), "A user by number"),
        ),
        ("form", "A field of a form", mock("/login", "POST", json!({"form": {"name": "ada"}}), "Welcome, Ada")),
        (
            "json",
            "A part of a JSON body",
            mock("/orders", "POST", json!({"body": {"json": {"items": [{"sku": "a1"}]}}}), "Ordered"),
        ),
        ("object", "A JSON answer", get("/users", json!({"code": 200, "json": {"users": [{"id": 5, "name": "Ada"}]}}))),
        (
            "cookies",
            "An answer with two cookies",
            get("/session", json!({"code": 204, "headers": {"Set-Cookie": ["session=8f2c; HttpOnly", "theme=dark"]}})),
        ),
        (
            "bytes",
            "A file in base64",
            get(
                "/pixel.gif",
                json!({
                    "code": 200,
                    "headers": {"Content-Type": "image/gif"},
                    "base64": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
                }),
            ),
        ),
        (
            "delay",
            "A delayed answer",
            get("/slow", json!({"code": 200, "json": {"hits": 3}, "delay": {"median": "100ms", "p99": "500ms"}})),
        ),
        ("fault", "A broken connection", get("/unstable", json!({"code": 200, "fault": "reset"}))),
        (
            "template",
            "An answer from the request",
            answer(
                "/hello/{name}",
                "POST",
                Value::Null,
                json!({
                    "code": 200,
                    "json": {"hello": "{{ request.params.name }}", "items": "{{ request.json | length | tojson }}"},
                    "template": true,
                }),
            ),
        ),
        (
            "turns",
            "Two refusals, then an answer",
            json!({
                "verb": "GET",
                "path": "/quota",
                "responses": [{"code": 429, "headers": {"Retry-After": "1"}, "times": 2}, {"code": 200, "json": {"left": 10}}],
            }),
        ),
        ("last", "A last resort by priority", last),
    ];
    let document = |(name, summary, attributes): (&str, &str, Value)| {
        let value = match form {
            Form::JsonApi => json!({"data": {"type": "endpoints", "attributes": attributes}}),
            Form::Plain => attributes,
        };
        (name.to_owned(), json!({"summary": summary, "value": value}))
    };
    examples.into_iter().map(document).collect::<Map<_, _>>().into()
}
