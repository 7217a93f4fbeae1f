//! A request to a mock gets exactly the defined code, headers and body. 404 ``Requested page `/hello` does not exist``,
//! also for a known path with another verb (never 405). HEAD and OPTIONS need a mock of their own; GET mocks do not
//! answer HEAD. No method override. Echo serves the body byte for byte: never parsed, trimmed or given a default
//! content type.

use serde_json::{Value, json};

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Answer, Echo},
};

/// The header fields of an answer without those of the connection: the defined fields.
fn own_headers(answer: &Answer) -> Vec<(&str, &str)> {
    let of_the_connection = |name: &str| matches!(name, "connection" | "content-length" | "date");
    let fields = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut fields: Vec<_> = fields.filter(|(name, _)| !of_the_connection(name)).collect();
    fields.sort_unstable();
    fields
}

#[test]
fn the_answer_is_exactly_the_defined_response() {
    let echo = Echo::start(&[]);
    let headers = json!({
        "Content-Type": "text/plain; charset=utf-8",
        "Set-Cookie": "a=b; Path=/; HttpOnly",
        "Cache-Control": "no-store",
        "Server": "nginx",
        "Access-Control-Allow-Origin": "*",
    });
    echo.create("POST", "/exact", json!({"code": 207, "headers": headers, "body": "a\n"}));
    let answer = echo.call("POST", "/exact");
    assert_eq!((answer.status, answer.text().as_str()), (207, "a\n"));
    assert_eq!(
        own_headers(&answer),
        [
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-store"),
            ("content-type", "text/plain; charset=utf-8"),
            ("server", "nginx"),
            ("set-cookie", "a=b; Path=/; HttpOnly"),
        ]
    );
    assert_eq!(answer.header("content-length"), Some("2"));
    let dates = answer.headers.iter().filter(|(name, _)| name == "date").count();
    assert_eq!(dates, 1, "HTTP wants a date: {answer:?}");
}

#[test]
fn a_date_header_of_a_mock_is_sent_unchanged() {
    let echo = Echo::start(&[]);
    let date = "Tue, 15 Nov 1994 08:12:31 GMT";
    echo.create("GET", "/date", json!({"code": 200, "headers": {"Date": date}}));
    let answer = echo.call("GET", "/date");
    let dates: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "date").collect();
    assert_eq!(dates, [&("date".to_owned(), date.to_owned())]);
}

#[test]
fn a_body_is_served_byte_for_byte_and_given_no_content_type() {
    let echo = Echo::start(&[]);
    for (n, body) in [
        "{\"message\": \"Hello, world\"}",
        "{\"not\": json",
        "{ \"b\":1,\n\t\"a\" : 1.0, \"a\":2 }",
        "\"quoted\" and 'quoted' and \\escaped\\",
        "  spaces around \r\n\r\n",
        "\r\n",
        "äöü – 日本語 – 😀 – e\u{301}",
        "\u{feff}with a byte order mark",
        "\0\u{1}\u{1f}\u{7f}",
        "\u{fffd}\u{ffff}\u{10ffff}",
        "<!DOCTYPE html><script>alert(1)</script>",
        "HTTP/1.1 500 Oops\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{n}");
        echo.create("GET", &path, json!({"code": 200, "body": body}));
        let answer = echo.call("GET", &path);
        assert_eq!(answer.body, body.as_bytes(), "{body:?}");
        assert_eq!(answer.header("content-length"), Some(&*body.len().to_string()), "{body:?}");
        assert_eq!(own_headers(&answer), [], "{body:?}");
    }
}

#[test]
fn without_a_body_the_answer_is_empty_and_well_framed() {
    let echo = Echo::start(&[]);
    for (code, body, length) in [
        (200, json!(""), Some("0")),
        (200, Value::Null, Some("0")),
        (404, Value::Null, Some("0")),
        (205, Value::Null, Some("0")),
        // These answers end with their headers (RFC 9110, 15.3.5 and 15.4.5); a length would belong to another answer.
        (204, Value::Null, None),
        (304, Value::Null, None),
    ] {
        let headers = json!({"ETag": "\"1\"", "Content-Type": "text/plain"});
        let id = echo.create("GET", "/empty", json!({"code": code, "headers": headers, "body": body}));
        let answer = echo.call("GET", "/empty");
        assert_eq!((answer.status, answer.body.len()), (code, 0), "{code} {body}");
        assert_eq!(answer.header("content-length"), length, "{code} {body}");
        assert_eq!(own_headers(&answer), [("content-type", "text/plain"), ("etag", "\"1\"")], "{code} {body}");
        echo.delete(&id);
    }
}

