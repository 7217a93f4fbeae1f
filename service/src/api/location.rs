//! The absolute URL of a mock for `Location`.

use std::net::SocketAddr;

use http::{HeaderMap, header, uri::Authority};
use poem::Request;

use crate::{
    domain::MockPath,
    web::{
        client::TrustedProxies,
        url::{self, BadUrl},
    },
};

/// The URL under which clients reach the mocks: scheme and authority, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    pub fn parse(text: &str) -> Result<Self, String> {
        let write = "write `https://HOST` or `http://HOST:PORT`, without a path";
        match url::parse(text, &["http", "https"]) {
            Ok(uri) if uri.path() == "/" && uri.query().is_none() => Ok(Self(text.trim_end_matches('/').to_owned())),
            Err(BadUrl::Secret) => Err(format!("the URL holds user information, visible to all clients: {write}")),
            Ok(_) | Err(BadUrl::Malformed) => Err(format!("`{text}` is not a base URL: {write}")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sources of the URL.
pub struct Locations {
    pub public_url: Option<PublicUrl>,
    pub trusted: TrustedProxies,
    /// The port of the mocks, if management has an own listener.
    pub mock_port: Option<u16>,
}

impl Locations {
    /// The configured public URL. Without one: scheme and host as the request has them, or as a trusted proxy reports
    /// them.
    pub fn of(&self, request: &Request, path: &MockPath) -> String {
        if let Some(url) = &self.public_url {
            return format!("{}{path}", url.as_str());
        }
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let forwarded = peer.filter(|peer| self.trusted.contains(*peer)).map(|_| request.headers());
        let scheme =
            forwarded.and_then(|headers| last(headers, "x-forwarded-proto")).map(|scheme| scheme.to_ascii_lowercase());
        let scheme =
            scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https")).unwrap_or_else(|| "http".into());
        let candidates = [
            forwarded.and_then(|headers| last(headers, "x-forwarded-host")),
            // The host of a target in absolute form wins over `Host` (RFC 9112 section 3.2.2).
            request.uri().authority().map(ToString::to_string),
            request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(ToOwned::to_owned),
        ];
        let authority = match (candidates.into_iter().flatten().find_map(|text| host_and_port(&text)), self.mock_port) {
            (Some((host, port)), None) => host + &port,
            (Some((host, _)), Some(port)) => format!("{host}:{port}"),
            // HTTP/1.0 has no `Host`. An IPv4 connection to `[::]` has an IPv6 address, which is of no use to other
            // machines.
            (None, port) => match request.local_addr().as_socket_addr() {
                Some(here) => SocketAddr::new(here.ip().to_canonical(), port.unwrap_or(here.port())).to_string(),
                None => "localhost".into(),
            },
        };
        format!("{scheme}://{authority}{path}")
    }
}

/// The value that the nearest proxy added.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(name).iter().rev().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.rsplit(',')).map(str::trim).find(|value| !value.is_empty()).map(ToOwned::to_owned)
}

/// The host, with colon and port if the request names a port. `None` for text that no URL can hold, and for user
/// information.
fn host_and_port(text: &str) -> Option<(String, String)> {
    let authority: Authority = text.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host()).filter(|_| !authority.host().is_empty())?;
    let port = if port.is_empty() || port == ":" { String::new() } else { format!(":{}", authority.port_u16()?) };
    Some((authority.host().to_owned(), port))
}
