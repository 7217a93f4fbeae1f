//! 400 for malformed JSON, including duplicate names and absurd depth.

use serde_json::json;

use crate::{
    shape::assert_refused_at,
    support::{Answer, Echo, new_endpoint},
};

const JSON_API: &str = "Content-Type: application/vnd.api+json\r\n";

fn post(echo: &Echo, body: impl AsRef<[u8]>) -> Answer {
    echo.manage_raw("POST", "/endpoints", JSON_API, body.as_ref())
}

#[test]
fn a_body_without_valid_json_is_malformed() {
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
fn a_document_in_another_charset_is_refused_by_name() {
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
fn a_missing_body_is_malformed() {
    let echo = Echo::start(&[]);
    for length in ["", "Content-Length: 0\r\n"] {
        let answer = echo.manage_raw("POST", "/endpoints", &format!("{JSON_API}{length}"), b"");
        assert_refused_at(&answer, 400, "", length);
        assert_eq!(answer.details(), "The request has no body: send a JSON document");
    }
}

#[test]
fn a_duplicate_member_is_malformed_at_any_depth() {
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
fn a_document_with_excessive_nesting_is_malformed() {
    let echo = Echo::start(&[]);
    for body in ["[".repeat(200_000), "{\"a\":".repeat(200_000), format!("{}{}", "[".repeat(200), "]".repeat(200))] {
        assert_refused_at(&post(&echo, &body), 400, "", &format!("{body:.20}"));
    }
    // Plausible depth is well-formed, and wrong for other reasons.
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
