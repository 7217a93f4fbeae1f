//! The allowed origins of requests to management without keys.
//!
//! Management without keys trusts every client that can reach it. A browser of a trusted person can carry requests of a
//! foreign web page: with the page's name in `Host`, after DNS rebinding, or with its origin in `Origin`.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use url::Url;

use super::error::ApiError;

/// Refuses a request for a name that others can resolve to this address, and a request from a page of another origin.
/// `public` is the origin of the public URL.
pub fn check(uri: &Uri, headers: &HeaderMap, public: Option<&Url>) -> Result<(), ApiError> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).to_lowercase();
    // The host of a target in absolute form wins over `Host` (RFC 9112 section 3.2.2). A request without both is
    // HTTP/1.0, which no browser sends.
    let hosts: Vec<_> = match uri.authority() {
        Some(authority) => vec![authority.as_str().to_lowercase()],
        None => headers.get_all(header::HOST).iter().map(text).collect(),
    };
    let name = |host: &str| host.parse::<Authority>().map_or_else(|_| String::new(), |host| host.host().to_owned());
    let public_name = public.and_then(Url::host_str);
    let is_foreign = |host: &&String| !stays_here(&name(host)) && Some(&*name(host)) != public_name;
    if let Some(host) = hosts.iter().find(is_foreign) {
        return Err(ApiError::foreign_host(host));
    }
    let public = public.map(|url| url.origin().ascii_serialization());
    // The service has no TLS.
    let is_own = |origin: &str| {
        public.as_deref() == Some(origin)
            || origin.strip_prefix("http://").is_some_and(|own| hosts.iter().any(|host| host == own))
    };
    match headers.get_all(header::ORIGIN).iter().map(text).find(|origin| !is_own(origin)) {
        Some(origin) => Err(ApiError::foreign_origin(&origin)),
        None => Ok(()),
    }
}

/// Whether the name is an address, or a name that no stranger can resolve to an address of their choice: `localhost`
/// and names below it (RFC 6761 section 6.3), or a name of the local network.
fn stays_here(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_local = !name.is_empty() && !name.contains('.') || name.ends_with(".localhost");
    address.parse::<IpAddr>().is_ok() || is_local && !name.contains('[')
}
