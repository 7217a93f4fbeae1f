//! Reads the document of a request, and reports all mistakes at once, each with its pointer.

mod attributes;
mod call;
mod effects;
mod form;
mod reader;
mod response;
mod set;
mod turns;
mod when;

use std::time::Duration;

use serde_json::{Map, Value, json};

use self::{
    attributes::{answer_schema, changes_schema},
    reader::Reader,
};
pub use self::{
    call::SentCall,
    form::{Form, Sent},
    reader::{Attribute, object},
    set::{LIST, located, read_set, read_yaml_set},
    turns::RESPONSE_IN_TURN,
};
use super::error::{ApiError, Kind, excerpt};
use crate::{
    domain::{Mock, MockResponse},
    web::routes,
};

const DATA: &str = "/data";

/// Whether a canonical path is reserved, because management is on the same listener.
pub type IsReserved = fn(&str) -> bool;

/// The rules of this process for new values.
#[derive(Clone, Copy)]
pub struct Rules {
    pub is_reserved: IsReserved,
    /// The longest delay of a new mock.
    pub max_delay: Duration,
}

impl Rules {
    pub fn new(shared_listener: bool, max_delay: Duration) -> Self {
        let is_reserved: IsReserved = if shared_listener { routes::is_reserved } else { |_| false };
        Self { is_reserved, max_delay }
    }
}

/// The schemas of the attributes in requests. A new mock cannot have a reserved path, but an answer can hold one.
pub const REQUESTED: [&str; 2] = ["NewAttributes", "AttributeChanges"];
/// The schema of the answer to attributes without an envelope.
pub const ANSWERED: &str = "PlainEndpoint";

/// The schemas of requests' documents, and of attributes in requests and answers.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let ty = json!({"$ref": "#/components/schemas/ResourceType"});
    let [new, changes] = REQUESTED.map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
    let new = json!({
        "type": "object",
        "description": "A document with a new endpoint.",
        "required": ["data"],
        "properties": {"data": {
            "type": "object",
            "required": ["type", "attributes"],
            "properties": {"type": &ty, "attributes": new},
        }},
    });
    let changes = json!({
        "type": "object",
        "description": "A document with changes to an endpoint.",
        "required": ["data"],
        "properties": {"data": {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": ty,
                "id": {"type": "string", "description": "Optional. If present, the id in the URL."},
                "attributes": changes,
            },
        }},
        "example": {"data": {"type": "endpoints", "attributes": {"response": {"body": "Hello, everyone"}}}},
    });
    let schemas = [
        ("Attributes", Mock::schema()),
        (ANSWERED, answer_schema()),
        (REQUESTED[0], Mock::schema()),
        (REQUESTED[1], changes_schema()),
        ("NewEndpointDocument", new),
        ("EndpointChangesDocument", changes),
        ("Call", SentCall::schema()),
    ];
    schemas.into_iter().chain(when::schemas()).chain([turns::schema(), set::schema()]).collect()
}

/// Reads a new endpoint.
pub fn read_new(sent: &Sent, rules: Rules) -> Result<Mock, ApiError> {
    let mut reader = Reader::new(&rules.is_reserved, false, sent.form.home());
    reader.max_delay = rules.max_delay;
    let endpoint = reader.data(&sent.document).and_then(|data| {
        if data.get("id").is_some_and(|id| !id.is_null()) {
            reader.note(Kind::ClientId, "/data/id", "The server generates the id of an endpoint: leave `id` out");
        }
        reader.required(data, DATA)
    });
    reader.finish(endpoint)
}

/// Merges changes into the document of an endpoint, and reads the result like a new endpoint.
pub fn read_changes(sent: &Sent, current: &Mock, rules: Rules) -> Result<Mock, ApiError> {
    // A mock may keep a path from before the listener was shared, and a delay from before the maximum was lowered.
    let is_reserved = |path: &str| (rules.is_reserved)(path) && path != current.route.path.as_str();
    let mut reader = Reader::new(&is_reserved, true, sent.form.home());
    let delays = current.responses().filter_map(|response| Some(response.effects().delay?.longest()));
    reader.max_delay = delays.fold(rules.max_delay, Duration::max);
    let endpoint = reader.data(&sent.document).and_then(|data| {
        let id = current.id.to_string();
        if let Some(other) = data.get("id").filter(|other| !other.is_null() && other.as_str() != Some(&id)) {
            let other = other.to_string();
            let other = excerpt(&other);
            let detail =
                format!("`id` is {other}, but the URL names `{id}`: leave `id` out, or write the id of the URL");
            reader.note(Kind::Conflict, "/data/id", detail);
        }
        let mut merged = Map::from_iter([(Mock::NAME.to_owned(), current.show())]);
        merge(&mut merged, data);
        reader.required(&merged, DATA).map(|changed: Mock| Mock { id: current.id, ..changed })
    });
    reader.finish(endpoint)
}

/// Absent members keep their values. `attributes` and `response` merge; other members are replaced as a whole.
fn merge(current: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, change) in changes {
        match (current.get_mut(name), change) {
            (Some(Value::Object(current)), Value::Object(changes)) if name == MockResponse::NAME => {
                response::clear_replaced(current, changes);
                merge(current, changes);
            }
            (Some(Value::Object(current)), Value::Object(changes)) if name == Mock::NAME => {
                turns::clear_replaced(current, changes);
                merge(current, changes);
            }
            _ => _ = current.insert(name.clone(), change.clone()),
        }
    }
}

