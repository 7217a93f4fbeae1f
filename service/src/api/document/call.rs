//! The document of a call that Echo explains.

use std::slice;

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_LENGTH};
use serde_json::{Value, json};

use super::{
    IsReserved,
    reader::{Attribute, Member, Reader, escaped, member, object_schema},
};
use crate::{
    api::error::{ApiError, Kind, excerpt},
    domain::{Body, Call, Content, Verb, canonical},
};

/// The members of the document.
const CALL: &[Member] = &[member::<Verb>(), member::<Target>(), member::<Fields>(), member::<Body>()];
const EXAMPLE: &str = r#"{"verb": "GET", "target": "/greeting?lang=fr", "headers": {"Accept": "text/html"}}"#;

/// A call in a document.
pub struct SentCall {
    verb: Verb,
    target: Target,
    headers: HeaderMap,
    body: Option<Body>,
}

/// The header fields of a call.
#[derive(Default)]
struct Fields(HeaderMap);

/// The canonical path and the query of a call.
struct Target {
    path: String,
    query: String,
}

impl SentCall {
    pub fn read(document: &Value, is_reserved: IsReserved) -> Result<Self, ApiError> {
        let mut reader = Reader::new(&is_reserved, false, |_| None);
        let Some(object) = document.as_object() else {
            reader.note(Kind::Invalid, "", format!("The document is not an object: write `{EXAMPLE}`"));
            return reader.finish(None);
        };
        reader.only_known(object, "", CALL);
        let (verb, target) = (reader.required(object, ""), reader.required(object, ""));
        if verb == Some(Verb::Any) {
            reader.note(Kind::Invalid, "/verb", "No request has the verb ANY: write a method, such as GET");
        }
        let Fields(mut headers) = reader.optional(object, "").unwrap_or_default();
        let body: Option<Body> = reader.optional(object, "");
        if let Some(body) = &body {
            headers.entry(CONTENT_LENGTH).or_insert(body.as_str().len().into());
        }
        reader.finish(verb.zip(target).map(|(verb, target)| Self { verb, target, headers, body }))
    }

    pub fn call(&self) -> Call<'_> {
        let Self { verb, target: Target { path, query }, headers, body } = self;
        let body = body.as_ref().map_or("", Body::as_str);
        Call { verb: *verb, path, query, headers, body: Some(Content::Whole(body.as_bytes())) }
    }

    pub fn schema() -> Value {
        let mut schema = object_schema("A call of a mock.", CALL);
        let verbs = Verb::ALL.into_iter().filter(|verb| *verb != Verb::Any).map(Verb::as_str);
        schema["properties"]["verb"]["enum"] = verbs.collect();
        schema["properties"]["verb"]["description"] = "The method, in upper or lower case.".into();
        schema["properties"]["body"]["description"] = "The body of the request. At most 256 KiB.".into();
        schema["example"] = serde_json::from_str(EXAMPLE).expect("the example is JSON");
        schema
    }
}

impl Attribute for Fields {
    const NAME: &'static str = "headers";
    const EXAMPLE: &'static str = r#"{"Accept": "text/html"}"#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let mut fields = HeaderMap::new();
        for (name, values) in reader.object::<Self>(value, at)? {
            let at = format!("{at}/{}", escaped(&excerpt(name)));
            let name = reader.noted(Kind::Invalid, &at, HeaderName::from_bytes(name.as_bytes()));
            for value in values.as_array().map_or(slice::from_ref(values), Vec::as_slice) {
                let value = reader.string(value, &at)?;
                let value = reader.noted(Kind::Invalid, &at, HeaderValue::from_bytes(value.as_bytes()));
                if let Some((name, value)) = name.clone().zip(value) {
                    fields.append(name, value);
                }
            }
        }
        Some(Self(fields))
    }

    fn show(&self) -> Value {
        Value::Null
    }

    fn schema() -> Value {
        let text = json!({"type": "string"});
        json!({
            "type": "object",
            "description": "Header fields of the request: a value, or a list with a value for each field line. Echo adds the `Content-Length` of `body`.",
            "additionalProperties": {"anyOf": [text, {"type": "array", "items": text}]},
        })
    }
}

impl Attribute for Target {
    const NAME: &'static str = "target";
    const EXAMPLE: &'static str = r#""/greeting?lang=fr""#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let text = reader.string(value, at)?;
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let is_graphic = text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
        let path = canonical(path).filter(|path| path.starts_with('/') && !query.contains('#') && is_graphic);
        let Some(path) = path else {
            let example = Self::EXAMPLE;
            let detail = format!("The target is not a path with a query: write one as in a request, such as {example}");
            reader.note(Kind::Invalid, at, detail);
            return None;
        };
        if (reader.is_reserved)(&path) {
            let detail = format!("`{path}` belongs to management, and is no call of a mock: write another path");
            reader.note(Kind::Invalid, at, detail);
            return None;
        }
        Some(Self { path: path.into_owned(), query: query.to_owned() })
    }

    fn show(&self) -> Value {
        format!("{}?{}", self.path, self.query).into()
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "description": "Path and query of the request, as sent. On a listener shared with management, no reserved path.",
            "pattern": r"^/([^#%?\x00-\x20\x7f]|%[0-9A-Fa-f]{2})*(\?[^#\x00-\x20\x7f]*)?$",
        })
    }
}
