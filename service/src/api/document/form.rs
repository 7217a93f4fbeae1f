//! The two forms of the document of an endpoint: JSON:API, and the attributes alone.

use serde_json::{Value, json};

use super::attributes;

/// The form of a request's document, and of the answer to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The envelope of JSON:API around the attributes.
    JsonApi,
    /// The attributes alone, as `application/json`.
    Plain,
}

impl Form {
    /// The object to which a known member belongs, for messages.
    pub fn home(self) -> fn(&str) -> Option<&'static str> {
        match self {
            Self::JsonApi => |name| attributes::home(name, ["`data.attributes`", "`data.attributes.response`"]),
            Self::Plain => |name| attributes::home(name, ["the document itself", "`response`"]),
        }
    }
}

/// The document of an endpoint in a request, as JSON:API.
pub struct Sent {
    pub form: Form,
    pub document: Value,
}

impl Sent {
    /// An object without `data` is plain if its media type allows that. Echo reads it with an envelope, so that both
    /// forms have the same rules; [`crate::web::problem::ApiError::without_envelope`] takes it off pointers again.
    pub fn new(document: Value, may_be_plain: bool) -> Self {
        match document {
            Value::Object(mut attributes) if may_be_plain && !attributes.contains_key("data") => {
                let id = attributes.shift_remove("id");
                let document = json!({"data": {"type": "endpoints", "id": id, "attributes": attributes}});
                Self { form: Form::Plain, document }
            }
            document => Self { form: Form::JsonApi, document },
        }
    }
}
