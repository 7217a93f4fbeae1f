//! `GET /endpoints/{id}`: 304 for `If-None-Match`. PATCH and DELETE: 412 if `If-Match` or `If-None-Match` fails (RFC
//! 9110 section 13). `change.rs` and `delete.rs` test successful `If-Match`.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Answer, Echo, changes},
};

struct Fixture {
    echo: Echo,
    path: String,
    /// The tag of the previous version.
    stale: String,
    current: String,
}

/// A service with one endpoint, changed once.
fn fixture() -> Fixture {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "Hello"}));
    let path = format!("/endpoints/{id}");
    let stale = echo.get(&path).header("etag").unwrap().to_owned();
    let current = echo.patch(&id, &changes(json!({}))).header("etag").unwrap().to_owned();
    Fixture { echo, path, stale, current }
}

impl Fixture {
    fn ask(&self, method: &str, headers: &str) -> Answer {
        let document = changes(json!({}));
        self.echo.manage(method, &self.path, headers, (method == "PATCH").then_some(&document))
    }

    /// Lines of `If-None-Match` with the current version, and lines without it.
    fn lines(&self) -> (Vec<String>, Vec<String>) {
        let filled = |forms: &[&str]| -> Vec<_> {
            let fill = |form: &&str| form.replace("CURRENT", &self.current).replace("STALE", &self.stale);
            let lines = |tags: String| format!("If-None-Match: {}\r\n", tags.replace('\n', "\r\nIf-None-Match: "));
            forms.iter().map(fill).map(lines).collect()
        };
        let named =
            ["CURRENT", "W/CURRENT", "*", "STALE,CURRENT", "STALE , W/CURRENT,", ",\"a,b\",CURRENT", "STALE\nCURRENT"];
        let others = [
            "STALE",
            "W/STALE",
            "\"*\"",
            "w/CURRENT",
            "\"a, CURRENT\"",
            "nonsense",
            "",
            "W/\"x\"\n\"y\"",
            "\"\u{e9}\"",
        ];
        (filled(&named), filled(&others))
    }
}

#[test]
fn if_none_match_with_the_current_version_is_304_without_a_body() {
    let fixture = fixture();
    let (named, others) = fixture.lines();
    for method in ["GET", "HEAD"] {
        for lines in &named {
            let answer = fixture.ask(method, lines);
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{method} {lines}");
            assert_eq!(answer.header("etag"), Some(&*fixture.current), "{method} {lines}");
            assert_eq!(
                (answer.header("content-type"), answer.header("content-length")),
                (None, None),
                "{method} {lines}"
            );
        }
        for lines in &others {
            let answer = fixture.ask(method, lines);
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{method} {lines}");
        }
    }
}

#[test]
fn if_none_match_with_the_current_version_refuses_changes_and_deletions() {
    let fixture = fixture();
    for method in ["PATCH", "DELETE"] {
        for lines in fixture.lines().0 {
            let answer = fixture.ask(method, &lines);
            assert_refused(&answer, 412, &format!("{method} {lines}"));
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "If-None-Match"}), "{method} {lines}");
        }
    }
    assert_eq!(fixture.ask("GET", "").header("etag"), Some(&*fixture.current), "nothing has changed");
    for method in ["PATCH", "DELETE"] {
        let answer = fixture.ask(method, &format!("If-None-Match: {}\r\n", fixture.stale));
        assert!([200, 204].contains(&answer.status), "{method}: {}", answer.text());
    }
}

#[test]
fn if_match_is_checked_first_and_for_reads_too() {
    let fixture = fixture();
    let Fixture { stale, current, .. } = &fixture;
    for (headers, read, written) in [
        (format!("If-Match: {stale}\r\nIf-None-Match: {current}\r\n"), 412, "If-Match"),
        (format!("If-None-Match: {current}\r\nIf-Match: {stale}\r\n"), 412, "If-Match"),
        (format!("If-Match: {current}\r\nIf-None-Match: {current}\r\n"), 304, "If-None-Match"),
        ("If-Match: *\r\nIf-None-Match: *\r\n".to_owned(), 304, "If-None-Match"),
    ] {
        assert_eq!(fixture.ask("GET", &headers).status, read, "{headers}");
        let answer = fixture.ask("DELETE", &headers);
        assert_refused(&answer, 412, &headers);
        assert_eq!(answer.json()["errors"][0]["source"], json!({"header": written}), "{headers}");
    }
    assert_eq!(fixture.ask("GET", &format!("If-Match: {current}\r\nIf-None-Match: {stale}\r\n")).status, 200);
}

#[test]
fn a_condition_on_an_endpoint_that_does_not_exist_is_404() {
    let echo = Echo::start(&[]);
    for method in ["GET", "PATCH", "DELETE"] {
        assert_refused(&echo.manage(method, "/endpoints/1", "If-None-Match: *\r\n", None), 404, method);
    }
}

#[test]
fn a_weak_if_match_is_refused_with_advice() {
    let fixture = fixture();
    let weak = format!("If-Match: {}, W/{}\r\n", fixture.stale, fixture.current);
    let answer = fixture.ask("DELETE", &weak);
    assert_refused(&answer, 412, &weak);
    let advice = format!("send `{}`, without `W/`", fixture.current);
    assert!(answer.details().ends_with(&advice), "{}", answer.details());
    // A weak tag of another version gets the usual message.
    let answer = fixture.ask("DELETE", &format!("If-Match: W/{}\r\n", fixture.stale));
    assert!(answer.details().contains("get the endpoint again"), "{}", answer.details());
    assert_eq!(fixture.ask("DELETE", &format!("If-Match: {}\r\n", fixture.current)).status, 204);
}
