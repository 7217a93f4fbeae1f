//! `POST /endpoints`: 201, the resource, `Location` with the absolute URL of the mock, so no `links.self`. Refused: 409
//! if verb and path are taken (with the holder's id), 403 for an id from the client, 409 for a wrong `type`. Also the
//! members `id` and `verb`; `limits.rs` and `paths.rs` test the others.

use serde_json::{Value, json};

use crate::{
    shape::{MEDIA_TYPE, assert_refused, assert_refused_at},
    support::{Echo, new_endpoint},
};

#[test]
fn the_answer_to_a_creation_is_the_whole_endpoint_with_location_and_without_a_self_link() {
    let echo = Echo::start(&[]);
    let attributes = json!({
        "verb": "GET",
        "path": "/greeting",
        "response": {
            "code": 200,
            "headers": {"Content-Type": "application/json", "X-Kept-Case": "Yes"},
            "body": "{\"message\": \"Hello, world\"}",
        },
    });
    let answer = echo.post(&json!({"data": {"type": "endpoints", "attributes": attributes}}));

    assert_eq!((answer.status, answer.header("content-type")), (201, Some(MEDIA_TYPE)));
    assert_eq!(answer.header("location"), Some(&*format!("http://{}/greeting", echo.mocks)));
    let document = answer.json();
    let id = document["data"]["id"].as_str().unwrap();
    assert_eq!(document, json!({"data": {"type": "endpoints", "id": id, "attributes": attributes}}));
    let shown = echo.get(&format!("/endpoints/{id}"));
    assert_eq!(shown.json(), document);
    // A client can change the endpoint at once, and only if nobody else has changed it.
    assert!(answer.header("etag").is_some());
    assert_eq!(answer.header("etag"), shown.header("etag"));
}

#[test]
fn answers_have_the_headers_of_a_mock_in_the_order_of_the_client() {
    let echo = Echo::start(&[]);
    let headers = r#""headers":{"X-B":"1","x-a":"2","X-C":"3"}"#;
    let document = format!(
        r#"{{"data":{{"type":"endpoints","attributes":{{"verb":"GET","path":"/x","response":{{"code":200,{headers}}}}}}}}}"#
    );
    let media_type = format!("Content-Type: {MEDIA_TYPE}\r\n");
    let created = echo.manage_raw("POST", "/endpoints", &media_type, document.as_bytes());
    let id = created.json()["data"]["id"].as_str().unwrap().to_owned();
    for answer in [created, echo.get(&format!("/endpoints/{id}")), echo.get("/endpoints")] {
        assert!(answer.text().contains(headers), "{}", answer.text());
    }
}

#[test]
fn location_is_the_url_of_the_mock() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("GET", "/a//b%2fc", json!({"code": 200, "body": "here"})));
    let origin = format!("http://{}", echo.mocks);
    let path = answer.header("location").unwrap().strip_prefix(&origin).unwrap();
    assert_eq!(echo.call("GET", path).text(), "here");
}

