//! The search for members in a JSON text, without a tree of its other values and without copies of names.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::check::contains;

/// Whether a JSON text is an object with at least these members, as for [`contains`]. An error: the text is no JSON, or
/// only a tree can tell.
pub(super) fn has_members(text: &str, part: &Map<String, Value>) -> serde_json::Result<bool> {
    let mut text = serde_json::Deserializer::from_str(text);
    let has = Part(part).deserialize(&mut text)?;
    text.end().map(|()| has)
}

struct Part<'p>(&'p Map<String, Value>);

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<bool, D::Error> {
        text.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        // Of members with the same name, the last one counts.
        let mut held = BTreeMap::new();
        while let Some(member) = members.next_key_seed(Name(self.0))? {
            let Some((name, part)) = member else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let has = match part {
                Value::Object(part) => members.next_value_seed(Part(part))?,
                part => contains(&members.next_value()?, part),
            };
            held.insert(name, has);
        }
        Ok(held.len() == self.0.len() && held.into_values().all(|has| has))
    }
}

/// The name of a member, as the part's own member of that name.
struct Name<'p>(&'p Map<String, Value>);

impl<'de, 'p> DeserializeSeed<'de> for Name<'p> {
    type Value = Option<(&'p String, &'p Value)>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Self::Value, D::Error> {
        name.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Name<'p> {
    type Value = Option<(&'p String, &'p Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.get_key_value(name))
    }
}
