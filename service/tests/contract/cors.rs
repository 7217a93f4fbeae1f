//! `--mock-cors`: pages of other origins may call mocks, and never management.

use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Answer, Echo},
};

const PAGE: &str = "http://localhost:3000";

fn any() -> Echo {
    Echo::start(&["--mock-cors", "any"])
}

fn from(origin: &str) -> String {
    format!("Origin: {origin}\r\n")
}

fn preflight(echo: &Echo, path: &str, method: &str) -> Answer {
    let asks = "Access-Control-Request-Method";
    let headers = format!("{}{asks}: {method}\r\nAccess-Control-Request-Headers: authorization,x-a\r\n", from(PAGE));
    echo.call_with("OPTIONS", path, &headers, b"")
}

/// The CORS fields of an answer in alphabetical order, without their common prefix.
fn fields(answer: &Answer) -> Vec<String> {
    let fields = answer.headers.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("access-control-").or((name == "vary").then_some("vary"))?;
        Some(format!("{name}: {value}"))
    });
    let mut fields: Vec<_> = fields.collect();
    fields.sort_unstable();
    fields
}

#[test]
fn without_the_setting_only_mocks_have_cors() {
    let echo = Echo::start(&[]);
    echo.create("PUT", "/x", json!({"code": 200}));
    assert_refused(&preflight(&echo, "/x", "PUT"), 404, "a preflight");
    assert!(fields(&echo.call_with("PUT", "/x", &from(PAGE), b"")).is_empty());
}

#[test]
fn any_page_may_call_mocks_and_read_the_answers() {
    let echo = any();
    echo.create("PUT", "/x", json!({"code": 201, "headers": {"X-Total": "5", "Location": "/x/1"}, "body": "a"}));
    let allowed = preflight(&echo, "/x", "PUT");
    assert_eq!((allowed.status, allowed.body.len()), (204, 0));
    assert_eq!(fields(&allowed), ["allow-headers: authorization,x-a", "allow-methods: PUT", "allow-origin: *"]);
    let served = echo.call_with("PUT", "/x", &from(PAGE), b"");
    assert_eq!((served.status, served.text()), (201, "a".into()));
    assert_eq!(fields(&served), ["allow-origin: *", "expose-headers: x-total, location"]);
    // Without `Origin`, an answer is exactly the defined one.
    assert!(fields(&echo.call("PUT", "/x")).is_empty());
}

#[test]
fn listed_origins_may_send_credentials_and_others_get_nothing() {
    let echo = Echo::start(&["--mock-cors", &format!("https://app.example, {PAGE}")]);
    echo.create("GET", "/x", json!({"code": 200, "headers": {"Vary": "Accept"}}));
    let vary = ["vary: Accept", "vary: Origin"];
    let call = |origin: &str| fields(&echo.call_with("GET", "/x", &from(origin), b""));
    for origin in [PAGE, "https://app.example"] {
        let granted =
            ["allow-credentials: true".into(), format!("allow-origin: {origin}"), "expose-headers: vary".into()];
        assert_eq!(call(origin), [&granted[..], &vary.map(ToOwned::to_owned)].concat(), "{origin}");
    }
    for origin in
        ["http://localhost:3001", "https://localhost:3000", "http://LOCALHOST:3000", "null", "https://app.example.evil"]
    {
        assert_eq!(call(origin), vary, "{origin}");
    }
    let allowed = fields(&preflight(&echo, "/x", "GET"));
    let expected = ["allow-credentials: true", "allow-headers: authorization,x-a", "allow-methods: GET"];
    assert_eq!(allowed, [&expected[..], &["allow-origin: http://localhost:3000", "vary: Origin"]].concat());
    let foreign = "Origin: http://a\r\nAccess-Control-Request-Method: GET\r\n";
    assert_eq!(fields(&echo.call_with("OPTIONS", "/x", foreign, b"")), ["vary: Origin"]);
}

