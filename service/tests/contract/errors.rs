//! `{"errors": [{"status", "code", "title", "detail", "source"}]}`: all errors at once, each with its pointer. 413.
//! Never an internal message, a panic or HTML. `malformed.rs` tests 400; the files of the operations test the other
//! statuses.

use expect_test::expect;
use serde_json::{Value, json};

use crate::{
    shape::assert_refused,
    support::{Answer, Echo, changes, new_endpoint},
};

const JSON_API: &str = "Content-Type: application/vnd.api+json\r\n";

fn post(echo: &Echo, body: impl AsRef<[u8]>) -> Answer {
    echo.manage_raw("POST", "/endpoints", JSON_API, body.as_ref())
}

#[test]
fn all_errors_are_reported_together_each_with_its_pointer() {
    let echo = Echo::start(&[]);
    let attributes = json!({
        "verb": "FETCH",
        "path": "greeting",
        "response": {"code": 100, "headers": {"Content-Length": "5", "X A": "b"}, "body": 1, "wait": 1},
        "note": "x",
    });
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let document = changes(attributes);
    let told = [echo.post(&document), echo.patch(&id, &document)].map(|answer| {
        assert_refused(&answer, 422, "everything is wrong");
        let (pointers, details) = (answer.pointers(), answer.details());
        let mut told: Vec<_> =
            pointers.iter().zip(details.lines()).map(|(pointer, detail)| format!("{pointer}: {detail}\n")).collect();
        told.sort();
        told.concat()
    });
    assert_eq!(told[0], told[1]);
    // Once: an update of an expectation in a loop would write it twice.
    expect![[r#"
        /data/attributes/note: `note` is not a member here: use `verb`, `path`, `when`, `priority`, `response`, `responses`, `then`, `set`, or leave it out
        /data/attributes/path: The path must begin with `/`: write `/greeting`
        /data/attributes/response/body: `body` must be a string: write JSON into `json`, as `"json": 1`
        /data/attributes/response/code: 100 is an interim code, and an answer needs a final code: write a code from 200 to 599
        /data/attributes/response/headers/Content-Length: `Content-Length` is set by the server that delivers the answer: leave it out
        /data/attributes/response/headers/X A: `X A` is not a header name: use letters, digits and !#$%&'*+-.^_`|~ only
        /data/attributes/response/wait: `wait` is not a member here: use `code`, `headers`, `body`, `json`, `base64`, `template`, `delay`, `fault`, or leave it out
        /data/attributes/verb: `FETCH` is not an HTTP method. Use one of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, or ANY for all of these
    "#]]
    .assert_eq(&told[0]);
}

#[test]
fn an_error_has_exactly_these_members() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("FETCH", "/x", json!({"code": 200})));
    expect![[r#"
        {
          "errors": [
            {
              "status": "422",
              "code": "invalid",
              "title": "Invalid value",
              "detail": "`FETCH` is not an HTTP method. Use one of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, or ANY for all of these",
              "source": {
                "pointer": "/data/attributes/verb"
              }
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer.json()).unwrap());
}

#[test]
fn errors_of_several_statuses_are_400_and_each_keeps_its_own() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("GET", "x", json!({"code": 200, "body": "a".repeat(256 * 1024 + 1)})));
    assert_refused(&answer, 400, "a bad path and a large body");
    let document = answer.json();
    let statuses: Vec<_> = document["errors"].as_array().unwrap().iter().map(|error| &error["status"]).collect();
    assert_eq!(statuses, ["422", "413"]);
}

#[test]
fn very_many_errors_are_cut_with_a_count_of_the_rest() {
    let echo = Echo::start(&[]);
    let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
    for n in 0..60 {
        document["data"]["attributes"][format!("unknown-{n}")] = json!(n);
    }
    let answer = echo.post(&document);
    assert_refused(&answer, 422, "60 errors");
    assert_eq!(answer.pointers().len(), 51);
    assert!(answer.details().ends_with("\nThere are 10 more errors: correct these first"), "{}", answer.details());
}

#[test]
fn an_unsupported_query_parameter_is_400_and_has_no_effect() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let endpoint = format!("/endpoints/{id}?include=a");
    let new = new_endpoint("GET", "/y", json!({"code": 200}));
    for (method, path, document) in [
        ("POST", "/endpoints?include=a", Some(&new)),
        ("GET", &*endpoint, None),
        ("PATCH", &endpoint, Some(&changes(json!({"path": "/y"})))),
        ("DELETE", &endpoint, None),
    ] {
        let answer = echo.manage(method, path, "", document);
        assert_refused(&answer, 400, method);
        assert_eq!(answer.json()["errors"][0]["source"], json!({"parameter": "include"}), "{method}");
    }
    assert_eq!((echo.call("GET", "/x").status, echo.call("GET", "/y").status), (200, 404));
}

#[test]
fn a_content_length_above_the_limit_is_413_at_once() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    for line in ["POST /endpoints".to_owned(), format!("PATCH /endpoints/{id}")] {
        // Echo neither waits for a byte of the body nor encourages the client to send one.
        let head =
            format!("{line} HTTP/1.1\r\nHost: x\r\n{JSON_API}Content-Length: 50000000\r\nExpect: 100-continue\r\n");
        let answer = crate::support::send(echo.management, head + "Connection: close\r\n\r\n");
        assert_refused(&answer, 413, &line);
        assert_eq!(answer.details(), "The body is too large: send at most 2097152 bytes");
    }
}

