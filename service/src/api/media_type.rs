//! The media types that requests may have and accept (<https://jsonapi.org/format/1.1/#content-negotiation>).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::error::{ApiError, Kind, Source, excerpt};
use crate::web::MEDIA_TYPE;

const YAML: &str = "application/yaml";

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    JsonApi,
    Json,
    Yaml,
}

/// Accepts documents of `application/vnd.api+json` without parameters other than `profile` (Echo supports no
/// extension), or `application/json` in UTF-8, and `application/yaml` if `takes_yaml`. Refuses all others.
pub fn check_content_type(headers: &HeaderMap, takes_yaml: bool) -> Result<MediaKind, ApiError> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let first = values.next();
    let other = values.find(|value| Some(*value) != first);
    let value = first.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let media_type = value.as_deref().and_then(MediaType::parse);
    let why = match (&value, media_type) {
        (None, _) => "`Content-Type` is missing".into(),
        (Some(_), _) if other.is_some() => "`Content-Type` is given twice, with different values".into(),
        (Some(_), Some(media_type)) if media_type.is(MEDIA_TYPE) && media_type.has_only(&["profile"]) => {
            return Ok(MediaKind::JsonApi);
        }
        (Some(_), Some(media_type)) if media_type.is("application/json") || takes_yaml && media_type.is(YAML) => {
            let (kind, name) = if media_type.is(YAML) { (MediaKind::Yaml, "YAML") } else { (MediaKind::Json, "JSON") };
            let Some(charset) = media_type.other_charset() else { return Ok(kind) };
            format!("{name} is UTF-8, but `Content-Type` names the charset `{}`", excerpt(charset))
        }
        (Some(value), _) => format!("`{}` is not supported", excerpt(value)),
    };
    let or_yaml = if takes_yaml { ", or `application/yaml`" } else { "" };
    let detail = format!("{why}: send `Content-Type: {MEDIA_TYPE}` without parameters, or `application/json`{or_yaml}");
    Err(ApiError::new(Kind::UnsupportedMediaType, detail, Some(Source::header("Content-Type"))))
}

/// Refuses a document with a coding such as `gzip`: Echo decodes none (RFC 9110 sections 8.4 and 15.5.16).
pub fn check_content_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let codings = lines.collect::<Vec<_>>().join(",");
    let Some(coding) = unquoted(&codings, ',').find(|coding| !coding.eq_ignore_ascii_case("identity")) else {
        return Ok(());
    };
    let detail = format!("The body is encoded as `{}`: send it as it is, without `Content-Encoding`", excerpt(coding));
    Err(ApiError::new(Kind::UnsupportedMediaType, detail, Some(Source::header("Content-Encoding")))
        .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// Refuses a request whose `Accept` contains JSON:API only with unknown parameters. A client that accepts only other
/// media types still gets JSON:API.
pub fn check_accept(headers: &HeaderMap) -> Result<(), ApiError> {
    let lines = accepted(headers);
    let entries = lines.iter().flat_map(|line| unquoted(line, ',')).filter_map(MediaType::parse);
    let mut json_api = entries.filter(|entry| entry.is(MEDIA_TYPE)).peekable();
    if json_api.peek().is_none() || json_api.any(|entry| entry.has_only(&["profile", "q"])) {
        return Ok(());
    }
    let detail = format!("`Accept` allows {MEDIA_TYPE} only with unsupported parameters: add it without parameters");
    Err(ApiError::new(Kind::NotAcceptable, detail, Some(Source::header("Accept"))))
}

/// Whether `Accept` has YAML, and not JSON before it. Weights do not matter.
pub fn accepts_yaml(headers: &HeaderMap) -> bool {
    let lines = accepted(headers);
    let mut entries = lines.iter().flat_map(|line| unquoted(line, ',')).filter_map(MediaType::parse);
    let first = entries.find(|entry| entry.is(YAML) || entry.is("application/json"));
    first.is_some_and(|entry| entry.is(YAML))
}

fn accepted(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    headers.get_all(header::ACCEPT).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect()
}

/// A media type with its parameters (RFC 9110 section 8.3.1).
struct MediaType<'a> {
    essence: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> MediaType<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = unquoted(text, ';');
        Some(Self { essence: parts.next()?, parameters: parts.map(parameter).collect::<Option<_>>()? })
    }

    fn is(&self, essence: &str) -> bool {
        self.essence.eq_ignore_ascii_case(essence)
    }

    /// A charset other than UTF-8. The parameter has no effect (RFC 8259 section 11), so that the spelling `utf8` does
    /// no harm.
    fn other_charset(&self) -> Option<&'a str> {
        let is_utf8 = |charset: &str| ["utf-8", "utf8"].iter().any(|name| name.eq_ignore_ascii_case(charset));
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(name, value)| name.eq_ignore_ascii_case("charset") && !is_utf8(value))
            .map(|(_, value)| *value)
    }

    fn has_only(&self, known: &[&str]) -> bool {
        self.parameters.iter().all(|(name, _)| known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// Name and value. A value is a token or a quoted string (RFC 9110 section 5.6.6).
fn parameter(text: &str) -> Option<(&str, &str)> {
    let is_token = |text: &str| HeaderName::from_bytes(text.as_bytes()).is_ok();
    let (name, value) = text.split_once('=')?;
    let value = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => Some(value).filter(|value| is_token(value))?,
    };
    is_token(name).then_some((name, value))
}

/// The parts between separators outside quoted strings, trimmed. Empty parts do not count (RFC 9110 sections 5.6.1.2
/// and 5.6.4).
fn unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |c| {
        let separates = c == separator && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        separates
    });
    parts.map(|part| part.trim_matches([' ', '\t'])).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quoted_strings_separate_nothing() {
        for (text, parts) in [
            ("a,b", vec!["a", "b"]),
            (" a\t,, b ,", vec!["a", "b"]),
            (r#"a;x="1,2",b"#, vec![r#"a;x="1,2""#, "b"]),
            (r#"a;x="\",",b"#, vec![r#"a;x="\",""#, "b"]),
            (r#"a;x="\\",b"#, vec![r#"a;x="\\""#, "b"]),
            ("", vec![]),
        ] {
            assert_eq!(unquoted(text, ',').collect::<Vec<_>>(), parts, "{text}");
        }
    }

    #[test]
    fn a_malformed_parameter_makes_no_media_type() {
        for text in ["a/b;x", "a/b; x =1", "a/b; x= 1", "a/b;x=", "a/b;=1", "a/b;x=\"1", "a/b;x=\"", "a/b;x=1 2", ";"] {
            assert!(MediaType::parse(text).is_none(), "{text}");
        }
        for text in ["a/b", "a/b;", "a/b;;x=1", "a/b ;\tx=\"1;2\"", "a/b;x=\"\""] {
            assert!(MediaType::parse(text).is_some_and(|media_type| media_type.is("A/B")), "{text}");
        }
    }

    #[test]
    fn lines_of_accept_are_one_list() {
        let check = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (header::ACCEPT, line.parse().unwrap()));
            check_accept(&lines.collect()).is_ok()
        };
        assert!(check(&["application/vnd.api+json;a=b", "application/vnd.api+json"]));
        assert!(!check(&["application/vnd.api+json;a=b", "*/*"]));
    }
}
