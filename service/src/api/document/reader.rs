//! The form of an attribute's declaration, and the reader of objects, which notes their errors.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::error::{ApiError, ErrorObject, Kind, MAX_ERRORS, Source, capitalized, excerpt};
pub use crate::web::document::escaped;

/// A member of the document of a mock.
pub trait Attribute: Sized {
    const NAME: &'static str;
    /// A value in JSON, for messages and the OpenAPI document.
    const EXAMPLE: &'static str;
    const IS_REQUIRED: bool = true;

    /// Reads a value that is not null. `None` stands for a wrong value with noted errors. `at` is the JSON pointer
    /// of the value.
    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self>;

    /// The value that [`Self::read`] reads, or null for an absent attribute.
    fn show(&self) -> Value;

    /// The schema of the values for [`Self::read`], without null.
    fn schema() -> Value;
}

/// A member of an object, as its [`Attribute`] declares it.
pub struct Member {
    pub name: &'static str,
    is_required: bool,
    schema: fn() -> Value,
}

impl Member {
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

pub const fn member<A: Attribute>() -> Member {
    Member { name: A::NAME, is_required: A::IS_REQUIRED, schema: member_schema::<A> }
}

fn member_schema<A: Attribute>() -> Value {
    let mut schema = A::schema();
    // An object needs no example of its own: its members have examples.
    if schema.get("properties").is_none() {
        schema["example"] = serde_json::from_str(A::EXAMPLE).expect("each example is JSON");
    }
    if !A::IS_REQUIRED {
        // OpenAPI 3.0 knows `nullable` only beside `type`. Without both, a schema allows null.
        let typed = if schema.get("anyOf").is_some() { &mut schema["anyOf"][0] } else { &mut schema };
        if typed.get("type").is_some() {
            typed["nullable"] = true.into();
        }
    }
    schema
}

pub fn object_schema(description: &str, members: &[Member]) -> Value {
    let required: Vec<_> = members.iter().filter(|member| member.is_required).map(|member| member.name).collect();
    let properties: Map<_, _> = members.iter().map(|member| (member.name.to_owned(), member.schema())).collect();
    json!({
        "type": "object",
        "description": description,
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The value as a whole number, if a double is exact. `2.0` is 2 (JSON Schema 2020-12, section 4.2.3).
pub fn whole(value: &Value) -> Option<i64> {
    let is_exact = |number: &f64| number.fract() == 0.0 && number.abs() < (1_i64 << f64::MANTISSA_DIGITS) as f64;
    value.as_f64().filter(is_exact).map(|number| number as i64)
}

/// An object without absent attributes.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let present = members.into_iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

/// Whether an object has a member other than null.
pub fn has(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

pub fn shown<'a, A: Attribute + 'a>(attribute: impl Into<Option<&'a A>>) -> (&'static str, Value) {
    (A::NAME, attribute.into().map_or(Value::Null, A::show))
}

/// The errors of a document so far.
pub struct Reader<'a> {
    errors: Vec<ErrorObject>,
    /// The number of errors beyond [`MAX_ERRORS`].
    untold: usize,
    /// Whether management has this path.
    pub is_reserved: &'a dyn Fn(&str) -> bool,
    pub max_delay: Duration,
    /// Whether absent members keep their values.
    is_change: bool,
    /// The object to which a known member belongs, for messages.
    pub(super) home: fn(&str) -> Option<&'static str>,
}

/// `None` stands for a wrong value with a noted error.
impl<'a> Reader<'a> {
    pub fn new(is_reserved: &'a dyn Fn(&str) -> bool, is_change: bool, home: fn(&str) -> Option<&'static str>) -> Self {
        Self { errors: Vec::new(), untold: 0, is_reserved, max_delay: Duration::MAX, is_change, home }
    }

    /// The outcome, if there are no errors.
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

    /// The value of a required attribute. `at` is the JSON pointer of the object.
    pub fn required<A: Attribute>(&mut self, object: &Map<String, Value>, at: &str) -> Option<A> {
        const { assert!(A::IS_REQUIRED) };
        let Some(value) = object.get(A::NAME).filter(|value| !value.is_null()) else {
            self.missing::<A>(object, at);
            return None;
        };
        A::read(value, &format!("{at}/{}", A::NAME), self)
    }

    /// Notes that an attribute is absent or null. `at` is the JSON pointer of the object.
    pub fn missing<A: Attribute>(&mut self, object: &Map<String, Value>, at: &str) {
        let (at, name, example) = (format!("{at}/{}", A::NAME), A::NAME, A::EXAMPLE);
        let detail = if self.is_change && object.contains_key(name) {
            format!("`{name}` cannot be null: leave the member out to keep its value")
        } else {
            format!("`{name}` is missing: write `\"{name}\": {example}`")
        };
        self.note(Kind::Invalid, &at, detail);
    }

    /// The value of an optional attribute, or `None` if it is absent, null or wrong. `at` is the JSON pointer of the
    /// object.
    pub fn optional<A: Attribute>(&mut self, object: &Map<String, Value>, at: &str) -> Option<A> {
        const { assert!(!A::IS_REQUIRED) };
        let value = object.get(A::NAME).filter(|value| !value.is_null())?;
        A::read(value, &format!("{at}/{}", A::NAME), self)
    }

    /// The value as an object. `at` is its JSON pointer.
    pub fn object<'v, A: Attribute>(&mut self, value: &'v Value, at: &str) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            let (name, example) = (A::NAME, A::EXAMPLE);
            // A change with the example would overwrite values.
            let advice = if self.is_change {
                format!("write an object with the new members, or leave `{name}` out to keep its value")
            } else {
                format!("write `\"{name}\": {example}`")
            };
            self.note(Kind::Invalid, at, format!("`{name}` is not an object: {advice}"));
        }
        object
    }

    pub fn string<'v>(&mut self, value: &'v Value, pointer: &str) -> Option<&'v str> {
        let text = value.as_str();
        if text.is_none() {
            self.note(Kind::Invalid, pointer, "The value is not a string: write it in quotes");
        }
        text
    }

    /// The value of a type with a text.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        value: &Value,
        at: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.string(value, at)?;
        self.noted(Kind::Invalid, at, parse(text))
    }

    /// Notes every unknown member, so that a misspelt member is not silently lost.
    pub fn only_known(&mut self, object: &Map<String, Value>, at: &str, known: &[Member]) {
        let is_known = |name: &str| known.iter().any(|member| member.name == name);
        for name in object.keys().filter(|name| !is_known(name)) {
            let excerpt = excerpt(name);
            let detail = if let Some(home) = (self.home)(name) {
                format!("`{name}` is in the wrong place: put it into {home}")
            } else {
                let list = known.iter().map(|member| format!("`{}`", member.name)).collect::<Vec<_>>().join(", ");
                format!("`{excerpt}` is not a member here: use {list}, or leave it out")
            };
            self.note(Kind::Invalid, &format!("{at}/{}", escaped(&excerpt)), detail);
        }
    }

    pub fn noted<T, E: std::fmt::Display>(&mut self, kind: Kind, pointer: &str, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|error| self.note(kind, pointer, capitalized(&error.to_string()))).ok()
    }
}
