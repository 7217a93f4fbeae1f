//! The canonical form of paths (RFC 3986 section 6.2.2).

use std::{borrow::Cow, fmt::Write as _};

/// The canonical form of a request's path, or `None` for an invalid escape, which no mock's path can hold.
///
/// Unlike `MockPath::parse`, accepts characters that a URI should escape but some clients send raw (`{`, `|`, UTF-8).
/// Allocates nothing for a canonical path.
pub fn canonical(path: &str) -> Option<Cow<'_, str>> {
    if path.bytes().all(|b| IS_PATH_BYTE[b as usize]) {
        return Some(Cow::Borrowed(path));
    }
    let mut out = String::with_capacity(path.len() + 8);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match (hex(bytes.next()?)? << 4) | hex(bytes.next()?)? {
                decoded if is_unreserved(decoded) => out.push(char::from(decoded)),
                decoded => push_escape(&mut out, decoded),
            },
            plain if IS_PATH_BYTE[plain as usize] => out.push(char::from(plain)),
            other => push_escape(&mut out, other),
        }
    }
    Some(Cow::Owned(out))
}

/// The bytes that a path may hold unescaped: `pchar` without escapes, and `/` (RFC 3986 section 3.3).
pub const IS_PATH_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_unreserved(byte as u8)
            || matches!(
                byte as u8,
                b'/' | b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            );
        byte += 1;
    }
    table
};

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

pub(super) fn is_path_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(|byte| IS_PATH_BYTE[byte as usize])
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

pub(super) fn push_escape(out: &mut String, byte: u8) {
    write!(out, "%{byte:02X}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_may_send_raw_what_it_should_escape() {
        assert_eq!(canonical("/users/{id}").unwrap(), "/users/%7Bid%7D");
        assert_eq!(canonical("/café").unwrap(), "/caf%C3%A9");
        assert_eq!(canonical("/100%"), None);
        assert_eq!(canonical("/%2%41"), None);
    }

    proptest! {
        #[test]
        fn canonical_is_idempotent(path in "/(\\PC|%[0-9a-fA-F]{2}|[a-z/.%~]){0,40}") {
            if let Some(once) = canonical(&path) {
                let twice = canonical(&once);
                prop_assert_eq!(twice.as_deref(), Some(&*once));
            }
        }
    }
}
