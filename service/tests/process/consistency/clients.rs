//! The clients of real services.

mod sets;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    history::{Kind, Operation, Outcome, Recorder},
    processes::{REPLICAS, Requests, Setting},
    routes::{Request, attributes, changed, full_request, overlapping, plain, request, text_of},
    service::Service,
    simulated_clients::TURNS,
};
use crate::support::{Answer, changes, request_bytes, try_send};

/// Kinds of requests, each from this random number on.
const LIST: u32 = 0;
const CALL: u32 = 1;
const SHOW: u32 = 15;
const PATCH: u32 = 16;
const MOVE: u32 = 19;
const DELETE: u32 = 20;
const CREATE: u32 = 21;
const PUT: u32 = 24;
const SHOW_SET: u32 = 25;
const ALL: u32 = 27;
const JSON: &str = "Content-Type: application/json\r\n";

/// A known mock: id, name, and first route.
type Mock = (String, String, String);

pub struct Client<'a> {
    pub number: usize,
    pub setting: &'a Setting,
    pub services: &'a [Service; REPLICAS],
    pub recorder: &'a Recorder,
    /// The last two mocks of each group.
    pub mocks: &'a Mutex<BTreeMap<usize, Vec<Mock>>>,
    /// Whether the table has the newest format. Otherwise all mocks are plain.
    pub is_newest: &'a AtomicBool,
    pub start: Instant,
    pub random: StdRng,
}

impl Client<'_> {
    pub fn go_on(&mut self, over: &AtomicBool) {
        for number in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let (groups, requests) = (self.setting.groups, self.setting.requests);
            let group = self.random.random_range(0..groups);
            let mut one_in = |many| self.random.random_range(0..many) == 0;
            let (kind, group) = match requests {
                Requests::All => (self.random.random_range(0..ALL), group),
                Requests::FewChanges(_) if number == 0 => (CREATE, self.number % groups),
                Requests::FewChanges(many) if one_in(many) => (if one_in(2) { MOVE } else { PATCH }, group),
                Requests::FewChanges(_) => (CALL, group),
                Requests::Misses => (if one_in(10) { CREATE } else { CALL }, self.mocks.lock().len() + group),
            };
            if matches!(requests, Requests::FewChanges(_)) {
                thread::sleep(Duration::from_millis(self.random.random_range(0..60)));
            }
            self.ask(kind, group, &format!("{}.{number}", self.number));
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The route of a new or listed mock.
    fn route(&mut self, group: usize) -> String {
        let is_plain = match self.setting.requests {
            // A checker needs long for many mocks of a group.
            Requests::All => self.random.random_bool(0.5),
            // Then each group has a mock, and some groups have two.
            Requests::FewChanges(_) => self.number < self.setting.groups,
            Requests::Misses => true,
        };
        let is_newest = self.is_newest.load(Ordering::Relaxed);
        if is_plain || !is_newest { plain(group) } else { overlapping(group, &mut self.random) }
    }

    /// The turns that a write gives to a mock, if any.
    fn turns(&mut self, name: &str, route: &str) -> &'static str {
        let may_have = may_have_turns(name, route) && self.is_newest.load(Ordering::Relaxed);
        if !may_have || !matches!(self.setting.requests, Requests::All) {
            return "";
        }
        ["", TURNS[0], TURNS[1], TURNS[2]][self.random.random_range(0..4)]
    }

    fn add(&self, group: usize, mock: Mock) {
        let mut mocks = self.mocks.lock();
        let mocks = mocks.entry(group).or_default();
        mocks.push(mock);
        let last = mocks.len().saturating_sub(2);
        mocks.drain(..last);
    }

    fn ask(&mut self, kind: u32, group: usize, name: &str) {
        let Some(service) = *self.services[self.random.random_range(0..REPLICAS)].address.read() else {
            // A loop of many clients would leave a service no time to start.
            return thread::sleep(Duration::from_millis(10));
        };
        let is_newest = self.is_newest.load(Ordering::Relaxed);
        let kind = if (kind == MOVE || kind >= PUT) && !is_newest { PATCH } else { kind };
        let new = self.route(group);
        let request = match self.setting.requests {
            Requests::All => request(group, &mut self.random),
            // A miss would be a reason for a reading.
            _ => full_request(group),
        };
        let known = {
            let mocks = self.mocks.lock();
            let mocks = mocks.get(&group).map_or(&[][..], Vec::as_slice);
            (!mocks.is_empty()).then(|| mocks[self.random.random_range(0..mocks.len())].clone())
        };
        if kind >= PUT {
            _ = self.ask_of_set(service, kind, group, new, name);
            return;
        }
        let call = self.now();
        let turns = match &known {
            Some((_, mock, first)) if kind == PATCH => self.turns(mock, first),
            _ => self.turns(name, &new),
        };
        let ask = |method: &str, path: &str, document: &Value, statuses: &[u16]| {
            told(service, method, path, document, statuses)
        };
        let mut id = String::new();
        let (kind, route, mock, value, outcome) = match (kind, known) {
            (LIST, _) => {
                let Some(answer) = ask("GET", &listing(&new), &json!(null), &[200]) else { return };
                let document = answer.json();
                let mut shown = document["data"].as_array().unwrap().iter().map(shown);
                let (_, shown, body) = shown.find(|(route, ..)| *route == new).unwrap_or_default();
                id = shown;
                (Kind::Read, new, String::new(), body, Outcome::Done)
            }
            (CALL..SHOW, _) => {
                let Some((body, outcome)) = called(service, &request) else { return };
                (Kind::Call, format!("GET {request}"), String::new(), body, outcome)
            }
            (SHOW, Some((known, mock, first))) => {
                let Some(answer) = ask("GET", &format!("/endpoints/{known}"), &json!(null), &[200, 404]) else {
                    return;
                };
                if answer.status == 200 {
                    let (route, shown, body) = shown(&answer.json()["data"]);
                    id = shown;
                    (Kind::Read, route, String::new(), body, Outcome::Done)
                } else {
                    // A change of a missing mock is refused in the same way.
                    (Kind::Patch, first, mock, String::new(), Outcome::Refused)
                }
            }
            (PATCH..MOVE, Some((id, mock, first))) => {
                let change = changes(responses(name, turns));
                let answer = ask("PATCH", &format!("/endpoints/{id}"), &change, &[200, 404]);
                (Kind::Patch, first, mock, name.to_owned(), outcome(answer))
            }
            (MOVE..DELETE, Some((id, mock, first))) if !may_have_turns(&mock, &first) => {
                let to = changed(&first, &mut self.random);
                let new = attributes(&to);
                let priority = new["priority"].as_i64().unwrap_or(0);
                let change =
                    json!({"priority": priority, "when": new["when"], "response": {"code": 200, "body": name}});
                let answer = ask("PATCH", &format!("/endpoints/{id}"), &changes(change), &[200, 404, 409]);
                (Kind::Move, to, mock, name.to_owned(), outcome(answer))
            }
            (DELETE, Some((id, mock, first))) => {
                let answer = ask("DELETE", &format!("/endpoints/{id}"), &json!(null), &[204, 404]);
                (Kind::Delete, first, mock, String::new(), outcome(answer))
            }
            _ => {
                let mut creation = attributes(&new);
                creation.as_object_mut().unwrap().extend(responses(name, turns).as_object().unwrap().clone());
                let answer = ask("POST", "/endpoints", &changes(creation), &[201, 409]);
                if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 201) {
                    answer.json()["data"]["id"].as_str().unwrap().clone_into(&mut id);
                    self.add(group, (id.clone(), name.to_owned(), new.clone()));
                }
                (Kind::Create, new, name.to_owned(), name.to_owned(), outcome(answer))
            }
        };
        let (client, r#return) = (self.number, self.now());
        self.recorder.record(Operation {
            client,
            route,
            kind,
            mock,
            value,
            turns: if matches!(kind, Kind::Create | Kind::Patch) { turns.to_owned() } else { String::new() },
            set: String::new(),
            list: Vec::new(),
            id,
            outcome,
            call,
            r#return,
        });
    }
}

