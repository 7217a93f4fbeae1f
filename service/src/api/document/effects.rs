//! The effects of a response at the time of a call.

use serde_json::{Value, json};

use super::reader::{Attribute, Reader};
use crate::{
    api::error::{Kind, capitalized},
    domain::{Delay, Fault, MAX_RENDERED_BYTES},
};

/// Whether the content and the header values are templates.
pub struct IsTemplate;

impl Attribute for IsTemplate {
    const NAME: &'static str = "template";
    const EXAMPLE: &'static str = "true";
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        if !value.is_boolean() {
            reader.note(Kind::Invalid, at, "The value is not a boolean: write `true`, or leave `template` out");
        }
        (value == true).then_some(Self)
    }

    fn show(&self) -> Value {
        true.into()
    }

    fn schema() -> Value {
        let description = format!(
            "Whether `body`, the strings in `json` and the values of `headers` are templates, such as \
             `Hello {{{{ request.query.name }}}}`. A mistake is an error with its line. The rendered content has at most {} KiB.",
            MAX_RENDERED_BYTES / 1024
        );
        json!({"type": "boolean", "description": description})
    }
}

impl Attribute for Delay {
    const NAME: &'static str = "delay";
    const EXAMPLE: &'static str = r#""300ms""#;
    const IS_REQUIRED: bool = false;

    fn read(value: &Value, at: &str, reader: &mut Reader) -> Option<Self> {
        let delay = match Self::parse(value) {
            Ok(delay) => delay,
            Err(error) => {
                let at = error.member.map_or_else(|| at.to_owned(), |member| format!("{at}/{member}"));
                reader.note(Kind::Invalid, &at, capitalized(&error.detail));
                return None;
            }
        };
        if delay.longest() > reader.max_delay {
            let max = humantime::format_duration(reader.max_delay);
            let detail =
                format!("The delay is longer than `--max-delay`: write at most {max}, or start Echo with a longer one");
            reader.note(Kind::Invalid, at, detail);
            return None;
        }
        Some(delay)
    }

    fn show(&self) -> Value {
        self.show()
    }

    fn schema() -> Value {
        let duration = json!({"type": "string", "pattern": r"^[0-9]{1,5}(ms|s)$|^[0-9]{1,5}\.[0-9]{1,3}s$"});
        let pair = |names: [&str; 2], description: &str| {
            let properties: serde_json::Map<_, _> =
                names.into_iter().map(|name| (name.to_owned(), duration.clone())).collect();
            json!({
                "type": "object",
                "description": description,
                "properties": properties,
                "required": names,
                "additionalProperties": false,
            })
        };
        json!({
            "description": "The answer waits, at most for `--max-delay`.",
            "anyOf": [
                duration,
                pair(["from", "to"], "Uniformly distributed between the two."),
                pair(["median", "p99"], "Distributed log-normally: half of the delays are at most `median`, and 99 of 100 at most `p99`."),
            ],
        })
    }
}

impl Attribute for Fault {
    const NAME: &'static str = "fault";
    const EXAMPLE: &'static str = r#""reset""#;
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
            "description": "Instead of an answer, after the delay: `reset` resets the connection, `close` closes it, and \
                            `garbage` sends bytes that are not HTTP. `truncate` closes the connection after the head \
                            and half of the content, or after half of the head of an answer without content. Only \
                            `truncate` stands beside `body`, `json` or `base64`. Behind a load balancer the client gets \
                            a 502.",
            "enum": Self::ALL.map(Self::as_str),
        })
    }
}
