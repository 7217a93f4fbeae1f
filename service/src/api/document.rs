//! Reads the document of a request, and tells all that is wrong with it at once, each with its pointer.

use serde_json::{Map, Value};

use super::error::{ApiError, ErrorObject, Kind, MAX_ERRORS, Source, excerpt};
use crate::domain::{Body, Endpoint, EndpointId, Headers, MockPath, MockResponse, Route, StatusCode, Verb};

const DATA: &str = "/data";
const ATTRIBUTES: &str = "/data/attributes";
const RESPONSE: &str = "/data/attributes/response";

/// Whether a canonical path is kept from mocks, because management is on the same listener.
pub type IsReserved = fn(&str) -> bool;

/// Reads an endpoint to be made.
pub fn read_new(document: &Value, is_reserved: IsReserved) -> Result<Endpoint, ApiError> {
    let mut reader = Reader { errors: Vec::new(), untold: 0, is_reserved };
    let endpoint = reader.data(document).and_then(|data| {
        if data.get("id").is_some_and(|id| !id.is_null()) {
            reader.note(Kind::ClientId, "/data/id", "The id of an endpoint is made by the server: leave `id` out");
        }
        reader.new_endpoint(data)
    });
    reader.finish(endpoint)
}

/// Reads changes, and applies them to an endpoint.
pub fn read_changes(document: &Value, current: &Endpoint, is_reserved: IsReserved) -> Result<Endpoint, ApiError> {
    let mut reader = Reader { errors: Vec::new(), untold: 0, is_reserved };
    let endpoint = reader.data(document).and_then(|data| {
        let id = current.id.to_string();
        if let Some(other) = data.get("id").filter(|other| !other.is_null() && other.as_str() != Some(&id)) {
            let other = other.to_string();
            let detail =
                format!("`id` is {}, but the URL names `{id}`: leave it out, or write the same", excerpt(&other));
            reader.note(Kind::Conflict, "/data/id", detail);
        }
        reader.changed_endpoint(data, current)
    });
    reader.finish(endpoint)
}

/// The object that a member belongs into, if there is such a member.
fn home(name: &str) -> Option<&'static str> {
    match name {
        "verb" | "path" | "response" => Some("data.attributes"),
        "code" | "headers" | "body" => Some("data.attributes.response"),
        _ => None,
    }
}

/// How a member is written.
fn example(name: &str) -> &'static str {
    match name {
        "verb" => r#""verb": "GET""#,
        "path" => r#""path": "/greeting""#,
        "response" => r#""response": {"code": 200}"#,
        "code" => r#""code": 200"#,
        "headers" => r#""headers": {"Content-Type": "text/plain"}"#,
        _ => r#""attributes": {"verb": "GET", "path": "/greeting", "response": {"code": 200}}"#,
    }
}

/// What a member of an object holds. Only PATCH tells null from absence.
enum Member<'a> {
    Absent,
    Null,
    Value(&'a Value),
}

impl<'a> Member<'a> {
    fn of(object: &'a Map<String, Value>, name: &str) -> Self {
        match object.get(name) {
            None => Self::Absent,
            Some(Value::Null) => Self::Null,
            Some(value) => Self::Value(value),
        }
    }
}

struct Reader {
    errors: Vec<ErrorObject>,
    /// How many more there are.
    untold: usize,
    is_reserved: IsReserved,
}

/// `None` stands for a value that is wrong, for which an error has been noted.
impl Reader {
    fn finish(mut self, endpoint: Option<Endpoint>) -> Result<Endpoint, ApiError> {
        if self.untold > 0 {
            let detail = format!("There are {} more errors: correct these first", self.untold);
            self.errors.push(Kind::Invalid.object(detail, None));
        }
        endpoint.filter(|_| self.errors.is_empty()).ok_or(ApiError::all(self.errors))
    }

