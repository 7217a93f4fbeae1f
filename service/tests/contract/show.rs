//! `GET /endpoints/{id}`: 200, `ETag`. Unknown id: ``Requested Endpoint with ID `1234567890` does not exist``.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Echo, changes},
};

#[test]
fn an_endpoint_has_its_version_as_etag() {
    let echo = Echo::start(&[]);
    let response = json!({"code": 200, "headers": {"X-A": "1"}, "body": "Hello"});
    let id = echo.create("GET", "/hello", response.clone());
    let answer = echo.get(&format!("/endpoints/{id}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)));
    let attributes = json!({"verb": "GET", "path": "/hello", "response": response});
    assert_eq!(answer.json(), json!({"data": {"type": "endpoints", "id": id, "attributes": attributes}}));
    let tag = answer.header("etag").unwrap();
    assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
}

#[test]
fn the_etag_changes_only_with_its_endpoint() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/hello", json!({"code": 200}));
    let path = format!("/endpoints/{id}");
    let tag = || echo.get(&path).header("etag").unwrap().to_owned();
    let first = tag();
    let other = echo.create("GET", "/other", json!({"code": 200}));
    echo.patch(&other, &changes(json!({"path": "/moved"})));
    echo.call("GET", "/hello");
    assert_eq!(tag(), first);
    let changed = echo.patch(&id, &changes(json!({"response": {"code": 201}})));
    assert_eq!(changed.header("etag"), Some(&*tag()));
    assert_ne!(tag(), first);
}

#[test]
fn an_unknown_id_is_404_in_these_words() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let last = if id.ends_with('0') { "1" } else { "0" };
    let neighbour = format!("{}{last}", &id[..id.len() - 1]);
    for (asked, named) in [
        ("1234567890", "1234567890"),
        (&*neighbour, &*neighbour),
        // Ids are opaque and have one spelling.
        (&*id.to_uppercase(), &*id.to_uppercase()),
        (&*id.replace('-', ""), &*id.replace('-', "")),
        (&*format!("%7B{id}%7D"), &*format!("{{{id}}}")),
        ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        ("..", ".."),
        ("a%2Fb", "a/b"),
        ("%22%3Cscript%3E", "\"<script>"),
        ("%C3%A9%00", "é\0"),
        ("%FF", "%FF"),
        ("%", "%"),
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = echo.manage(method, &format!("/endpoints/{asked}"), "", None);
            assert_refused(&answer, 404, &format!("{method} {asked}"));
            assert_eq!(answer.details(), format!("Requested Endpoint with ID `{named}` does not exist"), "{method}");
            assert_eq!(answer.json()["errors"][0].get("source"), None);
        }
    }
}
