//! The check of a value in a request.

use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Value, json};

use super::jsonpath::Query;
use crate::domain::excerpt;

/// The bounds of compiled regular expressions, in bytes. The least bound that suffices measures the expression.
const COMPILED_BYTES: [usize; 4] = [2 << 10, 8 << 10, 32 << 10, 128 << 10];
/// Maximum length of a regular expression, in bytes.
const MAX_PATTERN_BYTES: usize = 4_096;
/// Maximum number of groups in a regular expression: each takes memory for each state of a search.
const MAX_GROUPS: usize = 16;
/// The memory of a JSON value without its text, and of an object beside its members.
const VALUE_BYTES: usize = 128;
const OBJECT_BYTES: usize = 360;
/// The memory of a JSONPath query for each byte of its text.
const QUERY_BYTES: usize = 280;

/// A regular expression. Compiled at the first use: a listing must not compile all expressions of a page.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Compiled>>,
}

#[derive(Debug, Clone)]
struct Compiled {
    regex: Regex,
    /// The bound of its size.
    bytes: usize,
}

#[derive(Debug, Clone)]
pub enum Check {
    Equals(String),
    Contains(String),
    Matches(Pattern),
    Absent,
    Present,
    /// The body is JSON, and contains at least this value, whose text has so many bytes.
    Json(Value, usize),
    /// The body is JSON, and the query selects at least one of its values.
    JsonPath(Query),
}

impl Check {
    /// Parses a test. An error names the correction. Regular expressions from a client are compiled.
    pub(super) fn parse(value: &Value, is_body: bool, is_new: bool) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            return Ok(Self::Equals(text.to_owned()));
        }
        let of_body = if is_body { ", `json`, `jsonpath`" } else { "" };
        let advice = format!(
            "write a string, or an object with one of `equals`, `contains`, `matches`, `absent`, `present`{of_body}"
        );
        let object = match value {
            Value::Object(object) => object,
            Value::Number(_) | Value::Bool(_) => {
                return Err(format!("Values of requests are texts: write `\"{value}\"` in quotes"));
            }
            _ => return Err(format!("The test is neither a string nor an object: {advice}")),
        };
        let mut members = object.iter();
        let (Some((name, value)), None) = (members.next(), members.next()) else {
            return Err(format!("The test has {} members: {advice}", object.len()));
        };
        let is_flag = value.as_bool() == Some(true);
        match (name.as_str(), value) {
            ("equals", Value::String(text)) => Ok(Self::Equals(text.clone())),
            ("contains", Value::String(text)) => Ok(Self::Contains(text.clone())),
            ("matches", Value::String(text)) => Pattern::parse(text, is_new).map(Self::Matches),
            ("absent", _) if is_flag => Ok(Self::Absent),
            ("present", _) if is_flag => Ok(Self::Present),
            ("absent" | "present", _) => Err(format!("`{name}` can only be true: write `{{\"{name}\": true}}`")),
            ("json", value) if is_body => {
                let value = canonical(value.clone());
                let bytes = value.to_string().len();
                Ok(Self::Json(value, bytes))
            }
            ("jsonpath", Value::String(text)) if is_body => Query::parse(text).map(Self::JsonPath),
            ("json" | "jsonpath", _) if !is_body => Err("Only the body can be JSON: write the test in `body`".into()),
            ("equals" | "contains" | "matches" | "jsonpath", _) => {
                Err(format!("The value of `{name}` is not a string: write text"))
            }
            _ => Err(format!("`{}` is not a test: {advice}", excerpt(name))),
        }
    }

    pub(super) fn show(&self) -> Value {
        match self {
            Self::Equals(text) => json!(text),
            Self::Contains(text) => json!({"contains": text}),
            Self::Matches(pattern) => json!({"matches": pattern.text}),
            Self::Absent => json!({"absent": true}),
            Self::Present => json!({"present": true}),
            Self::Json(value, _) => json!({"json": value}),
            Self::JsonPath(query) => json!({"jsonpath": query.text}),
        }
    }

    /// The memory of the check, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Equals(text) | Self::Contains(text) => text.len(),
            Self::Matches(pattern) => pattern.text.len() + pattern.compiled().map_or(0, Compiled::memory),
            Self::Absent | Self::Present => 0,
            Self::Json(value, bytes) => bytes + memory(value),
            Self::JsonPath(query) => query.text.len() * QUERY_BYTES,
        }
    }

    /// The cost of a check of a text, in bytes that a comparison reads.
    pub(super) fn cost(&self, text: &str) -> usize {
        match self {
            // A search visits at most all states of the expression for each byte. A state has about 32 bytes.
            Self::Matches(pattern) => pattern.compiled().map_or(0, |compiled| text.len() * (compiled.bytes >> 5)),
            _ => text.len(),
        }
    }

    /// Whether a text passes. Only for checks of texts.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Equals(expected) => text == expected,
            Self::Contains(part) => text.contains(part),
            Self::Matches(pattern) => pattern.compiled().is_some_and(|compiled| compiled.regex.is_match(text)),
            Self::Absent | Self::Present | Self::Json(..) | Self::JsonPath(_) => false,
        }
    }
}

