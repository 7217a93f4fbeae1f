//! Management without keys answers only names that no stranger can resolve to its address, and pages of its own origin.
//! No page of another origin can read answers of management or take over its origin.

use serde_json::json;

use crate::{
    access::Key,
    shape::assert_refused,
    support::{Answer, Echo, new_endpoint, send},
};

fn ask(echo: &Echo, line: &str, headers: &str) -> Answer {
    send(echo.management, format!("{line}\r\nConnection: close\r\n{headers}\r\n"))
}

fn assert_foreign(answer: &Answer, code: &str, case: &str) {
    assert_refused(answer, 403, case);
    assert_eq!(answer.json()["errors"][0]["code"], code, "{case}");
    for way in ["--public-url", "--keys"] {
        assert!(answer.details().contains(way), "{case}: {}", answer.details());
    }
}

#[test]
fn without_keys_hosts_open_to_dns_rebinding_are_refused() {
    let echo = Echo::start(&["--public-url", "https://Mocks.example:8443"]);
    for host in [
        "127.0.0.1",
        "127.0.0.1:8080",
        "192.0.2.7",
        "[::1]",
        "[::1]:8080",
        "[2001:db8::1]:80",
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "app.localhost:3000",
        "echo",
        "echo:8080",
        "mocks.example",
        "MOCKS.example:9000",
    ] {
        assert_eq!(ask(&echo, "GET /endpoints HTTP/1.1", &format!("Host: {host}\r\n")).status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example.",
        "mocks.example.evil.example",
        "xmocks.example",
        "",
    ] {
        for line in ["GET /endpoints", "POST /endpoints", "DELETE /endpoints/1", "GET /-/docs", "PUT /-/nothing"] {
            let answer = ask(&echo, &format!("{line} HTTP/1.1"), &format!("Host: {host}\r\n"));
            assert_foreign(&answer, "foreign_host", &format!("{line} of {host}"));
        }
        // Health reveals nothing, and load balancers use any name.
        for path in ["/-/live", "/-/ready"] {
            assert_eq!(ask(&echo, &format!("GET {path} HTTP/1.1"), &format!("Host: {host}\r\n")).status, 200, "{host}");
        }
        assert_eq!(ask(&echo, "GET /mock HTTP/1.1", &format!("Host: {host}\r\n")).status, 404, "mocks have any name");
    }
}

#[test]
fn the_host_of_the_target_wins() {
    let echo = Echo::start(&[]);
    let line = |host: &str, path: &str| format!("GET http://{host}{path} HTTP/1.1");
    for path in ["/endpoints", "/%65ndpoints"] {
        assert_foreign(&ask(&echo, &line("evil.example", path), "Host: localhost\r\n"), "foreign_host", path);
        assert_eq!(ask(&echo, &line("localhost", path), "Host: evil.example\r\n").status, 200, "{path}");
    }
    // No browser omits `Host`.
    assert_eq!(ask(&echo, "GET /endpoints HTTP/1.0", "").status, 200);
    assert_foreign(&ask(&echo, "GET /endpoints HTTP/1.0", "Host: evil.example\r\n"), "foreign_host", "HTTP/1.0");
}

#[test]
fn forwarding_headers_do_not_change_the_checked_host() {
    let echo = Echo::start(&["--trusted-proxies", "127.0.0.0/8"]);
    for header in ["X-Forwarded-Host", "Forwarded", "X-Host"] {
        let answer = ask(&echo, "GET /endpoints HTTP/1.1", &format!("Host: evil.example\r\n{header}: localhost\r\n"));
        assert_foreign(&answer, "foreign_host", header);
    }
}

#[test]
fn without_keys_requests_of_other_origins_are_refused() {
    let echo = Echo::start(&["--public-url", "https://Mocks.example:443"]);
    for (host, origin) in [
        ("localhost:8080", "http://localhost:8080"),
        ("localhost:8080", "HTTP://LOCALHOST:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("mocks.example", "https://mocks.example"),
        // As a proxy forwards it.
        ("10.0.0.7:8080", "https://mocks.example"),
        // The port of the scheme is not part of an origin (RFC 6454 section 6.2).
        ("10.0.0.7:8080", "HTTPS://Mocks.example"),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(ask(&echo, "GET /endpoints HTTP/1.1", &headers).status, 200, "{origin}");
    }
    for origin in [
        "http://evil.example",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        // The same name and port with another scheme are another origin.
        "https://localhost:8080",
        "foo://localhost:8080",
        "http://mocks.example",
        "null",
        "",
        "localhost:8080",
    ] {
        for line in
            ["GET /endpoints", "POST /endpoints", "PATCH /endpoints/1", "DELETE /endpoints/1", "OPTIONS /endpoints"]
        {
            let answer =
                ask(&echo, &format!("{line} HTTP/1.1"), &format!("Host: localhost:8080\r\nOrigin: {origin}\r\n"));
            assert_foreign(&answer, "foreign_origin", &format!("{line} from {origin}"));
        }
    }
}

#[test]
fn with_keys_every_host_and_origin_is_answered() {
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    let headers = "Host: echo.example\r\nOrigin: http://tool.example\r\n";
    assert_eq!(ask(&echo, "GET /endpoints HTTP/1.1", &format!("{headers}{}", key.header)).status, 200);
    assert_eq!(ask(&echo, "GET /endpoints HTTP/1.1", headers).status, 401);
    assert_eq!(ask(&echo, "GET /-/docs HTTP/1.1", headers).status, 200);
}

#[test]
fn management_answers_have_no_cors_headers() {
    let key = Key::new("ci", "read+write");
    for arguments in [&[][..], &["--keys", &key.entry]] {
        let echo = Echo::start(arguments);
        // A mock may allow every origin for its own answers.
        let answer = json!({"code": 200, "headers": {"Access-Control-Allow-Origin": "*"}});
        let new = new_endpoint("OPTIONS", "/mock", answer);
        assert_eq!(echo.manage("POST", "/endpoints", &key.header, Some(&new)).status, 201);
        let preflight = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\
                         Access-Control-Request-Private-Network: true\r\n";
        for path in ["/endpoints", "/endpoints/1", "/-/docs", "/-/openapi.json", "/-/live", "/-/ready", "/-/nothing"] {
            for method in ["OPTIONS", "GET", "HEAD", "POST", "PATCH", "DELETE"] {
                for origin in ["http://evil.example", "null"] {
                    let headers = format!("{}Origin: {origin}\r\n{preflight}", key.header);
                    let answer = echo.manage(method, path, &headers, None);
                    let allowed = answer.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
                    assert_eq!(allowed, None, "{method} {path}");
                    assert!(method != "OPTIONS" || answer.status >= 400, "{method} {path}: {}", answer.status);
                }
            }
        }
    }
}

#[test]
fn on_a_shared_listener_no_mock_can_be_a_service_worker() {
    let script = json!({"code": 200, "headers": {"Content-Type": "text/javascript", "Service-Worker-Allowed": "/"}});
    let (shared, apart) = (Echo::start(&[]), Echo::start(&["--management-listen", "127.0.0.1:0"]));
    for echo in [&shared, &apart] {
        echo.create("GET", "/sw.js", script.clone());
    }
    for value in ["script", "Script", " SCRIPT ", "script, script", "x, script", "script\r\nService-Worker: x", ""] {
        for path in ["/sw.js", "/nowhere.js"] {
            let answer = shared.call_with("GET", path, &format!("Service-Worker: {value}\r\n"), b"");
            assert_refused(&answer, 403, value);
            assert_eq!(answer.json()["errors"][0]["code"], "service_worker", "{value}");
            assert!(answer.details().contains("--management-listen"), "{}", answer.details());
        }
        assert_eq!(apart.call_with("GET", "/sw.js", &format!("Service-Worker: {value}\r\n"), b"").status, 200);
    }
    assert_eq!(shared.call("GET", "/sw.js").status, 200, "it is a script as any other");
}