#[test]
fn a_mock_answers_its_method_and_all_others_are_404() {
    let echo = Echo::start(&[]);
    let verbs = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    for verb in verbs {
        let id = echo.create(verb, "/hello", json!({"code": 200, "headers": {"X-Mock": verb}}));
        assert_eq!(echo.call(verb, "/hello").header("x-mock"), Some(verb));
        for other in verbs.into_iter().filter(|other| *other != verb) {
            let answer = echo.call(other, "/hello");
            let case = format!("{other} where {verb} is");
            assert_eq!((answer.status, answer.header("allow")), (404, None), "{case}");
            if other == "HEAD" {
                assert_eq!((answer.header("content-type"), answer.body.len()), (Some(MEDIA_TYPE), 0), "{case}");
            } else {
                assert_refused(&answer, 404, &case);
                assert_eq!(answer.details(), "Requested page `/hello` does not exist", "{case}");
            }
        }
        echo.delete(&id);
    }
}

#[test]
fn the_404_is_a_whole_json_api_document() {
    let echo = Echo::start(&[]);
    let answer = echo.call("GET", "/hello?name=x");
    assert_eq!(own_headers(&answer), [("content-type", MEDIA_TYPE)]);
    assert_eq!(
        answer.json(),
        json!({"errors": [{
            "status": "404",
            "code": "not_found",
            "title": "Not found",
            "detail": "Requested page `/hello` does not exist",
            "links": {"about": "/-/docs"},
        }]})
    );
    // A listener without the documentation does not link to it.
    let apart = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    assert!(apart.call("GET", "/hello").json()["errors"][0].get("links").is_none());
}

#[test]
fn unsupported_methods_are_404() {
    let echo = Echo::start(&[]);
    for verb in ["GET", "POST", "OPTIONS"] {
        echo.create(verb, "/hello", json!({"code": 200}));
    }
    for method in ["TRACE", "PROPFIND", "get", "Get", "GETS", "M-SEARCH"] {
        assert_refused(&echo.call(method, "/hello"), 404, method);
    }
    assert_refused(&echo.call("CONNECT", "example.com:443"), 404, "CONNECT");
}

#[test]
fn a_head_mock_sends_the_length_of_its_body_and_not_the_body() {
    let echo = Echo::start(&[]);
    echo.create("HEAD", "/hello", json!({"code": 200, "headers": {"X-Mock": "head"}, "body": "Hello"}));
    let answer = echo.call("HEAD", "/hello");
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("5"), 0));
    assert_eq!(own_headers(&answer), [("x-mock", "head")]);
}

#[test]
fn no_header_and_no_parameter_overrides_the_method() {
    let echo = Echo::start(&[]);
    echo.create("POST", "/form", json!({"code": 200, "body": "post"}));
    echo.create("DELETE", "/form", json!({"code": 200, "body": "delete"}));
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let header = format!("{name}: DELETE\r\n");
        assert_eq!(echo.call_with("POST", "/form", &header, b"").text(), "post", "{name}");
        assert_refused(&echo.call_with("PUT", "/form", &header, b""), 404, name);
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(echo.call_with("POST", "/form?_method=DELETE", form, b"_method=DELETE").text(), "post");
}

#[test]
fn query_headers_and_body_of_a_request_do_not_change_the_answer() {
    let echo = Echo::start(&[]);
    let response = json!({"code": 200, "headers": {"ETag": "\"1\"", "Content-Type": "text/plain"}, "body": "Hello"});
    echo.create("GET", "/hello", response);
    for header in [
        "Accept: application/vnd.api+json; charset=utf-8",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate, br",
        "If-None-Match: \"1\"",
        "If-Match: \"2\"",
        "Range: bytes=0-1",
        "Origin: https://elsewhere.example",
        "Authorization: Bearer nonsense",
        "X-Forwarded-Proto: https",
        "Cookie: a=b",
    ] {
        let answer = echo.call_with("GET", "/hello", &format!("{header}\r\n"), b"");
        assert_eq!((answer.status, answer.text().as_str()), (200, "Hello"), "{header}");
        assert_eq!(own_headers(&answer), [("content-type", "text/plain"), ("etag", "\"1\"")], "{header}");
    }
}
