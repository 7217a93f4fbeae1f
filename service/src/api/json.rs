//! JSON as RFC 8259 recommends it: a duplicate name is an error, because parsers disagree on its value.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::excerpt;

/// Maximum number of values and members in a document. A value of one byte takes dozens of bytes in memory.
pub const MAX_VALUES: usize = 10_000;

/// Parses a whole document, with or without a byte order mark (RFC 8259 section 8.1). `serde_json` limits nesting to
/// 128 levels.
pub fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut parser = parser(bytes)?;
    let value = Strict { left: &Cell::new(MAX_VALUES) }.deserialize(&mut parser)?;
    parser.end()?;
    Ok(value)
}

/// Parses a list of at most `limit` items one by one, so that the memory never holds all of them as values. Each item
/// may have [`MAX_VALUES`].
pub fn parse_list(bytes: &[u8], limit: usize, each: impl FnMut(Value)) -> serde_json::Result<()> {
    let mut parser = parser(bytes)?;
    parser.deserialize_seq(List { limit, each })?;
    parser.end()
}

/// [`parse_list`] for a value.
pub fn read_list(value: &Value, limit: usize, each: impl FnMut(Value)) -> serde_json::Result<()> {
    value.deserialize_seq(List { limit, each })
}

fn parser(bytes: &[u8]) -> serde_json::Result<serde_json::Deserializer<serde_json::de::SliceRead<'_>>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match wide_encoding(bytes) {
        Some(encoding) => Err(Error::custom(format_args!("it is in {encoding}, but JSON is UTF-8. Send it in UTF-8"))),
        None => Ok(serde_json::Deserializer::from_slice(bytes)),
    }
}

/// See [`parse_list`].
struct List<F> {
    limit: usize,
    each: F,
}

impl<'de, F: FnMut(Value)> Visitor<'de> for List<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut left = self.limit;
        while let Some(item) = items.next_element_seed(Strict { left: &Cell::new(MAX_VALUES) })? {
            let Some(fewer) = left.checked_sub(1) else {
                return Err(A::Error::custom(format_args!("it has more than {} items", self.limit)));
            };
            left = fewer;
            (self.each)(item);
        }
        Ok(())
    }
}

/// Detects UTF-16 and UTF-32 by the byte order mark, or by NULs: JSON begins with an ASCII character.
const fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] | [_, 0, 0, 0, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("UTF-16"),
        _ => None,
    }
}

/// Parses one value.
#[derive(Clone, Copy)]
struct Strict<'a> {
    /// How many more values the document may hold.
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom(format_args!("it holds more than {MAX_VALUES} values")))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{}` is given twice: keep one", excerpt(&name))));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn duplicates_are_refused_at_any_depth() {
        assert!(refusal(r#"{"a": 1, "a": 2}"#).contains("`a` is given twice"));
        assert!(refusal(r#"[{"x": {"b": 1, "b": 1}}]"#).contains("`b` is given twice"));
    }

    #[test]
    fn absurd_depth_is_refused() {
        assert!(refusal(&"[".repeat(100_000)).contains("recursion limit"));
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        for text in ["", "{", "{} {}", "nul", "'a'", "\"\\ud800\"", "{\"a\":01}"] {
            refusal(text);
        }
    }

    #[test]
    fn a_document_holds_so_many_values_and_no_more() {
        // The list itself counts.
        let list = |values: usize| format!("[{}]", vec!["0"; values - 1].join(","));
        assert!(parse(list(MAX_VALUES).as_bytes()).is_ok());
        assert!(refusal(&list(MAX_VALUES + 1)).starts_with("it holds more than 10000 values"));
        let object = (0..MAX_VALUES).map(|n| format!("\"{n}\":[]")).collect::<Vec<_>>().join(",");
        assert!(refusal(&format!("{{{object}}}")).starts_with("it holds more than"));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_where_there_are_no_duplicates(text in r#"[\[{]?("[a-c]"[:,]?|[0-9.e-]{1,4},?|null|true|[\]}]){0,8}[\]}]?"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
