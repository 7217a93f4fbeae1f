//! `bodyFile`: the content of a response in a file of its own.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::Reading;
use crate::domain::{MAX_BODY_BYTES, excerpt};

/// The member of a response with the path of a file.
pub const BODY_FILE: &str = "bodyFile";

/// Replaces each `bodyFile` by `body`, or by `base64` for bytes that are no UTF-8. Returns the mistakes, each with its
/// JSON pointer. All members keep their places.
pub fn insert(mocks: &mut Value, reading: &mut Reading) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    let each = match mocks {
        Value::Array(list) => list.iter_mut().enumerate().map(|(n, mock)| (format!("/{n}"), mock)).collect(),
        one => vec![(String::new(), one)],
    };
    for (at, mock) in each {
        if let Some(response) = mock.get_mut("response") {
            in_response(response, &format!("{at}/response"), reading, &mut wrong);
        }
        let responses = mock.get_mut("responses").and_then(Value::as_array_mut);
        for (n, response) in responses.into_iter().flatten().enumerate() {
            in_response(response, &format!("{at}/responses/{n}"), reading, &mut wrong);
        }
    }
    wrong
}

fn in_response(response: &mut Value, at: &str, reading: &mut Reading, wrong: &mut Vec<(String, String)>) {
    let Some(members) = response.as_object_mut().filter(|members| members.contains_key(BODY_FILE)) else { return };
    match content(members, reading) {
        Ok((name, content)) => {
            let replaced = |(member, value)| {
                if member == BODY_FILE { (name.to_owned(), content.clone().into()) } else { (member, value) }
            };
            *members = std::mem::take(members).into_iter().map(replaced).collect();
        }
        Err(why) => wrong.push((format!("{at}/{BODY_FILE}"), why)),
    }
}

/// The member for the content of the file, and its text.
fn content(response: &Map<String, Value>, reading: &mut Reading) -> Result<(&'static str, String), String> {
    if let Some(other) = ["body", "json", "base64"].into_iter().find(|name| response.contains_key(*name)) {
        return Err(format!("A response has one content: keep `{BODY_FILE}` or `{other}`"));
    }
    let Some(name) = response[BODY_FILE].as_str() else {
        return Err(format!("`{BODY_FILE}` is not a text: write the path of a file beneath the folder of this file"));
    };
    let bytes = reading.bytes(name, MAX_BODY_BYTES).map_err(|why| {
        format!("`{}` {why}. `{BODY_FILE}` names a file beneath the folder of this file", excerpt(name))
    })?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => ("body", text),
        Err(other) => ("base64", BASE64_STANDARD.encode(other.into_bytes())),
    })
}
