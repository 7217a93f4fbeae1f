//! The header fields of Echo's own pages.

use http::{HeaderName, HeaderValue, header};

/// The fields of a page with this Content Security Policy.
pub fn headers(policy: &'static str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let fields = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        // Foreign pages can open the page, but cannot access its content.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)))
}
