//! The functions, filters and operators of templates, all within bounds.
//!
//! The engine counts steps and bytes, but some of its operations make lists whose use it does not count:
//! `list * 10**8`, slices of slices, lists of lists of one list. Such operations are functions here. They return
//! lists that are as large as they look, and count each value in them.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use minijinja::{
    Environment, Error, ErrorKind, Expression, State, UndefinedBehavior, Value,
    value::{Rest, ValueKind, ValueOrKwargs},
};
use rand::Rng as _;
use serde::de::IgnoredAny;

type Comparison = fn(&Value, &Value) -> bool;

/// Maximum number of steps of a template. The engine also counts a step for each 64 bytes of text, and for each two
/// items of lists.
pub const MAX_STEPS: u64 = 50_000;
/// The bytes of text that take a step, as the engine counts them.
const STEP_BYTES: usize = 64;
/// The bytes of a value in a list or an object, beside its text.
const VALUE_BYTES: usize = 16;
/// Maximum depth of recursive loops.
const MAX_DEPTH: usize = 200;

/// Names, each with the name of its guarded function.
type Names = &'static [(&'static str, &'static str)];

macro_rules! guarded {
    ($mark:literal: $($name:literal)*) => { &[$(($name, concat!($mark, $name))),*] }
}

/// The filters of templates.
pub const FILTERS: Names = guarded!("|":
    "abs" "b64decode" "b64encode" "batch" "bool" "capitalize" "count" "d" "default" "dictsort" "e" "escape" "first"
    "float" "format" "groupby" "indent" "int" "items" "join" "last" "length" "lines" "list" "lower" "map" "max" "min"
    "reject" "rejectattr" "replace" "reverse" "round" "select" "selectattr" "sort" "split" "string" "sum" "title"
    "tojson" "trim" "unique" "upper" "urlencode"
);
/// Filters of Echo's own text around the strings in JSON.
const OWN_FILTERS: Names = guarded!("|": "as_text" "as_json");
/// The tests of templates.
pub const TESTS: Names = guarded!("is ":
    "boolean" "defined" "divisibleby" "endingwith" "even" "false" "float" "integer" "iterable" "lower" "mapping" "none"
    "number" "odd" "sequence" "startingwith" "string" "true" "undefined" "upper"
);
/// The functions of templates.
pub const FUNCTIONS: [&str; 6] = ["now", "timestamp", "uuid", "random_int", "choice", "range"];
/// The methods: of parts of a request, and of `loop`.
pub const METHODS: [&str; 2] = ["all", "cycle"];

/// Decides which names a template may use.
#[derive(Clone, Copy)]
pub enum Guard {
    /// For templates of clients.
    Given,
    /// For Echo's own text around templates of clients, which are checked before.
    Own,
}

fn guarded(names: Names, name: &str) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == name).map(|(_, guarded)| *guarded)
}

impl Guard {
    pub fn filter(self, name: &str) -> Option<&'static str> {
        let own = guarded(OWN_FILTERS, name).filter(|_| matches!(self, Self::Own));
        own.or_else(|| guarded(FILTERS, name))
    }

    pub fn test(name: &str) -> Option<&'static str> {
        guarded(TESTS, name)
    }

    pub fn has_function(name: &str) -> bool {
        FUNCTIONS.contains(&name)
    }
}

fn failure(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail.into())
}

