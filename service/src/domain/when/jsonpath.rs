//! A JSONPath query of a JSON body, with a bound of its cost.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json_path::JsonPath;

use crate::domain::excerpt;

/// Maximum length of a query, in bytes.
const MAX_QUERY_BYTES: usize = 1_024;

/// Texts in quotes.
static TEXTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""(\\.|[^"\\])*"|'(\\.|[^'\\])*'"#).expect("the expression is valid"));

/// A query of RFC 9535 whose cost grows with the number of values only: a filter takes constant time for each value.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub text: String,
    pub parsed: JsonPath,
    /// For each value of the body, in bytes that a comparison reads.
    pub cost: usize,
}

impl Query {
    /// Parses a query. An error names the correction.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refusal = |why: &str| format!("The query `{}` {why}", excerpt(text));
        let bare = TEXTS.replace_all(&text[..text.floor_char_boundary(MAX_QUERY_BYTES)], "");
        let count = |part| bare.matches(part).count();
        // Each name, index or filter in brackets may select all values once more.
        let choices = bare.split(']').map(|part| 1 + part.matches(',').count()).fold(1, usize::saturating_mul);
        let cost = choices.saturating_mul(text.len());
        let is_within = |(before, _): (&str, &str)| before.matches('[').count() > before.matches(']').count();
        let is_call = |(at, _)| bare[..at].ends_with(|end: char| end.is_alphanumeric() || end == '_');
        let is_of_two = |part: &str| part.matches('@').count() > 1;
        let mistakes = [
            (text.len() > MAX_QUERY_BYTES, "has more than 1,024 bytes: write a shorter one"),
            // The parser panics.
            (bare.contains(['"', '\'']), "has a text without an end: close its quotes"),
            // The parser recurses at each bracket, and reads a filter within a filter twice.
            (count('[') + count('(') > 8, "has more than 8 brackets: write names as `.name`"),
            (cost > 4_096, "has too many names, indexes or filters in brackets: write fewer of them"),
            (bare.matches("..").count() > 1, "has `..` more than once: write the names between"),
            (bare.split_once("..").is_some_and(is_within), "has `..` in a filter: write the names between"),
            (count('$') > 1, "has `$` in a filter: begin with `@`"),
            (bare.match_indices('(').any(is_call), "has a function: use the test `matches` for texts"),
            (bare.split(['?', '&', '|']).any(is_of_two), "compares two values of the body: compare with one of yours"),
        ];
        if let Some((_, why)) = mistakes.into_iter().find(|(is_made, _)| *is_made) {
            return Err(refusal(why));
        }
        let parsed =
            JsonPath::parse(text).map_err(|e| refusal(&format!("is wrong {e}: write it like `$.a[?@.b > 1]`")))?;
        // Measured. A search in depth hands each value that it finds through all levels of the body.
        Ok(Self { text: text.to_owned(), parsed, cost: cost * if bare.contains("..") { 32 } else { 4 } })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::{prelude::*, sample::select};
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{MAX_JSON_VALUES, MAX_READ_BYTES};

    fn selects(query: &str, body: &Value) -> bool {
        let query = Query::parse(query).unwrap_or_else(|error| panic!("{error}"));
        !query.parsed.query(body).is_empty()
    }

    #[test]
    fn a_query_within_the_bounds_is_parsed_soon() {
        let start = Instant::now();
        for query in [
            format!("${}{}", "[?@".repeat(8), "]".repeat(8)),
            format!("$[?{}@{}]", "(".repeat(7), ")".repeat(7)),
            format!("$[?{}@{}]", "!(".repeat(7), ")".repeat(7)),
            format!("$[?1==1{}]", "&&1==1".repeat(150)),
            format!("${}", ".a".repeat(500)),
            format!("$['{}']", "a".repeat(1_000)),
        ] {
            _ = Query::parse(&query).map_err(|error| panic!("{error}"));
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    /// The searches of one call with the most time for each byte of the limit.
    #[test]
    fn the_dearest_searches_within_the_limit_of_a_call_end_soon() {
        let deep: fn(usize) -> Value = |values| (0..120).fold(json!(vec![0; values]), |inner, _| json!([inner]));
        let objects: fn(usize) -> Value = |values| json!(vec![json!({"a": 1, "b": 2}); values / 3]);
        for (text, body) in [("$..*", deep), ("$..a", objects), ("$[?@.a>1&&@.b]", objects), ("$[*].a", objects)] {
            let query = Query::parse(text).unwrap();
            let values = (MAX_READ_BYTES / query.cost).min(MAX_JSON_VALUES);
            let (body, start) = (body(values), Instant::now());
            for _ in 0..MAX_READ_BYTES / (query.cost * values) {
                query.parsed.query(&body);
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{text}: {:?}", start.elapsed());
        }
    }

    #[test]
    fn a_filter_takes_constant_time_for_each_value() {
        for query in ["$[?@..a]", "$[?@['x']..a]", "$[?(@.a)&&@..b]", "$..[?@..a]"] {
            let refusal = Query::parse(query).unwrap_err();
            assert!(refusal.contains("has `..`"), "{refusal}");
        }
        assert!(selects("$[?@.a]..b", &json!([{"a": {"b": 1}}])));
        assert!(selects("$..['..']", &json!([{"..": 1}])));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn no_text_makes_the_parser_panic(
            beginning in select(vec!["$", "$[", "$..[", "$[?@==", "$[?(@.a)&&'b'<"]),
            parts in proptest::collection::vec(select(vec![
                "'", "'", "'", "\"", "\"", "\"", "\\u", "\\u", "\\u", "\\", "D8", "dc00", "\\n", "$", "@", ".", "..", "[", "]", "(", ")", "?", "!", "*",
                ":", ",", "-", "0", "7", "1e9", "&&", "||", "==", "<", "a", "true", "null", " ", "\n", "ä", "length(", "\u{1F600}",
            ]), 0..8),
        ) {
            _ = Query::parse(&format!("{beginning}{}", parts.concat()));
        }
    }
}