#[test]
fn ids_are_version_7_uuids_that_sort_by_creation() {
    let echo = Echo::start(&[]);
    let ids: Vec<_> = (0..20).map(|n| echo.create("GET", &format!("/{n}"), json!({"code": 200}))).collect();
    for id in &ids {
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert!(id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')), "{id}");
        assert_eq!(&id[14..15], "7", "{id}");
    }
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn each_supported_method_can_be_mocked_and_lower_case_becomes_upper_case() {
    let echo = Echo::start(&[]);
    for verb in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let response = json!({"code": 299, "headers": {"X-Verb": verb}});
        for (given, path) in [(verb.to_owned(), "/upper"), (verb.to_lowercase(), "/lower")] {
            let answer = echo.post(&new_endpoint(&given, path, response.clone()));
            assert_eq!(answer.status, 201, "{given}: {}", answer.text());
            assert_eq!(answer.json()["data"]["attributes"]["verb"], verb, "{given}");
            let served = echo.call(verb, path);
            assert_eq!((served.status, served.header("x-verb")), (299, Some(verb)), "{given}");
        }
    }
}

#[test]
fn connect_and_trace_and_unknown_methods_are_refused_with_the_reason() {
    let echo = Echo::start(&[]);
    for (verb, reason) in [
        ("CONNECT", "`CONNECT` cannot be mocked: no load balancer delivers it"),
        ("TRACE", "`TRACE` cannot be mocked: no load balancer delivers it"),
        ("trace", "`TRACE` cannot be mocked: no load balancer delivers it"),
        ("FETCH", "`FETCH` is not an HTTP method"),
        ("PROPFIND", "`PROPFIND` is not an HTTP method"),
        (" GET", "` GET` is not an HTTP method"),
        ("", "`` is not an HTTP method"),
    ] {
        let answer = echo.post(&new_endpoint(verb, "/x", json!({"code": 200})));
        assert_refused_at(&answer, 422, "/data/attributes/verb", verb);
        let detail = answer.details();
        assert!(detail.starts_with(reason), "{verb}: {detail}");
        assert!(
            detail.ends_with("Use one of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, or ANY for all of these"),
            "{verb}: {detail}"
        );
    }
}

#[test]
fn a_client_id_is_forbidden_and_a_null_id_means_absent() {
    let echo = Echo::start(&[]);
    let with_id = |id: Value| {
        let mut document = new_endpoint("GET", "/own-id", json!({"code": 200}));
        document["data"]["id"] = id;
        echo.post(&document)
    };
    for id in [json!("0199c0de-0000-7000-8000-000000000000"), json!("mine"), json!(""), json!(7), json!({})] {
        assert_refused_at(&with_id(id.clone()), 403, "/data/id", &id.to_string());
    }
    assert_eq!(echo.call("GET", "/own-id").status, 404);
    assert_eq!(with_id(Value::Null).status, 201);
}

#[test]
fn a_wrong_type_is_409_and_a_missing_type_is_422() {
    let echo = Echo::start(&[]);
    for (kind, status) in [
        (json!("endpoint"), 409),
        (json!("Endpoints"), 409),
        (json!(""), 409),
        (Value::Null, 422),
        (json!(1), 422),
        (json!(["endpoints"]), 422),
    ] {
        let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
        document["data"]["type"] = kind.clone();
        assert_refused_at(&echo.post(&document), status, "/data/type", &kind.to_string());
        document["data"].as_object_mut().unwrap().remove("type");
        assert_refused_at(&echo.post(&document), 422, "/data/type", "no type at all");
    }
    assert_eq!(echo.call("GET", "/x").status, 404);
}

#[test]
fn creating_a_taken_verb_and_path_is_a_conflict_with_the_id_of_the_holder() {
    let echo = Echo::start(&[]);
    let holder = echo.create("GET", "/~taken", json!({"code": 200, "body": "first"}));
    for (verb, path) in [("GET", "/~taken"), ("get", "/~taken"), ("GET", "/%7etaken"), ("GET", "/%7Et%61ken")] {
        let answer = echo.post(&new_endpoint(verb, path, json!({"code": 500})));
        assert_refused_at(&answer, 409, "/data/attributes/path", path);
        let detail = answer.details();
        assert!(detail.contains("`GET /~taken`") && detail.contains(&format!("`{holder}`")), "{verb} {path}: {detail}");
    }
    assert_eq!(echo.call("GET", "/~taken").text(), "first");
}

#[test]
fn one_path_can_have_a_mock_for_each_verb() {
    let echo = Echo::start(&[]);
    for verb in ["GET", "POST", "PUT"] {
        echo.create(verb, "/shared", json!({"code": 200, "body": verb}));
    }
    for verb in ["GET", "POST", "PUT"] {
        assert_eq!(echo.call(verb, "/shared").text(), verb);
    }
    assert_eq!(echo.call("DELETE", "/shared").status, 404);
}

#[test]
fn a_refused_mock_leaves_nothing_behind() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("GET", "/half", json!({"code": 200, "body": 1})));
    assert_refused(&answer, 422, "a body that is no string");
    assert_eq!(echo.call("GET", "/half").status, 404);
    assert_eq!(echo.get("/endpoints").json()["data"], json!([]));
}
