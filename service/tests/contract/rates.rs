//! 429 with `Retry-After`. Echo believes `X-Forwarded-*` only from trusted proxies.

use echo_service::api::Token;
use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Answer, Echo},
};

/// Repeats a request until it is refused. The limit is one request a second.
fn until_refused(request: impl Fn(usize) -> Answer) -> Answer {
    let refused = (0..1_000).map(request).find(|answer| answer.status == 429).expect("the rate is limited");
    assert_refused(&refused, 429, "too many");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(seconds, 1, "{refused:?}");
    assert_eq!(refused.details(), "Too many requests: try again in 1 s");
    refused
}

#[test]
fn excess_management_requests_are_429_without_effect_on_mocks_and_health() {
    let echo = Echo::start(&["--rate-limit", "1"]);
    echo.create("GET", "/x", json!({"code": 200}));
    until_refused(|_| echo.get("/endpoints"));
    until_refused(|_| echo.manage("POST", "/endpoints", "Content-Type: text/plain\r\n", None));
    for _ in 0..20 {
        // A busy client must not make the service seem dead.
        for path in ["/x", "/-/live", "/-/ready"] {
            assert_eq!(echo.call("GET", path).status, 200, "{path}");
        }
    }
}

#[test]
fn excess_mock_requests_are_429_without_effect_on_management() {
    let echo = Echo::start(&["--mock-rate-limit", "1"]);
    echo.create("GET", "/x", json!({"code": 200}));
    until_refused(|_| echo.call("GET", "/x"));
    until_refused(|_| echo.call("GET", "/nowhere"));
    for _ in 0..20 {
        assert_eq!(echo.get("/endpoints").status, 200);
    }
}

#[test]
fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    let echo = Echo::start(&["--rate-limit", "1", "--trusted-proxies", "127.0.0.0/8"]);
    let from = |hops: &str| echo.manage("GET", "/endpoints", &format!("X-Forwarded-For: {hops}\r\n"), None);
    until_refused(|_| from("192.0.2.1"));
    for other in ["192.0.2.2", "2001:db8::1", "192.0.2.1, 192.0.2.3", "192.0.2.1\r\nX-Forwarded-For: 192.0.2.4"] {
        assert_eq!(from(other).status, 200, "{other}");
    }
    // The client's own entries do not make it another client.
    until_refused(|n| from(&format!("198.51.100.{}, 192.0.2.1", n % 256)));
}

#[test]
fn an_untrusted_client_cannot_claim_another_address() {
    let echo = Echo::start(&["--rate-limit", "1", "--mock-rate-limit", "1", "--trusted-proxies", "10.0.0.0/8"]);
    let header = |n: usize| format!("X-Forwarded-For: 192.0.2.{}\r\n", n % 256);
    until_refused(|n| echo.manage("GET", "/endpoints", &header(n), None));
    until_refused(|n| echo.call_with("GET", "/x", &header(n), b""));
}

#[test]
fn an_ipv6_client_has_one_rate_for_all_addresses_of_its_network() {
    let echo = Echo::start(&["--rate-limit", "1", "--mock-rate-limit", "1", "--trusted-proxies", "127.0.0.0/8"]);
    let header = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let manage = |address: &str| echo.manage("GET", "/endpoints", &header(address), None);
    let call = |address: &str| echo.call_with("GET", "/nowhere", &header(address), b"");
    // Each time another address of the same /64, with and without the port that some proxies add.
    let address =
        |n: usize| [format!("2001:db8:1:2:{n:x}::{n:x}"), format!("[2001:db8:1:2::{n:x}]:{n}")][n % 2].clone();
    until_refused(|n| manage(&address(n)));
    until_refused(|n| call(&address(n)));
    for neighbour in ["2001:db8:1:1:ffff:ffff:ffff:ffff", "2001:db8:1:3::", "::ffff:192.0.2.1", "::ffff:192.0.2.2"] {
        assert_eq!((manage(neighbour).status, call(neighbour).status), (200, 404), "{neighbour}");
    }
}

#[test]
fn failed_keys_are_limited_by_address_without_effect_on_valid_keys() {
    let key = Token::generate();
    let keys = key.entry("ci", "read").unwrap();
    let echo = Echo::start(&["--rate-limit", "1", "--keys", &keys, "--trusted-proxies", "127.0.0.0/8"]);
    let from = |address: &str, header: &str| {
        echo.manage("GET", "/endpoints", &format!("X-Forwarded-For: {address}\r\n{header}"), None)
    };
    // Every request without a valid key, and every address of a network, counts against the same allowance.
    until_refused(|n| match n % 3 {
        0 => from("192.0.2.1", &format!("Authorization: Bearer {}\r\n", Token::generate().as_str())),
        1 => from("192.0.2.1", "Authorization: Basic eDp5\r\n"),
        _ => from("192.0.2.1", ""),
    });
    let guess = |address: &str| from(address, &format!("Authorization: Bearer {}\r\n", Token::generate().as_str()));
    until_refused(|n| guess(&format!("2001:db8::{n:x}")));
    assert_eq!(guess("192.0.2.2").status, 401, "another address has its own allowance");
    let right = format!("Authorization: Bearer {}\r\n", key.as_str());
    assert_eq!(from("192.0.2.1", &right).status, 200, "the key has its own allowance");
}
