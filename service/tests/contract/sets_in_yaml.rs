//! Sets in YAML.

use serde_json::{Value, json};

use crate::{
    sets::{counts, list, mock, put},
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo},
};

const YAML: &str = "Content-Type: application/yaml\r\n";

fn put_yaml(echo: &Echo, name: &str, text: &str) -> Answer {
    echo.manage_raw("PUT", &format!("/-/sets/{name}"), YAML, text.as_bytes())
}

fn get_yaml(echo: &Echo, name: &str) -> Answer {
    echo.manage("GET", &format!("/-/sets/{name}"), "Accept: application/yaml\r\n", None)
}

#[test]
fn a_list_in_yaml_is_the_same_list_and_is_shown_in_yaml() {
    let echo = Echo::start(&[]);
    let text = "# shop\n- verb: GET\n  path: /a\n  when: &german\n    headers: {accept-language: de}\n  response:\n    \
                code: 200\n    body: |\n      one\n      two\n- {verb: POST, path: /b, when: *german, response: {code: 204}}\n";
    assert_eq!(counts(&put_yaml(&echo, "shop", text)), [2, 0, 0, 0]);
    let when = json!({"headers": {"accept-language": "de"}});
    let expected = json!([
        {"verb": "GET", "path": "/a", "when": when, "response": {"code": 200, "body": "one\ntwo\n"}},
        {"verb": "POST", "path": "/b", "when": when, "response": {"code": 204}},
    ]);
    assert_eq!(list(&echo, "shop"), expected);
    let shown = get_yaml(&echo, "shop");
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("application/yaml")));
    assert_eq!(shown.header("vary"), Some("Accept"));
    assert_eq!(serde_yaml::from_str::<Value>(&shown.text()).unwrap(), expected);
    assert_eq!(counts(&put_yaml(&echo, "shop", &shown.text())), [0, 0, 0, 2]);
    for (accept, content_type) in [
        ("application/json, application/yaml", "application/json"),
        ("text/html, application/yaml; q=0.9, */*", "application/yaml"),
        ("*/*", "application/json"),
    ] {
        let shown = echo.manage("GET", "/-/sets/shop", &format!("Accept: {accept}\r\n"), None);
        assert_eq!(shown.header("content-type"), Some(content_type), "{accept}");
    }
    assert_refused(&get_yaml(&echo, "none"), 404, "no set");
}

#[test]
fn texts_that_yaml_could_misread_come_back_from_yaml_as_they_were() {
    let echo = Echo::start(&[]);
    let texts = [
        "yes",
        "0200",
        "~",
        "1e3",
        "a: b",
        " #",
        "one\n two\n\n",
        "\ttab\r\n",
        "\u{feff}",
        "---\n",
        "ü\u{2028}",
        "'\"",
    ];
    let mocks: Vec<_> = texts.iter().enumerate().map(|(n, text)| mock(&format!("/{n}"), text)).collect();
    put(&echo, "texts", &mocks);
    let shown = get_yaml(&echo, "texts").text();
    assert_eq!(counts(&put_yaml(&echo, "texts", &shown)), [0, 0, 0, texts.len() as u64], "{shown}");
    assert_eq!(counts(&put_yaml(&echo, "texts", &shown.replace("/0\n", "/new\n"))), [1, 0, 1, 11]);
    assert_eq!(list(&echo, "texts")[11]["response"]["body"], "yes");
}

#[test]
fn a_mistake_in_yaml_has_its_line_and_nothing_changes() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/taken", json!({"code": 200}));
    let good = "- verb: GET\n  path: /a\n  response: {code: 200}\n";
    for (text, status, pointer, detail) in [
        ("- path: [", 400, "/0/path", "Line 1, column 9: The text is not YAML"),
        ("- code: 0200", 400, "/0/code", "Line 1, column 9: `0200` is another number"),
        ("verb: GET", 400, "", "Line 1, column 1: The body is not a list"),
        ("a: &x [*x]", 400, "/a/0", "Line 1, column 8: The alias stands inside of its own anchor"),
        ("[]", 422, "", "Line 1, column 1: The list is empty"),
        ("# nothing\n", 400, "", "The text is empty"),
        (&format!("{good}- verb: GET\n  path: x\n  response: {{code: 200}}"), 422, "/1/path", "Line 5, column 3: "),
        (&format!("{good}{good}"), 409, "/1", "Line 4, column 3: `GET /a` is also mock 0"),
        (&format!("{good}{}", good.replace("/a", "/taken")), 409, "/1", "Line 4, column 3: `GET /taken` belongs"),
        (
            "- verb: GET\n  path: /f\n  response: {code: 200, bodyFile: x}",
            422,
            "/0/response/bodyFile",
            "Line 3, column 25: ",
        ),
    ] {
        let answer = put_yaml(&echo, "shop", text);
        assert_refused_at(&answer, status, pointer, text);
        assert!(answer.details().contains(detail), "{text}: {}", answer.details());
    }
    let latin = echo.manage_raw("PUT", "/-/sets/shop", YAML, b"- path: /\xe4");
    assert_refused_at(&latin, 400, "", "not UTF-8");
    assert_refused(&echo.get("/-/sets/shop"), 404, "nothing was written");
    assert_refused(&echo.manage_raw("POST", "/endpoints", YAML, good.as_bytes()), 415, "YAML is for sets");
}

#[test]
fn yaml_that_multiplies_itself_is_refused_at_once() {
    let echo = Echo::start(&[]);
    let bomb = (0..30).fold("- &a0 [xxxxxxxx]\n".to_owned(), |text, n| {
        format!("{text}- &a{} [{}]\n", n + 1, vec![format!("*a{n}"); 10].join(", "))
    });
    let wide = format!("- [{}0]", "0,".repeat(2 << 20));
    for (text, detail) in
        [(bomb, "use fewer aliases"), (wide, "use fewer aliases"), ("- ".repeat(1 << 20), "recursion limit")]
    {
        let answer = put_yaml(&echo, "shop", &text);
        assert_refused(&answer, 400, &text[..20]);
        assert!(answer.details().contains(detail), "{}", answer.details());
    }
}
