//! The OpenAPI document and the documentation page.

use std::collections::BTreeMap;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::{
    shape::MEDIA_TYPE,
    support::{Echo, changes, new_endpoint, request_bytes, try_send},
};

fn document(echo: &Echo) -> Value {
    let answer = echo.get("/-/openapi.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

const KEYS: [&str; 2] = ["--keys", "ci:read+write:0000000000000000000000000000000000000000000000000000000000000000"];
const APART: [&str; 2] = ["--management-listen", "127.0.0.1:0"];

#[test]
fn the_committed_document_is_the_served_one_where_there_are_keys_and_mocks() {
    let echo = Echo::start(&KEYS);
    // `UPDATE_EXPECT=1 cargo test the_committed_document` regenerates it.
    expect_file!["../../openapi.json"].assert_eq(&(echo.get("/-/openapi.json").text() + "\n"));
}

#[test]
fn the_committed_schema_of_mock_files_is_the_served_one() {
    let answer = Echo::start(&KEYS).get("/-/mock-file.schema.json");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/schema+json")));
    expect_file!["../../mock-file.schema.json"].assert_eq(&(answer.text() + "\n"));
}

#[test]
fn the_yaml_document_equals_the_json_document() {
    let echo = Echo::start(&[]);
    let answer = echo.get("/-/openapi.yaml");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/yaml")));
    assert_eq!(serde_yaml::from_str::<Value>(&answer.text()).unwrap(), document(&echo));
}

#[test]
fn every_operation_of_the_contract_is_described_with_its_statuses() {
    let echo = Echo::start(&KEYS);
    let document = document(&echo);
    let statuses = |path: &str, method: &str| -> Vec<String> {
        let responses = document["paths"][path][method]["responses"].as_object();
        responses.unwrap_or_else(|| panic!("{method} {path} is not described")).keys().cloned().collect()
    };
    for (method, path, expected) in [
        ("get", "/endpoints", "200 400 401 403 406 429 500 503"),
        ("post", "/endpoints", "201 400 401 403 406 408 409 413 415 422 429 500 503"),
        ("delete", "/endpoints", "200 400 401 403 406 429 500 503"),
        ("get", "/-/sets", "200 400 401 403 406 429 500 503"),
        ("get", "/-/sets/{name}", "200 400 401 403 404 406 413 429 500 503"),
        ("put", "/-/sets/{name}", "200 400 401 403 406 408 409 413 415 422 429 500 503 507"),
        ("delete", "/-/sets/{name}", "200 400 401 403 404 406 429 500 503"),
        ("get", "/endpoints/{id}", "200 304 400 401 403 404 406 412 429 500 503"),
        ("patch", "/endpoints/{id}", "200 204 400 401 403 404 406 408 409 412 413 415 422 429 500 503"),
        ("delete", "/endpoints/{id}", "204 400 401 403 404 406 412 429 500 503"),
        ("post", "/-/explain", "200 400 401 403 406 408 413 415 422 429 500 503"),
        ("post", "/-/store/raise", "200 400 401 403 406 409 429 500 503"),
        ("post", "/-/store/adopt", "200 400 401 403 406 409 429 500 503"),
    ] {
        let mut found = statuses(path, method);
        found.sort_unstable();
        assert_eq!(found.join(" "), expected, "{method} {path}");
        assert_eq!(document["paths"][path][method]["security"], json!([{"Key": []}]), "{method} {path}");
    }
    let scheme = &document["components"]["securitySchemes"]["Key"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
}

#[test]
fn every_operation_that_is_described_with_a_key_needs_one_and_no_other() {
    let echo = Echo::start(&KEYS);
    for (path, item) in document(&echo)["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "1").replace("{name}", "1").replace("{path}", "mock");
            let status = echo.manage(&method.to_uppercase(), &path, "", None).status;
            let needs_key = operation.get("security").is_some();
            assert_eq!(status == 401, needs_key, "{method} {path} is {status}");
        }
    }
}

#[test]
fn keys_are_documented_only_if_management_has_keys() {
    let echo = Echo::start(&[]);
    let document = document(&echo);
    assert_eq!(document["security"], json!([]));
    assert!(!document.to_string().contains("securitySchemes") && !document.to_string().contains("bearer"));
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert_eq!(operation.get("security"), None, "{method} {path}");
        }
    }
}

