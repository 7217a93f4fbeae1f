//! The members of the resource: their limits, up to the last byte.
//!
//! - `response.code`: integer 200–599. 1xx are interim.
//! - `response.headers`: optional object of string to string. Names are tokens, unique without regard to case; values
//!   have no CR, LF or NUL. Framing and hop-by-hop fields are refused. At most 64 fields, 16 KiB in all.
//! - `response.body`: optional string, UTF-8. At most 256 KiB; larger: 413. Refused with 204, 205 and 304.
//! - An unknown attribute is 422, and the error names it. `null` for an optional member means absent.

use serde_json::{Map, Value, json};

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Echo, new_endpoint},
};

const CODE: &str = "/data/attributes/response/code";
const HEADERS: &str = "/data/attributes/response/headers";
const BODY: &str = "/data/attributes/response/body";

fn with_headers(headers: impl Into<Value>) -> Value {
    new_endpoint("GET", "/x", json!({"code": 200, "headers": headers.into()}))
}

#[test]
fn final_status_codes_are_accepted_and_served() {
    let echo = Echo::start(&[]);
    for code in [200, 201, 299, 301, 400, 404, 418, 499, 500, 503, 599] {
        let path = format!("/{code}");
        echo.create("GET", &path, json!({"code": code, "body": "x"}));
        let answer = echo.call("GET", &path);
        assert_eq!((answer.status, answer.text().as_str()), (code, "x"));
    }
}

#[test]
fn a_code_is_an_integer_however_json_writes_it() {
    let echo = Echo::start(&[]);
    for (n, code) in ["200.0", "2e2", "20000E-2"].into_iter().enumerate() {
        let path = format!("/{n}");
        let document = new_endpoint("GET", &path, json!({"code": 0})).to_string().replace(":0}", &format!(":{code}}}"));
        let answer = echo.manage_raw("POST", "/endpoints", "Content-Type: application/json\r\n", document.as_bytes());
        assert_eq!(answer.status, 201, "{code}: {}", answer.text());
        assert_eq!(answer.json()["data"]["attributes"]["response"]["code"], json!(200), "{code}");
    }
}

#[test]
fn interim_and_impossible_status_codes_are_refused() {
    let echo = Echo::start(&[]);
    for (code, reason) in [
        (json!(100), "100 is an interim code"),
        (json!(101), "101 is an interim code"),
        (json!(199), "199 is an interim code"),
        (json!(99), "99 is not a status code"),
        (json!(600), "600 is not a status code"),
        (json!(0), "0 is not a status code"),
        (json!(-200), "-200 is not a status code"),
        (json!(200.5), "200.5 is not a status code"),
        (json!(u64::MAX), "is not a status code"),
        (json!("200"), "The value is not a number"),
        (json!(true), "The value is not a number"),
        (json!([200]), "The value is not a number"),
        (Value::Null, "`code` is missing"),
    ] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": code})));
        assert_refused_at(&answer, 422, CODE, &code.to_string());
        assert!(answer.details().contains(reason), "{code}: {}", answer.details());
    }
}

#[test]
fn header_names_are_tokens_and_values_are_field_values() {
    let echo = Echo::start(&[]);
    let fields = json!({
        "!#$%&'*+-.^_`|~09az": "every kind of token character",
        "X-Empty": "",
        "X-Tab": "a\tb",
        "X-Unicode": "naïve – ✓",
        "X-Quotes": "\"a\", 'b'; c=\\d",
    });
    let answer = echo.post(&with_headers(fields.clone()));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["data"]["attributes"]["response"]["headers"], fields);
    let served = echo.call("GET", "/x");
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(served.header(&name.to_lowercase()), value.as_str(), "{name}");
    }
}

#[test]
fn a_header_that_http_cannot_carry_is_refused_with_its_pointer() {
    let echo = Echo::start(&[]);
    for (name, value, reason) in [
        ("", "v", "is not a header name"),
        ("bad name", "v", "is not a header name"),
        ("Bad:", "v", "is not a header name"),
        ("Bäd", "v", "is not a header name"),
        ("X\r\nY", "v", "is not a header name"),
        ("X-CR", "a\rb", "control character"),
        ("X-LF", "a\nb", "control character"),
        ("X-Split", "a\r\nSet-Cookie: b", "control character"),
        ("X-NUL", "a\0b", "control character"),
        ("X-DEL", "a\u{7f}b", "control character"),
        ("X-Before", " v", "white space"),
        ("X-After", "v\t", "white space"),
    ] {
        let answer = echo.post(&with_headers(json!({name: value})));
        assert_refused_at(&answer, 422, &format!("{HEADERS}/{name}"), name);
        assert!(answer.details().contains(reason), "{name:?}: {}", answer.details());
    }
}

