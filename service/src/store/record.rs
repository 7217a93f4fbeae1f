//! The stored form of an endpoint, independent of the API: JSON with a version, or field by field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{StoreError, Stored, Version};
use crate::domain::{
    Base64, Body, Delay, EndpointId, Fault, Headers, Json, Mock, MockPath, MockResponse, Payload, Priority, Route,
    Series, SetName, StatusCode, Then, Times, Turns, Verb, When,
};

/// An endpoint without its id, in types for every store.
///
/// Verb and path are borrowed: neither ever needs an escape in JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct Record<'a> {
    pub version: u64,
    pub verb: &'a str,
    pub path: &'a str,
    pub code: u16,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// As compact text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<bool>,
    /// As canonical JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The responses after the first one. Absent without turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Vec<Response>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Absent for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i16>,
    /// The tests as canonical JSON. Absent without tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
}

/// A response of a mock. The first one has no object of its own, as in format 1.
#[derive(Serialize, Deserialize)]
pub(super) struct Response {
    code: u16,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Absent for once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
}

/// The known members of a record.
pub(super) const MEMBERS: [&str; 18] = [
    "version", "verb", "path", "code", "headers", "body", "json", "base64", "template", "delay", "fault", "times",
    "more", "then", "series", "priority", "when", "set",
];

/// The unknown members of a record, as text. Each change of the endpoint keeps them.
pub(super) type Rest = BTreeMap<String, Box<RawValue>>;

/// A record with all its members.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    record: Record<'a>,
    #[serde(flatten)]
    rest: &'a Rest,
}

impl<'a> Record<'a> {
    pub(super) fn of(endpoint: &'a Mock, version: Version) -> Self {
        let Mock { route, response, turns, set, .. } = endpoint;
        let turns = turns.as_ref();
        let times = turns.map_or(Times::ONCE, |turns| turns.times);
        let Response { code, headers, body, json, base64, template, delay, fault, times } =
            Response::of(response, times);
        Self {
            version: version.0,
            verb: route.verb.as_str(),
            path: route.path.as_str(),
            code,
            headers,
            body,
            json,
            base64,
            template,
            delay,
            fault,
            times,
            more: turns
                .map(|turns| turns.more.iter().map(|(response, times)| Response::of(response, *times)).collect()),
            then: turns.map(|turns| turns.then.as_str().to_owned()),
            series: turns.map(|turns| turns.series.to_string()),
            priority: Some(route.priority.get()).filter(|priority| *priority != Priority::default().get()),
            when: Some(route.when.as_str().to_owned()).filter(|when| !when.is_empty()),
            set: set.as_ref().map(SetName::to_string),
        }
    }

    /// The domain's rules are checked again: a damaged record must not become an answer.
    pub(super) fn parse(self, id: EndpointId) -> Result<Stored, StoreError> {
        let damaged = |why: String| damaged(id, &why);
        let when = self.when.as_deref().map_or(Ok(When::default()), When::parse_text).map_err(damaged)?;
        let route = Route {
            verb: Verb::parse(self.verb).map_err(|e| damaged(e.to_string()))?,
            path: MockPath::parse(self.path).map_err(|e| damaged(e.to_string()))?,
            priority: Priority::parse(self.priority.unwrap_or_default().into()).map_err(|e| damaged(e.to_string()))?,
            when,
        };
        route.when.check_params(&route.path).map_err(|e| damaged(e.detail))?;
        let set = self.set.as_deref().map(SetName::parse).transpose().map_err(|e| damaged(e.to_string()))?;
        let Self { code, headers, body, json, base64, template, delay, fault, times, .. } = self;
        let (response, times) =
            Response { code, headers, body, json, base64, template, delay, fault, times }.parse().map_err(damaged)?;
        let turns = match (self.more, self.then, self.series) {
            (None, None, None) => None,
            (Some(more), Some(then), Some(series)) => Some(Turns {
                times,
                more: more.into_iter().map(Response::parse).collect::<Result<_, _>>().map_err(damaged)?,
                then: Then::parse(&then).map_err(|e| damaged(e.to_string()))?,
                series: Series::parse(&series).ok_or_else(|| damaged("`series` is no UUID".into()))?,
            }),
            _ => return Err(damaged("its turns are incomplete".into())),
        };
        Ok(Stored { endpoint: Mock { id, route, response, turns, set }, version: Version(self.version) })
    }
}

