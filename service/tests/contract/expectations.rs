//! Expectations of WireMock, Mountebank and Mockoon: two tables, with a reason for each difference.

use std::{
    collections::HashSet,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Echo, PATIENCE, changes, parse, request_bytes};

/// `expectations.yaml` describes the members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    expectation: String,
    source: String,
    differs: Option<String>,
    mocks: Map<String, Value>,
    #[serde(default)]
    calls: Vec<Call>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    send: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    body: String,
    answer: Expected,
}

/// Absent members are not compared.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    /// Code 200 and the name of a mock.
    Mock(String),
    Code(u16),
    /// `answers.yaml` describes the members.
    Whole(Map<String, Value>),
}

/// The bytes of a connection after a request, up to its end.
struct Heard {
    bytes: Vec<u8>,
    is_reset: bool,
    after: Duration,
}

impl Heard {
    fn new(echo: &Echo, request: &[u8]) -> Self {
        let start = Instant::now();
        let mut stream = TcpStream::connect(echo.mocks).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).map_err(|error| error.kind());
        assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)), "{end:?}");
        Self { bytes, is_reset: end.is_err(), after: start.elapsed() }
    }

    /// The answer, or the name of the fault in its place.
    fn answer(&self, method: &str) -> Result<Answer, &'static str> {
        if self.bytes.is_empty() {
            return Err(if self.is_reset { "reset" } else { "close" });
        }
        if !self.bytes.starts_with(b"HTTP/1.1 ") {
            return Err("garbage");
        }
        let answer = parse(&self.bytes);
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" && answer.body.len() < length { Err("truncate") } else { Ok(answer) }
    }
}

impl Expected {
    /// All differences between this answer and the real one.
    fn differences(&self, method: &str, heard: &Heard) -> Vec<String> {
        let mut members = match self {
            Self::Mock(name) => Map::from_iter([("body".to_owned(), name.as_str().into())]),
            Self::Code(code) => Map::from_iter([("code".to_owned(), (*code).into())]),
            Self::Whole(members) => members.clone(),
        };
        if !members.contains_key("fault") {
            members.entry("code").or_insert(json!(200));
        }
        let answer = heard.answer(method);
        let differs = |(name, expected): (&String, &Value)| {
            let real = match (name.as_str(), &answer) {
                ("after", _) => {
                    let least = humantime::parse_duration(expected.as_str().unwrap()).unwrap();
                    return (heard.after < least).then(|| format!("after {:?} instead of {least:?}", heard.after));
                }
                ("fault", answer) => answer.as_ref().err().map_or(Value::Null, |fault| (*fault).into()),
                (_, Err(fault)) => (*fault).into(),
                ("code", Ok(answer)) => answer.status.into(),
                ("body" | "matches", Ok(answer)) => answer.text().into(),
                ("bytes", Ok(answer)) => answer.body.clone().into(),
                ("headers", Ok(answer)) => {
                    expected.as_object().unwrap().keys().map(|name| lines(answer, name)).collect()
                }
                (name, _) => panic!("`{name}` is not a member of an answer"),
            };
            let is_expected = match expected {
                Value::String(pattern) if name == "matches" => {
                    real.as_str().is_some_and(|text| Regex::new(&format!("^(?s:{pattern})$")).unwrap().is_match(text))
                }
                expected => *expected == real,
            };
            (!is_expected).then(|| format!("{name} {real} instead of {expected}"))
        };
        members.iter().filter_map(differs).collect()
    }
}

/// A member of `headers`: the value of the only field line, a list of several, or null.
fn lines(answer: &Answer, name: &str) -> (String, Value) {
    let is_named = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
    let mut values: Vec<Value> =
        answer.headers.iter().filter(is_named).map(|(_, value)| value.as_str().into()).collect();
    (name.to_owned(), if values.len() > 1 { values.into() } else { values.pop().unwrap_or_default() })
}

impl Row {
    /// Creates the mocks, sends the calls, deletes the mocks, and returns all faults.
    fn faults(&self, echo: &Echo) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |case: &str, text| faults.push(format!("{} ({case}): {text}", self.expectation));
        let mut ids = Vec::new();
        for (at, (name, attributes)) in self.mocks.iter().enumerate() {
            let mut attributes = attributes.clone();
            let members = attributes.as_object_mut().unwrap();
            members.entry("response").or_insert_with(|| json!({"code": 200, "body": name}));
            let answer = echo.post(&changes(attributes));
            let is_last = at + 1 == self.mocks.len();
            let expected = self.refused.as_deref().filter(|_| is_last).unwrap_or("201");
            let real = if answer.status == 201 {
                ids.push(answer.json()["data"]["id"].as_str().unwrap().to_owned());
                "201".to_owned()
            } else {
                format!("{} {}", answer.status, answer.pointers().join(" "))
            };
            if real != expected {
                fault(name, format!("{real} instead of {expected}: {}", answer.text()));
            }
        }
        for Call { send, headers, body, answer } in &self.calls {
            let (method, target) = send.split_once(' ').unwrap();
            let lines: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
            let heard = Heard::new(echo, &request_bytes(echo.mocks, method, target, &lines, body.as_bytes()));
            for difference in answer.differences(method, &heard) {
                fault(&format!("{send} {headers:?} {body:?}"), difference);
            }
        }
        for id in ids {
            assert_eq!(echo.delete(&id).status, 204);
        }
        faults
    }

    /// The row has all that a reader needs.
    fn is_complete(&self) -> bool {
        let projects = ["WireMock, ", "Mountebank, ", "Mockoon, "];
        let is_text = |text: &String| text.len() > 10 && text.ends_with('.');
        let is_known = |call: &Call| match &call.answer {
            Expected::Mock(name) => self.mocks.contains_key(name),
            Expected::Code(code) => *code == 404,
            Expected::Whole(members) => !members.is_empty(),
        };
        is_text(&self.expectation)
            && projects.iter().any(|project| self.source.starts_with(project))
            && self.differs.as_ref().is_none_or(is_text)
            && self.calls.is_empty() == self.refused.is_some()
            && self.calls.iter().all(is_known)
    }
}

/// Runs a table with at least `count` rows.
fn run(table: &str, count: usize) {
    let table: Vec<Row> = serde_yaml::from_str(table).unwrap();
    assert!(table.len() >= count, "{} rows", table.len());
    let incomplete: Vec<_> = table.iter().filter(|row| !row.is_complete()).map(|row| &row.expectation).collect();
    assert!(incomplete.is_empty(), "{incomplete:#?}");
    let mut seen = HashSet::new();
    let again: Vec<_> = table.iter().map(|row| &row.expectation).filter(|text| !seen.insert(*text)).collect();
    assert!(again.is_empty(), "{again:#?}");

    let echo = Echo::start(&[]);
    let faults: Vec<_> = table.iter().flat_map(|row| row.faults(&echo)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn expectations_of_other_mock_servers_hold_or_differ_for_a_reason() {
    run(include_str!("expectations.yaml"), 80);
}

#[test]
fn expectations_about_answers_hold_or_differ_for_a_reason() {
    run(include_str!("answers.yaml"), 140);
}
