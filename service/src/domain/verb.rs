//! The verbs that a mock can have: HTTP methods, and all of them.

use std::fmt;

/// A method of RFC 9110 section 9 or PATCH (RFC 5789), if load balancers pass it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    /// All methods above. No request has this verb.
    Any,
}

/// Why a text is not a [`Verb`]. The message names the correction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerbError {
    #[error("`{0}` cannot be mocked: no load balancer delivers it to a service. Use one of {list}", list = Verb::LIST)]
    Undeliverable(String),
    #[error("`{0}` is not an HTTP method. Use one of {list}", list = Verb::LIST)]
    Unknown(String),
}

impl Verb {
    /// Every verb in the order of the discriminants: `Verb::ALL[verb as usize] == verb`.
    pub const ALL: [Self; 8] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Delete, Self::Options, Self::Patch, Self::Any];

    const LIST: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, or ANY for all of these";

    /// Parses a verb in any case.
    pub fn parse(text: &str) -> Result<Self, VerbError> {
        let is = |verb: &str| verb.eq_ignore_ascii_case(text);
        match Self::ALL.into_iter().find(|verb| is(verb.as_str())) {
            Some(verb) => Ok(verb),
            None if is("CONNECT") || is("TRACE") => Err(VerbError::Undeliverable(text.to_ascii_uppercase())),
            // The text may be long: repeat only its beginning.
            None => Err(VerbError::Unknown(text.chars().take(32).collect())),
        }
    }

    /// The verb of a request, or `None` for a method that no mock can have. Methods are case-sensitive (RFC 9110 9.1).
    pub fn of(method: &http::Method) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| *verb != Self::Any && verb.as_str() == method.as_str())
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Any => "ANY",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_case_is_read_and_upper_case_is_written() {
        for verb in Verb::ALL {
            assert_eq!(Verb::parse(&verb.as_str().to_lowercase()), Ok(verb));
            assert_eq!(Verb::parse(verb.as_str()), Ok(verb));
            assert_eq!(Verb::ALL[verb as usize], verb);
        }
    }

    #[test]
    fn connect_and_trace_are_refused_with_the_reason() {
        for text in ["CONNECT", "trace"] {
            let message = Verb::parse(text).unwrap_err().to_string();
            assert!(message.contains("no load balancer delivers it"), "{message}");
        }
    }

    #[test]
    fn unknown_methods_are_named() {
        assert_eq!(Verb::parse("FETCH"), Err(VerbError::Unknown("FETCH".to_owned())));
        assert_eq!(Verb::parse(""), Err(VerbError::Unknown(String::new())));
    }
}