pub static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(MAX_STEPS));
    environment.set_recursion_limit(MAX_DEPTH);
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_formatter(|output, state, value| {
        count(state, value)?;
        let text = match value.kind() {
            ValueKind::Undefined | ValueKind::None => return Ok(()),
            ValueKind::String => value.as_str().unwrap_or_default(),
            _ => &tojson(value)?,
        };
        Ok(output.write_str(text)?)
    });
    for name in ["debug", "dict", "namespace"] {
        environment.remove_global(name);
    }
    for name in ["attr", "chain", "pprint", "safe", "slice", "zip"] {
        environment.remove_filter(name);
    }
    environment.add_filter("tojson", |value: Value| tojson(&value));
    environment.add_filter("as_text", |text: String| serde_json::Value::from(text).to_string());
    environment.add_filter("as_json", |text: String| {
        let checked = serde_json::from_str::<IgnoredAny>(&text);
        checked.map(|_| text).map_err(|error| failure(format!("the value is not JSON: {error}")))
    });
    environment.add_filter("b64encode", |text: String| BASE64_STANDARD.encode(text));
    environment.add_filter("b64decode", |text: String| {
        let bytes = BASE64_STANDARD.decode(text.trim()).map_err(|error| failure(format!("no base64: {error}")))?;
        Ok::<_, Error>(String::from_utf8_lossy(&bytes).into_owned())
    });
    for &(name, guarded) in FILTERS.iter().chain(OWN_FILTERS) {
        environment.add_function(guarded, move |state: &mut State, values: Rest<ValueOrKwargs>| {
            let values = counted_all(state, values)?;
            let value = state.apply_filter(name, &values)?;
            counted(state, value)
        });
    }
    for &(name, guarded) in TESTS {
        environment.add_function(guarded, move |state: &mut State, values: Rest<ValueOrKwargs>| {
            let values = counted_all(state, values)?;
            state.perform_test(name, &values)
        });
    }
    let comparisons: [(&str, Comparison); 6] = [
        ("==", |a, b| a == b),
        ("!=", |a, b| a != b),
        ("<", |a, b| a < b),
        ("<=", |a, b| a <= b),
        (">", |a, b| a > b),
        (">=", |a, b| a >= b),
    ];
    for (name, holds) in comparisons {
        environment.add_function(name, move |state: &mut State, a: Value, b: Value| {
            count(state, &a)?;
            count(state, &b)?;
            Ok::<_, Error>(holds(&a, &b))
        });
    }
    environment.add_function("in", |state: &mut State, item: Value, list: Value| {
        count(state, &item)?;
        count(state, &list)?;
        IN.of([item, list])
    });
    environment.add_function("[.]", |of: Value, key: Value| match () {
        () if key.as_object().is_some() => Err(failure("the value in brackets is not a name or a number")),
        () if of.is_undefined() => Ok(of),
        () => of.get_item(&key),
    });
    environment.add_function("[]", |state: &mut State, items: Rest<Value>| counted(state, Value::from(items.0)));
    environment.add_function("{}", |state: &mut State, items: Rest<Value>| {
        let pairs = items.0.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        counted(state, Value::from_pairs(pairs))
    });
    environment.add_function("+", |a: Value, b: Value| PLUS.of_scalars([a, b]));
    environment.add_function("*", |a: Value, b: Value| TIMES.of_scalars([a, b]));
    environment.add_function("[:]", |state: &mut State, of: Value, from: Value, to: Value, step: Value| {
        count(state, &of)?;
        counted(state, SLICE.of([of, from, to, step])?)
    });
    environment.add_function("now", |offset: Option<Value>| {
        moment(offset).map(|moment| humantime::format_rfc3339_millis(moment).to_string())
    });
    environment.add_function("timestamp", |offset: Option<Value>| {
        let since = moment(offset)?.duration_since(SystemTime::UNIX_EPOCH);
        since.map(|since| since.as_secs()).map_err(|_| failure("the time is before 1970"))
    });
    environment.add_function("uuid", || uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string());
    environment.add_function("random_int", |from: i64, to: i64| {
        if from > to {
            return Err(failure(format!("{from} is greater than {to}: write the least number first")));
        }
        Ok(rand::rng().random_range(from..=to))
    });
    environment.add_function("choice", |state: &mut State, list: Value| {
        count(state, &list)?;
        let items: Vec<_> = list.try_iter()?.collect();
        if items.is_empty() {
            return Err(failure("the list is empty: write at least one item"));
        }
        Ok(items[rand::rng().random_range(0..items.len())].clone())
    });
    environment
});

/// An operator of the engine, between values `a`, `b`, `c` and `d`.
struct Operator(Expression<'static, 'static>);

