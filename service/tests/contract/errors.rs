//! `{"errors": [{"status", "code", "title", "detail", "source"}]}`: all that is wrong at once, each with its pointer.
//! 400 malformed JSON (also duplicate keys and absurd depth), 413. Never an internal message, a panic or HTML. (The other
//! statuses are with what they refuse.)

use expect_test::expect;
use serde_json::{Value, json};

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint},
};

const JSON_API: &str = "Content-Type: application/vnd.api+json\r\n";

fn post(echo: &Echo, body: impl AsRef<[u8]>) -> Answer {
    echo.manage_raw("POST", "/endpoints", JSON_API, body.as_ref())
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_each_with_its_pointer() {
    let echo = Echo::start(&[]);
    let attributes = json!({
        "verb": "FETCH",
        "path": "greeting",
        "response": {"code": 100, "headers": {"Content-Length": "5", "X A": "b"}, "body": 1, "delay": 1},
        "note": "x",
    });
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let document = changes(attributes);
    for answer in [echo.post(&document), echo.patch(&id, &document)] {
        assert_refused(&answer, 422, "everything is wrong");
        let (pointers, details) = (answer.pointers(), answer.details());
        let mut told: Vec<_> =
            pointers.iter().zip(details.lines()).map(|(pointer, detail)| format!("{pointer}: {detail}\n")).collect();
        told.sort();
        expect![[r#"
            /data/attributes/note: `note` is not known here: use `verb`, `path`, `response`, or leave it out
            /data/attributes/path: The path must begin with `/`: write `/greeting`
            /data/attributes/response/body: `body` is text: write JSON as a string, with its quotes escaped: `"body": "1"`
            /data/attributes/response/code: 100 is an interim code, which no answer can end with: write a code from 200 to 599
            /data/attributes/response/delay: `delay` is not known here: use `code`, `headers`, `body`, or leave it out
            /data/attributes/response/headers/Content-Length: `Content-Length` is set by the server that delivers the answer: leave it out
            /data/attributes/response/headers/X A: `X A` is not a header name: use letters, digits and !#$%&'*+-.^_`|~ only
            /data/attributes/verb: `FETCH` is not an HTTP method. Use one of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH
        "#]]
        .assert_eq(&told.concat());
    }
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
              "detail": "`FETCH` is not an HTTP method. Use one of GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
              "source": {
                "pointer": "/data/attributes/verb"
              }
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer.json()).unwrap());
}

#[test]
fn errors_that_do_not_agree_on_a_status_are_400_and_keep_their_own() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&new_endpoint("GET", "x", json!({"code": 200, "body": "a".repeat(256 * 1024 + 1)})));
    assert_refused(&answer, 400, "a bad path and a large body");
    let document = answer.json();
    let statuses: Vec<_> = document["errors"].as_array().unwrap().iter().map(|error| &error["status"]).collect();
    assert_eq!(statuses, ["422", "413"]);
}

#[test]
fn what_the_resource_is_hides_nothing_else() {
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
    // Errors that agree keep their status.
    document["data"] = json!({"type": "endpoint", "id": "mine"});
    assert_refused(&echo.patch(&id, &document), 409, "type and id");
}

