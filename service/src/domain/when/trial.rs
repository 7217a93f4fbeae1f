//! The trial of a request by tests, within a bound.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
};

use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::Value;
use smallvec::{SmallVec, smallvec};

use super::{
    Part,
    check::{Check, contains},
    part::has_members,
};
use crate::domain::{Verb, excerpt, shape::parameters};

/// Maximum number of bytes that all tests of a request read together.
pub const MAX_READ_BYTES: usize = 16 * 1024 * 1024;
/// Maximum number of values in a JSON body that tests read.
pub const MAX_JSON_VALUES: usize = 100_000;
/// The cost of a test, beside the bytes that the test reads.
const TEST_BYTES: usize = 64;
/// Maximum number of values in an explanation.
const MAX_FOUND: usize = 8;

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    Whole(&'a [u8]),
    /// Larger than the limit. No test of the body or of its form holds.
    TooLarge,
}

/// A request of a mock.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub verb: Verb,
    /// In canonical form.
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// `None` until the body is read.
    pub body: Option<Content<'a>>,
}

/// Why tests cannot be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("a test needs the body of the request")]
    NeedsBody,
    #[error(
        "the tests of the mocks for this request read more than {MAX_READ_BYTES} bytes: write fewer or simpler tests"
    )]
    ReadsTooMuch,
    #[error(
        "the body of the request has more than {MAX_JSON_VALUES} JSON values: send a smaller body, or use no JSON of it"
    )]
    TooManyValues,
}

/// A request under test. Counts the bytes that tests read, and parses a JSON body once.
pub struct Trial<'a> {
    call: &'a Call<'a>,
    left: Cell<usize>,
    /// The body as text.
    text: OnceCell<Cow<'a, str>>,
    /// Whether the body is JSON. `None` until a test has read it.
    is_json: Cell<Option<bool>>,
    /// With the number of values. `None` for a body that is no JSON.
    json: OnceCell<Option<(Value, usize)>>,
}

type Values<'a> = SmallVec<[Cow<'a, str>; 2]>;
type Pairs<'a> = SmallVec<[(Cow<'a, str>, Cow<'a, str>); 2]>;

impl<'a> Trial<'a> {
    pub fn new(call: &'a Call<'a>) -> Self {
        let (text, json) = (OnceCell::new(), OnceCell::new());
        Self { call, left: Cell::new(MAX_READ_BYTES), text, is_json: Cell::new(None), json }
    }

    fn spend(&self, bytes: usize) -> Result<(), Undecided> {
        self.left.set(self.left.get().checked_sub(bytes).ok_or(Undecided::ReadsTooMuch)?);
        Ok(())
    }

