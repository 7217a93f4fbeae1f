//! `Location` has the configured public URL. Without one, it has the Host and scheme of the request; `X-Forwarded-*`
//! count only from trusted proxies.

use std::{net::IpAddr, sync::LazyLock};

use serde_json::json;

use crate::{
    access::Key,
    support::{Answer, Echo, new_endpoint, send},
};

/// Without keys, Echo would refuse most of these names.
static KEY: LazyLock<Key> = LazyLock::new(|| Key::new("ci", "read+write"));

fn start(arguments: &[&str]) -> Echo {
    Echo::start(&[arguments, &["--keys", &KEY.entry]].concat())
}

/// Creates a mock at `/x` with these header lines (including Host), and deletes it.
fn location(echo: &Echo, headers: &str) -> String {
    location_by(echo, "POST /endpoints HTTP/1.1", headers)
}

fn location_by(echo: &Echo, line: &str, headers: &str) -> String {
    let body = new_endpoint("GET", "/x", json!({"code": 200})).to_string();
    let length = body.len();
    let answer: Answer = send(
        echo.management,
        format!(
            "{line}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n{}{headers}\r\n{body}",
            KEY.header
        ),
    );
    assert_eq!(answer.status, 201, "{headers}: {}", answer.text());
    let path = format!("/endpoints/{}", answer.json()["data"]["id"].as_str().unwrap());
    assert_eq!(echo.manage("DELETE", &path, &KEY.header, None).status, 204);
    answer.header("location").unwrap().to_owned()
}

#[test]
fn the_host_of_the_request_is_used() {
    let echo = start(&[]);
    for (host, origin) in [
        ("echo.example", "http://echo.example"),
        ("echo.example:8080", "http://echo.example:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("192.0.2.1", "http://192.0.2.1"),
    ] {
        assert_eq!(location(&echo, &format!("Host: {host}\r\n")), format!("{origin}/x"));
    }
}

#[test]
fn the_host_of_an_absolute_target_wins() {
    let echo = start(&[]);
    let line = "POST http://echo.example:81/endpoints HTTP/1.1";
    assert_eq!(location_by(&echo, line, "Host: other.example\r\n"), "http://echo.example:81/x");
}

#[test]
fn a_host_is_one_name_and_no_list() {
    let echo = start(&[]);
    for host in ["a,b", "a,", "a,b:80"] {
        assert_eq!(location(&echo, &format!("Host: {host}\r\n")), format!("http://{host}/x"), "{host}");
    }
}

#[test]
fn without_a_usable_host_location_has_the_address_of_the_listener() {
    let echo = start(&[]);
    let here = format!("http://{}/x", echo.mocks);
    assert_eq!(location(&echo, "Host:\r\n"), here);
    assert_eq!(location_by(&echo, "POST /endpoints HTTP/1.0", ""), here);
}

#[test]
fn an_ipv4_client_of_a_listener_for_both_families_gets_an_ipv4_address() {
    for arguments in [&["--listen", "[::]:0"][..], &["--listen", "[::]:0", "--management-listen", "[::]:0"]] {
        let echo = Echo::start(&[arguments, &["--allow-anonymous"]].concat());
        let body = new_endpoint("GET", "/x", json!({"code": 200})).to_string();
        let length = body.len();
        let head = format!("POST /endpoints HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}");
        for (address, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
            let management = (address.parse::<IpAddr>().unwrap(), echo.management.port()).into();
            let answer = send(management, format!("{head}\r\n\r\n{body}"));
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.header("location"), Some(&*format!("http://{host}:{}/x", echo.mocks.port())));
            assert_eq!(echo.delete(answer.json()["data"]["id"].as_str().unwrap()).status, 204);
        }
    }
}

#[test]
fn forwarding_headers_of_untrusted_clients_are_ignored() {
    let headers = "Host: echo.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n";
    for arguments in [&[][..], &["--trusted-proxies", "10.0.0.0/8"]] {
        assert_eq!(location(&start(arguments), headers), "http://echo.example/x", "{arguments:?}");
    }
}

#[test]
fn forwarding_headers_of_trusted_proxies_are_used() {
    let echo = start(&["--trusted-proxies", "10.0.0.0/8,127.0.0.1"]);
    for (headers, expected) in [
        ("", "http://proxy.internal/x"),
        ("X-Forwarded-Proto: https\r\n", "https://proxy.internal/x"),
        ("X-Forwarded-Host: echo.example\r\n", "http://echo.example/x"),
        ("X-Forwarded-Proto: https\r\nX-Forwarded-Host: echo.example:8443\r\n", "https://echo.example:8443/x"),
        // The nearest proxy added the last of several values.
        (
            "X-Forwarded-Proto: http, https\r\nX-Forwarded-Host: evil.example, echo.example\r\n",
            "https://echo.example/x",
        ),
        ("X-Forwarded-Host: evil.example\r\nX-Forwarded-Host: echo.example\r\n", "http://echo.example/x"),
        ("X-Forwarded-Proto: javascript\r\n", "http://proxy.internal/x"),
        // Schemes have no case (RFC 3986 section 3.1).
        ("X-Forwarded-Proto: HTTPS\r\n", "https://proxy.internal/x"),
        ("X-Forwarded-Proto:\t Https \r\nX-Forwarded-Host:  Echo.example \r\n", "https://Echo.example/x"),
        // Empty elements of a list do not count (RFC 9110 section 5.6.1.2).
        ("X-Forwarded-Proto: https, ,\r\nX-Forwarded-Host: echo.example,\r\n", "https://echo.example/x"),
        ("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: \r\n", "https://proxy.internal/x"),
        // Echo skips invalid schemes and hosts.
        ("X-Forwarded-Proto: \r\nX-Forwarded-Host: a b\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: user@echo.example\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: echo.example/path\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: https://echo.example\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: \u{e9}\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: :443\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: echo.example:99999\r\n", "http://proxy.internal/x"),
        ("X-Forwarded-Host: echo.example:\r\n", "http://echo.example/x"),
    ] {
        assert_eq!(location(&echo, &format!("Host: proxy.internal\r\n{headers}")), expected, "{headers}");
    }
}

#[test]
fn the_public_url_wins_over_the_host_of_requests() {
    for (url, expected) in [
        ("https://mocks.example", "https://mocks.example/x"),
        ("https://mocks.example/", "https://mocks.example/x"),
        ("http://mocks.example:8080", "http://mocks.example:8080/x"),
    ] {
        let echo = start(&["--public-url", url, "--trusted-proxies", "127.0.0.1"]);
        let headers = "Host: echo.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: other.example\r\n";
        assert_eq!(location(&echo, headers), expected, "{url}");
    }
}

#[test]
fn with_a_listener_for_management_location_has_the_host_of_the_request_and_the_port_of_the_mocks() {
    let echo = start(&["--management-listen", "127.0.0.1:0"]);
    let port = echo.mocks.port();
    for (headers, expected) in [
        ("Host: echo.example:9000\r\n", format!("http://echo.example:{port}/x")),
        ("Host: echo.example\r\n", format!("http://echo.example:{port}/x")),
        ("Host: [::1]:9000\r\n", format!("http://[::1]:{port}/x")),
        ("Host: \r\n", format!("http://127.0.0.1:{port}/x")),
    ] {
        assert_eq!(location(&echo, headers), expected, "{headers}");
    }
    let echo = start(&["--management-listen", "127.0.0.1:0", "--public-url", "https://mocks.example"]);
    assert_eq!(location(&echo, "Host: echo.example:9000\r\n"), "https://mocks.example/x");
}