static STOCK: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(MAX_STEPS));
    environment
});
static PLUS: LazyLock<Operator> = LazyLock::new(|| Operator::new("a + b"));
static TIMES: LazyLock<Operator> = LazyLock::new(|| Operator::new("a * b"));
static IN: LazyLock<Operator> = LazyLock::new(|| Operator::new("a in b"));
static SLICE: LazyLock<Operator> = LazyLock::new(|| Operator::new("a[b:c:d]"));

impl Operator {
    fn new(text: &'static str) -> Self {
        Self(STOCK.compile_expression(text).expect("the expression is valid"))
    }

    fn of<const N: usize>(&self, values: [Value; N]) -> Result<Value, Error> {
        let values = Value::from_pairs(["a", "b", "c", "d"].into_iter().zip(values));
        // Without its position, which is the position in another text.
        self.0.eval(values).map_err(|error| match error.detail() {
            Some(detail) => Error::new(error.kind(), detail.to_owned()),
            None => error.kind().into(),
        })
    }

    fn of_scalars(&self, values: [Value; 2]) -> Result<Value, Error> {
        if values.iter().any(|value| value.as_object().is_some()) {
            return Err(failure("`+` and `*` are for numbers and strings, not for lists or objects"));
        }
        self.of(values)
    }
}

/// The value, after its steps. A list that the engine would make item by item becomes a whole list.
fn counted(state: &State, value: Value) -> Result<Value, Error> {
    count(state, &value)?;
    match value.kind() {
        ValueKind::Iterable => Ok(Value::from(value.try_iter()?.collect::<Vec<_>>())),
        _ => Ok(value),
    }
}

fn counted_all(state: &State, values: Rest<ValueOrKwargs>) -> Result<Vec<Value>, Error> {
    let values: Vec<Value> = values.0.into_iter().map(Into::into).collect();
    values.iter().try_for_each(|value| count(state, value))?;
    Ok(values)
}

/// Takes the steps of a list or an object: as many as for its text.
fn count(state: &State, value: &Value) -> Result<(), Error> {
    fn visit(state: &State, value: &Value, bytes: &mut usize) -> Result<(), Error> {
        *bytes += VALUE_BYTES + value.as_str().map_or(0, str::len);
        if *bytes >= STEP_BYTES {
            state.consume_fuel((*bytes / STEP_BYTES) as u64)?;
            *bytes %= STEP_BYTES;
        }
        match value.kind() {
            ValueKind::Map => value.try_iter()?.try_for_each(|key| {
                visit(state, &key, bytes)?;
                visit(state, &value.get_item(&key)?, bytes)
            }),
            ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.try_for_each(|item| visit(state, &item, bytes)),
            _ => Ok(()),
        }
    }
    if value.as_object().is_some() { visit(state, value, &mut 0) } else { Ok(()) }
}

fn tojson(value: &Value) -> Result<String, Error> {
    if value.is_undefined() {
        return Ok("null".into());
    }
    serde_json::to_string(value).map_err(|error| failure(format!("the value has no JSON: {error}")))
}

/// Now, or a time before or after, such as `-1h` or `2days`.
fn moment(offset: Option<Value>) -> Result<SystemTime, Error> {
    /// humantime shows the years 1970 to 9999.
    const MOST: Duration = Duration::from_hours(5_000 * 365 * 24);
    let now = SystemTime::now();
    let Some(offset) = offset else { return Ok(now) };
    let wrong = || failure("the offset is no duration: write `\"-1h\"`, `\"90s\"` or `\"2days 3h\"`");
    let offset = offset.as_str().ok_or_else(wrong)?;
    let (is_past, length) = match offset.strip_prefix('-') {
        Some(length) => (true, length),
        None => (false, offset.strip_prefix('+').unwrap_or(offset)),
    };
    let length = humantime::parse_duration(length).ok().filter(|length| *length <= MOST).ok_or_else(wrong)?;
    let moment = if is_past { now.checked_sub(length) } else { now.checked_add(length) };
    moment.filter(|moment| *moment >= SystemTime::UNIX_EPOCH).ok_or_else(wrong)
}
