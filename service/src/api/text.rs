//! Strings with a rule that poem's validators cannot express, or that the domain words better than they do.
//!
//! The rule is in the OpenAPI document; the domain decides, so that a refusal says what to write instead.

use std::{borrow::Cow, marker::PhantomData};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use super::endpoints::MAX_PAGE;
use crate::domain::{MAX_PATH_BYTES, Verb};

/// What the OpenAPI document says of a text.
pub trait Rule: Send + Sync + 'static {
    const NAME: &'static str;

    fn schema() -> MetaSchema;
}

/// A string that follows a rule, not checked yet.
#[derive(Debug, Clone)]
pub struct Text<R>(pub String, PhantomData<fn() -> R>);

impl<R> Text<R> {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }
}

/// The part of the path's pattern that is there only where management shares the listener of the mocks.
pub const RESERVED: &str = r"(?!/endpoints(/|$))(?!/-/)";

/// The path of a mock.
#[derive(Debug, Clone)]
pub struct PathRule;

impl Rule for PathRule {
    const NAME: &'static str = "path";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some(
                "The path component of a URL, matched exactly; a request's query is ignored. Without query, fragment, host \
                 or dot segments; what may not stand in a URL is percent-escaped. On a listener that serves management too, \
                 `/endpoints`, `/endpoints/…` and `/-/…` are reserved.",
            ),
            example: Some("/greeting".into()),
            max_length: Some(MAX_PATH_BYTES),
            pattern: Some(format!(
                r"^{RESERVED}(?!.*/(\.|%2[eE]){{1,2}}(/|$))/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{{2}})*$"
            )),
            ..MetaSchema::new("string")
        }
    }
}

/// The path in a filter, as it is once decoded: what a path must escape may stand in it as it is.
#[derive(Debug, Clone)]
pub struct FilterPathRule;

impl Rule for FilterPathRule {
    const NAME: &'static str = "filter path";

    fn schema() -> MetaSchema {
        let pattern = r"^(?!.*/(\.|%2[eE]){1,2}(/|$))/([^\x00-\x1F\x7F%?#]|%[0-9A-Fa-f]{2})*$";
        // Without an example: Swagger UI would fill it in, and list nothing else.
        MetaSchema { pattern: Some(pattern.into()), ..MetaSchema::new("string") }
    }
}

/// The id of an endpoint.
#[derive(Debug, Clone)]
pub struct IdRule;

impl Rule for IdRule {
    const NAME: &'static str = "id";

    fn schema() -> MetaSchema {
        let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
        MetaSchema { pattern: Some(pattern.into()), ..MetaSchema::new("string") }
    }
}

/// How many endpoints a page has at most.
#[derive(Debug, Clone)]
pub struct SizeRule;

impl Rule for SizeRule {
    const NAME: &'static str = "size";

    fn schema() -> MetaSchema {
        MetaSchema { minimum: Some(1.0), maximum: Some(MAX_PAGE as f64), ..MetaSchema::new("integer") }
    }
}

/// The verb of a mock.
#[derive(Debug, Clone)]
pub struct VerbRule;

impl Rule for VerbRule {
    const NAME: &'static str = "verb";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some(
                "The method that the mock answers. Lower case is taken too. CONNECT and TRACE cannot be mocked: no load \
                 balancer delivers them.",
            ),
            enum_items: Verb::ALL.map(|verb| verb.as_str().into()).into(),
            ..MetaSchema::new("string")
        }
    }
}

impl<R: Rule> Type for Text<R> {
    const IS_REQUIRED: bool = true;

    type RawValueType = String;
    type RawElementValueType = String;

    fn name() -> Cow<'static, str> {
        format!("string({})", R::NAME).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(R::schema()))
    }

    fn as_raw_value(&self) -> Option<&String> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a String> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<R: Rule> ParseFromJSON for Text<R> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        String::parse_from_json(value).map(Self::new).map_err(ParseError::propagate)
    }
}

impl<R: Rule> ParseFromParameter for Text<R> {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        Ok(Self::new(value))
    }
}

impl<R: Rule> ToJSON for Text<R> {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}
