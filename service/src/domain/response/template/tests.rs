mod bounds;

use http::HeaderMap;
use serde_json::json;

use super::*;
use crate::domain::{Body, Json, Verb};

fn template(payload: &Payload, headers: &[(&str, &str)]) -> Result<Template, Vec<TemplateError>> {
    let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Template::compile(&Headers::parse(headers).unwrap(), Some(payload))
}

fn body(text: &str) -> Payload {
    Payload::Body(Body::parse(text.to_owned()).unwrap())
}

fn json_payload(value: &Value) -> Payload {
    Payload::Json(Json::parse(value).unwrap())
}

fn render_for(payload: &Payload, content: &[u8], fields: &[(&'static str, &str)]) -> Result<String, RenderError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    let call = Call {
        verb: Verb::parse("POST").unwrap(),
        path: "/users/7/a%20b",
        query: "tag=a&tag=b+c&empty&n=3",
        headers: &headers,
        body: Some(Content::Whole(content)),
    };
    let rendered = template(payload, &[]).unwrap().render(&call, "/users/{id}/{*rest}")?;
    Ok(String::from_utf8(rendered.body.unwrap().to_vec()).unwrap())
}

fn render(text: &str) -> String {
    let content =
        br#"{"id": 7, "name": "Ann \"A\" <a&b>", "none": null, "list": [3, 1, 2], "deep": {"z": 1, "a": [true, 0.5]}}"#;
    let fields = [("x-trace", "t1"), ("x-trace", "t2"), ("cookie", "a=1; b=2"), ("cookie", "a=3")];
    render_for(&body(text), content, &fields).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn fails(text: &str) -> String {
    match template(&body(text), &[]) {
        Err(errors) => errors[0].to_string(),
        Ok(_) => render_for(&body(text), br#"{"a": [[1, 2], [3]]}"#, &[]).expect_err(text).to_string(),
    }
}

#[test]
fn templates_use_the_request() {
    for (text, expected) in [
        ("{{ request.verb }} {{ request.path }}", "POST /users/7/a%20b"),
        ("{{ request.params.id }} {{ request.params.rest }}", "7 a b"),
        ("{{ request.query.tag }}, {{ request.query.all('tag') | join('+') }}", "a, a+b c"),
        ("{{ request.query.tag[2:] }}[{{ request.query.empty }}]", "[]"),
        ("{{ request.headers['X-Trace'] }} {{ request.headers.all('x-TRACE') }}", r#"t1 ["t1","t2"]"#),
        ("{{ request.cookies.a }}{{ request.cookies.b }}", "12"),
        ("{{ request.json.list[0] * 2 }}", "6"),
        ("{{ request.json.id + 1 }} {{ request.json.deep.a[1] }} {{ request.json.name }}", r#"8 0.5 Ann "A" <a&b>"#),
        ("{{ request.json.deep }}", r#"{"z":1,"a":[true,0.5]}"#),
        ("{{ request.json.list | sort | tojson }} {{ request.json.list[1:] }}", "[1,2,3] [1,2]"),
        ("{% for n in request.json.list if n > 1 %}{{ loop.index }}:{{ n }} {% endfor %}", "1:3 2:2 "),
        ("{% set n = request.query.n | int %}{% if n >= 3 %}many{% else %}few{% endif %}", "many"),
        ("{{ request.json.none }}|{{ request.json.none | tojson }}|{{ request.json.no.such | tojson }}", "|null|null"),
        ("{{ request.json.name | tojson }}", r#""Ann \"A\" <a&b>""#),
        ("{{ request.body[:5] }}{{ request.body[-2:] }}", "{\"id\"}}"),
        ("{{ 'a b/ü' | urlencode }} {{ 'ü' | b64encode }} {{ 'w7w=' | b64decode }}", "a%20b/%C3%BC w7w= ü"),
        ("no template: {} }} %}\n", "no template: {} }} %}\n"),
        ("{# nothing #}{{ request.query.page | default('1') }}", "1"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ [request.verb, 'b'] }} {{ {'a': request.verb} }}", r#"["POST","b"] {"a":"POST"}"#),
        ("{{ 'OST' in request.verb }} {{ 3 in request.json.list }} {{ request.json.id is odd }}", "true true true"),
    ] {
        assert_eq!(render(text), expected, "{text}");
    }
    let form =
        render_for(&body("{{ request.form.a }}"), b"a=1&b=2", &[("content-type", "application/x-www-form-urlencoded")]);
    assert_eq!(form.unwrap(), "1");
}

#[test]
fn absent_values_are_empty() {
    for text in [
        "{{ request.query.page }}",
        "{{ request.json.no.such.thing }}",
        "{{ request.form.a }}",
        "{{ request.cookies.z }}",
    ] {
        assert_eq!(render(text), "", "{text}");
    }
    assert_eq!(render_for(&body("[{{ request.json.a.b }}]"), b"no JSON", &[]).unwrap(), "[]");
}

#[test]
fn functions_make_times_ids_and_random_values() {
    let now = humantime::parse_rfc3339(&render("{{ now() }}")).unwrap();
    let tomorrow = humantime::parse_rfc3339(&render("{{ now('1day') }}")).unwrap();
    let hours = tomorrow.duration_since(now).unwrap().as_secs_f64() / 3_600.0;
    assert!((hours - 24.0).abs() < 0.1, "{hours}");
    let past = render("{{ timestamp('-1h') }}").parse::<u64>().unwrap();
    let difference = render("{{ timestamp() }}").parse::<u64>().unwrap() - past;
    assert!((3_600..3_610).contains(&difference), "{difference}");
    assert_eq!(render("{{ now()[:10] }}").len(), 10);
    let ids = render("{{ uuid() }} {{ uuid() }}");
    let (one, other) = ids.split_once(' ').unwrap();
    assert_ne!(one, other);
    assert_eq!(uuid::Uuid::parse_str(one).unwrap().get_version_num(), 4);
    let numbers: std::collections::HashSet<_> = (0..200).map(|_| render("{{ random_int(1, 6) }}")).collect();
    assert_eq!(numbers.len(), 6);
    assert!(["a", "b"].contains(&render("{{ choice(['a', 'b']) }}").as_str()));
}

#[test]
fn json_stays_json() {
    let json = json!({
        "id": "{{ request.json.id }}",
        "kept": "{{ request.json.id | tojson }}",
        "object": "{{ request.json.deep | tojson }}",
        "text": "{{ request.json.deep | tojson | string }}",
        "mixed": "{{ request.json.id }}-{{ request.json.name }}\n",
        "{{ name }} {% x %}": ["plain", "{% if request.json.id == 7 %}\"seven\"{% endif %}", 1.50, {}, [], null],
        "absent": "{{ request.json.absent | tojson }}",
    });
    let content = br#"{"id": 7, "name": "Ann \"A\"\\", "deep": {"z": 1, "a": [true]}}"#;
    let rendered = render_for(&json_payload(&json), content, &[]).unwrap();
    let parsed: Value = serde_json::from_str(&rendered).unwrap_or_else(|error| panic!("{rendered}: {error}"));
    assert_eq!(
        parsed,
        json!({
            "id": "7",
            "kept": 7,
            "object": {"z": 1, "a": [true]},
            "text": r#"{"z":1,"a":[true]}"#,
            "mixed": "7-Ann \"A\"\\\n",
            "{{ name }} {% x %}": ["plain", "\"seven\"", 1.50, {}, [], null],
            "absent": null,
        })
    );
    let error =
        render_for(&json_payload(&json!(["{{ request.verb if true else 1 | tojson }}"])), b"", &[]).unwrap_err();
    assert!(error.to_string().contains("`json/0`") && error.to_string().contains("is not JSON"), "{error}");
}

#[test]
fn mistakes_have_a_place_a_line_and_a_column() {
    for (text, position, detail) in [
        ("a\nb {{ request.verb", "line 2, column 14", "unexpected end of input"),
        ("a\n{{ 1 + }}", "line 2, column 8", "unexpected"),
        ("ü {{ request.qurey.a }}", "line 1, column 6", "`request.qurey` does not exist: use `verb`"),
        ("{{ requets.query }}", "line 1, column 4", "`requets` is unknown"),
        ("{{ request.verb | uper }}", "line 1, column 19", "`uper` is no filter"),
        ("{{ nwo() }}", "line 1, column 4", "`nwo` is no function"),
        ("{{ 1 is od }}", "line 1, column 9", "`od` is no test"),
        ("{{ request.query.get('a') }}", "line 1", "`get` is no method"),
        ("{% include 'x' %}", "line 1", "unknown statement include"),
        ("{% extends 'x' %}", "line 1", "unknown statement extends"),
        ("{% import 'x' as y %}", "line 1", "unknown statement import"),
        ("{% macro m() %}{% endmacro %}", "line 1", "unknown statement macro"),
        ("{% if true %}", "line 1", "unexpected end of input"),
        ("{{ 1 < request.json.a < 3 }}", "line 1", "and b < c"),
        ("{{ [1] * 2 }}", "line 1, column 8", "set the list"),
    ] {
        let errors = template(&body(text), &[]).err().unwrap_or_else(|| panic!("{text}"));
        let error = errors[0].to_string();
        assert!(error.contains(position) && error.contains(detail), "{text}: {error}");
    }
    let json = json!({"a/b": ["{{ 1 }}", "{{ 1 + }}"], "c": "{% endif %}", "d": "{{ as_text }}"});
    let Err(errors) = template(&json_payload(&json), &[("X-A", "{{ 1 | as_text }}"), ("X-B", "{{ x"), ("X-B", "b")])
    else {
        panic!("mistakes are refused")
    };
    let places: Vec<_> = errors.into_iter().map(|error| error.place).collect();
    let json = |pointer: &str| Place::Json(pointer.to_owned());
    let header = |name: &str| Place::Header(name.to_owned());
    assert_eq!(places, [header("X-A"), header("X-B"), json("/a~1b/1"), json("/c"), json("/d")]);
}

#[test]
fn failures_of_a_call_name_the_line() {
    for (text, expected) in [
        ("a\n\n{{ random_int(2, 1) }}", "the template of `body` failed in line 3, column 4: 2 is greater than 1"),
        ("\n{{ request.json.a + 1 }}", "line 2, column 4: `+` and `*` are"),
        ("{{ 'x' | int }}", "line 1"),
        ("{{ choice([]) }}", "the list is empty"),
        ("{{ now('soon') }}", "-1h"),
        ("{{ now('99999years') }}", "-1h"),
        ("{{ now('-99years') }}", "-1h"),
        ("{{ '?' | b64decode }}", "no base64"),
        ("{{ 1 // 0 }}", "line 1"),
        ("\n\n{{ request.query.n + 1 }}", "line 3, column 4: tried to use + operator"),
        ("\n{{ 'x' * 10**9 }}", "line 2, column 4: the template takes more than 50000 steps"),
    ] {
        let error = fails(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let headers = HeaderMap::new();
    let mut call =
        Call { verb: Verb::parse("GET").unwrap(), path: "/", query: "a=%0d%0aX:1", headers: &headers, body: None };
    let made = template(&body(""), &[("X-A", "{{ request.query.a }}")]).unwrap();
    let error = made.render(&call, "/").unwrap_err().to_string();
    assert!(error.contains("`headers/X-A`") && error.contains("CR, LF or NUL"), "{error}");
    call.query = "a=%C3%BC";
    assert_eq!(made.render(&call, "/").unwrap().headers[0].1.as_bytes(), "ü".as_bytes());
    let made = template(&body("{{ request.body }}"), &[]).unwrap();
    call.body = Some(Content::TooLarge);
    assert!(made.needs_body() && made.render(&call, "/").unwrap_err() == RenderError::BodyTooLarge);
}

#[test]
fn the_estimate_of_memory_grows_with_the_text_and_the_tags() {
    let bytes = |text: &str| Template::bytes(&Headers::default(), Some(&body(text)));
    assert!(bytes("{{ request.verb }}") > 8_192);
    assert!(bytes(&"{{ request.verb }}".repeat(1_000)) > 500_000);
    assert!(bytes(&"x".repeat(100_000)) < 350_000);
}