#[test]
fn members_in_the_wrong_place_are_told_where_they_belong() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let attributes = json!({"verb": "GET", "path": "/y", "response": {"code": 200}});
    let answer = echo.post(&attributes);
    assert_refused_at(&answer, 422, "/data", "no envelope");
    let told = answer.details();
    assert!(told.contains(": put `verb`, `path`, `response` into `data.attributes`, and write "), "{told}");
    assert!(told.ends_with(r#"write {"data": {"type": "endpoints", "attributes": {…}}}"#), "{told}");

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
fn what_is_missing_is_shown_and_can_be_pasted() {
    let echo = Echo::start(&[]);
    let mut document = json!({"data": {}});
    // Each advice is followed until nothing is missing.
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
fn of_very_many_errors_the_first_are_told_and_how_many_more_there_are() {
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
fn a_parameter_where_there_is_none_is_400_and_nothing_is_done() {
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
fn what_is_not_json_is_malformed() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    let whole = new_endpoint("GET", "/y", json!({"code": 200})).to_string();
    for (body, case) in [
        (b" ".to_vec(), "white space"),
        (b"garbage".to_vec(), "a word"),
        (whole.as_bytes()[..whole.len() - 1].to_vec(), "a document without its end"),
        ([whole.as_bytes(), b"{}"].concat(), "two documents"),
        (whole.replace('"', "'").into_bytes(), "single quotes"),
        (whole.replace("200}", "200,}").into_bytes(), "a trailing comma"),
        (whole.replace("200", "0200").into_bytes(), "a leading zero"),
        (whole.replace("200", "NaN").into_bytes(), "NaN"),
        (whole.replace("/y", "/\n").into_bytes(), "a raw line break in a string"),
        (whole.replace("/y", "/\\x").into_bytes(), "an escape that JSON does not have"),
        (whole.replace("/y", "/\\ud800").into_bytes(), "half of a surrogate pair"),
        ([b"\xef\xbb\xbf\xef\xbb\xbf", whole.as_bytes()].concat(), "two byte order marks"),
        ([b"{\"data\": \"\xff\xfe", whole.as_bytes()].concat(), "no UTF-8"),
    ] {
        for (method, path) in [("POST", "/endpoints"), ("PATCH", &*format!("/endpoints/{id}"))] {
            let answer = echo.manage_raw(method, path, JSON_API, &body);
            assert_refused_at(&answer, 400, "", &format!("{case} by {method}"));
            assert_eq!(answer.json()["errors"][0]["code"], "malformed", "{case} by {method}");
            assert!(answer.details().contains(" at line "), "{case}: {}", answer.details());
        }
    }
    assert_eq!(echo.call("GET", "/y").status, 404);
}

#[test]
fn a_byte_order_mark_before_the_document_is_ignored() {
    let echo = Echo::start(&[]);
    let document = new_endpoint("GET", "/y", json!({"code": 200, "body": "\u{feff}kept"})).to_string();
    assert_eq!(post(&echo, [b"\xef\xbb\xbf", document.as_bytes()].concat()).status, 201);
    assert_eq!(echo.call("GET", "/y").text(), "\u{feff}kept");
}

#[test]
fn a_document_in_another_encoding_is_told_which() {
    let echo = Echo::start(&[]);
    let document = new_endpoint("GET", "/y", json!({"code": 200})).to_string();
    let marked = format!("\u{feff}{document}");
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let utf32 = |text: &str, bytes: fn(u32) -> [u8; 4]| text.chars().map(u32::from).flat_map(bytes).collect::<Vec<_>>();
    for text in [&document, &marked] {
        for (body, encoding) in [
            (utf16(text, u16::to_le_bytes), "UTF-16"),
            (utf16(text, u16::to_be_bytes), "UTF-16"),
            (utf32(text, u32::to_le_bytes), "UTF-32"),
            (utf32(text, u32::to_be_bytes), "UTF-32"),
        ] {
            let answer = post(&echo, body);
            assert_refused_at(&answer, 400, "", encoding);
            let told =
                format!("The body is not a JSON document: it is in {encoding}, but JSON is UTF-8. Send it in UTF-8");
            assert_eq!(answer.details(), told);
        }
    }
}

#[test]
fn a_document_that_announces_too_much_is_413_at_once() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200}));
    for line in ["POST /endpoints".to_owned(), format!("PATCH /endpoints/{id}")] {
        // Neither a byte of the body is waited for, nor a client encouraged to send it.
        let head =
            format!("{line} HTTP/1.1\r\nHost: x\r\n{JSON_API}Content-Length: 50000000\r\nExpect: 100-continue\r\n");
        let answer = crate::support::send(echo.management, head + "Connection: close\r\n\r\n");
        assert_refused(&answer, 413, &line);
        assert_eq!(answer.details(), "The body is larger than 2097152 bytes, which are allowed");
    }
}

