//! Tests of a request beyond its method and path.

mod check;
mod jsonpath;
mod part;
#[cfg(test)]
mod tests;
mod trial;

use std::{cmp::Ordering, collections::BTreeMap, fmt, hash};

use http::HeaderName;
use serde_json::{Map, Value};

use self::check::Check;
pub use self::trial::{Call, Content, MAX_JSON_VALUES, MAX_READ_BYTES, Trial, Undecided};
use super::{Failure, MockPath, excerpt};

/// Maximum number of tests of a mock.
pub const MAX_TESTS: usize = 32;
/// Maximum size of the tests of a mock as canonical JSON, in bytes.
pub const MAX_WHEN_BYTES: usize = 64 * 1024;
/// Maximum size of a test as JSON in an explanation, in bytes.
const MAX_SHOWN_BYTES: usize = 1024;

/// A part of a request. The body comes last, so that it is read only if all other tests hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Parameters of the path.
    Params,
    Query,
    Headers,
    Cookies,
    /// Fields of an `application/x-www-form-urlencoded` body.
    Form,
    Body,
}

impl Part {
    pub const ALL: [Self; 6] = [Self::Params, Self::Query, Self::Headers, Self::Cookies, Self::Form, Self::Body];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Query => "query",
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::Form => "form",
            Self::Body => "body",
        }
    }

    /// The canonical form of a name in this part.
    fn name(self, name: &str) -> Result<String, &'static str> {
        match self {
            Self::Headers => HeaderName::from_bytes(name.as_bytes())
                .map(|name| name.as_str().to_owned())
                .map_err(|_| "is not the name of a header: use letters, digits and hyphens"),
            _ => Ok(name.to_owned()),
        }
    }
}

/// A test of the values with one name, or of the body. Of several values, one has to pass.
#[derive(Debug, Clone)]
struct Test {
    part: Part,
    /// Empty for the body.
    name: String,
    check: Check,
}

/// The tests of a mock: all must hold. In canonical order, each once.
#[derive(Clone, Default)]
pub struct When {
    tests: Box<[Test]>,
    /// The tests as canonical JSON: the identity. Empty without tests.
    text: Box<str>,
}

/// A mistake in the tests of a mock, with the correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhenError {
    /// The names of the members that lead to the mistake.
    pub place: Vec<String>,
    pub detail: String,
}

impl WhenError {
    fn new(place: &[&str], detail: impl Into<String>) -> Self {
        Self { place: place.iter().map(|&name| name.to_owned()).collect(), detail: detail.into() }
    }
}

impl When {
    /// Parses the tests from a client, and reports all mistakes.
    pub fn parse(value: &Value) -> Result<Self, Vec<WhenError>> {
        // First, because the tests are compiled.
        let parts = value.as_object().into_iter().flat_map(Map::values);
        let count =
            parts.map(|part| part.as_object().map_or(0, Map::len) + part.as_array().map_or(0, Vec::len)).sum::<usize>();
        if count > MAX_TESTS {
            return Err(vec![WhenError::new(&[], format!("There are {count} tests: write at most {MAX_TESTS}"))]);
        }
        let when = Self::read(value, true)?;
        if when.text.len() > MAX_WHEN_BYTES {
            let detail = format!("The tests have {} bytes as JSON: write at most {MAX_WHEN_BYTES}", when.text.len());
            return Err(vec![WhenError::new(&[], detail)]);
        }
        Ok(when)
    }

    /// Reads tests. `is_new`: from a client, and not from a store.
    fn read(value: &Value, is_new: bool) -> Result<Self, Vec<WhenError>> {
        let Some(parts) = value.as_object() else {
            let detail = r#"`when` is not an object: write `"when": {"query": {"name": "value"}}`"#;
            return Err(vec![WhenError::new(&[], detail)]);
        };
        let (mut tests, mut errors) = (Vec::new(), Vec::new());
        for (part, value) in parts {
            for test in read_part(part, value, is_new) {
                match test {
                    Ok(test) => tests.push(test),
                    Err(error) => errors.push(error),
                }
            }
        }
        if errors.is_empty() { Ok(Self::of(tests)) } else { Err(errors) }
    }

    /// Parses what [`Self::as_str`] returned.
    pub fn parse_text(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let read = Self::read(&value, false);
        read.map_err(|errors| errors.into_iter().map(|error| error.detail).collect::<Vec<_>>().join("; "))
    }

    fn of(tests: Vec<Test>) -> Self {
        let key = |test: &Test| (test.part, test.name.clone(), test.check.show().to_string());
        let tests: BTreeMap<_, _> = tests.into_iter().map(|test| (key(&test), test)).collect();
        let tests: Vec<_> = tests.into_values().collect();
        let text = if tests.is_empty() { String::new() } else { shown(&tests, str::to_owned).to_string() };
        Self { tests: tests.into(), text: text.into() }
    }