#[test]
fn the_document_excludes_reserved_paths_only_where_they_are_reserved() {
    for (arguments, is_shared) in [(vec![], true), (APART.to_vec(), false)] {
        let document = document(&Echo::start(&arguments));
        // Answers show a reserved path from before the listener was shared.
        for (name, is_excluded) in
            [("NewAttributes", is_shared), ("AttributeChanges", is_shared), ("Attributes", false)]
        {
            let path = &document["components"]["schemas"][name]["properties"]["path"];
            assert_eq!(path["not"]["pattern"].is_string(), is_excluded, "{name} with {arguments:?}: {path}");
        }
    }
}

#[test]
fn changes_have_the_members_of_a_mock_and_all_are_optional() {
    let document = document(&Echo::start(&[]));
    for (object, changed, required) in [
        ("NewAttributes", "AttributeChanges", json!(["verb", "path"])),
        ("Response", "ResponseChanges", json!(["code"])),
    ] {
        let [whole, changes] = [object, changed].map(|name| &document["components"]["schemas"][name]);
        let names = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((&whole["required"], changes.get("required")), (&required, None), "{object}");
        // Generators of clients lose the members beside `oneOf`, and demand members with a default.
        let has_default =
            |schema: &&Value| schema["properties"].as_object().unwrap().values().any(|p| p.get("default").is_some());
        assert_eq!([whole, changes].iter().find(|schema| has_default(schema)), None, "{object}");
        assert_eq!((whole.get("oneOf"), changes.get("oneOf")), (None, None), "{object}");
        assert_eq!(names(whole), names(changes), "{object}");
        for schema in [whole, changes] {
            assert_eq!(schema["additionalProperties"], json!(false), "{object}");
        }
    }
}

#[test]
fn the_page_accepts_keys_only_on_an_origin_without_mocks() {
    for (arguments, takes_keys, says_why_not) in [
        ([&KEYS[..], &APART].concat(), true, false),
        (KEYS.to_vec(), false, true),
        (APART.to_vec(), false, false),
        (vec![], false, false),
    ] {
        let page = Echo::start(&arguments).get("/-/docs");
        assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"), "{arguments:?}");
        let html = page.text();
        // The last script is Echo's; the part before it is Swagger UI.
        let (_, script) = html.rsplit_once("<script>").unwrap();
        assert_eq!(script.contains("\"securitySchemes\":"), takes_keys, "{arguments:?}");
        assert_eq!(script.contains("\"security\":[{"), takes_keys, "{arguments:?}");
        assert_eq!(script.contains("This page takes no key"), says_why_not, "{arguments:?}");
    }
}

#[test]
fn allow_matches_the_documented_methods_of_each_path() {
    let echo = Echo::start(&[]);
    let document = document(&echo);
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| *path != "/{path}") {
        let refused = echo.manage("OPTIONS", &path.replace("{id}", "1").replace("{name}", "1"), "", None);
        assert_eq!(refused.status, 405, "{path}");
        let mut allowed: Vec<_> = refused.header("allow").unwrap().split(", ").filter(|m| *m != "HEAD").collect();
        let mut described: Vec<_> = item.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
        allowed.sort_unstable();
        described.sort_unstable();
        assert_eq!(allowed, described, "{path}");
    }
}

/// The example of a schema, or of its properties, as Swagger UI shows it.
fn example_of(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return example_of(document, document.pointer(reference.strip_prefix('#').unwrap()).unwrap());
    }
    match (schema.get("example"), schema["properties"].as_object()) {
        (Some(example), _) => example.clone(),
        (None, Some(members)) => {
            members.iter().map(|(name, schema)| (name.clone(), example_of(document, schema))).collect()
        }
        (None, None) => schema["enum"][0].clone(),
    }
}

#[test]
fn the_examples_work_when_pasted() {
    for (media_type, envelope) in [("application/json", ""), ("application/vnd.api+json", "/data")] {
        the_examples_work_as(media_type, envelope);
    }
}

