//! The check of a value in a request.

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Value, json};

use crate::domain::excerpt;

/// The bounds of compiled regular expressions, in bytes. The least bound that suffices measures the expression.
const COMPILED_BYTES: [usize; 4] = [2 << 10, 8 << 10, 32 << 10, 128 << 10];
/// The memory of a compiled expression with the caches of its searches, in its own size.
const SEARCH_FACTOR: usize = 4;
/// The memory of a JSON value, without its text.
const VALUE_BYTES: usize = 128;

/// A regular expression, with the bound of its size.
#[derive(Debug, Clone)]
pub struct Pattern(Regex, usize);

#[derive(Debug, Clone)]
pub enum Check {
    Equals(String),
    Contains(String),
    Matches(Pattern),
    Absent,
    Present,
    /// The body is JSON, and contains at least this value.
    Json(Value),
}

impl Check {
    /// Parses a test. An error names the correction.
    pub(super) fn parse(value: &Value, is_body: bool) -> Result<Self, String> {
        if let Some(text) = value.as_str() {
            return Ok(Self::Equals(text.to_owned()));
        }
        let of_body = if is_body { ", `json`" } else { "" };
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
            ("matches", Value::String(text)) => Pattern::parse(text).map(Self::Matches),
            ("absent", _) if is_flag => Ok(Self::Absent),
            ("present", _) if is_flag => Ok(Self::Present),
            ("absent" | "present", _) => Err(format!("`{name}` can only be true: write `{{\"{name}\": true}}`")),
            ("json", value) if is_body => Ok(Self::Json(canonical(value.clone()))),
            ("json", _) => Err("Only the body can be JSON: write the test as a member of `body`".into()),
            ("equals" | "contains" | "matches", _) => Err(format!("The value of `{name}` is not a string: write text")),
            _ => Err(format!("`{}` is not a test: {advice}", excerpt(name))),
        }
    }

    pub(super) fn show(&self) -> Value {
        match self {
            Self::Equals(text) => json!(text),
            Self::Contains(text) => json!({"contains": text}),
            Self::Matches(Pattern(regex, _)) => json!({"matches": regex.as_str()}),
            Self::Absent => json!({"absent": true}),
            Self::Present => json!({"present": true}),
            Self::Json(value) => json!({"json": value}),
        }
    }

    /// The memory of the check, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Equals(text) | Self::Contains(text) => text.len(),
            Self::Matches(Pattern(regex, compiled)) => regex.as_str().len() + compiled * SEARCH_FACTOR,
            Self::Absent | Self::Present => 0,
            Self::Json(value) => count(value) * VALUE_BYTES + value.to_string().len(),
        }
    }

    /// The cost of a check of a text, in bytes that a comparison reads.
    pub(super) fn cost(&self, text: &str) -> usize {
        match self {
            // A search visits at most all states of the expression for each byte.
            Self::Matches(Pattern(_, compiled)) => text.len() * (compiled >> 9),
            _ => text.len(),
        }
    }

    /// Whether a text passes. Only for checks of texts.
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Equals(expected) => text == expected,
            Self::Contains(part) => text.contains(part),
            Self::Matches(Pattern(regex, _)) => regex.is_match(text),
            Self::Absent | Self::Present | Self::Json(_) => false,
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        let mut failure = String::new();
        for bytes in COMPILED_BYTES {
            match RegexBuilder::new(text).size_limit(bytes).build() {
                Ok(regex) => return Ok(Self(regex, bytes)),
                Err(error) => failure = error.to_string(),
            }
        }
        Err(format!("`{}` is no regular expression for Echo: {failure}", excerpt(text)))
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

/// The number of values in a value.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
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