#[test]
fn the_pointer_to_a_header_is_escaped() {
    let echo = Echo::start(&[]);
    assert_refused_at(&echo.post(&with_headers(json!({"a/b": "v"}))), 422, &format!("{HEADERS}/a~1b"), "a slash");
    assert_refused_at(&echo.post(&with_headers(json!({"~": 1}))), 422, &format!("{HEADERS}/~0"), "a tilde");
}

#[test]
fn header_names_are_unique_without_regard_to_case() {
    let echo = Echo::start(&[]);
    let answer = echo.post(&with_headers(json!({"X-Twice": "1", "x-twice": "2", "X-TWICE": "3"})));
    assert_refused(&answer, 422, "three spellings of one name");
    assert_eq!(answer.pointers(), [format!("{HEADERS}/x-twice"), format!("{HEADERS}/X-TWICE")]);
}

#[test]
fn framing_and_hop_by_hop_headers_are_refused_in_any_case() {
    let echo = Echo::start(&[]);
    for name in [
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "CONNECTION",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Authenticate",
        "proxy-connection",
        "Proxy-Anything",
    ] {
        let answer = echo.post(&with_headers(json!({name: "1"})));
        assert_refused_at(&answer, 422, &format!("{HEADERS}/{name}"), name);
        assert!(answer.details().contains("leave it out"), "{name}: {}", answer.details());
    }
}

#[test]
fn headers_are_an_object_of_strings_or_lists_of_strings() {
    let echo = Echo::start(&[]);
    for headers in [json!("Content-Type: text/plain"), json!([]), json!(["X"]), json!(1), json!(false)] {
        assert_refused_at(&echo.post(&with_headers(headers.clone())), 422, HEADERS, &headers.to_string());
    }
    for value in [json!(1), json!(true), Value::Null, json!([]), json!(["a", 1]), json!([["a"]]), json!({})] {
        let answer = echo.post(&with_headers(json!({"X-Value": value})));
        assert_refused_at(&answer, 422, &format!("{HEADERS}/X-Value"), &value.to_string());
    }
}

#[test]
fn at_most_64_headers() {
    let echo = Echo::start(&[]);
    let lines = json!({"Set-Cookie": vec!["a=b"; 65]});
    assert_refused_at(&echo.post(&with_headers(lines)), 422, HEADERS, "65 fields of one name");
    let fields = |count| (0..count).map(|n| (format!("x-{n}"), json!("v"))).collect::<Map<_, _>>();
    assert_refused_at(&echo.post(&with_headers(fields(65))), 422, HEADERS, "65 fields");
    assert_eq!(echo.post(&with_headers(fields(64))).status, 201);
    let served = echo.call("GET", "/x");
    assert_eq!(served.headers.iter().filter(|(name, _)| name.starts_with("x-")).count(), 64);
}

#[test]
fn at_most_16_kib_of_header_names_and_values() {
    let echo = Echo::start(&[]);
    let fields =
        |bytes: usize| json!({"x-short": "v", "x-long": "v".repeat(bytes - "x-short".len() - 1 - "x-long".len())});
    let answer = echo.post(&with_headers(fields(16 * 1024 + 1)));
    assert_refused_at(&answer, 422, HEADERS, "16 KiB and a byte");
    assert!(answer.details().contains("16385 bytes"), "{}", answer.details());
    let largest = fields(16 * 1024);
    assert_eq!(echo.post(&with_headers(largest.clone())).status, 201);
    assert_eq!(echo.call("GET", "/x").header("x-long"), largest["x-long"].as_str());
}

#[test]
fn a_body_of_256_kib_is_served_and_a_byte_more_is_413() {
    let echo = Echo::start(&[]);
    for (path, largest) in [
        ("/ascii", "a".repeat(256 * 1024)),
        // The limit counts bytes: not characters, and not the escapes of JSON.
        ("/utf-8", "é".repeat(128 * 1024)),
        ("/escaped", "\u{1}".repeat(256 * 1024)),
    ] {
        let answer = echo.post(&new_endpoint("GET", path, json!({"code": 200, "body": format!("{largest}a")})));
        assert_refused_at(&answer, 413, BODY, path);
        assert!(answer.details().contains("262145 bytes"), "{path}: {}", answer.details());
        echo.create("GET", path, json!({"code": 200, "body": largest}));
        assert!(echo.call("GET", path).body == largest.as_bytes(), "{path}: the body is not what was given");
    }
}