/// `envelope` points at the resource in documents of this media type.
fn the_examples_work_as(media_type: &str, envelope: &str) {
    let echo = Echo::start(&[]);
    let document = document(&echo);
    let example = |path: &str, method: &str, place: &str, media_type: &str| {
        let schema = &document["paths"][path][method].pointer(place).unwrap()["content"][media_type];
        example_of(&document, &schema["schema"])
    };
    let header = format!("Content-Type: {media_type}\r\n");
    let content = &document["paths"]["/endpoints"]["post"]["requestBody"]["content"][media_type];
    let examples = content["examples"].as_object().unwrap();
    let create = |name: &String| {
        let created = echo.manage("POST", "/endpoints", &header, Some(&examples[name]["value"]));
        assert_eq!(
            (created.status, created.header("content-type")),
            (201, Some(media_type)),
            "{name}: {}",
            created.text()
        );
        created
    };
    let created = examples.keys().map(create).next().unwrap();
    assert_eq!(examples.keys().skip(1).map(create).count(), 13);
    for (method, target, headers, body, expected) in [
        ("GET", "/greeting", "", "", "Hello, world"),
        ("GET", "/greeting?lang=fr", "Accept: text/html\r\n", "", "Bonjour"),
        ("GET", "/greeting?lang=fr", "Accept: text/html\r\nCookie: beta=1\r\n", "", "Hello, world"),
        ("GET", "/users/ada", "", "", "A user"),
        ("GET", "/users/5", "", "", "A user by number"),
        ("POST", "/login", "Content-Type: application/x-www-form-urlencoded\r\n", "name=ada", "Welcome, Ada"),
        ("POST", "/orders", "", r#"{"id": 1, "items": [{"sku": "a1", "count": 2}]}"#, "Ordered"),
        ("POST", "/orders", "", r#"{"items": []}"#, "Not mocked"),
        ("GET", "/slow", "", "", r#"{"hits":3}"#),
        ("POST", "/hello/Ada", "", "[1, 2]", r#"{"hello":"Ada","items":2}"#),
        ("GET", "/users", "", "", r#"{"users":[{"id":5,"name":"Ada"}]}"#),
    ] {
        assert_eq!(echo.call_with(method, target, headers, body.as_bytes()).text(), expected, "{method} {target}");
    }
    assert_eq!(echo.call("GET", "/session").headers.iter().filter(|(name, _)| name == "set-cookie").count(), 2);
    let request = request_bytes(echo.mocks, "GET", "/unstable", "", b"");
    assert!(try_send(echo.mocks, request).is_none(), "the connection is broken");
    assert!(echo.call("GET", "/pixel.gif").body.starts_with(b"GIF89a"));
    let id = created.json().pointer(envelope).unwrap()["id"].as_str().unwrap().to_owned();
    let change = example("/endpoints/{id}", "patch", "/requestBody", media_type);
    let changed = echo.manage("PATCH", &format!("/endpoints/{id}"), &header, Some(&change));
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(echo.call("GET", "/greeting").text(), "Hello, everyone");
    let shown = example("/endpoints/{id}", "get", "/responses/200", MEDIA_TYPE)["data"].clone();
    assert_eq!(echo.patch(shown["id"].as_str().unwrap(), &json!({})).status, 404);
    assert_eq!(echo.post(&changes(shown["attributes"].clone())).status, 409, "the mock from above");
    for link in example("/endpoints", "get", "/responses/200", MEDIA_TYPE)["links"].as_object().unwrap().values() {
        assert_eq!(echo.get(link.as_str().unwrap()).status, 200, "{link}");
    }
}

#[test]
fn the_page_loads_nothing_from_other_servers_and_its_policy_forbids_it() {
    let echo = Echo::start(&[]);
    let page = echo.get("/-/docs");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy: BTreeMap<_, _> =
        page.header("content-security-policy").unwrap().split("; ").filter_map(|d| d.split_once(' ')).collect();
    assert_eq!(
        (policy["default-src"], policy["connect-src"], policy["frame-ancestors"]),
        ("'none'", "'self'", "'none'")
    );
    let html = page.text();
    assert!(html.starts_with("<!DOCTYPE html>"));
    assert!(!html.contains("src=\"http") && !html.contains("<link rel=\"stylesheet\""));
}

#[test]
fn calls_of_mocks_are_documented_only_if_the_page_can_send_them() {
    let shared = Echo::start(&[]);
    let apart = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    let described = document(&shared)["paths"]["/{path}"].clone();
    let methods: Vec<_> = described.as_object().unwrap().keys().cloned().collect();
    assert_eq!(methods, ["get", "head", "post", "put", "delete", "options", "patch"]);
    assert!(document(&apart)["paths"]["/{path}"].is_null());
    // Without reserved paths, the mock listener has no documentation, but may have a mock in its place.
    assert_eq!(apart.call("GET", "/-/docs").status, 404);
    assert_eq!(apart.post(&new_endpoint("GET", "/-/docs", json!({"code": 200}))).status, 201);
    assert_eq!(apart.call("GET", "/-/docs").status, 200);
}
