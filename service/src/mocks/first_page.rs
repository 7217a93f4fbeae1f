//! The page at `/` for a browser, on a shared listener without a mock there.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, header, request::Parts};

use crate::web::page;

/// Nothing but the page's own style, and links.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Whether a browser asks for `/`. A program that also accepts JSON gets the usual error.
pub fn is_wanted(head: &Parts) -> bool {
    let accepts = |media: &str| {
        let lines = head.headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        lines.map(str::to_ascii_lowercase).any(|line| line.contains(media))
    };
    head.uri.path() == "/"
        && [Method::GET, Method::HEAD].contains(&head.method)
        && accepts("text/html")
        && !accepts("json")
}

/// The page in place of a refusal, with the host of the request in its commands.
pub fn instead_of(refusal: &Response<Bytes>, head: &Parts) -> Response<Bytes> {
    let html = include_str!("first_page.html").replace("{:host}", host(&head.headers));
    let mut response = Response::new(html.into());
    *response.status_mut() = refusal.status();
    response.headers_mut().extend(page::headers(POLICY));
    // A mock may take the place of the page at any time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A host may hold quotes and other characters with a meaning in HTML or in a shell.
fn host(headers: &HeaderMap) -> &str {
    let is_plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.filter(is_plain).filter(|host| !host.is_empty()).unwrap_or("127.0.0.1:8080")
}
