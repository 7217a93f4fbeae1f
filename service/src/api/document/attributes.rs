//! The attributes of a mock. Each has one declaration: how it is read, shown, and described in OpenAPI.
//!
//! A new attribute needs an implementation of [`Attribute`], and a member of [`MOCK`] or [`RESPONSE`]. The object that
//! holds the attribute needs a line in `read` and in `show`.

use serde_json::{Value, json};

use super::{
    reader::{Attribute, Member, Reader, member, object, object_schema, shown, whole},
    response::RESPONSE,
    turns::{Responses, read_responses},
    when::check_params,
};
use crate::{
    api::error::Kind,
    domain::{
        EndpointId, MAX_PATH_BYTES, MAX_PRIORITY, MAX_SET_NAME, Mock, MockPath, MockResponse, Priority, Route, SetName,
        Then, Verb, When,
    },
};

/// The members of `attributes`.
pub const MOCK: &[Member] = &[
    member::<Verb>(),
    member::<MockPath>(),
    member::<When>(),
    member::<Priority>(),
    member::<MockResponse>(),
    member::<Responses>(),
    member::<Then>(),
    member::<SetName>(),
];

/// The one of two objects, of attributes and of a response, to which a known member belongs.
pub fn home(name: &str, objects: [&'static str; 2]) -> Option<&'static str> {
    let mut homes = [MOCK, RESPONSE].into_iter().zip(objects);
    homes.find(|(members, _)| members.iter().any(|member| member.name == name)).map(|(_, home)| home)
}

/// The schema of an endpoint without an envelope: the attributes, and the members beside them.
pub fn answer_schema() -> Value {
    let mut schema = Mock::schema();
    schema["description"] = "An endpoint: the attributes of its mock, with its id.".into();
    schema["required"].as_array_mut().expect("some attributes are required").push("id".into());
    schema["properties"]["id"] = json!({"type": "string", "description": "An opaque id from the server."});
    schema["properties"]["meta"] = json!({"$ref": "#/components/schemas/EndpointMeta"});
    schema
}

/// The schema of changes to attributes: the same members, and all are optional.
pub fn changes_schema() -> Value {
    let mut changes = Mock::schema();
    changes["description"] = "Changes to the mock. Absent members keep their values, also in `response`. `when`, \
                              `headers`, `json` and `delay` are replaced as a whole. Null clears an optional member."
        .into();
    changes["example"] = json!({"response": {"body": "Hello, everyone"}});
    for object in ["", "/properties/response"] {
        let object = changes.pointer_mut(object).and_then(Value::as_object_mut);
        object.expect("both are objects").retain(|name, _| !["required", "oneOf"].contains(&name.as_str()));
    }
    changes
}

/// All attributes of an endpoint. The id is no attribute: [`Attribute::read`] generates an id.
impl Attribute for Mock {
    const NAME: &'static str = "attributes";
    const EXAMPLE: &'static str = r#"{"verb": "GET", "path": "/greeting", "response": {"code": 200}}"#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let attributes = reader.object::<Self>(value, at)?;
        reader.only_known(attributes, at, MOCK);
        let verb = reader.required(attributes, at);
        let path = reader.required(attributes, at);
        let when = reader.optional(attributes, at).unwrap_or_default();
        if let Some(path) = &path {
            check_params(&when, path, at, reader);
        }
        let priority = reader.optional(attributes, at).unwrap_or_default();
        let set = reader.optional(attributes, at);
        let (response, turns) = read_responses(attributes, at, reader)?;
        let route = Route { verb: verb?, path: path?, priority, when };
        Some(Self { id: EndpointId::generate(), route, response, turns, set })
    }

    fn show(&self) -> Value {
        let Route { verb, path, priority, when } = &self.route;
        let priority = Some(priority).filter(|priority| **priority != Priority::default());
        let turns = self.turns.as_ref();
        let response = turns.is_none().then_some(&self.response);
        let responses = turns.map(|turns| Responses::of(&self.response, turns));
        let then = turns.map(|turns| &turns.then).filter(|then| **then != Then::default());
        object([
            shown(verb),
            shown(path),
            shown(when),
            shown(priority),
            shown(response),
            shown(responses.as_ref()),
            shown(then),
            shown(self.set.as_ref()),
        ])
    }

    fn schema() -> Value {
        let mut schema =
            object_schema("The mock: the requests that it fits, and either `response` or `responses`.", MOCK);
        let either = [MockResponse::NAME, Responses::NAME].map(|name| json!({"required": [name]}));
        schema["oneOf"] = json!(either);
        schema
    }
}

impl Attribute for Verb {
    const NAME: &'static str = "verb";
    const EXAMPLE: &'static str = r#""GET""#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        reader.parsed(value, at, Self::parse)
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "description": "The method of the mock's requests, in upper or lower case. ANY fits all methods of this list. \
                            CONNECT and TRACE cannot be mocked: no load balancer delivers them.",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}

impl Attribute for MockPath {
    const NAME: &'static str = "path";
    const EXAMPLE: &'static str = r#""/greeting""#;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let path = reader.parsed(value, at, Self::parse)?;
        if (reader.is_reserved)(path.as_str()) {
            let detail =
                format!("`{path}` is reserved for management: choose a path outside of `/endpoints` and `/-/`");
            reader.note(Kind::Invalid, at, detail);
            return None;
        }
        Some(path)
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "description": "The path component of a URL. `{name}` is a parameter for one whole segment, and `{*name}` at \
                            the end for the rest of the path; all else matches exactly. No query, fragment, host or dot segments. Percent-escape characters that a URL cannot hold. On \
                            a listener shared with management, `/endpoints`, `/endpoints/…` and `/-/…` are reserved. \
                            A mock keeps a reserved path from before the listener was shared.",
            "maxLength": MAX_PATH_BYTES,
            "pattern": concat!(
                r"^(?!.*/(\.|%2[eE]){1,2}(/|$))(?=/)",
                r"(/(\{[A-Za-z_][A-Za-z0-9_]*\}|([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*))*",
                r"(/\{\*[A-Za-z_][A-Za-z0-9_]*\})?$"
            ),
        })
    }
}

impl Attribute for Priority {
    const NAME: &'static str = "priority";
    const EXAMPLE: &'static str = "0";
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let Some(number) = whole(value) else {
            let detail = format!("The value is not a whole number: write one from -{MAX_PRIORITY} to {MAX_PRIORITY}");
            reader.note(Kind::Invalid, at, detail);
            return None;
        };
        reader.noted(Kind::Invalid, at, Self::parse(number))
    }

    fn show(&self) -> Value {
        self.get().into()
    }

    fn schema() -> Value {
        json!({
            "type": "integer",
            "description": "If several mocks fit a request, the mock with the highest priority answers. Of equal \
                            priorities, the most exact path answers, then a method before ANY, then more tests before \
                            fewer, then the newest mock. Without this member: 0.",
            "minimum": -MAX_PRIORITY,
            "maximum": MAX_PRIORITY,
        })
    }
}

impl Attribute for SetName {
    const NAME: &'static str = "set";
    const EXAMPLE: &'static str = r#""shop""#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        reader.parsed(value, at, Self::parse)
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "description": "The set that the mock belongs to. `/-/sets/{name}` writes and deletes a set as a whole.",
            "maxLength": MAX_SET_NAME,
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$",
        })
    }
}
