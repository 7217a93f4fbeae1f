//! `DELETE /endpoints/{id}`: 204, no body, no content type. 404, also for a second deletion; 412.

use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Echo, changes},
};

#[test]
fn a_deleted_endpoint_is_gone_and_the_answer_is_empty() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/hello", json!({"code": 200}));
    let answer = echo.delete(&id);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    for name in ["content-type", "content-length", "transfer-encoding", "etag"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    let gone = echo.call("GET", "/hello");
    assert_refused(&gone, 404, "the mock");
    assert_eq!(gone.details(), "Requested page `/hello` does not exist");
    assert_eq!(echo.get("/endpoints").json()["data"], json!([]));
}

#[test]
fn a_deleted_endpoint_is_404_for_every_method() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/hello", json!({"code": 200}));
    assert_eq!(echo.delete(&id).status, 204);
    for method in ["DELETE", "DELETE", "GET", "PATCH"] {
        let answer = echo.manage(method, &format!("/endpoints/{id}"), "If-Match: *\r\n", None);
        assert_refused(&answer, 404, method);
        assert_eq!(answer.details(), format!("Requested Endpoint with ID `{id}` does not exist"), "{method}");
    }
}

#[test]
fn a_deletion_frees_verb_and_path_for_a_new_endpoint() {
    let echo = Echo::start(&[]);
    let first = echo.create("GET", "/hello", json!({"code": 200, "body": "first"}));
    echo.delete(&first);
    let second = echo.create("GET", "/hello", json!({"code": 200, "body": "second"}));
    assert_ne!(first, second);
    assert_eq!(echo.call("GET", "/hello").text(), "second");
    assert_eq!(echo.delete(&first).status, 404);
    assert_eq!(echo.call("GET", "/hello").text(), "second");
}

#[test]
fn if_match_allows_a_deletion_of_the_named_version_only() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/hello", json!({"code": 200}));
    let path = format!("/endpoints/{id}");
    let delete = |tags: &str| echo.manage("DELETE", &path, &format!("If-Match: {tags}\r\n"), None);
    let stale = echo.get(&path).header("etag").unwrap().to_owned();
    let current = echo.patch(&id, &changes(json!({}))).header("etag").unwrap().to_owned();
    for tags in [&*stale, "\"nonsense\"", &format!("W/{current}")] {
        let answer = delete(tags);
        assert_refused(&answer, 412, tags);
        assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "If-Match"}), "{tags}");
    }
    assert_eq!(echo.call("GET", "/hello").status, 200);
    assert_eq!(delete(&format!("\"nonsense\", {current}")).status, 204);
    let id = echo.create("GET", "/hello", json!({"code": 200}));
    assert_eq!(echo.manage("DELETE", &format!("/endpoints/{id}"), "If-Match: *\r\n", None).status, 204);
}
