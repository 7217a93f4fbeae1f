//! Parameters in the query of a request.

use poem::Request;

use super::error::{ApiError, ErrorObject, Kind, MAX_ERRORS, Source, excerpt};

/// Errors for unknown and duplicate parameters: with a misspelt filter, a listing would show everything.
pub fn unknown_parameters(request: &Request, known: &[&str]) -> Vec<ErrorObject> {
    let mut seen = Vec::new();
    let mut errors = Vec::new();
    for (name, _) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        let why = if seen.contains(&name) {
            format!("`{}` is given twice: keep one", excerpt(&name))
        } else if known.is_empty() {
            format!("`{}` is not a parameter: this operation has none", excerpt(&name))
        } else if known.contains(&&*name) {
            seen.push(name);
            continue;
        } else {
            format!("`{}` is not a parameter: use {}", excerpt(&name), known.join(", "))
        };
        if errors.len() < MAX_ERRORS {
            errors.push(Kind::BadParameter.object(why, Some(Source::parameter(excerpt(&name)))));
        }
    }
    errors
}

/// The undecoded value of a parameter.
pub fn raw_parameter<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let is_named =
        |sent: &str| url::form_urlencoded::parse(sent.as_bytes()).next().is_some_and(|(sent, _)| sent == name);
    pairs.filter(|(sent, _)| is_named(sent)).map(|(_, value)| value).next()
}

/// Refuses all parameters (JSON:API 1.1, "Query Parameters").
pub fn no_parameters(request: &Request) -> Result<(), ApiError> {
    let errors = unknown_parameters(request, &[]);
    if errors.is_empty() { Ok(()) } else { Err(ApiError::all(errors)) }
}