impl Pattern {
    /// Compiles a new expression, so that a mistake is an error.
    fn parse(text: &str, is_new: bool) -> Result<Self, String> {
        if is_new && text.len() > MAX_PATTERN_BYTES {
            return Err(format!("The regular expression has {} bytes: write at most {MAX_PATTERN_BYTES}", text.len()));
        }
        let compiled = if is_new { OnceLock::from(Some(Compiled::new(text)?)) } else { OnceLock::new() };
        Ok(Self { text: text.to_owned(), compiled })
    }

    /// `None` for an expression of another version that this one cannot compile: it matches nothing.
    fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| Compiled::new(&self.text).ok()).as_ref()
    }
}

impl Compiled {
    fn new(text: &str) -> Result<Self, String> {
        let mut failure = String::new();
        for bytes in COMPILED_BYTES {
            match RegexBuilder::new(text).size_limit(bytes).build() {
                Ok(regex) if regex.captures_len() - 1 > MAX_GROUPS => {
                    let advice = "write groups as `(?:…)`";
                    return Err(format!("The regular expression has more than {MAX_GROUPS} groups: {advice}"));
                }
                Ok(regex) => return Ok(Self { regex, bytes }),
                Err(error) => failure = error.to_string(),
            }
        }
        Err(format!("`{}` is no regular expression for Echo: {failure}", excerpt(text)))
    }

    /// The memory with the caches of searches on two threads. A cache has two lists of states, with the groups of each.
    fn memory(&self) -> usize {
        self.bytes * (1 + 2 * (2 + self.regex.captures_len()))
    }
}

/// Whether a JSON value contains at least `part`: objects by members, lists whole, numbers by value.
pub(super) fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(name, part)| value.get(name).is_some_and(|value| contains(value, part)))
        }
        (Value::Array(value), Value::Array(part)) => {
            value.len() == part.len() && value.iter().zip(part).all(|(value, part)| contains(value, part))
        }
        (Value::Number(value), Value::Number(part)) => {
            value == part || (value.is_f64() || part.is_f64()) && value.as_f64() == part.as_f64()
        }
        _ => value == part,
    }
}

/// The same value for the same tests: members in the order of their names, integers without a fraction.
fn canonical(mut value: Value) -> Value {
    fn integers(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(integers),
            Value::Object(members) => members.values_mut().for_each(integers),
            Value::Number(number) => {
                let integer = |number: f64| number.fract() == 0.0 && number.abs() < (1_u64 << 53) as f64;
                if let Some(float) = number.as_f64().filter(|float| number.is_f64() && integer(*float)) {
                    *value = (float as i64).into();
                }
            }
            _ => {}
        }
    }
    integers(&mut value);
    value.sort_all_objects();
    value
}

/// The memory of a value without its texts.
fn memory(value: &Value) -> usize {
    match value {
        Value::Array(list) => VALUE_BYTES + list.iter().map(memory).sum::<usize>(),
        Value::Object(members) => VALUE_BYTES + OBJECT_BYTES + members.values().map(memory).sum::<usize>(),
        _ => VALUE_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_contains_objects_by_members_and_lists_whole() {
        for (value, part, expected) in [
            (json!({"a": 1, "b": 2}), json!({"a": 1}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (json!([{"a": 1, "b": 2}]), json!([{"a": 1}]), true),
            (json!([1, 2]), json!([1]), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(1), json!(1.0), true),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (json!("1"), json!(1), false),
            (json!(null), json!(null), true),
            (json!({}), json!(null), false),
        ] {
            assert_eq!(contains(&value, &part), expected, "{value} {part}");
        }
    }
}
