//! Tests of a body by JSONPath.

use serde_json::json;

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Echo, changes},
    when::{WHEN, called, create, id},
};

#[test]
fn a_jsonpath_holds_if_the_query_selects_a_value() {
    let echo = Echo::start(&[]);
    let order = json!({
        "id": 7, "name": "Ada", "note": null, "..": 1,
        "items": [{"sku": "a1", "price": 5, "tags": ["new"]}, {"sku": "b2", "price": 12.5, "sold": true}, {"sku": "c3"}],
    });
    let id = id(&create(&echo, "/orders", &json!({"body": {"jsonpath": "$"}}), "found"));
    for (query, holds) in [
        ("$", true),
        ("$.items[?@.price > 10]", true),
        ("$.items[?@.price > 12.5]", false),
        ("$.items[?@.price >= 12.5 && @.sku == 'b2']", true),
        ("$.items[?@.price < 5 || !(@.price)]", true),
        ("$.items[?@.price == '5']", false),
        ("$.items[?@.price == 5.0]", true),
        ("$.items[?@.sold == true].sku", true),
        ("$.items[?@.sold != true].price", true),
        ("$.items[?@['tags'][0] == \"new\"]", true),
        ("$.items[?@.tags[*]]", true),
        ("$.items[?!@.sku]", false),
        ("$.items[?@.missing == null]", false),
        ("$[?@ == null]", true),
        ("$.note", true),
        ("$.missing", false),
        ("$['name', 'missing']", true),
        ("$.items[2]", true),
        ("$.items[3]", false),
        ("$.items[-3].tags", true),
        ("$.items[-1].tags", false),
        ("$.items[1:]['tags']", false),
        ("$.items[::-2].tags", true),
        ("$.items.*.sold", true),
        ("$..tags", true),
        ("$..tags[?@ == 'old']", false),
        ("$.items[?@.price]..[0]", true),
        ("$['..']", true),
        ("$.name.length", false),
    ] {
        let when = json!({"when": {"body": {"jsonpath": query}}});
        assert_eq!(echo.patch(&id, &changes(when.clone())).status, 200, "{query}");
        let shown = echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"]["when"].clone();
        assert_eq!(shown, when["when"], "{query}");
        let expected = if holds { "found" } else { "404" };
        assert_eq!(called(&echo, "/orders", "", order.to_string().as_bytes()), expected, "{query}");
        assert_eq!(called(&echo, "/orders", "", b"items: 1"), "404", "{query}");
    }
}

#[test]
fn a_jsonpath_without_a_bound_of_its_cost_is_refused_with_a_correction() {
    let echo = Echo::start(&[]);
    for (query, advice) in [
        ("items", "is wrong at position 0, parser error: write it like `$.a[?@.b > 1]`"),
        ("$.items[?@.price > ]", "is wrong at position 17"),
        ("$[\"\\u", "close its quotes"),
        ("$..a..b", "has `..` more than once: write the names between"),
        ("$.a[?@..b]", "has `..` in a filter: write the names between"),
        ("$.a[?@['x]']..b == 1]", "has `..` in a filter"),
        ("$.a[?@.id == $.id]", "has `$` in a filter: begin with `@`"),
        ("$.a[?@.b == @.c]", "compares two values of the body"),
        ("$.a[?match(@.b, '.*')]", "has a function: use the test `matches` for texts"),
        ("$.a[?length(@.b) > 1]", "has a function"),
        ("$[0][0][0][0][0][0][0][0][0]", "has more than 8 brackets: write names as `.name`"),
        (&format!("$[{}]", vec!["*"; 100].join(",")), "has too many names, indexes or filters in brackets"),
        (&format!("$.{}", "ä".repeat(512)), "has more than 1,024 bytes"),
    ] {
        let refused = create(&echo, "/x", &json!({"body": ["a", {"jsonpath": query}]}), "x");
        assert_refused_at(&refused, 422, &format!("{WHEN}/body/1"), query);
        assert!(refused.details().contains(advice), "{query}: {}", refused.text());
    }
}

/// The cost grows with the values of the body, the length of the query, and the choices in brackets.
#[test]
fn a_jsonpath_beyond_the_limit_of_a_call_is_500() {
    let echo = Echo::start(&[]);
    let list = |values: usize| format!("[{}]", vec!["1"; values].join(","));
    id(&create(&echo, "/jsonpath", &json!({"body": {"jsonpath": "$[?@ > 1 && @ < 3]"}}), "jsonpath"));
    assert_eq!(called(&echo, "/jsonpath", "", list(99_000).as_bytes()), "404");
    id(&create(&echo, "/jsonpath", &json!({"body": {"jsonpath": "$[*, *][*, *][*, *][*, *]"}}), "choices"));
    assert_eq!(called(&echo, "/jsonpath", "", list(1_000).as_bytes()), "404");
    assert_refused(&echo.call_with("POST", "/jsonpath", "", list(99_000).as_bytes()), 500, "too many choices");
    assert_eq!(called(&echo, "/jsonpath", "", b"[2]"), "jsonpath");
}
