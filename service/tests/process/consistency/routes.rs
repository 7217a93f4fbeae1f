//! Routes whose mocks fit the same requests. Each group has requests of `GET /GROUP/a`.
//!
//! A text has verb, path, a priority other than 0, and tests: `GET /0/{x} 1 k=1&x-k=2`. The text of a request has
//! values instead of tests. A name with `x-` is a header; any other name is in the query.

use std::fmt::Write as _;

use echo_service::domain::{MockPath, Priority, Route, Verb, When};
use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};

/// The values of a request for which all tests hold.
const ALL_VALUES: &str = "k=1&k=2&x-k=1";
/// The tested parts of a request.
const PARTS: [&str; 2] = ["query", "headers"];
const TESTS: [&str; 5] = ["k=1", "k=2", "x-k=1", "k=1&x-k=1", "k=2&x-k=1"];

/// The path of a group's requests.
pub fn path(group: usize) -> String {
    format!("/{group}/a")
}

/// The route of a mock that needs no new format.
pub fn plain(group: usize) -> String {
    format!("{} {}", Verb::Get, path(group))
}

/// The request of a group that fits all mocks of the group.
pub fn full_request(group: usize) -> String {
    format!("{} {ALL_VALUES}", path(group))
}

/// A request of a group. About half of the requests fit all mocks.
pub fn request(group: usize, random: &mut StdRng) -> String {
    let has_all = random.random_bool(0.5);
    let values: Vec<_> = ALL_VALUES.split('&').filter(|_| has_all || random.random_bool(0.5)).collect();
    format!("{} {}", path(group), values.join("&")).trim_end().to_owned()
}

/// A route of the group. About a quarter of the routes are plain.
pub fn overlapping(group: usize, random: &mut StdRng) -> String {
    let kinds = [("ANY", "a"), ("GET", "{x}"), ("ANY", "{x}"), ("GET", "{*rest}"), ("GET", "a")];
    let (verb, rest) = kinds[random.random_range(0..9_usize).min(kinds.len() - 1)];
    changed(&format!("{verb} /{group}/{rest}"), random)
}

/// The route with another priority or other tests, perhaps with none.
pub fn changed(route: &str, random: &mut StdRng) -> String {
    let mut parts = route.split(' ');
    let (verb, path) = (parts.next().unwrap(), parts.next().unwrap());
    let priority = ["", " 1", " -1"][random.random_range(0..8_usize).saturating_sub(5)];
    tested(&format!("{verb} {path}{priority}"), random)
}

/// The route with tests. About half of the routes have none.
pub fn tested(route: &str, random: &mut StdRng) -> String {
    let tests = TESTS.get(random.random_range(0..2 * TESTS.len())).unwrap_or(&"");
    format!("{route} {tests}").trim_end().to_owned()
}

/// The parts of a request.
pub struct Request<'a> {
    pub path: &'a str,
    pub query: String,
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    pub fn of(text: &'a str) -> Self {
        let (path, values) = text.split_once(' ').unwrap_or((text, ""));
        let query: Vec<_> = pairs(values, "query").map(|(name, value)| format!("{name}={value}")).collect();
        Self { path, query: query.join("&"), headers: pairs(values, "headers").collect() }
    }
}

/// Names and values in a part of a request.
fn pairs<'a>(text: &'a str, part: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let of_headers = part == "headers";
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(name, _)| name.starts_with("x-") == of_headers)
}

/// The attributes of a mock with this route in a document.
pub fn attributes(text: &str) -> Value {
    let mut parts = text.split(' ');
    let mut attributes = json!({"verb": parts.next(), "path": parts.next()});
    for part in parts {
        if let Ok(priority) = part.parse::<i64>() {
            attributes["priority"] = json!(priority);
        }
        for of in PARTS {
            for (name, value) in pairs(part, of) {
                attributes["when"][of][name] = json!(value);
            }
        }
    }
    attributes
}

/// The route of a mock with these attributes.
pub fn text_of(attributes: &Value) -> String {
    let mut text = format!("{} {}", attributes["verb"].as_str().unwrap(), attributes["path"].as_str().unwrap());
    if let Some(priority) = attributes["priority"].as_i64().filter(|priority| *priority != 0) {
        write!(text, " {priority}").unwrap();
    }
    let parts = PARTS.map(|part| attributes["when"][part].as_object());
    for (number, (name, value)) in parts.into_iter().flatten().flatten().enumerate() {
        write!(text, "{}{name}={}", if number == 0 { " " } else { "&" }, value.as_str().unwrap()).unwrap();
    }
    text
}

/// Reads a [`text`].
pub fn route(text: &str) -> Route {
    let attributes = attributes(text);
    let part = |name: &str| attributes[name].as_str().expect("a text");
    Route {
        verb: Verb::parse(part("verb")).unwrap(),
        path: MockPath::parse(part("path")).unwrap(),
        priority: Priority::parse(attributes["priority"].as_i64().unwrap_or(0)).unwrap(),
        when: attributes.get("when").map_or_else(When::default, |when| When::parse(when).unwrap()),
    }
}

/// As in a history.
pub fn text(route: &Route) -> String {
    let Route { verb, path, priority, when } = route;
    let (verb, path) = (verb.to_string(), path.to_string());
    text_of(&json!({"verb": verb, "path": path, "priority": priority.get(), "when": when.show()}))
}