#[test]
fn no_body_at_all_is_malformed() {
    let echo = Echo::start(&[]);
    for length in ["", "Content-Length: 0\r\n"] {
        let answer = echo.manage_raw("POST", "/endpoints", &format!("{JSON_API}{length}"), b"");
        assert_refused_at(&answer, 400, "", length);
        assert_eq!(answer.details(), "The request has no body: send a JSON:API document");
    }
}

#[test]
fn a_name_that_is_given_twice_is_malformed_at_any_depth() {
    let echo = Echo::start(&[]);
    let whole = new_endpoint("GET", "/y", json!({"code": 200, "headers": {"X-A": "1"}})).to_string();
    for (once, twice, name) in [
        (r#""verb":"GET""#, r#""verb":"GET","verb":"GET""#, "verb"),
        (r#""code":200"#, r#""code":200,"code":404"#, "code"),
        (r#""X-A":"1""#, r#""X-A":"1","X-A":"2""#, "X-A"),
        (r#""type":"endpoints""#, r#""type":"endpoints","type":"endpoints""#, "type"),
        (r#""type":"endpoints""#, r#""type":"endpoints","unused":[{"a":1,"\u0061":1}]"#, "a"),
    ] {
        assert!(whole.contains(once), "{once} in {whole}");
        let answer = post(&echo, whole.replace(once, twice));
        assert_refused_at(&answer, 400, "", twice);
        assert!(answer.details().contains(&format!("`{name}` is given twice: keep one")), "{}", answer.details());
    }
}

#[test]
fn absurd_depth_is_malformed() {
    let echo = Echo::start(&[]);
    for body in ["[".repeat(200_000), "{\"a\":".repeat(200_000), format!("{}{}", "[".repeat(200), "]".repeat(200))] {
        assert_refused_at(&post(&echo, &body), 400, "", &format!("{body:.20}"));
    }
    // Depth that somebody may have meant is well-formed, and wrong for other reasons.
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_refused_at(&post(&echo, deep), 422, "/data", "100 levels");
}

#[test]
fn a_document_of_very_many_values_is_malformed() {
    let echo = Echo::start(&[]);
    for body in [format!("[{}0]", "0,".repeat(1_000_000)), format!("{{\"data\": [{}[]]}}", "[],".repeat(20_000))] {
        let answer = post(&echo, body);
        assert_refused_at(&answer, 400, "", "very many values");
        assert!(answer.details().contains("it holds more than 10000 values"), "{}", answer.details());
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
    assert_eq!(answer.details(), "The body is larger than 2000 bytes, which are allowed");
    let chunks = format!("7d1\r\n{}\r\n0\r\n\r\n", sized("/beyond", 2001));
    let headers = format!("{JSON_API}Transfer-Encoding: chunked\r\n");
    let head = format!("POST /endpoints HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    assert_refused(&crate::support::send(echo.management, head + &chunks), 413, "in chunks");
    assert_eq!((echo.call("GET", "/within").status, echo.call("GET", "/beyond").status), (200, 404));
}

#[test]
fn the_largest_mock_fits_into_the_largest_request_by_default() {
    let echo = Echo::start(&[]);
    // Every character of the body escaped: six bytes for one.
    let body = "\u{1}".repeat(256 * 1024);
    let headers: Value = json!({"x": "\\".repeat(16 * 1024 - 1)});
    let path = format!("/{}", "a".repeat(2_047));
    echo.create("GET", &path, json!({"code": 200, "headers": headers, "body": body}));
    assert!(echo.call("GET", &path).body == body.as_bytes());
}

#[test]
fn no_answer_tells_what_is_inside() {
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
