//! The route of a mock: verb, path, tests and priority.

use std::fmt;

use super::{MockPath, Verb, When};

/// Greatest priority. The least is its negative.
pub const MAX_PRIORITY: i16 = 1_000;

/// Of all mocks that fit a request, only those with the highest priority count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Priority(i16);

/// Why a number is not a [`Priority`]. The message names the correction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a priority: write a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}")]
pub struct PriorityError(i64);

impl Priority {
    pub fn parse(number: i64) -> Result<Self, PriorityError> {
        let in_range = i16::try_from(number).ok().filter(|number| (-MAX_PRIORITY..=MAX_PRIORITY).contains(number));
        in_range.map(Self).ok_or(PriorityError(number))
    }

    pub const fn get(self) -> i16 {
        self.0
    }
}

/// The requests that a mock fits, and its priority among other mocks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    pub verb: Verb,
    pub path: MockPath,
    pub priority: Priority,
    pub when: When,
}

impl Route {
    /// The route of a mock without tests and priority.
    pub fn new(verb: Verb, path: MockPath) -> Self {
        Self { verb, path, priority: Priority::default(), when: When::default() }
    }

    /// Whether versions before format 3 can serve the mock.
    pub fn is_plain(&self) -> bool {
        let Self { verb, path, priority, when } = self;
        *verb != Verb::Any && *priority == Priority::default() && path.shape().is_none() && when.is_empty()
    }

    /// Whether a request with this canonical path fits, tests aside.
    pub fn fits(&self, verb: Verb, path: &str) -> bool {
        let fits = || match self.path.shape() {
            None => self.path.as_str() == path,
            Some(shape) => shape.key(path).is_some_and(|key| Some(key) == shape.key(self.path.as_str())),
        };
        [verb, Verb::Any].contains(&self.verb) && fits()
    }

    /// No two mocks have the same claim. Stores keep claims, so the text never changes.
    pub fn claim(&self) -> String {
        let Self { verb, path, priority, when } = self;
        let claim = format!("{verb} {}", path.without_names());
        match priority.0 {
            0 if when.is_empty() => claim,
            priority if when.is_empty() => format!("{claim} {priority}"),
            priority => format!("{claim} {priority} {}", when.claim(path)),
        }
    }

    /// A route with this claim.
    pub fn of_claim(claim: &str) -> Option<Self> {
        let mut parts = claim.splitn(4, ' ');
        let (verb, path) = (Verb::parse(parts.next()?).ok()?, MockPath::with_any_names(parts.next()?).ok()?);
        let priority = parts.next().map_or(Some(0), |text| text.parse().ok())?;
        let when = parts.next().map_or(Some(When::default()), |text| When::parse_text(text).ok())?;
        Some(Self { verb, path, priority: Priority::parse(priority).ok()?, when })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} {}`", self.verb, self.path)?;
        if self.priority != Priority::default() {
            write!(f, " with priority {}", self.priority.0)?;
        }
        if self.when.is_empty() { Ok(()) } else { write!(f, " with these tests") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn priorities() {
        for good in [-1_000, 0, 1_000] {
            assert_eq!(i64::from(Priority::parse(good).unwrap().get()), good);
        }
        for bad in [-1_001, 1_001, i16::MIN.into(), i64::MIN, i64::MAX] {
            assert_eq!(Priority::parse(bad), Err(PriorityError(bad)));
        }
    }

    #[test]
    fn claims_are_read_as_written() {
        let (none, json) = (json!({}), json!({"body": {"json": {"b c": 1}}}));
        for (verb, path, priority, when, claim) in [
            (Verb::Get, "/a/b", 0, &none, "GET /a/b"),
            (Verb::Any, "/a/{x}/{*y}", 0, &none, "ANY /a/{}/{*}"),
            (Verb::Put, "/{x}", -7, &none, "PUT /{} -7"),
            (Verb::Put, "/a", 0, &json, r#"PUT /a 0 {"body":{"json":{"b c":1}}}"#),
            (Verb::Put, "/a/{x}", 0, &json!({"params": {"x": "1"}}), r#"PUT /a/{} 0 {"params":{"p2":"1"}}"#),
        ] {
            let (priority, when) = (Priority::parse(priority).unwrap(), When::parse(when).unwrap());
            let route = Route { verb, path: MockPath::parse(path).unwrap(), priority, when };
            assert_eq!(route.claim(), claim);
            assert_eq!(Route::of_claim(claim).unwrap().claim(), claim);
        }
        assert_eq!(Route::of_claim("GET"), None);
    }
}
