//! The absolute URL of a mock, for `Location`.

use std::net::SocketAddr;

use http::{HeaderMap, header, uri::Authority};
use poem::Request;

use crate::{config::PublicUrl, domain::MockPath, limits::TrustedProxies};

/// How to find it out.
pub struct Locations {
    pub public_url: Option<PublicUrl>,
    pub trusted: TrustedProxies,
    /// The port of the mocks, where management has another.
    pub mock_port: Option<u16>,
}

impl Locations {
    /// The configured public URL, or what the request says of itself: `Host` and the scheme, and what a trusted proxy
    /// says of the request that it got.
    pub fn of(&self, request: &Request, path: &MockPath) -> String {
        if let Some(url) = &self.public_url {
            return format!("{}{path}", url.as_str());
        }
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        let forwarded = peer.filter(|peer| self.trusted.contains(*peer)).map(|_| request.headers());
        let scheme = forwarded.and_then(|headers| last(headers, "x-forwarded-proto"));
        let scheme =
            scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https")).unwrap_or_else(|| "http".into());
        let host = forwarded.and_then(|headers| last(headers, "x-forwarded-host"));
        // A target that names its host wins over `Host` (RFC 9112 section 3.2.2).
        let host = host.or_else(|| request.uri().authority().map(ToString::to_string));
        let host = host.or_else(|| last(request.headers(), header::HOST.as_str()));
        let authority =
            host.and_then(|host| host.parse::<Authority>().ok()).filter(|host| !host.as_str().contains('@'));
        let authority = match (authority, self.mock_port) {
            (Some(authority), None) => authority.to_string(),
            (Some(authority), Some(port)) => format!("{}:{port}", authority.host()),
            // HTTP/1.0 has no Host.
            (None, port) => match (request.local_addr().as_socket_addr(), port) {
                (Some(address), Some(port)) => SocketAddr::new(address.ip(), port).to_string(),
                (Some(address), None) => address.to_string(),
                (None, _) => "localhost".into(),
            },
        };
        format!("{scheme}://{authority}{path}")
    }
}

/// The value that the nearest proxy has added.
fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(|value| value.trim().to_owned())
}
