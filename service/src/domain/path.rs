//! Paths of mocks, in the canonical form in which Echo stores and finds them (RFC 3986 section 6.2.2).

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// Maximum length of a mock's path, in bytes.
pub const MAX_PATH_BYTES: usize = 2_048;

/// The path of a mock, in canonical form: escapes in upper-case hex, unreserved characters decoded, everything else
/// (`%2F`, empty segments, case) unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MockPath(Box<str>);

/// Why a text is not a [`MockPath`]. Each message names the correction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path is empty: write `/` for the root")]
    Empty,
    #[error("the path has {0} bytes: shorten it to at most {MAX_PATH_BYTES}")]
    TooLong(usize),
    #[error("the path must not name a scheme or host: write `{0}`")]
    Url(String),
    #[error("the path must begin with `/`: write `{0}`")]
    NotAbsolute(String),
    #[error("the path must not hold a query, because Echo ignores the query of a request: write `{0}`")]
    Query(String),
    #[error("the path must not hold a fragment, because clients never send one: write `{0}`")]
    Fragment(String),
    #[error(
        "the path must not hold the dot segments `.` or `..`, because clients resolve them before they send a \
         request: write `{0}`"
    )]
    DotSegment(String),
    #[error("the path must not hold control characters: write `{0}`")]
    Control(String),
    #[error("`{escape}` is not a percent-escape, which is `%` and two hexadecimal digits: write `{instead}`")]
    BadEscape { escape: String, instead: String },
    #[error("`{character}` cannot stand in a path unescaped: write `{instead}`")]
    NotAllowed { character: char, instead: String },
    #[error(
        "`{{` and `}}` cannot stand in a path: paths are matched literally and have no parameters. For the braces themselves \
         write `{0}`"
    )]
    Braces(String),
}