    fn note(&mut self, kind: Kind, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(kind.object(detail, Some(Source::pointer(pointer))));
        } else {
            self.untold += 1;
        }
    }

    /// The resource object. One of another type is read nevertheless, for all else that is wrong with it.
    fn data<'a>(&mut self, document: &'a Value) -> Option<&'a Map<String, Value>> {
        let Some(Value::Object(data)) = document.get("data") else {
            let hint = |home_of: &str| {
                let names = document.as_object().into_iter().flat_map(Map::keys);
                let names = names.filter(|name| home(name) == Some(home_of)).map(|name| format!("`{name}`"));
                let names = names.collect::<Vec<_>>().join(", ");
                if names.is_empty() { names } else { format!("put {names} into `{home_of}`, and ") }
            };
            let hint = ["data.attributes", "data.attributes.response"].map(hint).concat();
            let form = r#"write {"data": {"type": "endpoints", "attributes": {…}}}"#;
            self.note(Kind::Invalid, DATA, format!("The document has no `data` object: {hint}{form}"));
            return None;
        };
        match data.get("type") {
            Some(Value::String(name)) if name == "endpoints" => {}
            Some(Value::String(name)) => {
                let detail =
                    format!("`type` is `{}`, but only `endpoints` are kept here: write `endpoints`", excerpt(name));
                self.note(Kind::Conflict, "/data/type", detail);
            }
            _ => self.note(Kind::Invalid, "/data/type", "`type` is missing: write `\"type\": \"endpoints\"`"),
        }
        for (name, home) in data.keys().filter_map(|name| home(name).map(|home| (name, home))) {
            self.note(
                Kind::Invalid,
                &format!("{DATA}/{name}"),
                format!("`{name}` is in the wrong place: put it into `{home}`"),
            );
        }
        Some(data)
    }

    fn new_endpoint(&mut self, data: &Map<String, Value>) -> Option<Endpoint> {
        let attributes = self.required_object(data, DATA, "attributes")?;
        self.only_known(attributes, ATTRIBUTES, &["verb", "path", "response"]);
        let verb = self.required(attributes, ATTRIBUTES, "verb").and_then(|value| self.verb(value));
        let path = self.required(attributes, ATTRIBUTES, "path").and_then(|value| self.path(value));
        let response = self.required_object(attributes, ATTRIBUTES, "response").and_then(|response| {
            self.only_known(response, RESPONSE, &["code", "headers", "body"]);
            let code = self.required(response, RESPONSE, "code").and_then(|value| self.code(value));
            let headers = self.optional(response, "headers", Headers::default(), None, Self::headers);
            let body = self.optional(response, "body", None, None, |reader, value| reader.body(value).map(Some));
            // Whether code and body fit is told even where the headers are wrong.
            code.zip(body).and_then(|(code, body)| self.response(code, headers, body))
        });
        Some(Endpoint { id: EndpointId::generate(), route: Route { verb: verb?, path: path? }, response: response? })
    }

    fn changed_endpoint(&mut self, data: &Map<String, Value>, current: &Endpoint) -> Option<Endpoint> {
        let empty = Map::new();
        let attributes = self.object_or(data, DATA, "attributes", &empty)?;
        self.only_known(attributes, ATTRIBUTES, &["verb", "path", "response"]);
        let verb = self.kept(attributes, ATTRIBUTES, "verb", current.route.verb, Self::verb);
        let path = self.kept(attributes, ATTRIBUTES, "path", current.route.path.clone(), Self::path);
        let response = self.object_or(attributes, ATTRIBUTES, "response", &empty).and_then(|response| {
            let old = &current.response;
            self.only_known(response, RESPONSE, &["code", "headers", "body"]);
            let code = self.kept(response, RESPONSE, "code", old.code(), Self::code);
            let cleared = Headers::default();
            let headers = self.optional(response, "headers", cleared, Some(old.headers().clone()), Self::headers);
            let kept = Some(old.body().cloned());
            let body = self.optional(response, "body", None, kept, |reader, value| reader.body(value).map(Some));
            // Whether code and body fit is told even where the headers are wrong.
            code.zip(body).and_then(|(code, body)| self.response(code, headers, body))
        });
        Some(Endpoint { id: current.id, route: Route { verb: verb?, path: path? }, response: response? })
    }

    fn required<'a>(&mut self, object: &'a Map<String, Value>, at: &str, name: &str) -> Option<&'a Value> {
        match Member::of(object, name) {
            Member::Value(value) => Some(value),
            Member::Absent | Member::Null => {
                let detail = format!("`{name}` is missing: write `{}`", example(name));
                self.note(Kind::Invalid, &format!("{at}/{name}"), detail);
                None
            }
        }
    }

    /// A required attribute in a PATCH: kept if absent, but null cannot clear it.
    fn kept<T>(
        &mut self,
        object: &Map<String, Value>,
        at: &str,
        name: &str,
        current: T,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        match Member::of(object, name) {
            Member::Absent => Some(current),
            Member::Value(value) => read(self, value),
            Member::Null => {
                self.note(
                    Kind::Invalid,
                    &format!("{at}/{name}"),
                    format!("`{name}` cannot be cleared: leave it out to keep it"),
                );
                None
            }
        }
    }

    /// An optional member of the response: null clears it, absence keeps it, or clears it where nothing is there yet.
    fn optional<T>(
        &mut self,
        response: &Map<String, Value>,
        name: &str,
        cleared: T,
        kept: Option<T>,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        match Member::of(response, name) {
            Member::Absent => Some(kept.unwrap_or(cleared)),
            Member::Null => Some(cleared),
            Member::Value(value) => read(self, value),
        }
    }

    fn required_object<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        at: &str,
        name: &str,
    ) -> Option<&'a Map<String, Value>> {
        let value = self.required(object, at, name)?;
        self.object(value, at, name)
    }

    fn object_or<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        at: &str,
        name: &str,
        absent: &'a Map<String, Value>,
    ) -> Option<&'a Map<String, Value>> {
        object.get(name).map_or(Some(absent), |value| self.object(value, at, name))
    }

    fn object<'a>(&mut self, value: &'a Value, at: &str, name: &str) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.note(
                Kind::Invalid,
                &format!("{at}/{name}"),
                format!("`{name}` is not an object: write `{}`", example(name)),
            );
        }
        object
    }

    fn string<'a>(&mut self, value: &'a Value, pointer: &str) -> Option<&'a str> {
        let text = value.as_str();
        if text.is_none() {
            self.note(Kind::Invalid, pointer, "The value is not a string: write it in quotes");
        }
        text
    }

    /// Notes a member that does not exist, so that a misspelt one is not silently lost.
    fn only_known(&mut self, object: &Map<String, Value>, at: &str, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let excerpt = excerpt(name);
            let detail = if let Some(home) = home(name) {
                format!("`{name}` is in the wrong place: put it into `{home}`")
            } else {
                let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                format!("`{excerpt}` is not known here: use {list}, or leave it out")
            };
            self.note(Kind::Invalid, &format!("{at}/{}", escaped(&excerpt)), detail);
        }
    }

    fn noted<T, E: std::fmt::Display>(&mut self, kind: Kind, pointer: &str, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|error| self.note(kind, pointer, capitalized(&error.to_string()))).ok()
    }

    fn verb(&mut self, value: &Value) -> Option<Verb> {
        let pointer = "/data/attributes/verb";
        let text = self.string(value, pointer)?;
        self.noted(Kind::Invalid, pointer, Verb::parse(text))
    }

    fn path(&mut self, value: &Value) -> Option<MockPath> {
        let pointer = "/data/attributes/path";
        let text = self.string(value, pointer)?;
        let path = self.noted(Kind::Invalid, pointer, MockPath::parse(text))?;
        if (self.is_reserved)(path.as_str()) {
            let detail =
                format!("`{path}` is reserved for management: choose a path outside of `/endpoints` and `/-/`");
            self.note(Kind::Invalid, pointer, detail);
            return None;
        }
        Some(path)
    }

    fn code(&mut self, value: &Value) -> Option<StatusCode> {
        let pointer = "/data/attributes/response/code";
        let Some(number) = value.as_f64() else {
            self.note(Kind::Invalid, pointer, "The value is not a number: write a whole number from 200 to 599");
            return None;
        };
        self.noted(Kind::Invalid, pointer, StatusCode::parse(number))
    }

    fn headers(&mut self, value: &Value) -> Option<Headers> {
        let object = self.object(value, RESPONSE, "headers")?;
        let errors_before = self.errors.len();
        let at = |name: &str| format!("{RESPONSE}/headers/{}", escaped(&excerpt(name)));
        let mut fields = Vec::with_capacity(object.len());
        for (name, value) in object {
            if value.is_array() {
                let detail = "The value is a list: write one string for each name. Two cookies in one answer are not possible yet";
                self.note(Kind::Invalid, &at(name), detail);
            } else if let Some(value) = self.string(value, &at(name)) {
                fields.push((name.clone(), value.to_owned()));
            }
        }
        match Headers::parse(fields) {
            Ok(headers) => (self.errors.len() == errors_before).then_some(headers),
            Err(errors) => {
                for error in errors {
                    let pointer = error.name().map_or_else(|| format!("{RESPONSE}/headers"), at);
                    self.note(Kind::Invalid, &pointer, capitalized(&error.to_string()));
                }
                None
            }
        }
    }

    fn body(&mut self, value: &Value) -> Option<Body> {
        let pointer = "/data/attributes/response/body";
        let Some(text) = value.as_str() else {
            let text = Value::from(value.to_string()).to_string();
            let text = if text.len() > 200 { r#""{\"message\": \"Hello\"}""# } else { &text };
            let detail = format!("`body` is text: write JSON as a string, with its quotes escaped: `\"body\": {text}`");
            self.note(Kind::Invalid, pointer, detail);
            return None;
        };
        self.noted(Kind::TooLarge, pointer, Body::parse(text.to_owned()))
    }

    fn response(&mut self, code: StatusCode, headers: Option<Headers>, body: Option<Body>) -> Option<MockResponse> {
        let are_right = headers.is_some();
        let response = MockResponse::new(code, headers.unwrap_or_default(), body);
        self.noted(Kind::Invalid, "/data/attributes/response/body", response).filter(|_| are_right)
    }
}

/// A member's name as a part of a JSON pointer (RFC 6901 section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
