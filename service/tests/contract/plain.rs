//! Documents without the envelope of JSON:API: `application/json` with the attributes themselves.

use serde_json::{Value, json};

use crate::{
    shape::{MEDIA_TYPE, assert_refused, assert_refused_at, names},
    support::{Answer, Echo, changes, new_endpoint},
};

const JSON: &str = "Content-Type: application/json\r\n";

fn post(echo: &Echo, attributes: &Value) -> Answer {
    echo.manage("POST", "/endpoints", JSON, Some(attributes))
}

fn patch(echo: &Echo, id: &str, attributes: &Value) -> Answer {
    echo.manage("PATCH", &format!("/endpoints/{id}"), JSON, Some(attributes))
}

#[test]
fn plain_attributes_make_and_change_a_mock_and_the_answers_are_plain() {
    let echo = Echo::start(&[]);
    let created = post(&echo, &json!({"verb": "get", "path": "/x", "response": {"code": 201, "body": "a"}}));
    assert_eq!((created.status, created.header("content-type")), (201, Some("application/json")));
    let (location, document) = (format!("http://{}/x", echo.mocks), created.json());
    assert_eq!(created.header("location"), Some(&*location));
    let id = document["id"].as_str().unwrap().to_owned();
    assert_eq!(names(&document), ["id", "verb", "path", "response"]);
    assert_eq!(document["verb"], "GET");
    assert_eq!(echo.call("GET", "/x").text(), "a");

    let changed = patch(&echo, &id, &json!({"response": {"body": "b"}}));
    assert_eq!((changed.status, changed.header("content-type")), (200, Some("application/json")));
    let expected = json!({"id": id, "verb": "GET", "path": "/x", "response": {"code": 201, "body": "b"}});
    assert_eq!(changed.json(), expected);
    assert_eq!(changed.header("etag"), echo.get(&format!("/endpoints/{id}")).header("etag"));
    // An answer can be sent back as a change.
    assert_eq!(patch(&echo, &id, &expected).json(), expected);
    assert_eq!(patch(&echo, &id, &json!({})).json(), expected);
}

#[test]
fn reading_is_json_api_also_for_clients_that_accept_json() {
    let echo = Echo::start(&[]);
    let created = post(&echo, &json!({"verb": "GET", "path": "/x", "response": {"code": 200}})).json();
    let id = created["id"].as_str().unwrap();
    for path in ["/endpoints", &format!("/endpoints/{id}")] {
        let answer = echo.manage("GET", path, "Accept: application/json\r\n", None);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{path}");
        assert!(answer.json().get("data").is_some(), "{path}");
    }
}

#[test]
fn errors_of_plain_attributes_are_json_api_with_pointers_into_the_attributes() {
    let echo = Echo::start(&[]);
    let attributes = json!({"verb": "GET", "path": "/x", "response": {"code": 200}});
    let id = post(&echo, &attributes).json()["id"].as_str().unwrap().to_owned();
    let other = post(&echo, &json!({"verb": "PUT", "path": "/x", "response": {"code": 200}}));
    let other = other.json()["id"].as_str().unwrap().to_owned();

    let wrong = json!({"verb": "FETCH", "path": "x", "type": "endpoints", "code": 1, "response": {"headers": {"a b": ""}, "verb": "GET"}});
    for answer in [post(&echo, &wrong), patch(&echo, &id, &wrong)] {
        assert_refused(&answer, 422, "six mistakes");
        let mut pointers = answer.pointers();
        pointers.sort_unstable();
        let missing = (pointers.len() == 7).then_some("/response/code");
        let expected = ["/code", "/path"].into_iter().chain(missing);
        let expected =
            expected.chain(["/response/headers/a b", "/response/verb", "/type", "/verb"]).collect::<Vec<_>>();
        assert_eq!(pointers, expected);
        let told = answer.details();
        assert!(told.contains("`code` is in the wrong place: put it into `response`"), "{told}");
        assert!(told.contains("`verb` is in the wrong place: put it into the document itself"), "{told}");
    }
    let missing = post(&echo, &json!({}));
    assert_refused(&missing, 422, "no attributes");
    assert_eq!(missing.pointers(), ["/verb", "/path", "/response"]);

    // Refusals after the reading of the document.
    assert_refused_at(&post(&echo, &attributes), 409, "/path", "taken");
    assert_refused_at(&patch(&echo, &other, &json!({"verb": "GET"})), 409, "/path", "taken");
    let mut named = attributes.clone();
    named["id"] = json!(id);
    assert_refused_at(&post(&echo, &named), 403, "/id", "an id of the client");
    assert_refused_at(&patch(&echo, &other, &json!({"id": id})), 409, "/id", "another id");
}

#[test]
fn a_document_with_data_is_json_api_also_as_json() {
    let echo = Echo::start(&[]);
    let document = new_endpoint("GET", "/x", json!({"code": 200}));
    let created = post(&echo, &document);
    assert_eq!((created.status, created.header("content-type")), (201, Some(MEDIA_TYPE)));
    let id = created.json()["data"]["id"].as_str().unwrap().to_owned();
    let changed = patch(&echo, &id, &changes(json!({"path": "/y"})));
    assert_eq!((changed.status, changed.json()["data"]["attributes"]["path"].as_str()), (200, Some("/y")));
    assert_refused_at(&post(&echo, &json!({"data": null})), 422, "/data", "no object");
    // Only an object can be plain, and only as `application/json`.
    assert_refused_at(&post(&echo, &json!([document])), 422, "/data", "a list");
    assert_refused_at(&echo.post(&json!({"verb": "GET"})), 422, "/data", "JSON:API without `data`");
}

#[test]
fn warnings_stand_beside_plain_attributes() {
    let echo = Echo::start(&[]);
    let created = post(&echo, &json!({"verb": "GET", "path": "/users/:id", "response": {"code": 200}})).json();
    assert_eq!(names(&created), ["id", "verb", "path", "response", "meta"]);
    assert!(created["meta"]["warnings"][0].as_str().unwrap().contains("write `{id}`"), "{created}");
}
