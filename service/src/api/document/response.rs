//! The attributes of a response.

use serde_json::{Map, Value, json};

use super::reader::{Attribute, Member, Reader, escaped, member, object, object_schema, shown};
use crate::{
    api::error::{Kind, capitalized, excerpt},
    domain::{
        Body, Headers, MAX_BODY_BYTES, MAX_CODE, MAX_HEADER_BYTES, MAX_HEADERS, MIN_CODE, MockResponse, StatusCode,
    },
};

/// The members of `response`.
pub const RESPONSE: &[Member] = &[member::<StatusCode>(), member::<Headers>(), member::<Body>()];

impl Attribute for MockResponse {
    const NAME: &'static str = "response";
    const EXAMPLE: &'static str = r#"{"code": 200}"#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let response = reader.object::<Self>(value, at)?;
        reader.only_known(response, at, RESPONSE);
        let code = reader.required(response, at);
        let headers = reader.optional(response, at).unwrap_or_default();
        let body = reader.optional(response, at);
        reader.noted(Kind::Invalid, &format!("{at}/{}", Body::NAME), Self::new(code?, headers, body))
    }

    fn show(&self) -> Value {
        object([shown(&self.code()), shown(self.headers()), shown(self.body())])
    }

    fn schema() -> Value {
        object_schema("The answer of the mock. Echo sends it unchanged.", RESPONSE)
    }
}

impl Attribute for StatusCode {
    const NAME: &'static str = "code";
    const EXAMPLE: &'static str = "200";

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        // `200.0` is the integer 200 (JSON Schema 2020-12, section 4.2.3).
        let is_code = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(number);
        let why = match value {
            Value::Number(number) => match number.as_f64().filter(is_code) {
                Some(code) => return reader.noted(Kind::Invalid, at, Self::parse(code as u16)),
                None => format!("{number} is not a status code"),
            },
            _ => "The value is not a number".into(),
        };
        reader.note(Kind::Invalid, at, format!("{why}: write a whole number from {MIN_CODE} to {MAX_CODE}"));
        None
    }

    fn show(&self) -> Value {
        self.get().into()
    }

    fn schema() -> Value {
        json!({"type": "integer", "description": "A final status code.", "minimum": MIN_CODE, "maximum": MAX_CODE})
    }
}

impl Attribute for Headers {
    const NAME: &'static str = "headers";
    const EXAMPLE: &'static str = r#"{"Content-Type": "text/plain"}"#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let object = reader.object::<Self>(value, at)?;
        let field_at = |name: &str| format!("{at}/{}", escaped(&excerpt(name)));
        let mut fields = Vec::with_capacity(object.len());
        for (name, value) in object {
            if value.is_array() {
                let detail = "The value is a list: write one string for each name. Two cookies in one answer are not possible yet";
                reader.note(Kind::Invalid, &field_at(name), detail);
            } else if let Some(value) = reader.string(value, &field_at(name)) {
                fields.push((name.clone(), value.to_owned()));
            }
        }
        let errors = match Self::parse(fields) {
            Ok(headers) => return Some(headers),
            Err(errors) => errors,
        };
        for error in errors {
            let at = error.name().map_or_else(|| at.to_owned(), field_at);
            reader.note(Kind::Invalid, &at, capitalized(&error.to_string()));
        }
        None
    }

    fn show(&self) -> Value {
        let fields: Map<_, _> = self.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        if fields.is_empty() { Value::Null } else { fields.into() }
    }

    fn schema() -> Value {
        let description = format!(
            "Header fields by name. Names are tokens (RFC 9110), unique without regard to case. Values hold no control \
             characters except tabs, and no white space at their ends. Echo refuses fields that frame the message \
             (`Content-Length`, `Transfer-Encoding`, `Connection`, …). At most {} KiB in all.",
            MAX_HEADER_BYTES / 1024
        );
        json!({
            "type": "object",
            "description": description,
            "additionalProperties": {"type": "string"},
            "maxProperties": MAX_HEADERS,
        })
    }
}

impl Attribute for Body {
    const NAME: &'static str = "body";
    const EXAMPLE: &'static str = r#""Hello, world""#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let Some(text) = value.as_str() else {
            let text = Value::from(value.to_string()).to_string();
            let text = if text.len() > 200 { r#""{\"message\": \"Hello\"}""# } else { &text };
            let detail =
                format!("`body` must be a string: write JSON as a string with escaped quotes: `\"body\": {text}`");
            reader.note(Kind::Invalid, at, detail);
            return None;
        };
        reader.noted(Kind::TooLarge, at, Self::parse(text.to_owned()))
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        let description = format!(
            "At most {} KiB of UTF-8. Echo never parses or changes it. Codes 204, 205 and 304 have no body.",
            MAX_BODY_BYTES / 1024
        );
        json!({"type": "string", "description": description})
    }
}
