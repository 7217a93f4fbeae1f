//! Conditions on the version of an endpoint: `If-Match` and `If-None-Match` (RFC 9110 section 13), in this order of precedence.

use http::{HeaderMap, HeaderName, header};

use super::error::ApiError;
use crate::store::Version;

/// The ETag of a version.
pub fn etag(version: Version) -> String {
    format!("\"{version}\"")
}

/// Lets a change or deletion go on, or refuses it.
pub fn check_write(headers: &HeaderMap, version: Version) -> Result<(), ApiError> {
    check_match(headers, version)?;
    if names(headers, &header::IF_NONE_MATCH, &etag(version), weak) { Err(ApiError::not_excluded()) } else { Ok(()) }
}

/// Says whether a client that reads has this version already.
pub fn check_read(headers: &HeaderMap, version: Version) -> Result<bool, ApiError> {
    check_match(headers, version)?;
    Ok(names(headers, &header::IF_NONE_MATCH, &etag(version), weak))
}

fn check_match(headers: &HeaderMap, version: Version) -> Result<(), ApiError> {
    let (field, current) = (header::IF_MATCH, etag(version));
    if !headers.contains_key(&field) || names(headers, &field, &current, |tag| tag) {
        return Ok(());
    }
    Err(if names(headers, &field, &current, weak) { ApiError::weak_tag(&current) } else { ApiError::changed() })
}

/// Whether a field lists this tag, or all by `*`, in any of its lines. `opaque` is what is compared of the client's tags.
fn names(headers: &HeaderMap, field: &HeaderName, current: &str, opaque: fn(&[u8]) -> &[u8]) -> bool {
    let mut tags = headers.get_all(field).iter().flat_map(|line| tags(line.as_bytes()));
    tags.any(|tag| tag == b"*" || opaque(tag) == current.as_bytes())
}

/// The part of a tag that a weak comparison looks at (RFC 9110 section 8.8.3.2).
fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The elements of a list. A tag may hold commas, and its backslashes escape nothing.
fn tags(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let separates = move |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    line.split(separates).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_backslashes_in_tags_belong_to_them() {
        let line = br#" "a,b" ,W/"c\", * ,, "\xE9","#;
        let expected: [&[u8]; 6] = [br#""a,b""#, br#"W/"c\""#, b"*", b"", br#""\xE9""#, b""];
        assert_eq!(tags(line).collect::<Vec<_>>(), expected);
    }
}