    /// Whether a test holds for a request, whose path fits `pattern`.
    pub(super) fn holds(&self, part: Part, name: &str, check: &Check, pattern: &str) -> Result<bool, Undecided> {
        self.spend(TEST_BYTES)?;
        if let Check::Json(expected, bytes) = check {
            self.spend(*bytes)?;
            return self.has(expected);
        }
        if let Check::JsonPath(query) = check {
            let Some((body, values)) = self.json()? else { return Ok(false) };
            self.spend(query.cost * values)?;
            return Ok(!query.parsed.query(body).is_empty());
        }
        let Some(values) = self.values(part, name, pattern)? else { return Ok(false) };
        let is_present = !values.is_empty() && (part != Part::Body || !values[0].is_empty());
        match check {
            Check::Absent => return Ok(!is_present),
            Check::Present => return Ok(is_present),
            _ => {}
        }
        for value in values {
            self.spend(check.cost(&value))?;
            if check.accepts(&value) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Excerpts of the values with this name. They cost nothing: an explanation ends where the call ends.
    pub(super) fn found(&self, part: Part, name: &str, pattern: &str) -> Result<Vec<String>, Undecided> {
        let left = self.left.replace(usize::MAX);
        let values = self.values(part, name, pattern);
        self.left.set(left);
        let values = values?.into_iter().flatten();
        Ok(values.take(MAX_FOUND).map(|value| excerpt(&value).into_owned()).collect())
    }

    /// The decoded values with this name. `None` if no test of the part holds.
    fn values<'s>(&'s self, part: Part, name: &str, pattern: &'s str) -> Result<Option<Values<'s>>, Undecided> {
        if part == Part::Body {
            return self.text().map(|text| text.map(|text| smallvec![Cow::Borrowed(text)]));
        }
        let pairs = self.pairs(part, pattern, |other| other == name)?;
        Ok(pairs.map(|pairs| pairs.into_iter().map(|(_, value)| value).collect()))
    }

    /// The decoded names and values in a part other than the body, if their names are `wanted`. `None` for a form that
    /// is too large.
    pub(in crate::domain) fn pairs<'s>(
        &'s self,
        part: Part,
        pattern: &'s str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Pairs<'s>>, Undecided> {
        let Call { path, query, headers, .. } = *self.call;
        let decoded = |text: &'s [u8]| {
            self.spend(text.len())?;
            Ok(url::form_urlencoded::parse(text).filter(|(name, _)| is_wanted(name)).collect())
        };
        Ok(Some(match part {
            Part::Params => {
                self.spend(path.len())?;
                let named = parameters(pattern, path).filter(|(name, _)| is_wanted(name));
                named.map(|(name, value)| (name.into(), percent_decode_str(value).decode_utf8_lossy())).collect()
            }
            Part::Query => decoded(query.as_bytes())?,
            Part::Headers => {
                let named = headers.iter().filter(|(name, _)| is_wanted(name.as_str()));
                named.map(|(name, value)| (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()))).collect()
            }
            Part::Cookies => {
                let lines = headers.get_all(header::COOKIE);
                self.spend(lines.iter().map(HeaderValue::len).sum())?;
                let pairs = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
                let pairs = pairs.map(|pair| String::from_utf8_lossy(pair.trim_ascii()));
                let named = |pair: Cow<'_, str>| {
                    let (name, value) = pair.split_once('=')?;
                    is_wanted(name).then(|| (name.to_owned().into(), value.to_owned().into()))
                };
                pairs.filter_map(named).collect()
            }
            Part::Form if !is_form(headers) => Pairs::new(),
            Part::Form => match self.body()? {
                Some(bytes) => decoded(bytes)?,
                None => return Ok(None),
            },
            Part::Body => Pairs::new(),
        }))
    }

    /// The body, or `None` if the body is too large.
    fn body(&self) -> Result<Option<&'a [u8]>, Undecided> {
        match self.call.body {
            None => Err(Undecided::NeedsBody),
            Some(Content::Whole(bytes)) => Ok(Some(bytes)),
            Some(Content::TooLarge) => Ok(None),
        }
    }

    /// The body as text, or `None` if the body is too large.
    pub(in crate::domain) fn text(&self) -> Result<Option<&str>, Undecided> {
        let Some(body) = self.body()? else { return Ok(None) };
        if self.text.get().is_none() {
            self.spend(body.len())?;
            _ = self.text.set(String::from_utf8_lossy(body));
        }
        Ok(self.text.get().map(|text| &**text))
    }

    /// Whether the body is JSON, and contains at least `part`. Most calls have one such test: it reads the text without
    /// a tree, which takes a fifth of the time. Further tests share a tree, unless serde_json has none for this JSON.
    fn has(&self, part: &Value) -> Result<bool, Undecided> {
        let reads_text = match self.is_json.get() {
            None => self.json.get().is_none(),
            Some(is_json) => is_json && self.json()?.is_none(),
        };
        if reads_text
            && let Value::Object(part) = part
            && let Some(text) = self.json_text()?
        {
            let has = has_members(text, part);
            self.is_json.set(Some(has.is_ok() || is_json(text)));
            if let Ok(has) = has {
                return Ok(has);
            }
        }
        Ok(self.json()?.is_some_and(|(body, _)| contains(body, part)))
    }

    /// The body as JSON with the number of its values, if it is JSON.
    pub(in crate::domain) fn json(&self) -> Result<Option<&(Value, usize)>, Undecided> {
        if self.json.get().is_none() {
            let text = self.json_text()?;
            let parsed = text.and_then(|text| Some((serde_json::from_str(text).ok()?, most_values(text))));
            _ = self.json.set(parsed);
        }
        Ok(self.json.get().and_then(Option::as_ref))
    }

    /// The body, if it can be JSON.
    fn json_text(&self) -> Result<Option<&'a str>, Undecided> {
        let bytes = self.body()?.unwrap_or_default();
        self.spend(bytes.len())?;
        let Ok(text) = str::from_utf8(bytes) else { return Ok(None) };
        // A smaller body has fewer values.
        if text.len() < MAX_JSON_VALUES || most_values(text) <= MAX_JSON_VALUES {
            return Ok(Some(text));
        }
        if is_json(text) { Err(Undecided::TooManyValues) } else { Ok(None) }
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The number of values in a JSON text, or a few more.
fn most_values(text: &str) -> usize {
    let (mut values, mut in_string, mut is_escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}

fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}
