//! Parameters in the query of a request: read, and described in OpenAPI.

use std::fmt::Display;

use poem::Request;
use poem_openapi::param::Query;
use serde_json::{Value, json};

use super::{
    document::Attribute,
    error::{ApiError, ErrorObject, Kind, MAX_ERRORS, Source, capitalized, excerpt},
};
use crate::{
    domain::{EndpointId, MockPath, SetName, Verb},
    store::{Filter, NEWEST_FORMAT},
};

/// Maximum number of endpoints on a page.
pub const MAX_PAGE: usize = 1_000;

/// The schema of a parameter. Handlers take each parameter as a text, to report all mistakes with their corrections.
pub fn schema(name: &str) -> Value {
    match name {
        "page[size]" => json!({"type": "integer", "minimum": 1, "maximum": MAX_PAGE}),
        "page[after]" => {
            let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
            json!({"type": "string", "pattern": pattern})
        }
        "filter[verb]" => Verb::schema(),
        "filter[set]" => SetName::schema(),
        // After decoding, so that it may hold characters that a path must escape. Without an example: Swagger UI would
        // insert it, and the listing would be empty.
        "filter[path]" => {
            let pattern = r"^(?!.*/(\.|%2[eE]){1,2}(/|$))/([^\x00-\x1F\x7F%?#]|%[0-9A-Fa-f]{2})*$";
            json!({"type": "string", "pattern": pattern})
        }
        "to_format" => json!({"type": "integer", "minimum": 1, "maximum": NEWEST_FORMAT}),
        "dry_run" | "dryRun" | "deleteAll" => json!({"type": "boolean"}),
        _ => unreachable!("`{name}` needs a line here"),
    }
}

pub fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{}` is not a flag: write `true` or `false`", excerpt(text)))
}

/// The parameters of a request, and their errors so far.
pub struct Parameters<'a> {
    request: &'a Request,
    known: Vec<&'static str>,
    wrong: Vec<ErrorObject>,
}

impl<'a> Parameters<'a> {
    pub fn of(request: &'a Request) -> Self {
        Self { request, known: Vec::new(), wrong: Vec::new() }
    }

    /// The value of a parameter, or `None` if it is absent or wrong.
    pub fn read<T, E: Display>(
        &mut self,
        name: &'static str,
        sent: Query<Option<String>>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.known.push(name);
        let note = |error: E| {
            self.wrong.push(Kind::BadParameter.object(capitalized(&error.to_string()), Some(Source::parameter(name))));
        };
        parse(&sent.0?).map_err(note).ok()
    }

    /// Refuses wrong, unknown and duplicate parameters: with a misspelt filter, a listing would show everything
    /// (JSON:API 1.1, "Query Parameters").
    pub fn check(self) -> Result<(), ApiError> {
        let errors = [self.unknown(), self.wrong].concat();
        if errors.is_empty() { Ok(()) } else { Err(ApiError::all(errors)) }
    }

    fn unknown(&self) -> Vec<ErrorObject> {
        let mut seen = Vec::new();
        let mut errors = Vec::new();
        for (name, _) in url::form_urlencoded::parse(self.request.uri().query().unwrap_or_default().as_bytes()) {
            let why = if seen.contains(&name) {
                format!("`{}` is given twice: keep one", excerpt(&name))
            } else if self.known.is_empty() {
                format!("`{}` is not a parameter: this operation has none", excerpt(&name))
            } else if self.known.contains(&&*name) {
                seen.push(name);
                continue;
            } else {
                format!("`{}` is not a parameter: use {}", excerpt(&name), self.known.join(", "))
            };
            if errors.len() < MAX_ERRORS {
                errors.push(Kind::BadParameter.object(why, Some(Source::parameter(excerpt(&name)))));
            }
        }
        errors
    }
}

/// The undecoded value of a parameter.
fn raw_parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let is_named =
        |sent: &str| url::form_urlencoded::parse(sent.as_bytes()).next().is_some_and(|(sent, _)| sent == name);
    pairs.filter(|(sent, _)| is_named(sent)).map(|(_, value)| value).next()
}

/// The filters of a listing or of a deletion.
pub fn read_filter(
    request: &Request,
    parameters: &mut Parameters,
    verb: Query<Option<String>>,
    path: Query<Option<String>>,
    set: Query<Option<String>>,
) -> Filter {
    let raw = raw_parameter(request, "filter[path]").unwrap_or_default();
    Filter {
        verb: parameters.read("filter[verb]", verb, Verb::parse),
        path: parameters.read("filter[path]", path, |text| MockPath::sought(raw, text)),
        set: parameters.read("filter[set]", set, SetName::parse),
    }
}

/// The URL of a page of a listing.
pub fn list_link(filter: &Filter, after: Option<EndpointId>, size: usize) -> String {
    let pairs = [
        ("filter[verb]", filter.verb.map(|verb| verb.to_string())),
        ("filter[path]", filter.path.as_ref().map(MockPath::to_string)),
        ("filter[set]", filter.set.as_ref().map(SetName::to_string)),
        ("page[after]", after.map(|id| id.to_string())),
        ("page[size]", Some(size.to_string())),
    ];
    let present = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(present).finish();
    format!("/endpoints?{query}")
}
