//! From where management may be called that asks for no key.
//!
//! It trusts that only those reach it who may. But a web page whose name an attacker has resolved to this address (DNS rebinding)
//! reaches it by the browser of somebody who may: with the name in `Host`, and perhaps with itself in `Origin`.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use url::Url;

use super::error::ApiError;

/// Refuses a request for a name that others can resolve to this address, and one from a page of another origin. `public` is
/// the origin of the public URL.
pub fn check(uri: &Uri, headers: &HeaderMap, public: Option<&Url>) -> Result<(), ApiError> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).to_lowercase();
    // A target that names its host wins over `Host` (RFC 9112 section 3.2.2). Without both it is HTTP/1.0, which no browser speaks.
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
    // The service itself speaks no TLS.
    let is_own = |origin: &str| {
        public.as_deref() == Some(origin)
            || origin.strip_prefix("http://").is_some_and(|own| hosts.iter().any(|host| host == own))
    };
    match headers.get_all(header::ORIGIN).iter().map(text).find(|origin| !is_own(origin)) {
        Some(origin) => Err(ApiError::foreign_origin(&origin)),
        None => Ok(()),
    }
}

/// Whether the name is an address, or one that no stranger can resolve to an address of their choice: `localhost` and what is
/// below it (RFC 6761 section 6.3), or one of the local network.
fn stays_here(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_local = !name.is_empty() && !name.contains('.') || name.ends_with(".localhost");
    address.parse::<IpAddr>().is_ok() || is_local && !name.contains('[')
}
