use http::HeaderMap;
use proptest::{collection::btree_map, prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::domain::{Route, Verb};

/// A JSON value, with numbers that have several forms.
fn value() -> impl Strategy<Value = Value> {
    let number = select(vec![json!(0), json!(-0.0), json!(1.0), json!(1.5), json!(1e20), json!(u64::MAX), json!(-7)]);
    let float = any::<f64>().prop_map(Value::from);
    let leaf = prop_oneof![
        float,
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        "\\PC{0,5}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[a-c ]{1,2}", inner, 0..3).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,5}".prop_map(Value::from),
        "\\PC{0,5}".prop_map(|text| json!({"equals": text})),
        "\\PC{0,5}".prop_map(|text| json!({"contains": text})),
        select(vec!["^a+$", "\\d", ""]).prop_map(|text| json!({"matches": text})),
        Just(json!({"absent": true})),
        Just(json!({"present": true})),
    ]
}

fn when() -> impl Strategy<Value = Value> {
    let named = || btree_map("[a-cA-C]{1,2}", test(), 0..3);
    let params = btree_map(select(vec!["a", "b"]), test(), 0..3);
    let query = select(vec!["$", "$.a[?@ > 1]", "$..['b']"]);
    let body = prop_oneof![
        test(),
        value().prop_map(|value| json!({"json": value})),
        query.prop_map(|query| json!({"jsonpath": query})),
    ];
    let body = proptest::collection::vec(body, 0..3);
    (params, named(), named(), body).prop_map(
        |(params, query, cookies, body)| json!({"params": params, "query": query, "cookies": cookies, "body": body}),
    )
}

proptest! {
    #[test]
    fn canonical_tests_are_read_as_the_same_tests(value in when()) {
        let when = When::parse(&value).unwrap();
        prop_assert_eq!(&When::parse(&when.show()).unwrap_or_default(), &when);
        if !when.is_empty() {
            prop_assert_eq!(&When::parse_text(when.as_str()).unwrap(), &when);
        }
        let path = MockPath::parse("/{a}/x/{*b}").unwrap();
        prop_assert_eq!(when.check_params(&path), Ok(()));
        let route = Route { when, ..Route::new(Verb::Get, path) };
        prop_assert_eq!(Route::of_claim(&route.claim()).unwrap().claim(), route.claim());
    }

    #[test]
    fn a_json_value_contains_itself_and_has_one_canonical_form(value in value()) {
        let test = |value: &Value| When::parse(&json!({"body": {"json": value}})).unwrap();
        let (headers, text) = (HeaderMap::new(), value.to_string());
        let body = Some(Content::Whole(text.as_bytes()));
        let call = Call { verb: Verb::Get, path: "/", query: "", headers: &headers, body };
        prop_assert_eq!(test(&value).holds(&Trial::new(&call), "/"), Ok(true));
        let mut turned = value.clone();
        if let Some(members) = turned.as_object_mut() {
            *members = members.clone().into_iter().rev().collect();
        }
        prop_assert_eq!(test(&turned), test(&value));
    }
}

proptest! {
    /// A second test of a trial reads the tree of the first one.
    #[test]
    fn each_test_of_a_json_body_decides_the_same_as_the_only_one(
        members in proptest::collection::vec(("[a-c]", value()), 0..4),
        part in btree_map("[a-c]", value(), 0..2),
        chosen in proptest::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        // With members that the body may have, and the body may have a name several times.
        let taken = chosen.iter().filter(|_| !members.is_empty()).map(|at| at.get(&members).clone());
        let part: Map<_, _> = part.into_iter().chain(taken).collect();
        let text = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect::<Vec<_>>().join(", ");
        let whole: Map<_, _> = members.into_iter().collect();
        let expected = check::contains(&whole.into(), &part.clone().into());
        let list = vec![Value::from(part.clone()); 2];
        for (test, text) in [
            (json!({"body": {"json": part}}), format!("{{{text}}}")),
            (json!({"body": {"json": list}}), format!("[{{{text}}}, {{{text}}}]")),
        ] {
            prop_assert_eq!(decided(&test, text.as_bytes()), [Ok(expected); 3]);
        }
    }
}

/// The first three decisions of one trial.
fn decided(when: &Value, body: &[u8]) -> [Result<bool, Undecided>; 3] {
    let (when, headers) = (When::parse(when).unwrap(), HeaderMap::new());
    let call = Call { verb: Verb::Get, path: "/", query: "", headers: &headers, body: Some(Content::Whole(body)) };
    let trial = Trial::new(&call);
    [(); 3].map(|()| when.holds(&trial, "/"))
}

#[test]
fn a_json_test_holds_for_any_json_around_its_part() {
    let deep = format!(r#"{{"a": 1, "b": {}{}}}"#, "[".repeat(200), "]".repeat(200));
    let large = format!(r#"{{"a": 1, "b": [{}0]}}"#, "0,".repeat(MAX_JSON_VALUES));
    let large_and_cut = &large[..large.len() - 1];
    for (body, expected) in [
        (r#"{"a": 1, "b": 1e999}"#, Ok(true)),
        (r#"{"a": 1, "b": "\ud800"}"#, Ok(true)),
        (r#"{"\u0061": 1}"#, Ok(true)),
        (r#"{"a": 2, "a": 1}"#, Ok(true)),
        (r#"{"a": 1, "a": 2}"#, Ok(false)),
        (r#"{"a": 1e999}"#, Ok(false)),
        (r#"{"a": 1} x"#, Ok(false)),
        (r#"{"a": 1"#, Ok(false)),
        (r#"[{"a": 1}]"#, Ok(false)),
        ("", Ok(false)),
        (&deep, Ok(true)),
        (&large, Err(Undecided::TooManyValues)),
        (large_and_cut, Ok(false)),
    ] {
        assert_eq!(decided(&json!({"body": {"json": {"a": 1}}}), body.as_bytes()), [expected; 3], "{body:.40}");
    }
    assert_eq!(decided(&json!({"body": {"json": {"a": 1}}}), b"{\"a\": 1, \"b\": \"\xff\"}"), [Ok(false); 3]);
    assert_eq!(decided(&json!({"body": {"json": [1]}}), b"[1, 2]"), [Ok(false); 3]);
    assert_eq!(decided(&json!({"body": {"json": [1, 2]}}), b"[1]"), [Ok(false); 3]);
}

#[test]
fn tests_without_a_body_are_decided_before_the_body_is_read() {
    let when = When::parse(&json!({"body": "x", "query": {"a": "1"}})).unwrap();
    let headers = HeaderMap::new();
    for (query, expected) in [("a=2", Ok(false)), ("a=1", Err(Undecided::NeedsBody))] {
        let call = Call { verb: Verb::Get, path: "/", query, headers: &headers, body: None };
        assert_eq!(when.holds(&Trial::new(&call), "/"), expected, "{query}");
    }
}
