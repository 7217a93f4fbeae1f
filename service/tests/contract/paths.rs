//! `path`: the path component of a URL, beginning with `/`. Query, fragment, scheme or host, dot segments, control
//! characters and invalid percent-escapes are 422, with the correction. At most 2,048 bytes.
//!
//! One canonical form of a path, on create and on serve: upper-case hex in escapes, unreserved characters decoded,
//! `%2F` stays `%2F`, empty segments kept, case kept. Echo ignores the query of a request.

use serde_json::json;

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Echo, changes, new_endpoint},
};

const PATH: &str = "/data/attributes/path";

#[test]
fn a_path_is_stored_and_returned_in_canonical_form() {
    let echo = Echo::start(&[]);
    for (given, canonical) in [
        ("/", "/"),
        ("/greeting", "/greeting"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/%7euser/%41%2d%2E%5f", "/~user/A-._"),
        ("/a%2fb", "/a%2Fb"),
        ("/%3f%23%25", "/%3F%23%25"),
        ("/a//b/", "/a//b/"),
        ("//", "//"),
        ("/Case/KEPT", "/Case/KEPT"),
        ("/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="),
        ("/...", "/..."),
        ("/%00", "/%00"),
    ] {
        let answer = echo.post(&new_endpoint("GET", given, json!({"code": 200, "body": given})));
        assert_eq!(answer.status, 201, "{given}: {}", answer.text());
        assert_eq!(answer.json()["data"]["attributes"]["path"], canonical, "{given}");
        assert_eq!(answer.header("location"), Some(&*format!("http://{}{canonical}", echo.mocks)), "{given}");
        for spelling in [given, canonical] {
            assert_eq!(echo.call("GET", spelling).text(), given, "{spelling}");
        }
    }
}

#[test]
fn a_mock_is_found_by_every_spelling_of_its_path_and_by_no_other_path() {
    let echo = Echo::start(&[]);
    let not_found = |path: &str, mock: &str| {
        let answer = echo.call("GET", path);
        assert_refused(&answer, 404, &format!("{path} where {mock} is"));
        assert_eq!(answer.details(), format!("Requested page `{path}` does not exist"));
    };
    let cases: [(&str, &[&str], &[&str]); 8] = [
        (
            "/hello",
            &["/hello?", "/hello?a=1&b=/c", "/%68ello", "/hell%6f?x", "/hell%6F"],
            &["/hello/", "/Hello", "/hell", "/hello1", "/hello/x", "//hello", "/", "/x/../hello", "/./hello"],
        ),
        ("/dir/", &["/dir/?x", "/%64ir/"], &["/dir", "/dir//", "/dir/x", "/dir%2F"]),
        ("/a%2Fb", &["/a%2fb", "/%61%2Fb"], &["/a/b", "/a%252Fb", "/ab"]),
        ("/a//b", &["/%61//b"], &["/a/b", "/a///b", "/a/b/"]),
        ("/caf%C3%A9", &["/caf%c3%a9", "/café"], &["/cafe", "/cafe%CC%81", "/caf%C3", "/caf%E9"]),
        ("/%7Bid%7D", &["/{id}", "/%7bid%7d"], &["/id", "/(id)"]),
        ("/CamelCase", &["/%43amelCase"], &["/camelcase", "/CAMELCASE"]),
        ("/-._~", &["/%2d%2E%5F%7e"], &["/-._", "/-.%5F%7E~"]),
    ];
    for (mock, hits, misses) in cases {
        let id = echo.create("GET", mock, json!({"code": 200, "body": mock}));
        for path in [&[mock], hits].concat() {
            assert_eq!(echo.call("GET", path).text(), mock, "{path} where {mock} is");
        }
        for path in misses {
            not_found(path, mock);
        }
        assert_eq!(echo.delete(&id).status, 204);
        not_found(mock, "nothing");
    }
}

#[test]
fn a_request_with_a_bad_escape_is_404() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/100%25", json!({"code": 200}));
    for path in ["/100%", "/100%2", "/100%zz", "/100%%25", "/%FF%"] {
        let answer = echo.call("GET", path);
        assert_refused(&answer, 404, path);
        assert_eq!(answer.details(), format!("Requested page `{path}` does not exist"));
    }
}

#[test]
fn absolute_targets_and_empty_paths_are_matched_by_path() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/hello", json!({"code": 200, "body": "hello"}));
    assert_eq!(echo.call("GET", "http://elsewhere.example/hello?x=1").text(), "hello");
    assert_eq!(echo.call("GET", "http://elsewhere.example/other").status, 404);
    assert_refused(&echo.call("OPTIONS", "*"), 404, "OPTIONS *");
}

#[test]
fn an_invalid_path_is_refused_with_a_correction() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/good", json!({"code": 200}));
    for (path, reason, instead) in [
        ("", "empty", "write `/`"),
        ("greeting", "must begin with `/`", "write `/greeting`"),
        ("?a", "must begin with `/`", "write `/`"),
        ("http://example.com/a/b", "scheme or host", "write `/a/b`"),
        ("https://example.com", "scheme or host", "write `/`"),
        ("/a?b=1", "a query", "write `/a`"),
        ("/a?", "a query", "write `/a`"),
        ("/a#top", "a fragment", "write `/a`"),
        ("/a/../b", "dot segments", "write `/b`"),
        ("/./a", "dot segments", "write `/a`"),
        ("/a/..", "dot segments", "write `/`"),
        ("/a/%2e%2E/b", "dot segments", "write `/b`"),
        ("/a\u{7}", "control characters", "write `/a%07`"),
        ("/a\r\nb", "control characters", "write `/a%0D%0Ab`"),
        ("/100%", "`%` is not a percent-escape", "write `/100%25`"),
        ("/a%zz", "`%zz` is not a percent-escape", "write `/a%25zz`"),
        ("/a%4", "`%4` is not a percent-escape", "write `/a%254`"),
        ("/a b", "cannot stand in a path", "write `/a%20b`"),
        ("/café", "cannot stand in a path", "write `/caf%C3%A9`"),
        ("/users/{i d}", "a whole segment", "write `/users/%7Bi%20d%7D`"),
        ("/a\\b", "cannot stand in a path", "write `/a%5Cb`"),
    ] {
        let created = echo.post(&new_endpoint("GET", path, json!({"code": 200})));
        let changed = echo.patch(&id, &changes(json!({"path": path})));
        for answer in [created, changed] {
            assert_refused_at(&answer, 422, PATH, path);
            let detail = answer.details();
            assert!(detail.contains(reason) && detail.contains(instead), "{path:?}: {detail}");
        }
    }
}

#[test]
fn a_path_has_at_most_2048_bytes() {
    let echo = Echo::start(&[]);
    let longest = format!("/{}", "a".repeat(2_047));
    echo.create("GET", &longest, json!({"code": 200, "body": "long"}));
    assert_eq!(echo.call("GET", &longest).text(), "long");
    assert_refused(&echo.call("GET", &format!("{longest}a")), 404, "a request for a longer one");
    let answer = echo.post(&new_endpoint("GET", &format!("{longest}a"), json!({"code": 200})));
    assert_refused_at(&answer, 422, PATH, "2,049 bytes");
    assert!(answer.details().contains("2049 bytes: shorten it to at most 2048"), "{}", answer.details());
}