#[test]
fn codes_without_content_refuse_a_body_even_an_empty_one() {
    let echo = Echo::start(&[]);
    for code in [204, 205, 304] {
        for body in ["x", ""] {
            let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": code, "body": body})));
            assert_refused_at(&answer, 422, BODY, &format!("{code} with {body:?}"));
            assert!(answer.details().contains(&code.to_string()), "{}", answer.details());
        }
        for (path, response) in [("without", json!({"code": code})), ("null", json!({"code": code, "body": null}))] {
            echo.create("GET", &format!("/{code}/{path}"), response);
        }
    }
}

#[test]
fn a_body_is_a_string() {
    let echo = Echo::start(&[]);
    let long = json!(["a".repeat(1_000)]);
    for body in [json!({"message": "Hello"}), json!(["a\\"]), json!(1), json!(true), json!({}), long.clone()] {
        let answer = echo.post(&new_endpoint("GET", "/x", json!({"code": 200, "body": body})));
        assert_refused_at(&answer, 422, BODY, &body.to_string());
        // The correction repeats a short value.
        let detail = answer.details();
        let advice = detail.split_once("`\"json\": ").unwrap().1.strip_suffix('`').unwrap();
        let given = if body == long { "…".to_owned() } else { body.to_string() };
        assert_eq!(advice, given, "{detail}");
    }
}

#[test]
fn null_for_an_optional_member_means_absent() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/null", json!({"code": 200, "headers": null, "body": null}));
    let shown = echo.get(&format!("/endpoints/{id}")).json();
    assert_eq!(shown["data"]["attributes"]["response"], json!({"code": 200}));
    let none = echo.create("GET", "/empty", json!({"code": 200, "headers": {}, "body": ""}));
    let shown = echo.get(&format!("/endpoints/{none}")).json();
    assert_eq!(shown["data"]["attributes"]["response"], json!({"code": 200, "body": ""}));
}

#[test]
fn unknown_attributes_are_refused_by_name() {
    let echo = Echo::start(&[]);
    for (pointer, name) in [
        ("/data/attributes", "verbs"),
        ("/data/attributes", "Verb"),
        ("/data/attributes", "id"),
        ("/data/attributes/response", "status"),
        ("/data/attributes/response", "Headers"),
        ("/data/attributes/response", "delays"),
    ] {
        let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
        // Null is a value here: an unknown member cannot be absent.
        for value in [json!("v"), Value::Null] {
            document.pointer_mut(pointer).unwrap()[name] = value;
            let answer = echo.post(&document);
            assert_refused_at(&answer, 422, &format!("{pointer}/{name}"), name);
            assert!(answer.details().contains(&format!("`{name}` is not a member")), "{}", answer.details());
        }
    }
}

#[test]
fn missing_required_members_are_reported() {
    let echo = Echo::start(&[]);
    for pointer in [
        "/data/attributes",
        "/data/attributes/verb",
        "/data/attributes/path",
        "/data/attributes/response",
        "/data/attributes/response/code",
    ] {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
        document.pointer_mut(parent).unwrap()[name] = Value::Null;
        assert_refused_at(&echo.post(&document), 422, pointer, "null");
        document.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let answer = echo.post(&document);
        assert_refused_at(&answer, 422, pointer, "absent");
        assert!(answer.details().contains(&format!("`{name}` is missing")), "{}", answer.details());
    }
    for document in [json!({}), json!([]), json!(null), json!("x"), json!({"data": null}), json!({"data": []})] {
        assert_refused_at(&echo.post(&document), 422, "/data", &document.to_string());
    }
}

#[test]
fn each_member_has_its_type() {
    let echo = Echo::start(&[]);
    for (pointer, value) in [
        ("/data/attributes", json!([])),
        ("/data/attributes/verb", json!(1)),
        ("/data/attributes/path", json!(["/x"])),
        ("/data/attributes/response", json!("200 OK")),
    ] {
        let mut document = new_endpoint("GET", "/x", json!({"code": 200}));
        *document.pointer_mut(pointer).unwrap() = value.clone();
        assert_refused_at(&echo.post(&document), 422, pointer, &value.to_string());
    }
}
