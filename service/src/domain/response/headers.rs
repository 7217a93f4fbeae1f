//! Header fields of an answer.

use http::{HeaderName, HeaderValue};

use crate::domain::excerpt;

/// Maximum number of header fields in an answer.
pub const MAX_HEADERS: usize = 64;
/// Maximum bytes of all header names and values together.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Header fields in the given order and spelling. Fields with the same name stand together, and have one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

/// Why a header field is refused. [`HeaderError::name`] returns its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("`{0}` is not a header name: use letters, digits and !#$%&'*+-.^_`|~ only")]
    Name(String),
    #[error("`{0}` is given twice, because header names have no case: keep one")]
    Duplicate(String),
    #[error("`{0}` is set by the server that delivers the answer: leave it out")]
    Framing(String),
    #[error("the value of `{0}` holds a control character (such as CR, LF or NUL): remove it")]
    Value(String),
    #[error("the value of `{0}` begins or ends with white space, which does not survive HTTP: remove it")]
    Padding(String),
    #[error("there are {0} headers: send at most {MAX_HEADERS}")]
    TooMany(usize),
    #[error("header names and values have {0} bytes together: shorten them to at most {MAX_HEADER_BYTES}")]
    TooLarge(usize),
}

impl HeaderError {
    /// The name of the wrong field, or `None` if the fields are too many or too large together.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name)
            | Self::Duplicate(name)
            | Self::Framing(name)
            | Self::Value(name)
            | Self::Padding(name) => Some(name),
            Self::TooMany(_) | Self::TooLarge(_) => None,
        }
    }
}

impl Headers {
    /// Checks all fields and returns all errors. Too many fields are one error, without a look at each field.
    pub fn parse(fields: Vec<(String, String)>) -> Result<Self, Vec<HeaderError>> {
        // First, because the check for duplicates compares every field with every other field.
        if fields.len() > MAX_HEADERS {
            return Err(vec![HeaderError::TooMany(fields.len())]);
        }
        let mut errors: Vec<HeaderError> = fields
            .iter()
            .enumerate()
            .filter_map(|(at, (name, value))| check_field(name, value, &fields[..at]).err())
            .collect();
        let bytes = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_HEADER_BYTES {
            errors.push(HeaderError::TooLarge(bytes));
        }
        if errors.is_empty() { Ok(Self(fields)) } else { Err(errors) }
    }

    /// The fields in the given order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a name has several fields.
    pub fn has_lists(&self) -> bool {
        !self.0.is_sorted_by(|(name, _), (next, _)| name != next)
    }

    /// Whether a field has this name, without regard to case.
    pub fn has(&self, name: &HeaderName) -> bool {
        self.iter().any(|(other, _)| name.as_str().eq_ignore_ascii_case(other))
    }
}

fn check_field(name: &str, value: &str, earlier: &[(String, String)]) -> Result<(), HeaderError> {
    let error = if HeaderName::from_bytes(name.as_bytes()).is_err() {
        HeaderError::Name
    } else if is_framing(name) {
        HeaderError::Framing
    } else if is_repeated(name, earlier) {
        HeaderError::Duplicate
    } else if HeaderValue::from_bytes(value.as_bytes()).is_err() {
        HeaderError::Value
    } else if value.trim_matches([' ', '\t']) != value {
        HeaderError::Padding
    } else {
        return Ok(());
    };
    Err(error(excerpt(name).into()))
}

/// Whether another field has the name, and not as the list that this field continues.
fn is_repeated(name: &str, earlier: &[(String, String)]) -> bool {
    let continues = earlier.last().is_some_and(|(last, _)| last == name);
    !continues && earlier.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
}

/// Fields that belong to the connection or frame the message (RFC 9110 section 7.6.1, RFC 9112 section 6).
fn is_framing(name: &str) -> bool {
    const FRAMING: [&str; 7] =
        ["content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"];
    let begins = |with: &str| name.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    begins("proxy-") || FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Result<Headers, Vec<HeaderError>> {
        Headers::parse(fields.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect())
    }

    #[test]
    fn every_wrong_header_is_named_at_once() {
        let errors = headers(&[
            ("X-Good", "yes"),
            ("bad name", "v"),
            ("x-good", "again"),
            ("Content-Length", "5"),
            ("Proxy-Authenticate", "Basic"),
            ("X-Split", "a\r\nSet-Cookie: b"),
            ("X-Padded", " v"),
        ])
        .unwrap_err();
        let names: Vec<_> = errors.iter().map(|error| error.name().unwrap()).collect();
        assert_eq!(names, ["bad name", "x-good", "Content-Length", "Proxy-Authenticate", "X-Split", "X-Padded"]);
    }

    #[test]
    fn every_framing_field_is_refused_in_any_case() {
        for name in
            ["content-length", "Transfer-Encoding", "CONNECTION", "Keep-Alive", "TE", "Trailer", "Upgrade", "proxy-x"]
        {
            assert_eq!(headers(&[(name, "v")]), Err(vec![HeaderError::Framing(name.to_owned())]));
        }
    }

    #[test]
    fn header_limits() {
        let many: Vec<_> = (0..=MAX_HEADERS).map(|n| (format!("x-{n}"), String::new())).collect();
        assert!(Headers::parse(many[1..].to_vec()).is_ok());
        assert_eq!(Headers::parse(many), Err(vec![HeaderError::TooMany(MAX_HEADERS + 1)]));
        assert!(headers(&[("x", &"v".repeat(MAX_HEADER_BYTES - 1))]).is_ok());
        assert_eq!(
            headers(&[("x", &"v".repeat(MAX_HEADER_BYTES))]),
            Err(vec![HeaderError::TooLarge(MAX_HEADER_BYTES + 1)])
        );
    }

    #[test]
    fn fields_of_one_name_stand_together_in_one_spelling() {
        let list = headers(&[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X", "")]).unwrap();
        assert!(list.has_lists() && list.has(&http::header::SET_COOKIE));
        assert!(!headers(&[("A", "1"), ("B", "1")]).unwrap().has_lists());
        for (fields, wrong) in [([("a", "1"), ("A", "2"), ("b", "")], "A"), ([("a", "1"), ("b", ""), ("a", "2")], "a")]
        {
            assert_eq!(headers(&fields), Err(vec![HeaderError::Duplicate(wrong.to_owned())]));
        }
    }

    proptest! {
        /// HTTP can transport every accepted field without a change.
        #[test]
        fn accepted_fields_survive_http(name in "\\PC{0,12}", value in "[\\PC\r\n\t\0]{0,20}") {
            if headers(&[(&name, &value)]).is_ok() {
                let parsed = HeaderValue::from_str(&value).or_else(|_| HeaderValue::from_bytes(value.as_bytes())).unwrap();
                prop_assert_eq!(parsed.as_bytes(), value.as_bytes());
                prop_assert!(HeaderName::from_bytes(name.as_bytes()).is_ok());
                prop_assert!(!value.contains(['\r', '\n', '\0']));
            }
        }
    }
}
