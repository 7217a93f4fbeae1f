//! Reads the document of a request, and reports all mistakes at once, each with its pointer.

mod reader;

use serde_json::{Map, Value};

pub use self::reader::capitalized;
use self::reader::{Reader, escaped, home};
use super::error::{ApiError, Kind, excerpt};
use crate::domain::{Body, Endpoint, EndpointId, Headers, MockPath, MockResponse, Route, StatusCode, Verb};

const DATA: &str = "/data";
const ATTRIBUTES: &str = "/data/attributes";
const RESPONSE: &str = "/data/attributes/response";

/// Whether a canonical path is reserved, because management is on the same listener.
pub type IsReserved = fn(&str) -> bool;

/// Reads a new endpoint.
pub fn read_new(document: &Value, is_reserved: IsReserved) -> Result<Endpoint, ApiError> {
    let mut reader = Reader::new(is_reserved);
    let endpoint = reader.data(document).and_then(|data| {
        if data.get("id").is_some_and(|id| !id.is_null()) {
            reader.note(Kind::ClientId, "/data/id", "The server generates the id of an endpoint: leave `id` out");
        }
        reader.new_endpoint(data)
    });
    reader.finish(endpoint)
}

/// Reads changes and applies them to an endpoint.
pub fn read_changes(document: &Value, current: &Endpoint, is_reserved: IsReserved) -> Result<Endpoint, ApiError> {
    let mut reader = Reader::new(is_reserved);
    let endpoint = reader.data(document).and_then(|data| {
        let id = current.id.to_string();
        if let Some(other) = data.get("id").filter(|other| !other.is_null() && other.as_str() != Some(&id)) {
            let other = other.to_string();
            let detail = format!(
                "`id` is {}, but the URL names `{id}`: leave `id` out, or write the id of the URL",
                excerpt(&other)
            );
            reader.note(Kind::Conflict, "/data/id", detail);
        }
        reader.changed_endpoint(data, current)
    });
    reader.finish(endpoint)
}

/// `None` stands for a wrong value, whose error is noted.
impl Reader {
    /// The resource object. With a wrong type, Echo still reads it, to report all other mistakes.
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
                let detail = format!(
                    "`type` is `{}`, but this resource has the type `endpoints`: write `endpoints`",
                    excerpt(name)
                );
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
            // Checks code against body even if the headers are wrong.
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
            // Checks code against body even if the headers are wrong.
            code.zip(body).and_then(|(code, body)| self.response(code, headers, body))
        });
        Some(Endpoint { id: current.id, route: Route { verb: verb?, path: path? }, response: response? })
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
            let detail =
                format!("`body` must be a string: write JSON as a string with escaped quotes: `\"body\": {text}`");
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
