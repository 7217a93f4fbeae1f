//! The request as data of templates.

use std::{collections::BTreeMap, sync::Arc};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Enumerator, Object, Serde},
};

use crate::domain::{Call, Part, Trial, Undecided};

/// A set of parts of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts(u16);

impl Parts {
    pub const NAMES: [&str; 9] = ["verb", "path", "params", "query", "headers", "cookies", "body", "json", "form"];
    pub const ALL: Self = Self((1 << Self::NAMES.len()) - 1);

    pub fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|part| *part == name).map(|at| Self(1 << at))
    }

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, name: &str) -> bool {
        Self::of(name).is_some_and(|part| self.0 & part.0 != 0)
    }

    pub fn need_body(self) -> bool {
        ["body", "json", "form"].iter().any(|name| self.has(name))
    }

    /// The names of a template: `request` with these parts of a call, whose path fits `pattern`.
    pub fn root(self, call: &Call<'_>, pattern: &str) -> Result<Value, Undecided> {
        let trial = Trial::new(call);
        let repeated = |part| {
            let mut values = BTreeMap::<_, Vec<_>>::new();
            for (name, value) in trial.pairs(part, pattern, |_| true)?.into_iter().flatten() {
                values.entry(name.into_owned()).or_default().push(value.into());
            }
            Ok::<_, Undecided>(Value::from_object(Repeated { values, ignores_case: part == Part::Headers }))
        };
        let mut parts = Vec::new();
        for name in Self::NAMES.into_iter().filter(|name| self.has(name)) {
            let value = match name {
                "verb" => call.verb.as_str().into(),
                "path" => call.path.into(),
                "params" => repeated(Part::Params)?,
                "query" => repeated(Part::Query)?,
                "headers" => repeated(Part::Headers)?,
                "cookies" => repeated(Part::Cookies)?,
                "form" => repeated(Part::Form)?,
                "json" => trial.json()?.map_or(Value::UNDEFINED, |(json, _)| Value::from(Serde(json))),
                _ => trial.text()?.unwrap_or_default().into(),
            };
            parts.push((name, value));
        }
        Ok(Value::from_object(Names(vec![("request", Value::from_object(Names(parts)))])))
    }
}

/// Values by fixed names.
#[derive(Debug)]
struct Names(Vec<(&'static str, Value)>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Value::from(*name)).collect())
    }
}

/// Names with one or several values. A lookup finds the first, the method `all` finds all.
#[derive(Debug)]
struct Repeated {
    values: BTreeMap<String, Vec<Value>>,
    ignores_case: bool,
}

impl Repeated {
    fn all(&self, name: &str) -> Option<&Vec<Value>> {
        if self.ignores_case { self.values.get(&name.to_ascii_lowercase()) } else { self.values.get(name) }
    }
}

impl Object for Repeated {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.all(key)?.first().cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().map(|name| name.as_str().into()).collect())
    }

    fn call_method(self: &Arc<Self>, _: &mut State, method: &str, arguments: &[Value]) -> Result<Value, Error> {
        match (method, arguments) {
            ("all", [name]) => Ok(name.as_str().and_then(|name| self.all(name)).cloned().unwrap_or_default().into()),
            _ => Err(Error::new(ErrorKind::UnknownMethod, "the only method is `all(\"name\")`")),
        }
    }
}
