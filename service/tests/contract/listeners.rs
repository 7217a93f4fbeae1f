//! The two listeners. By default, mocks and management share one. With `--management-listen`, management is only there,
//! and the mock listener reserves no path.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Echo, new_endpoint},
};

fn apart() -> Echo {
    let echo = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    assert_ne!(echo.mocks, echo.management);
    echo
}

#[test]
fn by_default_one_listener_serves_management_and_mocks() {
    let echo = Echo::start(&[]);
    assert_eq!(echo.mocks, echo.management);
}

#[test]
fn with_a_listener_for_management_the_mock_listener_has_no_management() {
    let echo = apart();
    echo.create("GET", "/hello", json!({"code": 200, "body": "Hello"}));
    for path in ["/endpoints", "/-/docs", "/-/openapi.json", "/-/openapi.yaml", "/-/live", "/-/ready"] {
        assert_eq!(echo.get(path).status, 200, "{path} of management");
        for method in ["GET", "POST", "PUT"] {
            let answer = echo.call(method, path);
            assert_refused(&answer, 404, &format!("{method} {path} of mocks"));
            assert_eq!(answer.details(), format!("Requested page `{path}` does not exist"));
        }
    }
    assert_eq!(echo.call("GET", "/hello").text(), "Hello");
    for path in ["/hello", "/", "/endpoints/", "/-/nothing", "/100%", "/%FF", "/endpoints/%FF/1", "*"] {
        let answer = echo.get(path);
        assert_refused(&answer, 404, &format!("{path} of management"));
        assert!(
            answer.details().starts_with(&format!("Requested page `{path}` does not exist: ")),
            "{}",
            answer.details()
        );
    }
    for path in ["/hello", "/", "/%FF", "*"] {
        assert!(echo.get(path).details().ends_with(", and mocks are on another listener"), "{path}");
    }
}

#[test]
fn with_a_listener_for_management_no_path_is_reserved_for_mocks() {
    let echo = apart();
    for path in ["/endpoints", "/endpoints/", "/endpoints/5", "/-/docs", "/-/live", "/-/", "/%65ndpoints/6"] {
        for verb in ["GET", "POST", "DELETE"] {
            let answer = echo.post(&new_endpoint(verb, path, json!({"code": 200, "body": format!("{verb} {path}")})));
            assert_eq!(answer.status, 201, "{verb} {path}: {}", answer.text());
            assert_eq!(echo.call(verb, path).text(), format!("{verb} {path}"));
        }
    }
    let listed = echo.get("/endpoints?filter[path]=/endpoints").json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3);
    assert_eq!(echo.get("/-/live").json(), json!({"meta": {"status": "live"}}));
}

#[test]
fn location_has_the_address_of_the_mock_listener() {
    let echo = apart();
    let document = |path: &str| new_endpoint("GET", path, json!({"code": 200, "body": path}));
    let answer = echo.post(&document("/here"));
    assert_eq!(answer.header("location"), Some(&*format!("http://{}/here", echo.mocks)));
    assert_eq!(echo.call("GET", "/here").text(), "/here");
}

#[test]
fn the_404s_of_both_listeners_are_alike() {
    let echo = apart();
    let (mock, management) = (echo.call("GET", "/nowhere"), echo.get("/nowhere"));
    for answer in [&mock, &management] {
        assert_eq!((answer.status, answer.header("content-type")), (404, Some(MEDIA_TYPE)));
    }
    // Only management can suggest a correction, and has operations.
    let (mut document, detail) = (management.json(), mock.details());
    assert!(management.details().starts_with(&detail));
    document["errors"][0]["detail"] = json!(detail);
    assert!(document.as_object_mut().unwrap().shift_remove("meta").unwrap()["operations"].is_array());
    assert_eq!(mock.json(), document);
}
