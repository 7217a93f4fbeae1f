use proptest::prelude::*;
use serde::Serialize as _;
use serde_json::{
    json,
    ser::{PrettyFormatter, Serializer},
};

use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = read(text).expect_err(&excerpt(text));
    mistakes.iter().map(|Mistake { place, pointer, detail }| format!("{place} {pointer} {detail}")).collect()
}

#[track_caller]
fn assert_mistake(text: &str, beginning: &str, words: &str) {
    let all = mistakes(text);
    let is_told = all.len() == 1 && all[0].starts_with(beginning) && all[0].contains(words);
    assert!(is_told, "{}: {all:#?}", excerpt(text));
}

#[test]
fn values_are_those_of_json() {
    let text = "- verb: NO\n  yes: yes\n  on: ~\n  list: [1, -2.5, 1e3, true, False, null, '1', \"a\\tb\"]\n  1: 12:30\n  \
                body: |\n    one\n\n    two\n  date: 2024-01-01\n  version: 1.2.3\n  phone: +49 30\n";
    let value = json!([{
        "verb": "NO", "yes": "yes", "on": null, "list": [1, -2.5, 1e3, true, false, null, "1", "a\tb"], "1": "12:30",
        "body": "one\n\ntwo\n", "date": "2024-01-01", "version": "1.2.3", "phone": "+49 30",
    }]);
    assert_eq!(read(text).unwrap().value, value);
}

#[test]
fn numbers_that_versions_of_yaml_read_differently_are_mistakes() {
    for text in ["0200", "+1", "1_000", "0x1F", "0o17", "0b1", ".5", "5.", "-.inf", ".NaN", "1e400", "007.5"] {
        assert_mistake(&format!("- code: {text}"), "1:9 /0/code ", &format!("`{text}` is another number"));
        assert_eq!(read(&format!("- code: '{text}'")).unwrap().value, json!([{ "code": text }]));
    }
}

#[test]
fn each_trap_has_a_place_and_a_correction() {
    for (text, beginning, words) in [
        ("", "1:1  ", "The text is empty"),
        ("# only\n", "2:1  ", "The text is empty"),
        ("- a: 1\n  a: 2\n", "2:3 /0 ", "`a` is given twice"),
        ("a: 1\n\tb: 2", "1:4 ", "indent with spaces"),
        ("- a: 1\n---\n- b: 2\n", "2:1  ", "A second document begins here"),
        ("- a: !!str 5", "1:12 /0/a ", "Tags such as"),
        ("- !mock {a: 1}", "1:9 /0 ", "Tags such as"),
        ("- <<: {a: 1}", "1:3 /0 ", "Merge keys"),
        ("- ? [a]\n  : b", "1:5 /0 ", "The name of a member has to be a text"),
        ("- &x a\n- *x : b", "2:3 /1 ", "The name of a member has to be a text"),
        ("- a: *x", "1:6 ", "unknown anchor"),
        ("- a: &x [*x]", "1:10 /0/a/0 ", "inside of its own anchor"),
        ("- a: 'x\n- b", "1:6 ", "unclosed quote"),
        ("[1, 2", "1:1 ", "unclosed bracket"),
        ("{\"a\": \"\\ud800\"}", "1:7 ", "surrogate"),
    ] {
        assert_mistake(text, beginning, words);
    }
    let all = mistakes("- a: 0200\n  b: 1\n  b: 2\n- c/d:\n    e~: [0, !x 1]\n");
    let places = all.iter().map(|one| one.rsplitn(2, ' ').last().unwrap()).collect::<Vec<_>>();
    assert_eq!(places.len(), 3, "{all:#?}");
    assert!(all[2].starts_with("5:16 /1/c~1d/e~0/1 "), "{all:#?}");
}

#[test]
fn a_report_has_at_most_so_many_mistakes() {
    let text = "- 01\n".repeat(1_000);
    assert_eq!(mistakes(&text).len(), MAX_MISTAKES);
}

#[test]
fn anchors_are_copied() {
    let read = read("- &x {a: [1]}\n- *x\n- &x 2\n- *x\n").unwrap();
    assert_eq!(read.value, json!([{"a": [1]}, {"a": [1]}, 2, 2]));
    assert_eq!(read.place("/1/a/0"), Place { line: 2, column: 3 });
}