fn outcome(answer: Option<Answer>) -> Outcome {
    match answer.map(|answer| answer.status) {
        Some(200 | 201 | 204) => Outcome::Done,
        Some(_) => Outcome::Refused,
        None => Outcome::Unknown,
    }
}

/// The answer of management, which has to be one of these. `None` if the result is unknown.
fn told(service: SocketAddr, method: &str, path: &str, document: &Value, statuses: &[u16]) -> Option<Answer> {
    let answer = try_send(service, request_bytes(service, method, path, JSON, document.to_string().as_bytes()))?;
    let is_told = answer.status != 503;
    assert!(
        if is_told { statuses.contains(&answer.status) } else { answer.header("retry-after").is_some() },
        "{method} {path} is answered {} {}",
        answer.status,
        answer.text()
    );
    is_told.then_some(answer)
}

/// The body of a mock's answer; empty without a mock. Unknown if a turn may be lost. `None` for a call without effect.
fn called(service: SocketAddr, request: &str) -> Option<(String, Outcome)> {
    let Request { path, query, headers } = Request::of(request);
    let fields: String = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    match try_send(service, request_bytes(service, "GET", &format!("{path}?{query}"), &fields, b"null")) {
        Some(answer) if answer.status == 200 => Some((answer.text(), Outcome::Done)),
        Some(answer) if answer.status == 404 => Some((String::new(), Outcome::Done)),
        Some(answer) if answer.status != 503 => panic!("{} {}", answer.status, answer.text()),
        Some(answer) if !answer.text().contains("a turn of the mock may be used up") => None,
        _ => Some((String::new(), Outcome::Unknown)),
    }
}

/// Whether some writes give turns to a mock with this name and first route. Such a mock has no tests, and does not
/// move: the order of mocks with tests is unknown while an id is unknown.
fn may_have_turns(name: &str, route: &str) -> bool {
    name.ends_with(['0', '3', '6']) && !route.contains('=')
}

/// The attributes with a response, or with responses in turn.
fn responses(body: &str, turns: &str) -> Value {
    let response = |body: String| json!({"code": 200, "body": body});
    let Some((count, then)) = turns.split_once(' ') else { return json!({"response": response(body.to_owned())}) };
    let all: Vec<_> = (1..=count.parse().unwrap()).map(|turn: u32| response(format!("{body}#{turn}"))).collect();
    json!({"responses": all, "then": then})
}

/// The listing by verb and path.
fn listing(route: &str) -> String {
    let mut parts = route.split(' ');
    let (verb, path) = (parts.next().unwrap(), parts.next().unwrap());
    // As clients encode the value of a query.
    let path = path.replace('/', "%2F").replace('{', "%7B").replace('}', "%7D");
    format!("/endpoints?filter%5Bverb%5D={verb}&filter%5Bpath%5D={path}")
}

/// The body of a mock by its attributes.
fn value_of(attributes: &Value) -> String {
    let response = attributes.get("response").unwrap_or_else(|| &attributes["responses"][0]);
    response["body"].as_str().unwrap().split('#').next().unwrap().to_owned()
}

/// Route, id and body of a shown mock.
fn shown(mock: &Value) -> (String, String, String) {
    let text = |member: &Value| member.as_str().unwrap().to_owned();
    let attributes = &mock["attributes"];
    (text_of(attributes), text(&mock["id"]), value_of(attributes))
}