#[test]
fn long_names_and_values_are_not_sent_back_whole() {
    let echo = Echo::start(&[]);
    let long = "x".repeat(30_000);
    let headers: Value = (0..60).map(|n| (format!("{long} {n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let lists: Value = (0..60).map(|n| (format!("{long}{n}"), json!(["v"]))).collect::<serde_json::Map<_, _>>().into();
    let framing = json!({format!("Proxy-{long}"): "a"});
    let with = |headers: Value| new_endpoint("GET", "/x", json!({"code": 200, "headers": headers}));
    let mut named = new_endpoint(&long, &format!("/{long}"), json!({"code": 200, (long.as_str()): 1}));
    named["data"]["type"] = json!(long);
    named["data"]["id"] = json!(long);
    named["data"]["attributes"][&long] = json!(1);
    let twice = format!("{{\"{long}\": 1, \"{long}\": 1}}");
    let target = |start: &str| echo.manage("GET", &format!("{start}{long}"), "", None);
    let field = |line: &str| echo.manage_raw("POST", "/endpoints", &format!("{line}{long}\r\n"), b"");
    for answer in [
        echo.post(&with(headers)),
        echo.post(&with(lists)),
        echo.post(&with(framing)),
        echo.post(&named),
        post(&echo, twice),
        field("Content-Type: "),
        field("Content-Type: application/json; charset="),
        field(&format!("{JSON_API}Content-Encoding: ")),
        target("/endpoints/"),
        target("/endpoints/1/"),
        target("/x/"),
        target("/endpoints?"),
        target("/endpoints?filter[verb]="),
        target("/endpoints?filter[path]=x"),
        target("/endpoints?page[size]="),
        target("/endpoints?page[after]="),
        echo.manage(&long, "/endpoints", "", None),
    ] {
        assert!((400..500).contains(&answer.status), "{}", answer.status);
        let errors = answer.json()["errors"].as_array().unwrap().len();
        assert!(
            answer.body.len() < 700 * errors + 2_500,
            "{} bytes, {errors} errors: {:.300}",
            answer.body.len(),
            answer.text()
        );
    }
}

#[test]
fn a_request_up_to_the_limit_is_read_and_a_larger_one_is_413() {
    let echo = Echo::start(&["--max-body-bytes", "2000"]);
    let padded = |path: &str, bytes: usize| {
        let document = new_endpoint("GET", path, json!({"code": 200})).to_string();
        document + &" ".repeat(bytes)[..]
    };
    let sized = |path: &str, bytes: usize| padded(path, bytes)[..bytes].to_owned();
    assert_eq!(post(&echo, sized("/within", 2000)).status, 201);
    let answer = post(&echo, sized("/beyond", 2001));
    assert_refused(&answer, 413, "a byte more");
    assert_eq!(answer.details(), "The body is too large: send at most 2000 bytes");
    let chunks = format!("7d1\r\n{}\r\n0\r\n\r\n", sized("/beyond", 2001));
    let headers = format!("{JSON_API}Transfer-Encoding: chunked\r\n");
    let head = format!("POST /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    assert_refused(&crate::support::send(echo.management, head + &chunks), 413, "in chunks");
    assert_eq!((echo.call("GET", "/within").status, echo.call("GET", "/beyond").status), (200, 404));
}

#[test]
fn the_largest_mock_fits_into_the_largest_request_by_default() {
    let echo = Echo::start(&[]);
    // Every character of the body is escaped: six bytes for one.
    let body = "\u{1}".repeat(256 * 1024);
    let headers: Value = json!({"x": "\\".repeat(16 * 1024 - 1)});
    let path = format!("/{}", "a".repeat(2_047));
    echo.create("GET", &path, json!({"code": 200, "headers": headers, "body": body}));
    assert!(echo.call("GET", &path).body == body.as_bytes());
}

#[test]
fn no_answer_reveals_internals() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let odd_paths =
        ["/endpoints/%FF", "/endpoints/%00", "/endpoints?%FF=%FF", "/endpoints?page[after]=%FF", "/%FF", "*"];
    let answers = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .flat_map(|method| {
            odd_paths.map(|path| (format!("{method} {path}"), echo.manage(method, path, JSON_API, None)))
        })
        .chain([
            ("a deep document".to_owned(), post(&echo, "[".repeat(10_000))),
            ("no UTF-8".to_owned(), post(&echo, b"\xff")),
            ("an odd If-Match".to_owned(), echo.manage("DELETE", &format!("/endpoints/{id}"), "If-Match: é\r\n", None)),
        ]);
    for (case, answer) in answers {
        assert!((400..500).contains(&answer.status), "{case}: {answer:?}");
        assert_refused(&answer, answer.status, &case);
        let text = answer.text().to_lowercase();
        for inside in ["<html", "<!doctype", "panic", ".rs:", "serde", "poem", "hyper", "redb", "tokio", "src/"] {
            assert!(!text.contains(inside), "{case}: {inside} in {text}");
        }
    }
}
