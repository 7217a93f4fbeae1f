//! Expectations of WireMock, Mountebank and Mockoon: a table, with a reason for each difference.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{Echo, changes};

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
    /// The name of a mock, or 404.
    answer: Value,
}

impl Row {
    /// Creates the mocks, sends the calls, deletes the mocks, and returns all faults.
    fn faults(&self, echo: &Echo) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |case: &str, expected: &str, real: String| {
            if expected != real {
                faults.push(format!("{} ({}): {case}: {real} instead of {expected}", self.expectation, self.source));
            }
        };
        let mut ids = Vec::new();
        for (at, (name, attributes)) in self.mocks.iter().enumerate() {
            let mut attributes = attributes.clone();
            attributes["response"] = json!({"code": 200, "body": name});
            let answer = echo.post(&changes(attributes));
            let is_last = at + 1 == self.mocks.len();
            let expected = self.refused.as_deref().filter(|_| is_last).unwrap_or("201");
            if answer.status == 201 {
                expect(name, expected, "201".to_owned());
                ids.push(answer.json()["data"]["id"].as_str().unwrap().to_owned());
            } else {
                expect(name, expected, format!("{} {}", answer.status, answer.pointers().join(" ")));
            }
        }
        for Call { send, headers, body, answer: expected } in &self.calls {
            let (method, target) = send.split_once(' ').unwrap();
            let lines: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
            let answer = echo.call_with(method, target, &lines, body.as_bytes());
            let real = if answer.status == 200 { answer.text() } else { answer.status.to_string() };
            let expected = expected.as_str().map_or_else(|| expected.to_string(), str::to_owned);
            expect(&format!("{send} {headers:?} {body:?}"), &expected, real);
        }
        for id in ids {
            expect("deletion", "204", echo.delete(&id).status.to_string());
        }
        faults
    }

    /// The row has all that a reader needs.
    fn is_complete(&self) -> bool {
        let projects = ["WireMock, ", "Mountebank, ", "Mockoon, "];
        let is_text = |text: &String| text.len() > 10 && text.ends_with('.');
        let names = |answer: &Value| answer == 404 || answer.as_str().is_some_and(|name| self.mocks.contains_key(name));
        is_text(&self.expectation)
            && projects.iter().any(|project| self.source.starts_with(project))
            && self.differs.as_ref().is_none_or(is_text)
            && self.calls.is_empty() == self.refused.is_some()
            && self.calls.iter().all(|call| names(&call.answer))
    }
}

#[test]
fn expectations_of_other_mock_servers_hold_or_differ_for_a_reason() {
    let table: Vec<Row> = serde_yaml::from_str(include_str!("expectations.yaml")).unwrap();
    assert!(table.len() >= 80, "{} rows", table.len());
    let incomplete: Vec<_> = table.iter().filter(|row| !row.is_complete()).map(|row| &row.expectation).collect();
    assert!(incomplete.is_empty(), "{incomplete:#?}");
    let mut seen = HashSet::new();
    let again: Vec<_> = table.iter().map(|row| &row.expectation).filter(|text| !seen.insert(*text)).collect();
    assert!(again.is_empty(), "{again:#?}");

    let echo = Echo::start(&[]);
    let faults: Vec<_> = table.iter().flat_map(|row| row.faults(&echo)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