    /// Refuses tests of a parameter that the path does not have.
    pub fn check_params(&self, path: &MockPath) -> Result<(), WhenError> {
        let wrong = self.tests.iter().find(|test| test.part == Part::Params && path.segment_of(&test.name).is_none());
        wrong.map_or(Ok(()), |Test { name, .. }| {
            let detail = format!("The path `{path}` has no parameter `{}`: use a name of the path", excerpt(name));
            Err(WhenError::new(&[Part::Params.as_str(), name], detail))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// The number of tests.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether versions before format 4 cannot read the tests.
    pub fn has_jsonpath(&self) -> bool {
        self.tests.iter().any(|test| matches!(test.check, Check::JsonPath(_)))
    }

    /// The tests as canonical JSON. Empty without tests.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn show(&self) -> Value {
        if self.is_empty() { Value::Null } else { shown(&self.tests, str::to_owned) }
    }

    /// The same text for tests that hold for the same requests: with positions of parameters instead of names.
    pub(super) fn claim(&self, path: &MockPath) -> String {
        let position = |name: &str| format!("p{}", path.segment_of(name).unwrap_or_default());
        shown(&self.tests, position).to_string()
    }

    /// The memory of the tests, in bytes.
    pub fn bytes(&self) -> usize {
        let of = |test: &Test| size_of::<Test>() + test.name.len() + test.check.bytes();
        self.text.len() + self.tests.iter().map(of).sum::<usize>()
    }

    /// Whether all tests hold for a request, whose path fits `pattern`.
    pub fn holds(&self, trial: &Trial<'_>, pattern: &str) -> Result<bool, Undecided> {
        Ok(self.first_failing(trial, pattern)?.is_none())
    }

    fn first_failing(&self, trial: &Trial<'_>, pattern: &str) -> Result<Option<&Test>, Undecided> {
        for test in &self.tests {
            if !trial.holds(test.part, &test.name, &test.check, pattern)? {
                return Ok(Some(test));
            }
        }
        Ok(None)
    }

    /// The first test that does not hold for a request, whose path fits `pattern`.
    pub fn failure(&self, trial: &Trial<'_>, pattern: &str) -> Result<Option<Failure>, Undecided> {
        let Some(Test { part, name, check }) = self.first_failing(trial, pattern)? else { return Ok(None) };
        let place = ["when", part.as_str(), name].into_iter().filter(|name| !name.is_empty());
        Ok(Some(Failure {
            place: place.map(|name| excerpt(name).into_owned()).collect(),
            expected: Some(check.show()).filter(|test| test.to_string().len() <= MAX_SHOWN_BYTES),
            found: trial.found(*part, name, pattern)?,
        }))
    }
}

fn read_part(name: &str, value: &Value, is_new: bool) -> Vec<Result<Test, WhenError>> {
    let wrong = |detail: String| vec![Err(WhenError::new(&[name], detail))];
    let Some(part) = Part::ALL.into_iter().find(|part| part.as_str() == name) else {
        let parts = Part::ALL.map(|part| format!("`{}`", part.as_str())).join(", ");
        return wrong(format!("`{}` is not a part of a request: use {parts}", excerpt(name)));
    };
    let test = |place: &[&str], name: String, value: &Value| {
        let check = Check::parse(value, part == Part::Body, is_new).map_err(|detail| WhenError::new(place, detail))?;
        Ok(Test { part, name, check })
    };
    if part == Part::Body {
        return match value {
            Value::Array(list) => {
                let each = list.iter().enumerate();
                each.map(|(at, value)| test(&[part.as_str(), &at.to_string()], String::new(), value)).collect()
            }
            one => vec![test(&[part.as_str()], String::new(), one)],
        };
    }
    let Some(named) = value.as_object() else {
        return wrong(format!("`{name}` is not an object: write `\"{name}\": {{\"name\": \"value\"}}`"));
    };
    let mut read: Vec<Result<Test, WhenError>> = Vec::new();
    for (name, value) in named {
        let place = [part.as_str(), name.as_str()];
        read.push(match part.name(name) {
            Ok(name) if read.iter().flatten().any(|test| test.name == name) => {
                Err(WhenError::new(&place, format!("`{}` is given twice: keep one", excerpt(&name))))
            }
            Ok(name) => test(&place, name, value),
            Err(why) => Err(WhenError::new(&place, format!("`{}` {why}", excerpt(name)))),
        });
    }
    read
}

/// Tests in canonical order as JSON, with other names for parameters of the path.
fn shown(tests: &[Test], param: impl Fn(&str) -> String) -> Value {
    let mut parts = Map::new();
    for tests in tests.chunk_by(|one, other| one.part == other.part) {
        let part = tests[0].part;
        let value = match (part, tests) {
            (Part::Body, [one]) => one.check.show(),
            (Part::Body, several) => several.iter().map(|test| test.check.show()).collect(),
            _ => {
                let name = |test: &Test| if part == Part::Params { param(&test.name) } else { test.name.clone() };
                let mut named: Map<_, _> = tests.iter().map(|test| (name(test), test.check.show())).collect();
                named.sort_keys();
                named.into()
            }
        };
        parts.insert(part.as_str().to_owned(), value);
    }
    parts.into()
}

impl PartialEq for When {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for When {}

impl PartialOrd for When {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for When {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl hash::Hash for When {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
