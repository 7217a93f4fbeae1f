//! Errors of HTTP clients, with their causes.

use std::{error::Error, iter};

/// An error with all its causes, in one line. The outer errors of clients say little ("service error", "dispatch
/// failure").
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The causes of an error, or the error if it has none. For an error whose own text is only "error sending request".
pub fn causes(error: &(dyn Error + 'static)) -> String {
    chain(error.source().unwrap_or(error))
}
