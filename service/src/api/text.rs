//! Strings with rules that poem's validators cannot express, or for which the domain has better messages.
//!
//! The rule is in the OpenAPI document. The domain enforces it, so that a refusal names the correction.

use std::{borrow::Cow, marker::PhantomData};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type},
};
use serde_json::Value;

use super::endpoints::MAX_PAGE;
use crate::{
    domain::{MAX_PATH_BYTES, Verb},
    store::NEWEST_FORMAT,
};

/// The schema of a text in the OpenAPI document.
pub trait Rule: Send + Sync + 'static {
    const NAME: &'static str;

    fn schema() -> MetaSchema;
}

/// A string with a rule, not checked yet.
#[derive(Debug, Clone)]
pub struct Text<R>(pub String, PhantomData<fn() -> R>);

impl<R> Text<R> {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }
}

/// The part of the path's pattern for a shared listener.
pub const RESERVED: &str = r"(?!/endpoints(/|$))(?!/-/)";

/// The path of a mock.
#[derive(Debug, Clone)]
pub struct PathRule;

impl Rule for PathRule {
    const NAME: &'static str = "path";

    fn schema() -> MetaSchema {
        MetaSchema {
            description: Some(
                "The path component of a URL. It matches exactly; Echo ignores the query of a request. No query, \
                 fragment, host or dot segments. Percent-escape characters that a URL cannot hold. On a listener \
                 shared with management, `/endpoints`, `/endpoints/…` and `/-/…` are reserved.",
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

/// The path in a filter after decoding. It may hold characters that a path must escape.
#[derive(Debug, Clone)]
pub struct FilterPathRule;

impl Rule for FilterPathRule {
    const NAME: &'static str = "filter path";

    fn schema() -> MetaSchema {
        let pattern = r"^(?!.*/(\.|%2[eE]){1,2}(/|$))/([^\x00-\x1F\x7F%?#]|%[0-9A-Fa-f]{2})*$";
        // Without an example: Swagger UI would insert it, and the listing would be empty.
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

/// Maximum number of endpoints on a page.
#[derive(Debug, Clone)]
pub struct SizeRule;

impl Rule for SizeRule {
    const NAME: &'static str = "size";

    fn schema() -> MetaSchema {
        MetaSchema { minimum: Some(1.0), maximum: Some(MAX_PAGE as f64), ..MetaSchema::new("integer") }
    }
}

/// The format of a store.
#[derive(Debug, Clone)]
pub struct FormatRule;

impl Rule for FormatRule {
    const NAME: &'static str = "format";

    fn schema() -> MetaSchema {
        MetaSchema { minimum: Some(1.0), maximum: Some(NEWEST_FORMAT as f64), ..MetaSchema::new("integer") }
    }
}

#[derive(Debug, Clone)]
pub struct FlagRule;

impl Rule for FlagRule {
    const NAME: &'static str = "flag";

    fn schema() -> MetaSchema {
        MetaSchema::new("boolean")
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
                "The method of the mock's requests, in upper or lower case. CONNECT and TRACE cannot be mocked: no \
                 load balancer delivers them.",
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
