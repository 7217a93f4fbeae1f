//! Corrections in errors about the form of a document.

use serde_json::{Value, json};

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Echo, changes, new_endpoint},
};

#[test]
fn a_wrong_type_hides_no_other_error() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let mut document = changes(json!({"verb": "FETCH", "response": {"code": 1}}));
    document["data"]["type"] = json!("endpoint");
    document["data"]["id"] = json!("mine");
    for (answer, expected) in [
        (echo.post(&document), ["/data/type 409", "/data/id 403", "/data/attributes/verb 422"].as_slice()),
        (echo.patch(&id, &document), &["/data/type 409", "/data/id 409", "/data/attributes/verb 422"]),
    ] {
        assert_refused(&answer, 400, "three statuses");
        let document = answer.json();
        let errors = document["errors"].as_array().unwrap().iter();
        let told: Vec<_> = errors
            .map(|e| format!("{} {}", e["source"]["pointer"].as_str().unwrap(), e["status"].as_str().unwrap()))
            .collect();
        assert!(expected.iter().all(|error| told.iter().any(|told| told == error)), "{told:?}");
        assert!(told.contains(&"/data/attributes/response/code 422".to_owned()), "{told:?}");
    }
    // Errors with the same status keep it.
    document["data"] = json!({"type": "endpoint", "id": "mine"});
    assert_refused(&echo.patch(&id, &document), 409, "type and id");
}

#[test]
fn misplaced_members_are_refused_with_their_right_place() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let attributes = json!({"verb": "GET", "path": "/y", "response": {"code": 200}});
    let answer = echo.post(&attributes);
    assert_refused_at(&answer, 422, "/data", "no envelope");
    let advice =
        r#"send the attributes as `application/json`, or write {"data": {"type": "endpoints", "attributes": {…}}}"#;
    assert_eq!(answer.details(), format!("The document has no `data` object: {advice}"));

    let mut beside = attributes.clone();
    beside["type"] = json!("endpoints");
    for answer in [echo.post(&json!({"data": beside})), echo.patch(&id, &json!({"data": beside}))] {
        assert_refused(&answer, 422, "beside `attributes`");
        assert!(answer.pointers().starts_with(&["/data/verb".into(), "/data/path".into(), "/data/response".into()]));
        assert!(answer.details().starts_with("`verb` is in the wrong place: put it into `data.attributes`\n"));
    }

    let answer = echo.post(&changes(json!({"verb": "GET", "path": "/y", "code": 200, "body": "a"})));
    let expected = ["/data/attributes/code", "/data/attributes/body", "/data/attributes/response"];
    assert_eq!(answer.pointers(), expected);
    assert!(answer.details().starts_with("`code` is in the wrong place: put it into `data.attributes.response`\n"));
}

#[test]
fn advice_for_missing_members_can_be_pasted() {
    let echo = Echo::start(&[]);
    let mut document = json!({"data": {}});
    // Follow each hint until nothing is missing.
    for _ in 0..6 {
        let answer = echo.post(&document);
        if answer.status == 201 {
            return;
        }
        for (pointer, detail) in answer.pointers().iter().zip(answer.details().lines()) {
            let advice = detail.split_once("is missing: write `").unwrap().1.strip_suffix('`').unwrap();
            let member: Value = serde_json::from_str(&format!("{{{advice}}}")).unwrap();
            let parent = document.pointer_mut(pointer.rsplit_once('/').unwrap().0).unwrap();
            parent.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        }
    }
    panic!("still refused: {document}");
}

#[test]
fn a_list_of_headers_in_another_form_is_refused_with_the_right_form() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "headers": [{"name": "Vary"}]})));
    assert_refused_at(&answer, 422, "/data/attributes/response/headers", "a list of fields");
    let advice = "write `\"headers\": {\"Content-Type\": \"text/plain\"}`";
    assert!(answer.details().ends_with(advice), "{}", answer.details());
}

#[test]
fn a_wrong_type_in_a_change_gets_the_expected_type_and_no_example_that_overwrites() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 404, "headers": {"Vary": "*"}, "body": "kept"}));
    let attributes = |attributes: Value| json!({"data": {"type": "endpoints", "attributes": attributes}});
    for (document, pointer) in [
        (attributes(json!("GET")), "/data/attributes"),
        (attributes(json!({"response": 200})), "/data/attributes/response"),
        (attributes(json!({"response": {"headers": "Vary: *"}})), "/data/attributes/response/headers"),
    ] {
        let answer = echo.patch(&id, &document);
        assert_refused_at(&answer, 422, pointer, &document.to_string());
        let (_, name) = pointer.rsplit_once('/').unwrap();
        let expected = format!(
            "`{name}` is not an object: write an object with the new members, or leave `{name}` out to keep its value"
        );
        assert_eq!(answer.details(), expected);
    }
    assert_eq!(echo.call("GET", "/x").text(), "kept");
}
