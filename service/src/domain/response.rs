//! The answer of a mock: code, headers and body.

use http::{HeaderName, HeaderValue};

use super::excerpt;

/// The least and the greatest final status code. 1xx codes are interim (RFC 9110 section 15.2).
pub const MIN_CODE: u16 = 200;
pub const MAX_CODE: u16 = 599;
/// Maximum number of header fields in an answer.
pub const MAX_HEADERS: usize = 64;
/// Maximum bytes of all header names and values together.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Maximum bytes of a body.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A final status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusCodeError {
    #[error("{0} is an interim code, and an answer needs a final code: write a code from {MIN_CODE} to {MAX_CODE}")]
    Interim(u16),
    #[error("{0} is not a status code: write a whole number from {MIN_CODE} to {MAX_CODE}")]
    OutOfRange(u16),
}

impl StatusCode {
    pub const fn parse(code: u16) -> Result<Self, StatusCodeError> {
        match code {
            MIN_CODE..=MAX_CODE => Ok(Self(code)),
            100..MIN_CODE => Err(StatusCodeError::Interim(code)),
            _ => Err(StatusCodeError::OutOfRange(code)),
        }
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: answers with these codes have no content.
    pub const fn forbids_body(self) -> bool {
        matches!(self.0, 204 | 205 | 304)
    }
}

/// Header fields in the given order and spelling. Names are unique without regard to case.
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
}

fn check_field(name: &str, value: &str, earlier: &[(String, String)]) -> Result<(), HeaderError> {
    let error = if HeaderName::from_bytes(name.as_bytes()).is_err() {
        HeaderError::Name
    } else if is_framing(name) {
        HeaderError::Framing
    } else if earlier.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
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

/// Fields that belong to the connection or frame the message (RFC 9110 section 7.6.1, RFC 9112 section 6).
fn is_framing(name: &str) -> bool {
    const FRAMING: [&str; 7] =
        ["content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"];
    let begins = |with: &str| name.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    begins("proxy-") || FRAMING.iter().any(|framing| framing.eq_ignore_ascii_case(name))
}

/// A body. Echo serves it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body has {0} bytes: shorten it to at most {MAX_BODY_BYTES}")]
pub struct BodyTooLarge(usize);

impl Body {
    pub fn parse(text: String) -> Result<Self, BodyTooLarge> {
        if text.len() > MAX_BODY_BYTES { Err(BodyTooLarge(text.len())) } else { Ok(Self(text)) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockResponse {
    code: StatusCode,
    headers: Headers,
    body: Option<Body>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an answer with code {0} has no body: leave the body out (null clears an existing body), or use another code")]
pub struct BodyForbidden(u16);

impl MockResponse {
    pub fn new(code: StatusCode, headers: Headers, body: Option<Body>) -> Result<Self, BodyForbidden> {
        if body.is_some() && code.forbids_body() {
            return Err(BodyForbidden(code.get()));
        }
        Ok(Self { code, headers, body })
    }

    pub const fn code(&self) -> StatusCode {
        self.code
    }

    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    pub const fn body(&self) -> Option<&Body> {
        self.body.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(fields: &[(&str, &str)]) -> Result<Headers, Vec<HeaderError>> {
        Headers::parse(fields.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect())
    }

    #[test]
    fn codes() {
        for good in [200, 204, 418, 599] {
            assert_eq!(StatusCode::parse(good).unwrap().get(), good);
        }
        assert_eq!(StatusCode::parse(101), Err(StatusCodeError::Interim(101)));
        for bad in [0, 99, 600, u16::MAX] {
            assert_eq!(StatusCode::parse(bad), Err(StatusCodeError::OutOfRange(bad)));
        }
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
    fn body_limits() {
        assert!(Body::parse("a".repeat(MAX_BODY_BYTES)).is_ok());
        assert_eq!(Body::parse("a".repeat(MAX_BODY_BYTES + 1)), Err(BodyTooLarge(MAX_BODY_BYTES + 1)));
        for code in [204, 205, 304] {
            let code = StatusCode::parse(code).unwrap();
            let body = Some(Body::parse(String::new()).unwrap());
            assert!(MockResponse::new(code, Headers::default(), None).is_ok());
            assert_eq!(MockResponse::new(code, Headers::default(), body), Err(BodyForbidden(code.get())));
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
