//! What HTTP/1.1 asks a server to refuse, and hyper leaves to it.

use std::net::Ipv6Addr;

use http::{HeaderMap, Request, Version, header, request::Parts};

use crate::api::error::{ApiError, Kind, Source};

/// Refuses a request whose `Host` or framing leaves open what is meant.
pub fn check<B>(request: &Request<B>) -> Result<(), ApiError> {
    let headers = request.headers();
    check_host(headers, request.version())?;
    check_transfer_encoding(headers)
}

/// Whether the client sends no further request on this connection (RFC 9112 section 9.6).
pub fn is_last(head: &Parts) -> bool {
    let mut fields = head.headers.get_all(header::CONNECTION).iter().filter_map(|field| field.to_str().ok());
    let closes = |field: &str| field.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
    head.version == Version::HTTP_10 || fields.any(closes)
}

/// RFC 9112 section 3.2. HTTP/1.0 has no `Host`.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), ApiError> {
    let mut fields = headers.get_all(header::HOST).iter();
    let wrong = match (fields.next(), fields.next()) {
        (None, _) if version == Version::HTTP_10 => return Ok(()),
        (Some(host), None) if is_host(host.as_bytes()) => return Ok(()),
        (None, _) => "The request has no `Host`: send the host and port of its URL",
        (Some(_), None) => {
            "`Host` is not a host with an optional port: send those of the URL, such as `127.0.0.1:8080`"
        }
        (Some(_), Some(_)) => "The request has several `Host` fields: send one",
    };
    Err(ApiError::new(Kind::BadRequest, wrong, Some(Source::header("Host"))))
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
fn is_host(value: &[u8]) -> bool {
    let (is_named, port) = if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
        let address = str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        (address.is_some(), &rest[end + 1..])
    } else {
        let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
        (is_registered_name(&value[..end]), &value[end..])
    };
    is_named && port.strip_prefix(b":").map_or(port.is_empty(), |port| port.iter().all(u8::is_ascii_digit))
}

fn is_registered_name(name: &[u8]) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    let is_escape = |at: usize| name.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    name.iter().enumerate().all(|(at, byte)| is_plain(*byte) || *byte == b'%' && is_escape(at))
}

/// RFC 9112 section 6.1: a proxy in front may not agree with hyper on where a body in several codings ends.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut fields = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_known = match (fields.next(), fields.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    let detail = "`Transfer-Encoding` has another coding than `chunked`: send `chunked` alone, or `Content-Length`";
    let refusal = || ApiError::new(Kind::NotImplemented, detail, Some(Source::header("Transfer-Encoding")));
    is_known.then_some(()).ok_or_else(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in
            ["", "localhost", "127.0.0.1:8080", "[::1]", "[::1]:8080", "echo_dev.example:", "a%20b", "EXAMPLE.com"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b",
            "a/b",
            "user@host",
            "http://host",
            "host:80a",
            "host:1:2",
            "[::1",
            "[nonsense]",
            "[::1]x",
            "a%2",
            "caf\u{e9}",
            "::1",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
