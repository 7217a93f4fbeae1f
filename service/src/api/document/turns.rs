//! The attributes of responses in turn.

use serde_json::{Map, Value, json};

use super::reader::{Attribute, Reader, has, member, whole};
use crate::{
    api::error::Kind,
    domain::{MAX_RESPONSES, MAX_TIMES, MockResponse, Series, Then, Times, Turns},
};

/// The name of the schema of each response.
pub const RESPONSE_IN_TURN: &str = "ResponseInTurn";

/// All responses of a mock, in the order of their turns.
pub struct Responses(Vec<(MockResponse, Times)>);

impl Responses {
    pub fn of(first: &MockResponse, turns: &Turns) -> Self {
        let first = (first.clone(), turns.times);
        Self([first].into_iter().chain(turns.more.iter().cloned()).collect())
    }
}

/// Reads the response of a mock, or its responses in turn. A change begins the turns anew.
pub fn read_responses(
    attributes: &Map<String, Value>,
    at: &str,
    reader: &mut Reader,
) -> Option<(MockResponse, Option<Turns>)> {
    let has = |name| has(attributes, name);
    let then = reader.optional::<Then>(attributes, at);
    if !has(Responses::NAME) {
        if has(Then::NAME) {
            let detail = format!("`{}` belongs to `{}`: leave it out", Then::NAME, Responses::NAME);
            reader.note(Kind::Invalid, &format!("{at}/{}", Then::NAME), detail);
        }
        if !has(MockResponse::NAME) {
            reader.missing::<MockResponse>(attributes, at);
        }
        return Some((reader.optional(attributes, at)?, None));
    }
    if has(MockResponse::NAME) {
        let detail = format!("A mock has one of both: keep `{}` or `{}`", MockResponse::NAME, Responses::NAME);
        reader.note(Kind::Invalid, &format!("{at}/{}", Responses::NAME), detail);
    }
    let mut all = reader.optional::<Responses>(attributes, at)?.0.into_iter();
    let (first, times) = all.next()?;
    Some((first, Some(Turns { times, more: all.collect(), then: then.unwrap_or_default(), series: Series::begin() })))
}

/// Removes the members of a present mock that a change replaces by others.
pub fn clear_replaced(current: &mut Map<String, Value>, changes: &Map<String, Value>) {
    if has(changes, MockResponse::NAME) {
        current.retain(|name, _| ![Responses::NAME, Then::NAME].contains(&name.as_str()));
    } else if has(changes, Responses::NAME) {
        current.shift_remove(MockResponse::NAME);
    }
}

impl Attribute for Responses {
    const NAME: &'static str = "responses";
    const EXAMPLE: &'static str = r#"[{"code": 503, "times": 2}, {"code": 200}]"#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let list = value.as_array().map_or(&[][..], Vec::as_slice);
        if !(1..=MAX_RESPONSES).contains(&list.len()) {
            let detail = format!("`{}` needs a list of 1 to {MAX_RESPONSES} responses", Self::NAME);
            reader.note(Kind::Invalid, at, detail);
            return None;
        }
        let each = list.iter().enumerate().map(|(number, value)| {
            let at = format!("{at}/{number}");
            let mut response = value.clone();
            let mut times = None;
            if let Some(response) = response.as_object_mut() {
                times = reader.optional(response, &at);
                response.shift_remove(Times::NAME);
            }
            Some((MockResponse::read(&response, &at, reader)?, times.unwrap_or(Times::ONCE)))
        });
        // All are read, so that all errors are noted.
        each.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Self)
    }

    fn show(&self) -> Value {
        let each = self.0.iter().map(|(response, times)| {
            let mut response = response.show();
            if *times != Times::ONCE {
                response[Times::NAME] = times.show();
            }
            response
        });
        each.collect()
    }

    fn schema() -> Value {
        json!({
            "type": "array",
            "description": "Instead of `response`: responses in turn. Each turn goes to one call, over all replicas. Every change of the \
                            mock begins the turns anew.",
            "items": {"$ref": format!("#/components/schemas/{RESPONSE_IN_TURN}")},
            "minItems": 1,
            "maxItems": MAX_RESPONSES,
        })
    }
}

/// The schema of each response in turn.
pub fn schema() -> (&'static str, Value) {
    let mut response = MockResponse::schema();
    response["description"] = "A response of several in turn.".into();
    response["properties"][Times::NAME] = member::<Times>().schema();
    (RESPONSE_IN_TURN, response)
}

impl Attribute for Times {
    const NAME: &'static str = "times";
    const EXAMPLE: &'static str = "2";
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let Some(times) = whole(value) else {
            reader.note(Kind::Invalid, at, format!("The value is not a whole number: write one from 1 to {MAX_TIMES}"));
            return None;
        };
        reader.noted(Kind::Invalid, at, Self::parse(times))
    }

    fn show(&self) -> Value {
        self.get().into()
    }

    fn schema() -> Value {
        json!({
            "type": "integer",
            "description": "How many calls in a row the response answers. Without this member: 1.",
            "minimum": 1,
            "maximum": MAX_TIMES,
        })
    }
}

impl Attribute for Then {
    const NAME: &'static str = "then";
    const EXAMPLE: &'static str = r#""repeat""#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        reader.parsed(value, at, Self::parse)
    }

    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "description": "Beside `responses`: after the last turn, the `last` response answers all calls, the turns `repeat`, or the \
                            mock fits `none` of the further calls. Without this member: `last`.",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}