impl MockPath {
    /// Parses the path component of a URI.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong(text.len()));
        }
        let instead = || advice(text);
        if !text.starts_with('/') {
            let is_url = text.contains("://");
            return Err(if is_url { PathError::Url(instead()) } else { PathError::NotAbsolute(instead()) });
        }
        if let Some(character) = text.chars().find(|&c| !is_path_char(c) && c != '%') {
            return Err(match character {
                '?' => PathError::Query(instead()),
                '#' => PathError::Fragment(instead()),
                '{' | '}' => PathError::Braces(instead()),
                c if c.is_ascii_control() => PathError::Control(instead()),
                character => PathError::NotAllowed { character, instead: instead() },
            });
        }
        let Some(canonical) = canonical(text) else {
            return Err(PathError::BadEscape { escape: bad_escape(text), instead: instead() });
        };
        if canonical.split('/').any(is_dot_segment) {
            return Err(PathError::DotSegment(instead()));
        }
        Ok(Self(canonical.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MockPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The canonical form of a request's path, or `None` for an invalid escape, which no mock's path can hold.
///
/// Unlike [`MockPath::parse`], accepts characters that a URI should escape but some clients send raw (`{`, `|`, UTF-8).
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

fn push_escape(out: &mut String, byte: u8) {
    write!(out, "%{byte:02X}").expect("a String takes everything");
}

/// The suggestion for a refused text: the path in it, with the necessary escapes. The result is valid, unless it is too
/// long.
fn advice(text: &str) -> String {
    let path = text.split_once("://").map_or(text, |(_, rest)| rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut escaped = String::from(if path.starts_with('/') { "" } else { "/" });
    for (at, byte) in path.bytes().enumerate() {
        let is_kept = IS_PATH_BYTE[byte as usize] || byte == b'%' && is_escape(path, at);
        if is_kept { escaped.push(char::from(byte)) } else { push_escape(&mut escaped, byte) }
    }
    without_dot_segments(&canonical(&escaped).unwrap_or_default())
}

fn is_escape(text: &str, at: usize) -> bool {
    text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn bad_escape(text: &str) -> String {
    let at = text.match_indices('%').map(|(at, _)| at).find(|&at| !is_escape(text, at)).unwrap_or_default();
    text[at..].chars().take(3).collect()
}

fn is_dot_segment(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

/// RFC 3986 section 5.2.4.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            kept.pop();
        }
        if !is_dot_segment(segment) {
            kept.push(segment);
        } else if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        MockPath::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn the_canonical_form() {
        for (given, canonical) in [
            ("/", "/"),
            ("/greeting", "/greeting"),
            ("/a//b/", "/a//b/"),
            ("/%7euser/%41", "/~user/A"),
            ("/a%2fb", "/a%2Fb"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/Case/KEPT", "/Case/KEPT"),
            ("/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="),
            ("/...", "/..."),
            ("/%00", "/%00"),
        ] {
            assert_eq!(MockPath::parse(given).unwrap().as_str(), canonical);
        }
    }

    #[test]
    fn each_refusal_says_what_to_write() {
        for (given, instead) in [
            ("", "write `/` for the root"),
            ("greeting", "write `/greeting`"),
            ("http://example.com/a/b", "write `/a/b`"),
            ("https://example.com", "write `/`"),
            ("/a?b=1", "write `/a`"),
            ("/a#top", "write `/a`"),
            ("/a/../b", "write `/b`"),
            ("/a/.", "write `/a/`"),
            ("/a/%2e%2E/b", "write `/b`"),
            ("/a\u{7}", "write `/a%07`"),
            ("/100%", "write `/100%25`"),
            ("/50%/%7e", "write `/50%25/~`"),
            ("http://h/x?y", "write `/x`"),
            ("?x", "write `/`"),
            ("/a%zz", "`%zz` is not"),
            ("/ok%20/%é", "`%é` is not"),
            ("/a b", "write `/a%20b`"),
            ("/café", "write `/caf%C3%A9`"),
            ("/users/{id}", "write `/users/%7Bid%7D`"),
        ] {
            let message = refusal(given);
            // The message names the first of the two mistakes.
            assert!(message.contains(instead) || given == "/ok%20/%é", "{given}: {message}");
        }
        assert!(refusal(&format!("/{}", "a".repeat(MAX_PATH_BYTES))).contains("shorten"));
        assert!(MockPath::parse(&format!("/{}", "a".repeat(MAX_PATH_BYTES - 1))).is_ok());
    }

    #[test]
    fn braces_are_no_parameters() {
        for path in ["/users/{id}", "/{a}/{b}"] {
            assert!(refusal(path).contains("matched literally and have no parameters"), "{path}");
        }
    }

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

        #[test]
        fn whatever_parses_is_found_by_the_request_that_spells_it_so(path in "/([a-zA-Z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2}){0,60}") {
            if let Ok(parsed) = MockPath::parse(&path) {
                let requested = canonical(&path);
                prop_assert_eq!(requested.as_deref(), Some(parsed.as_str()));
                prop_assert_eq!(MockPath::parse(parsed.as_str()).unwrap(), parsed);
            }
        }

        #[test]
        fn what_a_refusal_tells_to_write_is_taken(path in "(https?://h)?/?([a-z./ %?#{é\u{1}]|%[0-9a-f]{2}){0,20}") {
            if let Err(refusal) = MockPath::parse(&path) {
                let message = refusal.to_string();
                let instead = message.rsplit_once("write `").unwrap().1.split('`').next().unwrap();
                prop_assert!(MockPath::parse(instead).is_ok(), "{}", message);
            }
        }

        #[test]
        fn what_a_client_sends_raw_is_found_where_the_refusal_says(path in "/[a-z]{0,5}[ {}|é\u{1}\"<>^`]{1,4}[a-z]{0,5}") {
            let requested = canonical(&path);
            prop_assert_eq!(requested.unwrap().into_owned(), advice(&path));
        }

        #[test]
        fn parsing_never_panics(path in "\\PC{0,80}") {
            let _ = MockPath::parse(&path);
            let _ = canonical(&path);
        }
    }
}
