//! The attributes of a response.

use std::slice;

use serde_json::{Map, Value, json};

use super::{
    effects::IsTemplate,
    reader::{Attribute, Member, Reader, escaped, has, member, object, object_schema, shown, whole},
};
use crate::{
    api::error::{Kind, capitalized, excerpt},
    domain::{
        Base64, Base64Error, Body, Delay, Fault, Headers, Json, MAX_BODY_BYTES, MAX_CODE, MAX_HEADER_BYTES,
        MAX_HEADERS, MIN_CODE, MockResponse, Payload, StatusCode,
    },
};

/// The members of `response`.
pub const RESPONSE: &[Member] = &[
    member::<StatusCode>(),
    member::<Headers>(),
    member::<Body>(),
    member::<Json>(),
    member::<Base64>(),
    member::<IsTemplate>(),
    member::<Delay>(),
    member::<Fault>(),
];

/// The forms of a response's content. A response has one of them.
const PAYLOADS: [&str; 3] = [Body::NAME, Json::NAME, Base64::NAME];

/// Removes members of a present response that a change replaces by another member.
pub fn clear_replaced(current: &mut Map<String, Value>, changes: &Map<String, Value>) {
    // Half of an answer is still an answer: `truncate` stands beside a content.
    let is_truncate = |members: &Map<String, Value>| {
        members.get(Fault::NAME).and_then(Value::as_str) == Some(Fault::Truncate.as_str())
    };
    let sets_payload = PAYLOADS.iter().any(|name| has(changes, name));
    if sets_payload || has(changes, Fault::NAME) && !is_truncate(changes) {
        current.retain(|name, _| !PAYLOADS.contains(&name.as_str()));
    }
    if sets_payload && !is_truncate(current) {
        current.shift_remove(Fault::NAME);
    }
}

impl Attribute for MockResponse {
    const NAME: &'static str = "response";
    const EXAMPLE: &'static str = r#"{"code": 200}"#;
    /// [`Responses`](super::turns::Responses) may stand instead.
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let response = reader.object::<Self>(value, at)?;
        reader.only_known(response, at, RESPONSE);
        let code = reader.required(response, at);
        let headers = reader.optional(response, at).unwrap_or_default();
        let given = PAYLOADS.into_iter().filter(|name| has(response, name));
        let given: Vec<_> = given.collect();
        if let [first, second, ..] = given[..] {
            let detail = format!("A response has one content: keep `{first}` or `{second}`");
            reader.note(Kind::Invalid, &format!("{at}/{second}"), detail);
        }
        let body = reader.optional(response, at).map(Payload::Body);
        let json = reader.optional(response, at).map(Payload::Json);
        let payload = body.or(json).or(reader.optional(response, at).map(Payload::Base64));
        let is_template = reader.optional::<IsTemplate>(response, at).is_some();
        let (delay, fault) = (reader.optional(response, at), reader.optional(response, at));
        let payload_at = format!("{at}/{}", given.first().unwrap_or(&Body::NAME));
        let response = reader.noted(Kind::Invalid, &payload_at, Self::new(code?, headers, payload))?;
        let response = response.with_template(is_template);
        for error in response.template().and_then(Result::err).unwrap_or_default() {
            reader.note(Kind::Invalid, &format!("{at}/{}", error.place), capitalized(&error.to_string()));
        }
        reader.noted(Kind::Invalid, &format!("{at}/{}", Fault::NAME), response.with_delay(delay).with_fault(fault))
    }

    fn show(&self) -> Value {
        let payload = match self.payload() {
            None => shown(None::<&Body>),
            Some(Payload::Body(body)) => shown(body),
            Some(Payload::Json(json)) => shown(json),
            Some(Payload::Base64(base64)) => shown(base64),
        };
        let effects = self.effects();
        object([
            shown(&self.code()),
            shown(self.headers()),
            payload,
            shown(self.is_template().then_some(&IsTemplate)),
            shown(effects.delay.as_ref()),
            shown(effects.fault.as_ref()),
        ])
    }

    fn schema() -> Value {
        object_schema(
            "The answer of the mock. Echo sends it unchanged. At most one of `body`, `json` and `base64`.",
            RESPONSE,
        )
    }
}

impl Attribute for StatusCode {
    const NAME: &'static str = "code";
    const EXAMPLE: &'static str = "200";

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let code = whole(value).and_then(|code| u16::try_from(code).ok());
        let why = match (value, code) {
            (_, Some(code)) => return reader.noted(Kind::Invalid, at, Self::parse(code)),
            (Value::Number(number), None) => format!("{number} is not a status code"),
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
            let values = match value {
                Value::Array(values) if values.is_empty() => {
                    reader.note(Kind::Invalid, &field_at(name), "The list is empty: leave the name out");
                    continue;
                }
                Value::Array(values) => &values[..],
                value => slice::from_ref(value),
            };
            let values = values.iter().filter_map(|value| reader.string(value, &field_at(name)));
            fields.extend(values.map(|value| (name.clone(), value.to_owned())));
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
        let mut fields = Map::new();
        for (name, value) in self.iter() {
            match fields.get_mut(name) {
                None => _ = fields.insert(name.to_owned(), value.into()),
                Some(Value::Array(list)) => list.push(value.into()),
                Some(first) => *first = json!([first.take(), value]),
            }
        }
        if fields.is_empty() { Value::Null } else { fields.into() }
    }

    fn schema() -> Value {
        let description = format!(
            "Header fields by name. Names are tokens (RFC 9110), unique without regard to case. A list sends one field \
             for each of its values. Values hold no control characters except tabs, and no white space at their ends. Echo refuses fields that frame the message \
             (`Content-Length`, `Transfer-Encoding`, `Connection`, …). At most {} KiB in all.",
            MAX_HEADER_BYTES / 1024
        );
        json!({
            "type": "object",
            "description": description,
            "additionalProperties": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_HEADERS}],
            },
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
            let text = value.to_string();
            let text = if text.len() > 200 { "…" } else { &text };
            let detail = format!("`body` must be a string: write JSON into `json`, as `\"json\": {text}`");
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
            "Text of at most {} KiB of UTF-8. Echo never parses or changes it. Codes 204, 205 and 304 have no body.",
            MAX_BODY_BYTES / 1024
        );
        json!({"type": "string", "description": description})
    }
}

impl Attribute for Json {
    const NAME: &'static str = "json";
    const EXAMPLE: &'static str = r#"{"message": "Hello, world"}"#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        reader.noted(Kind::TooLarge, at, Self::parse(value))
    }

    fn show(&self) -> Value {
        self.value()
    }

    fn schema() -> Value {
        json!({
            "description": "Instead of `body`: a JSON value except null. Echo sends it compact, with its members in this order, and adds \
                            `Content-Type: application/json` unless `headers` has a `Content-Type`.",
        })
    }
}

impl Attribute for Base64 {
    const NAME: &'static str = "base64";
    const EXAMPLE: &'static str = r#""iVBORw0KGgo=""#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let text = reader.string(value, at)?;
        match Self::parse(text.to_owned()) {
            Ok(base64) => return Some(base64),
            Err(error @ Base64Error::TooLarge(_)) => reader.note(Kind::TooLarge, at, capitalized(&error.to_string())),
            Err(error) => reader.note(Kind::Invalid, at, capitalized(&error.to_string())),
        }
        None
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        let description = format!(
            "Instead of `body`: bytes as base64 text of at most {} KiB, in the standard alphabet with padding (RFC 4648 section 4).",
            MAX_BODY_BYTES / 1024
        );
        json!({"type": "string", "description": description})
    }
}
