//! The tests of a request.

use serde_json::{Value, json};

use super::reader::{Attribute, Reader, escaped};
use crate::{
    api::error::{Kind, excerpt},
    domain::{MAX_TESTS, MAX_WHEN_BYTES, MockPath, Part, When, WhenError},
};

impl Attribute for When {
    const NAME: &'static str = "when";
    const EXAMPLE: &'static str = r#"{"query": {"lang": "en"}}"#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let errors = match Self::parse(value) {
            Ok(when) => return Some(when),
            Err(errors) => errors,
        };
        for error in errors {
            reader.note(Kind::Invalid, &pointer(at, &error), error.detail);
        }
        None
    }

    fn show(&self) -> Value {
        self.show()
    }

    fn schema() -> Value {
        let named = |part: Part| {
            let description = match part {
                Part::Params => "Tests of parameters in the path, by name. Values are percent-decoded.",
                Part::Query => "Tests of parameters in the query, by name.",
                Part::Headers => "Tests of header fields, by name. Names ignore case.",
                Part::Cookies => "Tests of cookies, by name.",
                Part::Form => "Tests of the fields of an `application/x-www-form-urlencoded` body, by name.",
                Part::Body => {
                    let test = json!({"$ref": "#/components/schemas/BodyTest"});
                    let description = "A test of the body, or a list of tests.";
                    let either = json!([test, {"type": "array", "items": test, "maxItems": MAX_TESTS}]);
                    return ("body", json!({"description": description, "anyOf": either}));
                }
            };
            let test = json!({"$ref": "#/components/schemas/Test"});
            (part.as_str(), json!({"type": "object", "description": description, "additionalProperties": test}))
        };
        let description = format!(
            "Tests of the request: all have to hold. Of several values with one name, one has to pass. Of mocks with the \
             same priority and path, the mock with more tests answers, then the newest mock. At most {MAX_TESTS} tests, \
             and {} KiB.",
            MAX_WHEN_BYTES / 1024
        );
        json!({
            "type": "object",
            "description": description,
            "properties": Part::ALL.map(named).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "additionalProperties": false,
        })
    }
}

/// Notes a test of a parameter that the path does not have.
pub fn check_params(when: &When, path: &MockPath, at: &str, reader: &mut Reader) {
    if let Err(error) = when.check_params(path) {
        reader.note(Kind::Invalid, &pointer(&format!("{at}/{}", When::NAME), &error), error.detail);
    }
}

fn pointer(at: &str, error: &WhenError) -> String {
    error.place.iter().fold(at.to_owned(), |at, name| at + "/" + &escaped(&excerpt(name)))
}

/// The schemas of tests.
pub fn schemas() -> [(&'static str, Value); 2] {
    let test = |description: &str, is_body: bool| {
        let flag = |description| json!({"type": "boolean", "enum": [true], "description": description});
        let mut checks = json!({
            "equals": {"type": "string", "description": "The same as the text alone."},
            "contains": {"type": "string"},
            "matches": {
                "type": "string",
                "description": "A regular expression as of Rust's `regex-lite`: linear time, not anchored, classes of ASCII.",
            },
            "absent": flag("No value has the name; an empty body."),
            "present": flag("At least one value has the name; a body that is not empty."),
        });
        if is_body {
            checks["json"] = json!({
                "description": "The body is JSON, and contains at least this value: objects by members, lists whole, numbers by value.",
            });
            checks["jsonpath"] = json!({
                "type": "string",
                "description": "The body is JSON, and this JSONPath query of RFC 9535 selects at least one value. Filters have no functions.",
            });
        }
        let object = json!({
            "type": "object",
            "properties": checks,
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        });
        json!({"description": description, "anyOf": [{"type": "string", "description": "The expected text."}, object]})
    };
    [("Test", test("A test of the values with a name.", false)), ("BodyTest", test("A test of the body.", true))]
}
