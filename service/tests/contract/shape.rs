//! The shape of every refusal.

use serde_json::Value;

use crate::support::Answer;

pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Checks that an answer refuses with this status, in exactly the documented form.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some(MEDIA_TYPE), "{case}");
    let document = answer.json();
    // Only a 404 can name mocks, and only a 404 or 405 operations.
    if let Some(meta) = document.get("meta").filter(|_| [404, 405].contains(&status)) {
        assert_eq!((names(&document), names(meta).len()), (vec!["errors", "meta"], 1), "{case}");
        let (name, most) =
            if status == 404 && meta.get("nearest").is_some() { ("nearest", 3) } else { ("operations", 50) };
        assert!((1..=most).contains(&meta[name].as_array().unwrap().len()), "{case}: {meta}");
    } else {
        assert_eq!(names(&document), ["errors"], "{case}");
    }
    let errors = document["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{case}");
    for error in errors {
        let mut members = names(error);
        // Only a 404 has a link.
        let has_link = members.pop_if(|name| *name == "links").is_some();
        assert!(!has_link || error["links"] == serde_json::json!({"about": "/-/docs"}) && status == 404, "{case}");
        let expected = ["status", "code", "title", "detail", "source"];
        assert_eq!(members, expected[..members.len()], "{case}");
        assert!(members.len() >= 4, "{case}: {error}");
        for name in &expected[..4] {
            assert!(error[name].as_str().is_some_and(|text| !text.is_empty()), "{case}: `{name}` of {error}");
        }
        if let Some(source) = error.get("source") {
            let [at] = names(source).try_into().unwrap_or_else(|_| panic!("{case}: one place in {error}"));
            assert!(["pointer", "parameter", "header"].contains(&at), "{case}: {error}");
            assert!(source[at].is_string(), "{case}: {error}");
        }
    }
    // For errors with different statuses, JSON:API demands the class that fits all.
    if status != 400 {
        let status = status.to_string();
        assert!(errors.iter().all(|error| error["status"] == *status), "{case}: {document}");
    }
}

/// Like [`assert_refused`], for a single error at this member of the request's document.
#[track_caller]
pub fn assert_refused_at(answer: &Answer, status: u16, pointer: &str, case: &str) {
    assert_refused(answer, status, case);
    assert_eq!(answer.pointers(), [pointer], "{case}: {}", answer.text());
}

/// The names of an object's members in their order.
pub fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}
