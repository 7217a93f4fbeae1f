//! URLs in settings. Accepts only parts that Echo uses, and no secrets.

use std::net::IpAddr;

use ::url::Host;
use http::Uri;

/// Why a text is not an accepted URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadUrl {
    Malformed,
    /// The URL holds a name and password: do not repeat it in a message.
    Secret,
}

/// Parses a URL of one of these schemes with a host and an optional port. `Uri` alone accepts fragments, any port
/// number and invalid hosts.
pub fn parse(text: &str, schemes: &[&str]) -> Result<Uri, BadUrl> {
    if text.split(['?', '#']).next().is_some_and(|place| place.contains('@')) {
        return Err(BadUrl::Secret);
    }
    let uri: Uri = text.parse().map_err(|_| BadUrl::Malformed)?;
    let is_known = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme.to_ascii_lowercase().as_str()));
    let authority = uri.authority().ok_or(BadUrl::Malformed)?;
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0) && !text.starts_with('+');
    let rest = &authority.as_str()[authority.host().len()..];
    let has_good_port = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    if is_known && is_host(authority.host()) && has_good_port && !text.contains('#') {
        Ok(uri)
    } else {
        Err(BadUrl::Malformed)
    }
}

/// Whether a text is an address or a name. `Host` alone accepts empty labels and invalid characters.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_name = text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
    (is_name || text.starts_with('[')) && Host::parse(text).is_ok()
}

/// Whether a host is this machine, in every spelling of a loopback address.
pub fn is_loopback(host: &str) -> bool {
    let is_here = |address: IpAddr| {
        let address = address.to_canonical();
        address.is_loopback() || address.is_unspecified()
    };
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => is_here(address.into()),
        Ok(Host::Ipv6(address)) => is_here(address.into()),
        Ok(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_are_urls() {
        let of = |text: &str| parse(text, &["http", "https"]).map(|uri| uri.to_string());
        for text in [
            "http://h",
            "https://h:1/",
            "http://[::1]:4318/v1/traces",
            "HTTP://h:65535",
            "http://h/?a=b",
            "http://a_b-1.h.",
            "http://127.1",
        ] {
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
            "http://[zz]",
            "http://[fe80::1%eth0]",
            "http://[fe80::1%25eth0]",
            "http://[]",
            "http://.",
            "http://..",
            "http://a..b",
            "http://.h",
            "http://h,x",
            "http://h;x:80",
            "http://h%41",
            "http://256.0.0.1",
            "http://1.2.3.4.5",
        ] {
            assert_eq!(of(text), Err(BadUrl::Malformed), "{text}");
        }
        for text in ["http://u:p@h", "http://u@h:80/x", "http://@h", "u:p@h"] {
            assert_eq!(of(text), Err(BadUrl::Secret), "{text}");
        }
    }

    #[test]
    fn loopback_has_several_names() {
        for host in [
            "127.0.0.1",
            "127.1.2.3",
            "[::1]",
            "localhost",
            "LocalHost.",
            "a.localhost",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "127.1",
            "2130706433",
            "[::]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "[::2]", "localhost.example", "collector", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
