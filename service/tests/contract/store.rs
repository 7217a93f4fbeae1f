//! `POST /-/store/raise` and `POST /-/store/adopt`, for callers with the scope `write`.

use serde_json::json;

use crate::{
    access::Key,
    shape::{MEDIA_TYPE, assert_refused},
    support::Echo,
};

#[test]
fn a_store_in_the_newest_format_has_nothing_to_raise() {
    let echo = Echo::start(&[]);
    for parameters in ["", "?dry_run=true", "?dry_run=false&to_format=5"] {
        let answer = echo.manage("POST", &format!("/-/store/raise{parameters}"), "", None);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{}", answer.text());
        assert_eq!(answer.json(), json!({"meta": {"from": 5, "to": 5, "raised": false}}));
    }
    let answer = echo.manage("POST", "/-/store/raise?to_format=1", "", None);
    assert_eq!(answer.json(), json!({"meta": {"from": 5, "to": 1, "raised": false}}));
}

#[test]
fn a_raise_needs_the_scope_write() {
    let (reader, writer) = (Key::new("reader", "read"), Key::new("writer", "write"));
    let echo = Echo::start(&["--keys", &format!("{},{}", reader.entry, writer.entry)]);
    let raise = |header: &str| echo.manage("POST", "/-/store/raise?dry_run=true", header, None);
    assert_refused(&raise(""), 401, "without a key");
    assert_refused(&raise(&reader.header), 403, "with the scope read");
    assert_eq!(raise(&writer.header).status, 200);
}

#[test]
fn a_raise_refuses_wrong_parameters_and_formats_that_the_version_does_not_know() {
    let echo = Echo::start(&[]);
    for (parameters, parameter, advice) in [
        ("to_format=two", "to_format", "`two` is not a format: write a whole number"),
        ("to_format=6", "to_format", "This version knows formats 1 to 5"),
        ("to_format=0", "to_format", "This version knows formats 1 to 5"),
        ("dry_run=yes", "dry_run", "`yes` is not a flag: write `true` or `false`"),
        ("format=2", "format", "`format` is not a parameter: use to_format, dry_run"),
        ("dry_run=true&dry_run=true", "dry_run", "`dry_run` is given twice"),
    ] {
        let answer = echo.manage("POST", &format!("/-/store/raise?{parameters}"), "", None);
        assert_refused(&answer, 400, parameters);
        assert_eq!(answer.json()["errors"][0]["source"], json!({"parameter": parameter}), "{parameters}");
        assert!(answer.details().contains(advice), "{parameters}: {}", answer.text());
    }
}

/// A table's digest is adopted in `tests/process/store/dynamodb/divergence.rs`.
#[test]
fn a_store_in_memory_has_no_digest_to_adopt() {
    let echo = Echo::start(&[]);
    let refusal = echo.manage("POST", "/-/store/adopt", "", None);
    assert_refused(&refusal, 409, "a store without a digest");
    assert!(refusal.details().contains("Only a table of DynamoDB has a digest"), "{}", refusal.text());
    assert_refused(&echo.manage("POST", "/-/store/adopt?dry_run=true", "", None), 400, "an unknown parameter");
}

#[test]
fn an_adoption_needs_the_scope_write() {
    let (reader, writer) = (Key::new("reader", "read"), Key::new("writer", "write"));
    let echo = Echo::start(&["--keys", &format!("{},{}", reader.entry, writer.entry)]);
    let adopt = |header: &str| echo.manage("POST", "/-/store/adopt", header, None);
    assert_refused(&adopt(""), 401, "without a key");
    assert_refused(&adopt(&reader.header), 403, "with the scope read");
    assert_eq!(adopt(&writer.header).status, 409);
}
