//! The page at `/` on a shared listener, for browsers only.

use serde_json::json;

use crate::{
    shape::{MEDIA_TYPE, assert_refused},
    support::{Answer, Echo, send},
};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n";

fn get(echo: &Echo, path: &str, headers: &str) -> Answer {
    echo.call_with("GET", path, headers, b"")
}

#[test]
fn a_browser_gets_a_page_at_the_root_that_leads_on() {
    let echo = Echo::start(&[]);
    let page = get(&echo, "/?from=bookmark", BROWSER);
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    let html = page.text();
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains(r#"href="/-/docs""#), "{html}");
    let head = echo.call_with("HEAD", "/", BROWSER, b"");
    assert_eq!((head.status, head.header("content-type")), (404, Some("text/html; charset=utf-8")));

    // Its first command works as pasted, apart from the entities of HTML, of which the page has none.
    let (_, command) = html.split_once("<pre>").unwrap();
    let (command, _) = command.split_once("</pre>").unwrap();
    assert!(!command.contains('&'), "{command}");
    assert!(command.starts_with(&format!("curl http://{}/endpoints ", echo.mocks)), "{command}");
    let (_, document) = command.split_once("-d '").unwrap();
    let document = serde_json::from_str(document.strip_suffix('\'').unwrap()).unwrap();
    let created = echo.manage("POST", "/endpoints", "Content-Type: application/json\r\n", Some(&document));
    assert_eq!(created.status, 201, "{}", created.text());
    assert_eq!(echo.call("GET", "/greeting").json(), json!({"message": "Hello, world"}));
}

#[test]
fn the_page_at_the_root_has_the_protection_of_the_documentation_page() {
    let echo = Echo::start(&[]);
    let (page, docs) = (get(&echo, "/", BROWSER), echo.get("/-/docs"));
    for name in ["cross-origin-opener-policy", "x-content-type-options", "referrer-policy"] {
        assert!(page.header(name).is_some() && page.header(name) == docs.header(name), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
    // A mock may take the place of the page at any time.
    assert_eq!(page.header("cache-control"), Some("no-store"));
}

#[test]
fn a_host_with_special_characters_is_not_on_the_page() {
    let echo = Echo::start(&[]);
    for host in ["a&b", "a'b", "a;b", "$(a)", "a%22b"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{BROWSER}\r\n");
        let page = send(echo.mocks, request);
        assert_eq!((page.status, page.text().contains(host)), (404, false), "{host}");
        assert!(page.text().contains("curl http://127.0.0.1:8080/endpoints"), "{host}");
    }
}

#[test]
fn programs_mocks_and_other_paths_get_no_page() {
    let echo = Echo::start(&[]);
    for (method, path, headers) in [
        ("GET", "/", ""),
        ("GET", "/", "Accept: */*\r\n"),
        ("GET", "/", "Accept: application/json\r\n"),
        ("GET", "/", "Accept: text/html, application/vnd.api+json;q=0.1\r\n"),
        ("POST", "/", BROWSER),
        ("GET", "/hello", BROWSER),
        ("GET", "//", BROWSER),
    ] {
        let answer = echo.call_with(method, path, headers, b"");
        assert_refused(&answer, 404, &format!("{method} {path} {headers}"));
        assert_eq!(answer.details(), format!("Requested page `{path}` does not exist"));
    }
    echo.create("GET", "/", json!({"code": 200, "body": "mine"}));
    assert_eq!(get(&echo, "/", BROWSER).text(), "mine");

    let apart = Echo::start(&["--management-listen", "127.0.0.1:0"]);
    assert_eq!(get(&apart, "/", BROWSER).header("content-type"), Some(MEDIA_TYPE));
    assert_refused(&apart.manage("GET", "/", BROWSER, None), 404, "management alone");
}
