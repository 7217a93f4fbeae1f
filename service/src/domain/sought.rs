//! The path in a filter of a listing, as clients spell it in a URL.

use super::{
    canonical::{canonical, is_path_char},
    path::{MockPath, PathError},
};

impl MockPath {
    /// The path that a URL parameter names, from its raw and its decoded value. Clients use two spellings: the path
    /// percent-encoded once more, and the path as Echo shows it.
    ///
    /// A decoded value that still has escapes was encoded. So was a decoded value that is a path, except where `%2F`
    /// stands beside a raw `/`: a client encodes either all slashes or none.
    pub fn sought(sent: &str, decoded: &str) -> Result<Self, PathError> {
        let as_decoded = Self::parse(decoded).or_else(|error| match (&error, canonical(decoded)) {
            (
                PathError::NotAllowed { .. }
                | PathError::Braces(_)
                | PathError::Repeated { .. }
                | PathError::RestNotLast { .. },
                Some(path),
            ) => Self::parse(&path),
            _ => Err(error),
        });
        // Literal braces need two encodings.
        if !sent.contains('{') && as_decoded.as_ref().is_ok_and(|path| path.shape().is_some()) {
            return as_decoded;
        }
        let is_shown = sent.starts_with('/') && sent.to_ascii_uppercase().contains("%2F");
        let is_encoded = decoded.contains('%') || decoded.chars().all(is_path_char) && !is_shown;
        if is_encoded && as_decoded.is_ok() { as_decoded } else { Self::parse(sent).or(as_decoded) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::canonical::IS_PATH_BYTE;

    proptest! {
        #[test]
        fn a_path_is_sought_by_every_encoding_of_it(path in "/([a-zA-Z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2}|%2[5f6b]){0,9}(/\\{a\\}){0,1}") {
            let Ok(path) = MockPath::parse(&path) else { return Ok(()) };
            let shown = path.as_str();
            let encoded = |kept: &[u8]| -> String {
                let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || kept.contains(&byte);
                shown.bytes().map(|b| if is_kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
            };
            let mut ways = vec![encoded(b""), encoded(b"/"), encoded(b"/.~"), encoded(b"!'()*.~"), encoded(b"/:@!$'()*,;=.~")];
            // `&` would end the value. The other escapes change their meaning when a client encodes the path.
            let is_ambiguous = |escape: &str| {
                let byte = u8::from_str_radix(escape.get(..2).unwrap_or_default(), 16).unwrap_or_default();
                byte == b'%' || byte != b'/' && IS_PATH_BYTE[usize::from(byte)]
            };
            let has_braces = shown.contains("/%7B") && shown.contains("%7D");
            if !shown.contains('&') && !has_braces && !shown.split('%').skip(1).any(is_ambiguous) {
                ways.push(shown.to_owned());
            }
            for sent in ways {
                let query = format!("path={sent}");
                let (_, decoded) = url::form_urlencoded::parse(query.as_bytes()).next().unwrap();
                let found = MockPath::sought(&sent, &decoded);
                prop_assert_eq!(found.as_ref(), Ok(&path), "{}", sent);
            }
        }
    }
}
