//! Reads the members of objects, and notes their errors.

use serde_json::{Map, Value};

use super::IsReserved;
use crate::api::error::{ApiError, ErrorObject, Kind, MAX_ERRORS, Source, excerpt};

/// The object to which a known member belongs.
pub fn home(name: &str) -> Option<&'static str> {
    match name {
        "verb" | "path" | "response" => Some("data.attributes"),
        "code" | "headers" | "body" => Some("data.attributes.response"),
        _ => None,
    }
}

/// An example of a member.
fn example(name: &str) -> &'static str {
    match name {
        "verb" => r#""verb": "GET""#,
        "path" => r#""path": "/greeting""#,
        "response" => r#""response": {"code": 200}"#,
        "code" => r#""code": 200"#,
        "headers" => r#""headers": {"Content-Type": "text/plain"}"#,
        _ => r#""attributes": {"verb": "GET", "path": "/greeting", "response": {"code": 200}}"#,
    }
}

/// The value of a member. Only PATCH distinguishes null from absence.
enum Member<'a> {
    Absent,
    Null,
    Value(&'a Value),
}

impl<'a> Member<'a> {
    fn of(object: &'a Map<String, Value>, name: &str) -> Self {
        match object.get(name) {
            None => Self::Absent,
            Some(Value::Null) => Self::Null,
            Some(value) => Self::Value(value),
        }
    }
}

/// The errors of a document so far.
pub struct Reader {
    pub errors: Vec<ErrorObject>,
    /// The number of errors beyond [`MAX_ERRORS`].
    untold: usize,
    pub is_reserved: IsReserved,
}

/// `None` stands for a wrong value, whose error is noted.
impl Reader {
    pub fn new(is_reserved: IsReserved) -> Self {
        Self { errors: Vec::new(), untold: 0, is_reserved }
    }

    pub fn finish<T>(mut self, outcome: Option<T>) -> Result<T, ApiError> {
        if self.untold > 0 {
            let detail = format!("There are {} more errors: correct these first", self.untold);
            self.errors.push(Kind::Invalid.object(detail, None));
        }
        outcome.filter(|_| self.errors.is_empty()).ok_or(ApiError::all(self.errors))
    }

    pub fn note(&mut self, kind: Kind, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(kind.object(detail, Some(Source::pointer(pointer))));
        } else {
            self.untold += 1;
        }
    }

    pub fn required<'a>(&mut self, object: &'a Map<String, Value>, at: &str, name: &str) -> Option<&'a Value> {
        match Member::of(object, name) {
            Member::Value(value) => Some(value),
            Member::Absent | Member::Null => {
                let detail = format!("`{name}` is missing: write `{}`", example(name));
                self.note(Kind::Invalid, &format!("{at}/{name}"), detail);
                None
            }
        }
    }

    /// A required attribute in a PATCH: absence keeps it; null is an error.
    pub fn kept<T>(
        &mut self,
        object: &Map<String, Value>,
        at: &str,
        name: &str,
        current: T,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        match Member::of(object, name) {
            Member::Absent => Some(current),
            Member::Value(value) => read(self, value),
            Member::Null => {
                self.note(
                    Kind::Invalid,
                    &format!("{at}/{name}"),
                    format!("`{name}` cannot be null: leave the member out to keep its value"),
                );
                None
            }
        }
    }

    /// An optional member of the response: null clears it, absence keeps it. Absence in a new endpoint clears it.
    pub fn optional<T>(
        &mut self,
        response: &Map<String, Value>,
        name: &str,
        cleared: T,
        kept: Option<T>,
        read: impl FnOnce(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        match Member::of(response, name) {
            Member::Absent => Some(kept.unwrap_or(cleared)),
            Member::Null => Some(cleared),
            Member::Value(value) => read(self, value),
        }
    }

    pub fn required_object<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        at: &str,
        name: &str,
    ) -> Option<&'a Map<String, Value>> {
        let value = self.required(object, at, name)?;
        self.object(value, at, name)
    }

    pub fn object_or<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        at: &str,
        name: &str,
        absent: &'a Map<String, Value>,
    ) -> Option<&'a Map<String, Value>> {
        object.get(name).map_or(Some(absent), |value| self.object(value, at, name))
    }

    pub fn object<'a>(&mut self, value: &'a Value, at: &str, name: &str) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.note(
                Kind::Invalid,
                &format!("{at}/{name}"),
                format!("`{name}` is not an object: write `{}`", example(name)),
            );
        }
        object
    }

    pub fn string<'a>(&mut self, value: &'a Value, pointer: &str) -> Option<&'a str> {
        let text = value.as_str();
        if text.is_none() {
            self.note(Kind::Invalid, pointer, "The value is not a string: write it in quotes");
        }
        text
    }

    /// Notes every unknown member, so that a misspelt member is not silently lost.
    pub fn only_known(&mut self, object: &Map<String, Value>, at: &str, known: &[&str]) {
        for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
            let excerpt = excerpt(name);
            let detail = if let Some(home) = home(name) {
                format!("`{name}` is in the wrong place: put it into `{home}`")
            } else {
                let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                format!("`{excerpt}` is not a member here: use {list}, or leave it out")
            };
            self.note(Kind::Invalid, &format!("{at}/{}", escaped(&excerpt)), detail);
        }
    }

    pub fn noted<T, E: std::fmt::Display>(&mut self, kind: Kind, pointer: &str, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|error| self.note(kind, pointer, capitalized(&error.to_string()))).ok()
    }
}

/// The name of a member as a part of a JSON pointer (RFC 6901 section 3).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