/// `None` stands for a wrong value, whose error is noted.
impl Reader<'_> {
    /// The resource object. With a wrong type, Echo still reads it, to report all other mistakes.
    fn data<'v>(&mut self, document: &'v Value) -> Option<&'v Map<String, Value>> {
        let Some(Value::Object(data)) = document.get("data") else {
            let detail = "The document has no `data` object: send the attributes as `application/json`, or write \
                          {\"data\": {\"type\": \"endpoints\", \"attributes\": {…}}}";
            self.note(Kind::Invalid, DATA, detail);
            return None;
        };
        match data.get("type") {
            Some(Value::String(name)) if name == "endpoints" => {}
            Some(Value::String(name)) => {
                let name = excerpt(name);
                let detail =
                    format!("`type` is `{name}`, but this resource has the type `endpoints`: write `endpoints`");
                self.note(Kind::Conflict, "/data/type", detail);
            }
            _ => self.note(Kind::Invalid, "/data/type", "`type` is missing: write `\"type\": \"endpoints\"`"),
        }
        let home = self.home;
        for (name, home) in data.keys().filter_map(|name| home(name).map(|home| (name, home))) {
            let detail = format!("`{name}` is in the wrong place: put it into {home}");
            self.note(Kind::Invalid, &format!("{DATA}/{name}"), detail);
        }
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{hash_map, vec},
        option,
        prelude::*,
        sample::select,
    };

    use super::{attributes::MOCK, reader::Member, response::RESPONSE, *};
    use crate::domain::{
        Base64, Body, Delay, EndpointId, Fault, Headers, Json, MockPath, Payload, Priority, Route, SetName, StatusCode,
        Verb, When,
    };

    fn endpoint(verb: Verb, path: &str, code: u16, fields: Vec<(String, String)>, payload: Option<Payload>) -> Mock {
        let path = MockPath::parse(path).unwrap();
        let (code, headers) = (StatusCode::parse(code).unwrap(), Headers::parse(fields).unwrap());
        let response = MockResponse::new(code, headers, payload.filter(|_| !code.forbids_body())).unwrap();
        Mock { id: EndpointId::generate(), route: Route::new(verb, path), response, turns: None, set: None }
    }

    fn payload() -> impl Strategy<Value = Payload> {
        let json = "\\PC{0,20}".prop_map(|text| json!({"text": text, "list": [1, text.len(), null, 0.1]}));
        prop_oneof![
            "\\PC{0,20}".prop_map(|text| Payload::Body(Body::parse(text).unwrap())),
            json.prop_map(|value| Payload::Json(Json::parse(&value).unwrap())),
            select(&["", "AA==", "AP/+"][..]).prop_map(|text| Payload::Base64(Base64::parse(text.into()).unwrap())),
        ]
    }

    fn delay() -> impl Strategy<Value = Delay> {
        (1..200_000_u64, 0..100_000_u64).prop_flat_map(|(from, more)| {
            let [from, to] = [from, from + more].map(|millis| format!("{millis}ms"));
            let both = [json!({"from": from, "to": to}), json!({"median": from, "p99": to}), json!(to)];
            select(both.map(|delay| Delay::parse(&delay).unwrap()).to_vec())
        })
    }

    proptest! {
        #[test]
        fn a_shown_endpoint_is_read_as_the_same_endpoint(
            verb in select(&Verb::ALL[..]),
            path in "/([a-zA-Z0-9_~!$&'()*+,;=:@/-]|%[0-9A-F]{2}){0,20}(/\\{a\\}){0,1}".prop_filter("a path", |path| MockPath::parse(path).is_ok()),
            priority in -1_000..=1_000_i64,
            code in 200_u16..600,
            fields in hash_map("x-[a-z]{1,6}", vec("([!-~]{0,8})", 1..3), 0..5),
            payload in option::of(payload()),
            delay in option::of(delay()),
            fault in option::of(select(&Fault::ALL[..])),
            is_template in any::<bool>(),
        ) {
            let fields = fields.iter().flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
            let mut endpoint = endpoint(verb, &path, code, fields.collect(), payload);
            endpoint.route.priority = Priority::parse(priority).unwrap();
            let fault = fault.filter(|fault| *fault == Fault::Truncate || endpoint.response.payload().is_none());
            let is_template = is_template && endpoint.response.clone().with_template(true).template().is_some_and(|made| made.is_ok());
            endpoint.response = endpoint.response.with_template(is_template).with_delay(delay).with_fault(fault).unwrap();
            let mut reader = Reader::new(&|_| false, false, Form::JsonApi.home());
            let read = Mock::read(&endpoint.show(), "", &mut reader);
            let read = reader.finish(read).unwrap();
            prop_assert_eq!(Mock { id: endpoint.id, ..read }, endpoint);
        }
    }

    #[test]
    fn a_full_endpoint_shows_exactly_the_members_that_are_known() {
        let fields = vec![("x-a".to_owned(), "1".to_owned())];
        let payload = Payload::Body(Body::parse("x".to_owned()).unwrap());
        let mut full = endpoint(Verb::ALL[0], "/x", 200, fields, Some(payload));
        full.route.priority = Priority::parse(1).unwrap();
        full.route.when = When::parse(&json!({"body": "x"})).unwrap();
        let delay = Delay::parse(&json!("1s")).unwrap();
        full.response =
            full.response.with_template(true).with_delay(Some(delay)).with_fault(Some(Fault::Truncate)).unwrap();
        full.set = Some(SetName::parse("shop").unwrap());
        let shown = full.show();
        for (object, members) in [(&shown, MOCK), (&shown[MockResponse::NAME], RESPONSE)] {
            let names = object.as_object().unwrap().keys().map(String::as_str);
            let known = members
                .iter()
                .map(|&Member { name, .. }| name)
                .filter(|name| !["json", "base64", "responses", "then"].contains(name));
            assert_eq!(names.collect::<Vec<_>>(), known.collect::<Vec<_>>());
        }
    }
}
