//! The document of a call that Echo explains.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{
    IsReserved,
    reader::{Attribute, Member, Reader, member, object_schema},
};
use crate::{
    api::error::{ApiError, Kind},
    domain::{Body, Call, Content, Headers, Verb, canonical},
};

/// The members of the document.
const CALL: &[Member] = &[member::<Verb>(), member::<Target>(), member::<Headers>(), member::<Body>()];
const EXAMPLE: &str = r#"{"verb": "GET", "target": "/greeting?lang=fr", "headers": {"Accept": "text/html"}}"#;

/// A call in a document.
pub struct SentCall {
    verb: Verb,
    target: Target,
    headers: HeaderMap,
    body: Option<Body>,
}

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
        let headers: Headers = reader.optional(object, "").unwrap_or_default();
        let field = |(name, value): (&str, &str)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        };
        let headers = headers.iter().filter_map(field).collect();
        let body = reader.optional(object, "");
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
        schema["properties"]["headers"]["description"] = "Header fields of the request, as for a response.".into();
        schema["properties"]["body"]["description"] = "The body of the request. At most 256 KiB.".into();
        schema["example"] = serde_json::from_str(EXAMPLE).expect("the example is JSON");
        schema
    }
}

impl Attribute for Target {
    const NAME: &'static str = "target";
    const EXAMPLE: &'static str = r#""/greeting?lang=fr""#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let text = reader.string(value, at)?;
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = canonical(path).filter(|path| path.starts_with('/') && !query.contains('#'));
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
            "pattern": r"^/([^#%?]|%[0-9A-Fa-f]{2})*(\?[^#]*)?$",
        })
    }
}
