//! Checks that HTTP/1.1 demands of a server and hyper does not make.

use std::net::Ipv6Addr;

use http::{HeaderMap, HeaderName, Version, header, request::Parts};

use crate::{
    domain::IS_PATH_BYTE,
    web::{
        document::Source,
        problem::{ApiError, Kind},
    },
};

const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// Refuses a request with an ambiguous `Host` or framing, and service workers where mocks share the origin of
/// management. One pass over the fields, because every call of a mock pays for it.
pub fn check(head: &Parts, is_shared: bool) -> Result<(), ApiError> {
    let mut hosts = (0, false);
    for (name, value) in &head.headers {
        if name == header::HOST {
            hosts = (hosts.0 + 1, is_host(value.as_bytes()));
        } else if name == header::TRANSFER_ENCODING {
            check_transfer_encoding(&head.headers)?;
        } else if is_shared && *name == SERVICE_WORKER {
            // A service worker would outlive its mock in the browser, and answer in the place of management.
            return Err(ApiError::service_worker());
        }
    }
    match hosts {
        (1, true) => Ok(()),
        // HTTP/1.0 has no `Host`.
        (0, _) if head.version == Version::HTTP_10 => Ok(()),
        (0, _) => Err(wrong_host("The request has no `Host`: send the host and port of its URL")),
        (1, false) => Err(wrong_host("`Host` is not a host: send the host of the URL, such as `127.0.0.1:8080`")),
        _ => Err(wrong_host("The request has several `Host` fields: send one")),
    }
}

/// RFC 9112 section 3.2.
fn wrong_host(detail: &str) -> ApiError {
    ApiError::new(Kind::BadRequest, detail, Some(Source::header("Host")))
}

/// Whether the client sends no further request on this connection (RFC 9112 section 9.6).
pub fn is_last(head: &Parts) -> bool {
    let mut fields = head.headers.get_all(header::CONNECTION).iter().filter_map(|field| field.to_str().ok());
    let closes = |field: &str| field.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
    head.version == Version::HTTP_10 || fields.any(closes)
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

/// A registered name holds the bytes of a path except `/`, `:` and `@`.
fn is_registered_name(name: &[u8]) -> bool {
    let is_escape = |at: usize| name.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    let is_plain = |byte: u8| IS_PATH_BYTE[usize::from(byte)] && !matches!(byte, b'/' | b':' | b'@');
    name.iter().enumerate().all(|(at, byte)| is_plain(*byte) || *byte == b'%' && is_escape(at))
}

/// RFC 9112 section 6.1: a proxy and hyper may disagree about the end of a body with several codings.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut fields = headers.get_all(header::TRANSFER_ENCODING).iter();
    let first = fields.next().is_some_and(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let is_known = first && fields.next().is_none();
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
