//! `echo-service explain`: the mocks that may answer a call.

use http::Method;
use serde_json::{Map, Value, json};

use super::{management::Management, table, text};
use crate::config::Explain;

pub fn run(Explain { method, target, header, body, at }: &Explain) -> Result<String, String> {
    let mut call = json!({"verb": method, "target": target, "headers": fields(header)});
    if let Some(body) = body {
        call["body"] = body.as_str().into();
    }
    let management = Management::of(at)?;
    let document = management.ask(Method::POST, "/-/explain", &[], Some(call.to_string().into_bytes()))?;
    let meta = &document["meta"];
    let candidates = meta["candidates"].as_array().ok_or_else(|| management.other(200))?;
    let row = |mock: &Value| {
        let [id, verb, path, priority] = ["id", "verb", "path", "priority"].map(|member| text(&mock[member]));
        [id, verb, path, priority, result(mock, &meta["answers"])]
    };
    let mut told = table(["ID", "VERB", "PATH", "PRIORITY", "RESULT"], candidates.iter().map(row));
    if meta["answers"].is_null() {
        told.push_str("no mock answers: the call gets 404\n");
    } else if meta["more"] == true {
        told.push_str("more mocks fit, and are not shown\n");
    }
    Ok(told)
}

/// Each name once, with all its values.
fn fields(header: &[(String, String)]) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in header {
        let values = fields.entry(name.to_ascii_lowercase()).or_insert_with(|| json!([]));
        values.as_array_mut().expect("a list").push(value.as_str().into());
    }
    fields
}

fn result(mock: &Value, answers: &Value) -> String {
    let Some(failure) = mock.get("fails") else {
        return if mock["id"] == *answers { "answers".into() } else { "not tried".into() };
    };
    let expected = failure.get("expected").map(|test| format!(" expects {test},")).unwrap_or_default();
    let found = failure["found"].as_array().into_iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
    let found = if found.is_empty() { "nothing".into() } else { found.join(", ") };
    format!("{}:{expected} found {found}", text(&failure["pointer"]))
}
