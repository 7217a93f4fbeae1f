//! URLs in settings: where something is, and nothing that would be lost or shown on the way.

use http::Uri;

/// Why a text is not the URL of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadUrl {
    Malformed,
    /// It has a name and password, so that it must not be repeated in a message.
    Secret,
}

/// Reads a URL of one of these schemes, with a host and perhaps a port. `Uri` alone takes a fragment and any port.
pub(super) fn parse(text: &str, schemes: &[&str]) -> Result<Uri, BadUrl> {
    if text.split(['?', '#']).next().is_some_and(|place| place.contains('@')) {
        return Err(BadUrl::Secret);
    }
    let uri: Uri = text.parse().map_err(|_| BadUrl::Malformed)?;
    let is_known = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme.to_ascii_lowercase().as_str()));
    let authority = uri.authority().ok_or(BadUrl::Malformed)?;
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0) && !text.starts_with('+');
    let rest = &authority.as_str()[authority.host().len()..];
    let has_good_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    if is_known && !authority.host().is_empty() && has_good_port && !text.contains('#') {
        Ok(uri)
    } else {
        Err(BadUrl::Malformed)
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let address = host.parse::<std::net::IpAddr>().map(|address| address.to_canonical());
    address.is_ok_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_are_urls() {
        let of = |text: &str| parse(text, &["http", "https"]).map(|uri| uri.to_string());
        for text in ["http://h", "https://h:1/", "http://[::1]:4318/v1/traces", "HTTP://h:65535", "http://h/?a=b"] {
            assert!(of(text).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "h",
            "h:80",
            "/h",
            "//h",
            "ftp://h",
            "http:",
            "http://",
            "http://:80",
            "http:///x",
            "http://h:",
            "http://h:0",
            "http://h:65536",
            "http://h:99999",
            "http://h:x",
            "http://h:+1",
            "http://h#f",
            "http://h/#",
            "http://a b",
            " http://h",
            "http://h ",
            "http://[::1",
            "http://h\u{e4}",
        ] {
            assert_eq!(of(text), Err(BadUrl::Malformed), "{text}");
        }
        for text in ["http://u:p@h", "http://u@h:80/x", "http://@h", "u:p@h"] {
            assert_eq!(of(text), Err(BadUrl::Secret), "{text}");
        }
    }

    #[test]
    fn loopback_has_several_names() {
        for host in ["127.0.0.1", "127.1.2.3", "[::1]", "localhost", "LocalHost.", "a.localhost", "[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "[::2]", "localhost.example", "collector", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
