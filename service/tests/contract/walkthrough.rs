//! The four steps of the exercise behind Echo.

use serde_json::json;

use crate::support::Echo;

#[test]
fn not_found_then_created_then_served_and_another_verb_is_not_found() {
    let echo = Echo::start(&[]);
    let before = echo.call("GET", "/greeting");
    assert_eq!((before.status, before.details().as_str()), (404, "Requested page `/greeting` does not exist"));

    let body = r#"{"message": "Hello, world"}"#;
    echo.create(
        "GET",
        "/greeting",
        json!({"code": 200, "headers": {"Content-Type": "application/json"}, "body": body}),
    );

    let served = echo.call("GET", "/greeting");
    assert_eq!(
        (served.status, served.header("content-type"), served.text().as_str()),
        (200, Some("application/json"), body)
    );
    let other = echo.call("POST", "/greeting");
    assert_eq!((other.status, other.details().as_str()), (404, "Requested page `/greeting` does not exist"));
}
