//! The list of a set: each mock as the attributes of an endpoint.

use serde_json::{Value, json};

use super::{
    Form, REQUESTED, Rules,
    reader::{Attribute, Reader},
};
use crate::{
    api::{
        error::{ApiError, Kind, Source},
        json,
    },
    domain::{Mock, SetName},
    replica::MAX_LISTED,
    yaml::{self, Mistake, Place, Text},
};

/// The schema of a list.
pub const LIST: &str = "MockList";

pub fn schema() -> (&'static str, Value) {
    let schema = json!({
        "type": "array",
        "description": "The mocks of a set. `set` may be left out of each mock.",
        "minItems": 1,
        "maxItems": MAX_LISTED,
        "items": {"$ref": format!("#/components/schemas/{}", REQUESTED[0])},
    });
    (LIST, schema)
}

/// Reads a list in JSON. Reports the mistakes of all mocks at once.
pub fn read_set(text: &[u8], name: &SetName, rules: Rules) -> Result<Vec<Mock>, ApiError> {
    read_mocks(name, rules, |each| json::parse_list(text, MAX_LISTED, each))
}

/// Reads a list in YAML. Its values take at most `memory` bytes. The text has the lines of later errors.
pub fn read_yaml_set(text: &[u8], memory: usize, name: &SetName, rules: Rules) -> Result<(Vec<Mock>, Text), ApiError> {
    let malformed = |detail: &str, pointer: &str| Kind::Malformed.object(detail, Some(Source::pointer(pointer)));
    let text = std::str::from_utf8(text)
        .map_err(|_| ApiError::all(vec![malformed("The body is not UTF-8: send YAML in UTF-8", "")]))?;
    let text = yaml::read_within(text, memory).map_err(|mistakes| {
        let object = |Mistake { place, pointer, detail }: &Mistake| malformed(&at_place(*place, detail), pointer);
        ApiError::all(mistakes.iter().map(object).collect())
    })?;
    match read_mocks(name, rules, |each| json::read_list(&text.value, MAX_LISTED, each)) {
        Ok(mocks) => Ok((mocks, text)),
        Err(error) => Err(located(error, &text)),
    }
}

/// The error of a list, with lines in the details.
pub fn located(error: ApiError, text: &Text) -> ApiError {
    error.map_details(|pointer, detail| at_place(text.place(pointer), detail))
}

fn at_place(place: Place, detail: &str) -> String {
    format!("Line {}, column {}: {detail}", place.line, place.column)
}

fn read_mocks(
    name: &SetName,
    rules: Rules,
    list: impl FnOnce(&mut dyn FnMut(Value)) -> serde_json::Result<()>,
) -> Result<Vec<Mock>, ApiError> {
    let mut reader = Reader::new(&rules.is_reserved, false, Form::Plain.home());
    reader.max_delay = rules.max_delay;
    let (mut mocks, mut count) = (Vec::new(), 0);
    let read = list(&mut |value| {
        let at = format!("/{count}");
        count += 1;
        let mock = Mock::read(&value, &at, &mut reader);
        if mock.as_ref().is_some_and(|mock| mock.set.as_ref().is_some_and(|set| set != name)) {
            let detail = format!("The list is for the set `{name}`: leave `set` out");
            reader.note(Kind::Invalid, &format!("{at}/set"), detail);
        }
        mocks.extend(mock);
    });
    read.map_err(|why| {
        ApiError::new(Kind::Malformed, format!("The body is not a list of mocks: {why}"), Some(Source::pointer("")))
    })?;
    if count == 0 {
        reader.note(Kind::Invalid, "", "The list is empty: send mocks, or use DELETE to delete the set");
    }
    reader.finish(Some(mocks))
}
