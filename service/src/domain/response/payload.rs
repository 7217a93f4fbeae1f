//! The content of an answer.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Maximum bytes of the text of a content.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Text. Echo serves it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(String);

/// A JSON value except null, as compact text with its members in the given order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

/// Bytes, and their text in the standard alphabet with padding (RFC 4648 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64 {
    text: String,
    bytes: Vec<u8>,
}

/// A content in one of its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    Body(Body),
    Json(Json),
    Base64(Base64),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {form} has {bytes} bytes: shorten it to at most {MAX_BODY_BYTES}")]
pub struct PayloadTooLarge {
    form: &'static str,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    #[error(transparent)]
    TooLarge(#[from] PayloadTooLarge),
    #[error("the text is not base64 ({0}): use the standard alphabet with padding, as of the command `base64 -w0`")]
    Invalid(#[from] base64::DecodeError),
}

fn checked(form: &'static str, text: String) -> Result<String, PayloadTooLarge> {
    let bytes = text.len();
    if bytes > MAX_BODY_BYTES { Err(PayloadTooLarge { form, bytes }) } else { Ok(text) }
}

impl Body {
    pub fn parse(text: String) -> Result<Self, PayloadTooLarge> {
        checked("body", text).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Json {
    pub fn parse(value: &Value) -> Result<Self, PayloadTooLarge> {
        checked("JSON", value.to_string()).map(Self)
    }

    /// Parses a stored value. The error is a sentence.
    pub fn parse_text(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::parse(&value).map_err(|error| error.to_string())
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("made from a value")
    }
}

impl Base64 {
    pub fn parse(text: String) -> Result<Self, Base64Error> {
        let text = checked("base64 text", text)?;
        let bytes = BASE64_STANDARD.decode(&text)?;
        Ok(Self { text, bytes })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Payload {
    /// The content as sent.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Body(body) => body.0.as_bytes(),
            Self::Json(json) => json.0.as_bytes(),
            Self::Base64(base64) => &base64.bytes,
        }
    }

    /// The content as text, in its form.
    pub fn text(&self) -> &str {
        match self {
            Self::Body(Body(text)) | Self::Json(Json(text)) | Self::Base64(Base64 { text, .. }) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_have_a_limit() {
        let text = |bytes| "a".repeat(bytes);
        assert!(Body::parse(text(MAX_BODY_BYTES)).is_ok() && Base64::parse(text(MAX_BODY_BYTES)).is_ok());
        let error = Body::parse(text(MAX_BODY_BYTES + 1)).unwrap_err();
        assert_eq!(error.to_string(), "the body has 262145 bytes: shorten it to at most 262144");
        assert!(matches!(Base64::parse(text(MAX_BODY_BYTES + 4)), Err(Base64Error::TooLarge(_))));
        assert!(Json::parse(&text(MAX_BODY_BYTES - 2).into()).is_ok());
        assert!(Json::parse(&text(MAX_BODY_BYTES - 1).into()).is_err());
    }

    #[test]
    fn json_is_compact_and_keeps_its_order_and_numbers() {
        let value: Value = serde_json::from_str(r#"{ "b": [1, 1.0, 1e-7, "\u00e9"], "a": null }"#).unwrap();
        let json = Json::parse(&value).unwrap();
        assert_eq!((json.0.as_str(), json.value()), (r#"{"b":[1,1.0,1e-7,"é"],"a":null}"#, value));
        assert_eq!(Json::parse(&json!("x")).unwrap().0, r#""x""#);
    }

    #[test]
    fn base64_is_standard_with_padding() {
        let payload = |text: &str| Base64::parse(text.to_owned()).map(Payload::Base64);
        assert_eq!(payload("AP/+").unwrap().bytes(), [0, 255, 254]);
        assert_eq!(payload("").unwrap().bytes(), b"");
        for bad in ["AP_-", "AA", "AA==\n", "A", "ä"] {
            assert!(payload(bad).unwrap_err().to_string().contains("base64 -w0"), "{bad}");
        }
    }
}