impl Response {
    fn of(response: &MockResponse, times: Times) -> Self {
        let (mut body, mut json, mut base64) = (None, None, None);
        if let Some(payload) = response.payload() {
            let member = match payload {
                Payload::Body(_) => &mut body,
                Payload::Json(_) => &mut json,
                Payload::Base64(_) => &mut base64,
            };
            *member = Some(payload.text().to_owned());
        }
        let headers = response.headers().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let template = response.is_template().then_some(true);
        let delay = response.effects().delay.as_ref().map(|delay| delay.show().to_string());
        let fault = response.effects().fault.map(|fault| fault.as_str().to_owned());
        let times = Some(times.get()).filter(|times| *times != Times::ONCE.get());
        Self { code: response.code().get(), headers, body, json, base64, template, delay, fault, times }
    }

    /// The error is a sentence.
    fn parse(self) -> Result<(MockResponse, Times), String> {
        let code = StatusCode::parse(self.code).map_err(|e| e.to_string())?;
        let headers = Headers::parse(self.headers).map_err(|e| format!("{e:?}"))?;
        let payload = match (self.body, self.json, self.base64) {
            (None, None, None) => None,
            (Some(text), None, None) => Some(Payload::Body(Body::parse(text).map_err(|e| e.to_string())?)),
            (None, Some(text), None) => Some(Payload::Json(Json::parse_text(&text)?)),
            (None, None, Some(text)) => Some(Payload::Base64(Base64::parse(text).map_err(|e| e.to_string())?)),
            _ => return Err("it has several contents".into()),
        };
        let delay = self.delay.as_deref().map(Delay::parse_text).transpose()?;
        let fault = self.fault.as_deref().map(Fault::parse).transpose().map_err(|e| e.to_string())?;
        let response = MockResponse::new(code, headers, payload).map_err(|e| e.to_string())?;
        let response = response
            .with_template(self.template.unwrap_or_default())
            .with_delay(delay)
            .with_fault(fault)
            .map_err(|e| e.to_string())?;
        Ok((response, Times::parse(self.times.unwrap_or(1).into()).map_err(|e| e.to_string())?))
    }
}

/// The size of the known members of an endpoint, in bytes.
pub(super) fn bytes(endpoint: &Mock) -> usize {
    /// Names, version, verb, code and priority.
    const FIXED_BYTES: usize = 128;
    /// The longest delay and fault, and the mark of a template.
    const EFFECTS_BYTES: usize = 96;
    const FIELD_BYTES: usize = 8;
    /// Names and numbers of a response after the first one, and of the turns.
    const TURN_BYTES: usize = 80;
    let of_response = |response: &MockResponse| {
        let fields = response.headers().iter().map(|(name, value)| name.len() + value.len() + FIELD_BYTES);
        let effects = if response.effects().is_empty() && !response.is_template() { 0 } else { EFFECTS_BYTES };
        fields.sum::<usize>() + effects + response.payload().map_or(0, |payload| payload.text().len())
    };
    let turns = endpoint.turns.as_ref().map_or(0, |turns| TURN_BYTES * (1 + turns.more.len()));
    let set = endpoint.set.as_ref().map_or(0, |set| set.as_str().len() + FIELD_BYTES);
    let texts = endpoint.route.path.as_str().len() + endpoint.route.when.as_str().len() + set;
    FIXED_BYTES + texts + turns + endpoint.responses().map(of_response).sum::<usize>()
}

pub(super) fn encode(endpoint: &Mock, version: Version, rest: &Rest) -> Vec<u8> {
    let whole = Whole { record: Record::of(endpoint, version), rest };
    serde_json::to_vec(&whole).expect("a record of strings, numbers and JSON is always JSON")
}

/// The unknown members of a record. A change keeps them.
pub(super) fn rest(id: EndpointId, bytes: &[u8]) -> Result<Rest, StoreError> {
    let mut rest: Rest = serde_json::from_slice(bytes).map_err(|e| damaged(id, &e.to_string()))?;
    rest.retain(|name, _| !MEMBERS.contains(&name.as_str()));
    Ok(rest)
}

/// Parses what [`encode`] wrote.
pub(super) fn decode(id: EndpointId, bytes: &[u8]) -> Result<Stored, StoreError> {
    let record: Record<'_> = serde_json::from_slice(bytes).map_err(|e| damaged(id, &e.to_string()))?;
    record.parse(id)
}

pub(super) fn damaged(id: EndpointId, why: &str) -> StoreError {
    StoreError::Damaged(format!("the record of endpoint {id} is damaged: {why}"))
}
