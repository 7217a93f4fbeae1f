//! Reserved on a shared listener: `/endpoints`, all paths below `/endpoints/`, and all paths below `/-/`:
//! `/-/docs` (Swagger UI from the binary, no CDN), `/-/openapi.json`, `/-/openapi.yaml` (see `docs.rs`),
//! `/-/live`, `/-/ready`, `/-/explain`, `/-/store/raise`, `/-/store/adopt`. `/endpoints-x` and `/api/endpoints/5` are
//! ordinary paths. A mock at a reserved path is 422. An unsupported method of a reserved path is 405 with `Allow`.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint},
};

#[test]
fn a_mock_at_a_reserved_path_is_refused_on_create_and_on_change() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/free", json!({"code": 200}));
    for path in [
        "/endpoints",
        "/endpoints/",
        "/endpoints/5",
        "/endpoints/5/6",
        "/endpoints//",
        "/%65ndpoint%73",
        "/-/",
        "/-/docs",
        "/-/openapi.json",
        "/-/live",
        "/-/anything/else",
        "/%2d/docs",
    ] {
        let created = echo.post(&new_endpoint("PUT", path, json!({"code": 200})));
        let changed = echo.patch(&id, &changes(json!({"path": path})));
        for answer in [created, changed] {
            assert_refused_at(&answer, 422, "/data/attributes/path", path);
            let detail = answer.details();
            assert!(detail.contains("is reserved for management: choose a path outside"), "{path}: {detail}");
        }
    }
    assert_eq!(echo.call("GET", "/free").status, 200);
}

#[test]
fn a_mock_from_a_listener_of_its_own_keeps_its_path_on_a_shared_listener() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let apart = Echo::start(&["--store", &store, "--management-listen", "127.0.0.1:0"]);
    let id = apart.create("GET", "/-/docs", json!({"code": 200}));
    drop(apart);
    let shared = Echo::start(&["--store", &store]);
    for (given, status) in [
        (json!({"response": {"code": 201}}), 200),
        (json!({"path": "/%2d/docs"}), 200),
        (json!({"path": "/-/live"}), 422),
        (json!({"path": "/free"}), 200),
        (json!({"path": "/-/docs"}), 422),
    ] {
        assert_eq!(shared.patch(&id, &changes(given.clone())).status, status, "{given}");
    }
}

#[test]
fn paths_similar_to_reserved_paths_are_ordinary() {
    let echo = Echo::start(&[]);
    for path in [
        "/endpoints-x",
        "/api/endpoints/5",
        "/Endpoints",
        "/endpoint",
        "//endpoints",
        "/endpoints%2F5",
        "/-",
        "/-x/docs",
        "/x/-/docs",
        "/docs",
        "/favicon.ico",
    ] {
        echo.create("DELETE", path, json!({"code": 200, "body": path}));
        assert_eq!(echo.call("DELETE", path).text(), path);
    }
}

#[test]
fn a_reserved_path_is_reserved_in_every_spelling() {
    let echo = Echo::start(&[]);
    assert_eq!(echo.get("/%65ndpoints").json()["data"], json!([]));
    assert_eq!(echo.get("/%2D/live").json(), json!({"meta": {"status": "live"}}));
    let all = "`meta.operations` lists the operations of management";
    for (path, hint) in [
        ("/endpoints/", "write `/endpoints`"),
        ("/endpoints//", "write `/endpoints`"),
        ("/endpoints//1", "write `/endpoints/1`"),
        ("/-/docs/", "write `/-/docs`"),
        ("/-//docs", "write `/-/docs`"),
        ("/endpoints/1/2", all),
        ("/-/", all),
        ("/-/nothing", all),
        ("/-/openapi", all),
        ("/-/docs%", all),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = echo.manage(method, path, "", None);
            assert_refused(&answer, 404, &format!("{method} {path}"));
            assert_eq!(answer.details(), format!("Requested page `{path}` does not exist: {hint}"));
            assert_lists_operations(&answer);
        }
    }
}

#[test]
fn health_is_a_json_api_document_for_every_client() {
    let echo = Echo::start(&[]);
    for (path, word) in [("/-/live", "live"), ("/-/ready", "ready")] {
        for headers in ["", "Accept: application/vnd.api+json; charset=utf-8\r\n", "Authorization: Bearer x\r\n"] {
            let answer = echo.manage("GET", path, headers, None);
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{path} {headers}");
            assert_eq!(answer.json(), json!({"meta": {"status": word}}));
        }
    }
}

#[test]
fn an_unsupported_method_on_a_reserved_path_is_405_with_allow() {
    let echo = Echo::start(&[]);
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    for (path, allow) in [
        ("/endpoints", "GET, HEAD, POST, DELETE"),
        ("/-/sets", "GET, HEAD"),
        ("/-/sets/shop", "GET, HEAD, PUT, DELETE"),
        ("/endpoints/some-id", "GET, HEAD, PATCH, DELETE"),
        ("/-/live", "GET, HEAD"),
        ("/-/ready", "GET, HEAD"),
        ("/-/store/raise", "POST"),
        ("/-/store/adopt", "POST"),
        ("/-/docs", "GET, HEAD"),
        ("/-/openapi.json", "GET, HEAD"),
        ("/-/openapi.yaml", "GET, HEAD"),
        ("/-/mock-file.schema.json", "GET, HEAD"),
    ] {
        let allowed: Vec<_> = allow.split(", ").collect();
        for method in all {
            let case = format!("{method} {path}");
            let answer = echo.manage(method, path, "", None);
            if allowed.contains(&method) {
                assert_ne!(answer.status, 405, "{case}");
                continue;
            }
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{case}");
            if method == "HEAD" {
                continue;
            }
            assert_refused(&answer, 405, &case);
            assert_eq!(answer.details(), format!("`{path}` does not support {method}: use {allow}"), "{case}");
            assert_lists_operations(&answer);
        }
    }
}

fn assert_lists_operations(answer: &Answer) {
    let expected = [
        "GET /endpoints",
        "POST /endpoints",
        "DELETE /endpoints",
        "GET /endpoints/{id}",
        "PATCH /endpoints/{id}",
        "DELETE /endpoints/{id}",
        "GET /-/docs",
        "GET /-/openapi.json",
        "GET /-/openapi.yaml",
        "GET /-/mock-file.schema.json",
        "GET /-/live",
        "GET /-/ready",
        "POST /-/explain",
        "GET /-/sets",
        "GET /-/sets/{name}",
        "PUT /-/sets/{name}",
        "DELETE /-/sets/{name}",
        "POST /-/store/raise",
        "POST /-/store/adopt",
    ];
    assert_eq!(answer.json()["meta"]["operations"], json!(expected));
}

#[test]
fn head_on_management_is_get_without_a_body() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let endpoint = format!("/endpoints/{id}");
    for path in ["/endpoints", &endpoint, "/-/live", "/-/ready", "/-/docs", "/-/openapi.json", "/-/openapi.yaml"] {
        let (get, head) = (echo.get(path), echo.manage("HEAD", path, "", None));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["content-type", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}
