//! Paths of mocks, in the canonical form in which Echo stores and finds them (RFC 3986 section 6.2.2).

use std::{borrow::Cow, collections::BTreeSet, fmt};

use super::{
    advice::{advice, bad_escape, is_dot_segment},
    canonical::{canonical, is_path_char},
    shape::{Segment, Shape},
};

/// Maximum length of a mock's path, in bytes.
pub const MAX_PATH_BYTES: usize = 2_048;

/// The path of a mock, in canonical form: escapes in upper-case hex, unreserved characters decoded, everything else
/// (`%2F`, empty segments, case) unchanged. A whole segment may be a parameter: `{name}`, or at the end `{*name}`.
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
    #[error(
        "the path must not hold a query, because it is no part of the path: write `{0}`, and test parameters of the query in `when`"
    )]
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
        "`{{` and `}}` can only stand around the name of a parameter, which is a whole segment: `/{{id}}`, or at the end \
         `/{{*rest}}`. A name has letters, digits and `_`, and does not begin with a digit. For the braces themselves write `{0}`"
    )]
    Braces(String),
    #[error("the parameter `{name}` is there twice, so its value would be unclear: write `{instead}`")]
    Repeated { name: String, instead: String },
    #[error("`{{*{name}}}` takes the rest of the path, so no segment can follow: write `{instead}`")]
    RestNotLast { name: String, instead: String },
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
        Self::parse_any_length(text)
    }

    fn parse_any_length(text: &str) -> Result<Self, PathError> {
        let instead = || advice(text);
        if !text.starts_with('/') {
            let is_url = text.contains("://");
            return Err(if is_url { PathError::Url(instead()) } else { PathError::NotAbsolute(instead()) });
        }
        let literals = text.split('/').filter(|segment| Segment::of(segment).name().is_none());
        let is_wrong = |&c: &char| !is_path_char(c) && c != '%';
        let end = text.chars().find(|c| matches!(c, '?' | '#'));
        if let Some(character) = end.or_else(|| literals.flat_map(str::chars).find(is_wrong)) {
            return Err(match character {
                '?' => PathError::Query(instead()),
                '#' => PathError::Fragment(instead()),
                '{' | '}' => PathError::Braces(instead()),
                c if c.is_ascii_control() => PathError::Control(instead()),
                character => PathError::NotAllowed { character, instead: instead() },
            });
        }
        let Some(canonical) = canonical_pattern(text) else {
            return Err(PathError::BadEscape { escape: bad_escape(text), instead: instead() });
        };
        if canonical.split('/').any(is_dot_segment) {
            return Err(PathError::DotSegment(instead()));
        }
        let mut names = BTreeSet::new();
        let mut segments = canonical.split('/').map(Segment::of).peekable();
        while let Some(segment) = segments.next() {
            let Some(name) = segment.name().map(str::to_owned) else { continue };
            if matches!(segment, Segment::Rest(_)) && segments.peek().is_some() {
                return Err(PathError::RestNotLast { name, instead: instead() });
            }
            if !names.insert(name.clone()) {
                return Err(PathError::Repeated { name, instead: instead() });
            }
        }
        Ok(Self(canonical.into()))
    }

    /// See [`Shape::of`].
    pub fn shape(&self) -> Option<Shape> {
        Shape::of(&self.0)
    }

    /// Segments that are parameters in other mock servers, each with the parameter in Echo.
    pub fn lookalikes(&self) -> impl Iterator<Item = (&str, String)> {
        let count = self.0.split('/').count();
        self.0.split('/').enumerate().filter_map(move |(at, segment)| {
            let name = match segment {
                "*" if at + 1 == count => "*rest".to_owned(),
                "*" => format!("part{at}"),
                _ => segment.strip_prefix(':')?.to_owned(),
            };
            let mut parameter = format!("{{{name}}}");
            if self.0.contains(&parameter) {
                parameter = format!("{{{name}_2}}");
            }
            Segment::of(&parameter).name().is_some().then_some((segment, parameter))
        })
    }

    /// The position of the parameter with this name.
    pub(super) fn segment_of(&self, name: &str) -> Option<usize> {
        self.0.split('/').position(|segment| Segment::of(segment).name() == Some(name))
    }

    /// The path without the names of its parameters: equal for paths that fit the same requests.
    pub fn without_names(&self) -> Cow<'_, str> {
        if !self.0.contains('{') {
            return Cow::Borrowed(&self.0);
        }
        let unnamed = |segment| match Segment::of(segment) {
            Segment::Literal(text) => text,
            Segment::Parameter(_) => "{}",
            Segment::Rest(_) => "{*}",
        };
        Cow::Owned(self.0.split('/').map(unnamed).collect::<Vec<_>>().join("/"))
    }

    /// A path for which [`Self::without_names`] is `text`. The parameters have other names.
    pub(super) fn with_any_names(text: &str) -> Result<Self, PathError> {
        let named = |(at, segment)| match segment {
            "{}" => format!("{{p{at}}}"),
            "{*}" => format!("{{*p{at}}}"),
            literal => literal.to_owned(),
        };
        Self::parse_any_length(&text.split('/').enumerate().map(named).collect::<Vec<_>>().join("/"))
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

/// The canonical form of a mock's path, with its parameters.
fn canonical_pattern(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('{') {
        return canonical(path);
    }
    let segment =
        |segment| if Segment::of(segment).name().is_some() { Some(segment.into()) } else { canonical(segment) };
    Some(path.split('/').map(segment).collect::<Option<Vec<_>>>()?.join("/").into())
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
            ("/ok%20/%é", "`é` cannot stand"),
            ("/a b", "write `/a%20b`"),
            ("/café", "write `/caf%C3%A9`"),
            ("/users/{i d}", "write `/users/%7Bi%20d%7D`"),
            ("/users/x{id}", "write `/users/x%7Bid%7D`"),
            ("/{}", "write `/%7B%7D`"),
            ("/{1}", "write `/%7B1%7D`"),
            ("/{*a}/b", "write `/{a}/b`"),
            ("/{a}/{a}/{*a}", "write `/{a}/{a_2}/{*a_2_2}`"),
            ("/{a}/../b c?d", "write `/b%20c`"),
            ("http://h/{a}", "write `/{a}`"),
        ] {
            let message = refusal(given);
            // The message names the first of the two mistakes.
            assert!(message.contains(instead), "{given}: {message}");
        }
        assert!(refusal(&format!("/{}", "a".repeat(MAX_PATH_BYTES))).contains("shorten"));
        assert!(MockPath::parse(&format!("/{}", "a".repeat(MAX_PATH_BYTES - 1))).is_ok());
    }

    #[test]
    fn parameters_are_whole_segments() {
        for (path, unnamed) in [
            ("/users/{id}", "/users/{}"),
            ("/{a}/%7eb/{_B2}/{*rest}", "/{}/~b/{}/{*}"),
            ("/{*all}", "/{*}"),
            ("/plain/*/:id", "/plain/*/:id"),
        ] {
            let parsed = MockPath::parse(path).unwrap();
            assert_eq!(parsed.without_names(), unnamed);
            assert_eq!(parsed.shape().is_some(), unnamed.contains('{'));
            assert_eq!(MockPath::with_any_names(unnamed).unwrap().without_names(), unnamed);
        }
        let looks = MockPath::parse("/*/:id/:1/a:b/*").unwrap();
        let expected = [("*", "{part1}"), (":id", "{id}"), ("*", "{*rest}")];
        assert_eq!(looks.lookalikes().collect::<Vec<_>>(), expected.map(|(segment, name)| (segment, name.to_owned())));
    }

    proptest! {
        #[test]
        fn a_plain_path_is_found_by_the_request_that_spells_it_so(path in "/([a-zA-Z0-9._~!$&'()*+,;=:@/-]|%[0-9a-fA-F]{2}){0,60}") {
            if let Ok(parsed) = MockPath::parse(&path) {
                let requested = canonical(&path);
                prop_assert_eq!(requested.as_deref(), Some(parsed.as_str()));
                prop_assert_eq!(MockPath::parse(parsed.as_str()).unwrap(), parsed);
            }
        }

        #[test]
        fn what_a_refusal_tells_to_write_is_taken(path in "(https?://h)?/?([a-z./ %?#{é\u{1}]|%[0-9a-f]{2}|/\\{\\*?[ab]\\}){0,20}") {
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