#[test]
fn a_mock_with_cors_fields_of_its_own_keeps_them_and_gets_no_more() {
    let echo = any();
    echo.create("GET", "/own", json!({"code": 200, "headers": {"Access-Control-Allow-Origin": "http://a"}}));
    echo.create("GET", "/exposed", json!({"code": 200, "headers": {"Access-Control-Expose-Headers": "x-a"}}));
    echo.create("GET", "/made", json!({"code": 200, "template": true, "headers": {"Access-Control-Allow-Origin": "{{ request.headers.origin }}"}}));
    let call = |path: &str| fields(&echo.call_with("GET", path, &from(PAGE), b""));
    assert_eq!(call("/own"), ["allow-origin: http://a"]);
    assert_eq!(call("/exposed"), ["expose-headers: x-a"]);
    assert_eq!(call("/made"), ["allow-origin: http://localhost:3000"]);
}

#[test]
fn only_an_options_mock_answers_a_preflight_before_echo() {
    let echo = any();
    // An ANY mock does not answer preflights, and loses no turn to them.
    let turns = json!({"verb": "ANY", "path": "/{*all}", "responses": [{"code": 201}, {"code": 202}]});
    let plain = "Content-Type: application/json\r\n";
    assert_eq!(echo.manage("POST", "/endpoints", plain, Some(&turns)).status, 201);
    for _ in 0..3 {
        assert_eq!(fields(&preflight(&echo, "/a", "DELETE")).len(), 3);
    }
    assert_eq!(echo.call_with("OPTIONS", "/a", "", b"").status, 201, "no preflight");
    assert_eq!(echo.call_with("OPTIONS", "/a", &from(PAGE), b"").status, 202, "without a method in question");
    echo.create("OPTIONS", "/a", json!({"code": 299, "headers": {"Access-Control-Allow-Origin": "http://a"}}));
    let answer = preflight(&echo, "/a", "DELETE");
    assert_eq!((answer.status, fields(&answer)), (299, vec!["allow-origin: http://a".to_owned()]));
    // An OPTIONS mock whose tests fail does not answer.
    let document = json!({"verb": "OPTIONS", "path": "/b", "when": {"query": {"a": "1"}}, "response": {"code": 298}});
    assert_eq!(echo.manage("POST", "/endpoints", plain, Some(&document)).status, 201);
    assert_eq!((preflight(&echo, "/b?a=1", "PUT").status, preflight(&echo, "/b", "PUT").status), (298, 204));
}

#[test]
fn preflights_are_answered_for_mocked_paths_whatever_the_tests_and_the_method() {
    let echo = any();
    let document =
        json!({"verb": "POST", "path": "/users/{id}", "when": {"body": {"json": {"a": 1}}}, "response": {"code": 200}});
    assert_eq!(echo.manage("POST", "/endpoints", "Content-Type: application/json\r\n", Some(&document)).status, 201);
    for method in ["POST", "PUT", "PURGE"] {
        assert_eq!(preflight(&echo, "/users/5", method).status, 204, "{method}");
    }
    let missed = preflight(&echo, "/users", "POST");
    assert_refused(&missed, 404, "no mock has the path");
    assert_eq!(fields(&missed), ["allow-origin: *", "expose-headers: content-type"]);
}

#[test]
fn a_page_can_read_the_errors_of_the_mock_listener() {
    let echo = Echo::start(&["--mock-cors", "any", "--mock-rate-limit", "1"]);
    let (missed, limited) =
        (echo.call_with("GET", "/none", &from(PAGE), b""), echo.call_with("GET", "/none", &from(PAGE), b""));
    assert_eq!((missed.status, limited.status), (404, 429));
    assert_eq!(fields(&missed), ["allow-origin: *", "expose-headers: content-type"]);
    assert_eq!(fields(&limited), ["allow-origin: *", "expose-headers: content-type, retry-after"]);
}

#[test]
fn reserved_paths_get_no_cors_fields() {
    for arguments in [&["--mock-cors", "any"][..], &["--mock-cors", "any", "--management-listen", "127.0.0.1:0"]] {
        let echo = Echo::start(arguments);
        let id = echo.create("GET", "/x", json!({"code": 200}));
        for path in ["/endpoints", &format!("/endpoints/{id}"), "/-/docs", "/-/live", "/-/nothing", "/%65ndpoints"] {
            for (method, headers) in
                [("GET", from(PAGE)), ("OPTIONS", from(PAGE) + "Access-Control-Request-Method: POST\r\n")]
            {
                let answer = echo.manage(method, path, &headers, None);
                assert!(fields(&answer).is_empty(), "{method} {path}: {:?}", answer.headers);
                assert!(method == "GET" || answer.status >= 400, "{method} {path}: {}", answer.status);
            }
        }
    }
}