#[test]
fn a_place_is_that_of_the_name_or_of_the_nearest_value_around() {
    let text = "# mocks\n- verb: GET\n  response:\n    headers:\n      a/b: x\n    code: 200\n- [{\"x\": 1}]\n";
    let read = read(text).unwrap();
    for (pointer, line, column) in [
        ("", 2, 1),
        ("/0", 2, 3),
        ("/0/path", 2, 3),
        ("/0/response", 3, 3),
        ("/0/response/headers/a~1b", 5, 7),
        ("/0/response/code", 6, 5),
        ("/0/response/code/0", 6, 5),
        ("/1/0/x", 7, 5),
        ("/9", 2, 1),
        ("/x", 2, 1),
    ] {
        assert_eq!(read.place(pointer), Place { line, column }, "{pointer}");
    }
}

#[test]
fn bombs_end_with_a_mistake() {
    let bomb = (0..30).fold("- &a0 [xxxxxxxx]\n".to_owned(), |text, n| {
        format!("{text}- &a{} [{}]\n", n + 1, vec![format!("*a{n}"); 10].join(", "))
    });
    let long = format!("- &a {}\n{}", "x".repeat(1 << 20), "- *a\n".repeat(1_000));
    let many = format!("[{}0]", "0,".repeat(16 << 20 >> 1));
    for (text, words) in [
        (bomb, "use fewer aliases"),
        (long, "use fewer aliases"),
        (many, "use fewer aliases"),
        ("[".repeat(1 << 20), "recursion limit"),
        ("{a: ".repeat(1 << 20), "recursion limit"),
        ("- ".repeat(1 << 20), "recursion limit"),
        ("? ".repeat(1 << 20), "has to be a text"),
        ("&a ".repeat(1 << 20), ""),
    ] {
        // A reading without a bound would not end before the runner ends the test.
        assert_mistake(&text, "", words);
    }
}

fn json() -> impl Strategy<Value = Value> {
    const AMBIGUOUS: &[&str] = &[
        "",
        " ",
        "~",
        "null",
        "yes",
        "NO",
        "0200",
        "+1",
        "1_0",
        ".5",
        "5.",
        "0x1",
        "0o7",
        "-.inf",
        ".nan",
        "1e5",
        "12:30",
        "-",
        "?",
        ":",
        "<<",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "---",
        "...",
        "a\n",
        "\na",
        " a\nb",
        "a \nb",
        "a\n\n\nb\n\n",
        "\ta\nb",
        "a\r\nb",
        "a\rb\n",
        "\u{85}",
        "a\u{2028}b\n",
        "\u{feff}a\nb",
        "---\na",
        "a\n...\n",
        "1\n2",
        "'",
        "\"",
        "\\",
    ];
    let text = prop_oneof![
        proptest::sample::select(AMBIGUOUS).prop_map(str::to_owned),
        "\\PC{0,8}",
        "[ \\n\\tab:#-]{0,12}",
        any::<String>()
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((text.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_written_value_is_read_as_the_same_value(value in json()) {
        let text = write(&value);
        let read = read(&text).map_err(|mistakes| TestCaseError::fail(format!("{mistakes:?}\n{text}")))?;
        prop_assert_eq!(read.value, value, "{}", text);
    }

    #[test]
    fn json_is_read_as_by_serde_json(value in json()) {
        let mut indented = Vec::new();
        let tabs = PrettyFormatter::with_indent(b"\t");
        value.serialize(&mut Serializer::with_formatter(&mut indented, tabs)).unwrap();
        for text in [value.to_string(), String::from_utf8(indented).unwrap()] {
            let read = read(&text).map_err(|mistakes| TestCaseError::fail(format!("{mistakes:?}\n{text}")))?;
            prop_assert_eq!(&read.value, &serde_json::from_str::<Value>(&text).unwrap(), "{}", text);
        }
    }

    #[test]
    fn no_text_is_too_much(text in "[-a1:{}\\[\\]&*!|>?'\"#%@,\\n\\t ]{0,40}") {
        if let Ok(read) = read(&text) {
            prop_assert_eq!(super::read(&write(&read.value)).unwrap().value, read.value);
        }
    }
}
