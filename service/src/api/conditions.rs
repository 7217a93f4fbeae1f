//! Conditions on the version of an endpoint: `If-Match` before `If-None-Match` (RFC 9110 section 13).

use http::{HeaderMap, HeaderName, header};

use super::error::ApiError;
use crate::store::Version;

/// The ETag of a version in an epoch of the store. A restored table is another epoch: clients may
/// have seen other content with the same version.
pub fn etag(epoch: u64, version: Version) -> String {
    if epoch == 0 { format!("\"{version}\"") } else { format!("\"{epoch}.{version}\"") }
}

/// Whether a request has no condition at all.
pub fn are_absent(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::IF_MATCH) && !headers.contains_key(header::IF_NONE_MATCH)
}

/// Refuses conditions on many endpoints at once.
pub fn refuse(headers: &HeaderMap) -> Result<(), ApiError> {
    if are_absent(headers) { Ok(()) } else { Err(ApiError::condition_on_many()) }
}

/// Allows a change or deletion of an endpoint with this ETag, or refuses it.
pub fn check_write(headers: &HeaderMap, current: &str) -> Result<(), ApiError> {
    check_match(headers, current)?;
    if names(headers, &header::IF_NONE_MATCH, current, weak) { Err(ApiError::not_excluded()) } else { Ok(()) }
}

/// Whether a reading client already has the version with this ETag.
pub fn check_read(headers: &HeaderMap, current: &str) -> Result<bool, ApiError> {
    check_match(headers, current)?;
    Ok(names(headers, &header::IF_NONE_MATCH, current, weak))
}

fn check_match(headers: &HeaderMap, current: &str) -> Result<(), ApiError> {
    let field = header::IF_MATCH;
    if !headers.contains_key(&field) || names(headers, &field, current, |tag| tag) {
        return Ok(());
    }
    Err(if names(headers, &field, current, weak) { ApiError::weak_tag(current) } else { ApiError::changed() })
}

/// Whether any line of a field contains this tag or `*`. `opaque` maps the client's tags to the compared part.
fn names(headers: &HeaderMap, field: &HeaderName, current: &str, opaque: fn(&[u8]) -> &[u8]) -> bool {
    let mut tags = headers.get_all(field).iter().flat_map(|line| tags(line.as_bytes()));
    tags.any(|tag| tag == b"*" || opaque(tag) == current.as_bytes())
}

/// The part of a tag for a weak comparison (RFC 9110 section 8.8.3.2).
fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// The elements of a list. A tag may hold commas, and backslashes in it escape nothing.
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
