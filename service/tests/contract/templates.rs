//! Templates of answers.

use serde_json::{Value, json};

use crate::{
    shape::assert_refused_at,
    support::{Answer, Echo, changes, new_endpoint},
};

const RESPONSE: &str = "/data/attributes/response";

fn template(body: &str) -> Value {
    json!({"code": 200, "template": true, "body": body})
}

/// The code, detail and status of an error.
fn error(answer: &Answer) -> (u16, String, String) {
    let error = &answer.json()["errors"][0];
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("detail"))
}

#[test]
fn a_template_answers_with_values_of_the_request() {
    let echo = Echo::start(&[]);
    let body = "{{ request.verb }} {{ request.path }}, {{ request.params.id }}, {{ request.query.q }}, {{ request.headers['X-A'] }}, \
                {{ request.cookies.c }}, {{ request.json.list[1] }}, {{ request.body | length }}\n";
    echo.create("POST", "/users/{id}", template(body));
    let headers = "X-A: one\r\nX-A: two\r\nCookie: b=1; c=2\r\n";
    let answer = echo.call_with("POST", "/users/a%20b?q=x+y&q=z", headers, br#"{"list": [1, "two"]}"#);
    assert_eq!((answer.status, answer.text().as_str()), (200, "POST /users/a%20b, a b, x y, one, 2, two, 20\n"));

    echo.create("POST", "/form", template("{{ request.form.a }} {{ request.form.all('a') | join(',') }}"));
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(echo.call_with("POST", "/form", headers, b"a=1&a=2%2B").text(), "1 1,2+");
}

#[test]
fn without_the_mark_a_text_is_sent_as_it_is() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "{{ request.verb }}{% x"}));
    assert_eq!(echo.call("GET", "/x").text(), "{{ request.verb }}{% x");
    let answer = echo.patch(&id, &changes(json!({"response": {"template": true}})));
    assert_refused_at(&answer, 422, &format!("{RESPONSE}/body"), "a mistake");
    let answer = echo.patch(&id, &changes(json!({"response": {"template": true, "body": "{{ request.verb }}"}})));
    assert_eq!(answer.json()["data"]["attributes"]["response"]["template"], true);
    assert_eq!(echo.call("GET", "/x").text(), "GET");
    for off in [json!(false), Value::Null] {
        echo.patch(&id, &changes(json!({"response": {"template": true}})));
        let answer = echo.patch(&id, &changes(json!({"response": {"template": off}})));
        assert_eq!(answer.json()["data"]["attributes"]["response"]["template"], Value::Null);
        assert_eq!(echo.call("GET", "/x").text(), "{{ request.verb }}");
    }
    let answer = echo.post(&new_endpoint("GET", "/y", json!({"code": 200, "template": "yes"})));
    assert_refused_at(&answer, 422, &format!("{RESPONSE}/template"), "no boolean");
}

#[test]
fn strings_in_json_are_templates_and_the_answer_is_json() {
    let echo = Echo::start(&[]);
    let json = json!({
        "z": "{{ request.json.id }}",
        "a": ["{{ request.json.id | tojson }}", "{{ request.json | tojson }}", 1, null],
        "{{ name }}": "say \"{{ request.json.text }}\"",
    });
    echo.create("POST", "/json", json!({"code": 201, "template": true, "json": json}));
    let answer = echo.call_with("POST", "/json", "", br#"{"text": "\"quoted\"\n", "id": 7}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = r#"{"z":"7","a":[7,{"text":"\"quoted\"\n","id":7},1,null],"{{ name }}":"say \"\"quoted\"\n\""}"#;
    assert_eq!(answer.json(), serde_json::from_str::<Value>(expected).unwrap());
    assert!(answer.text().starts_with(r#"{"z":"7","a":[7,{"text""#), "{}", answer.text());
}

#[test]
fn values_of_header_fields_are_templates_but_bytes_are_not() {
    let echo = Echo::start(&[]);
    let headers = json!({
        "Location": "/users/{{ request.params.id }}",
        "Set-Cookie": ["id={{ request.params.id }}", "plain=1"],
        "X-Plain": "{ }",
    });
    echo.create(
        "GET",
        "/go/{id}",
        json!({"code": 302, "template": true, "headers": headers, "base64": "e3sgMSB9fQ=="}),
    );
    let answer = echo.call("GET", "/go/7");
    let fields = |name| answer.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str());
    assert_eq!(answer.header("location"), Some("/users/7"));
    assert_eq!(fields("set-cookie").collect::<Vec<_>>(), ["id=7", "plain=1"]);
    assert_eq!((answer.header("x-plain"), answer.text().as_str()), (Some("{ }"), "{{ 1 }}"));
}

#[test]
fn times_ids_and_random_values_are_new_for_each_call() {
    let echo = Echo::start(&[]);
    echo.create(
        "GET",
        "/new",
        template("{{ uuid() }} {{ random_int(1, 1000000000) }} {{ now() }} {{ now('1h') }} {{ timestamp() }}"),
    );
    let [one, other] = [(); 2].map(|()| echo.call("GET", "/new").text());
    let [one, other] = [&one, &other].map(|text| text.split(' ').collect::<Vec<_>>());
    assert!(one[0].len() == 36 && one[0] != other[0] && one[1] != other[1], "{one:?} {other:?}");
    let [now, later] = [one[2], one[3]].map(|time| humantime::parse_rfc3339(time).unwrap());
    assert!(now.elapsed().unwrap().as_secs() < 60 && later.duration_since(now).unwrap().as_secs().abs_diff(3_600) < 2);
}

#[test]
fn absent_values_are_empty_and_have_defaults() {
    let echo = Echo::start(&[]);
    echo.create(
        "GET",
        "/x",
        template("[{{ request.query.page }}{{ request.json.a.b.c }}{{ request.query.n | default('1') }}]"),
    );
    assert_eq!(echo.call("GET", "/x").text(), "[1]");
}

#[test]
fn a_mistake_is_refused_with_its_place_line_and_column() {
    let echo = Echo::start(&[]);
    for (response, pointer, detail) in [
        (json!({"body": "a\nb {{ request.verb"}), "body", "line 2, column 14"),
        (json!({"body": "{{ request.qurey }}"}), "body", "`request.qurey` does not exist"),
        (json!({"body": "{{ 1 | no }}"}), "body", "`no` is no filter"),
        (json!({"body": "{% include '/etc/passwd' %}"}), "body", "unknown statement include"),
        (json!({"json": {"a/b": ["x", "{{ 1 + }}"]}}), "json/a~1b/1", "line 1, column 8"),
        (json!({"headers": {"X-A": "{{ nwo() }}"}}), "headers/X-A", "`nwo` is no function"),
    ] {
        let mut response = response;
        response["code"] = 200.into();
        response["template"] = true.into();
        let answer = echo.post(&new_endpoint("GET", "/x", response));
        assert_refused_at(&answer, 422, &format!("{RESPONSE}/{pointer}"), detail);
        assert!(answer.details().contains(detail), "{}", answer.details());
    }
    let several = json!({"code": 200, "template": true, "headers": {"X-A": "{{ 1"}, "json": ["{{ 2", "{{ 3"]});
    assert_eq!(echo.post(&new_endpoint("GET", "/x", several)).pointers().len(), 3);
}

#[test]
fn a_failure_during_a_call_is_a_500_that_names_the_line() {
    let echo = Echo::start(&[]);
    echo.create("GET", "/fails", template("a\n{{ random_int(2, 1) }}"));
    let (status, code, detail) = error(&echo.call("GET", "/fails"));
    assert_eq!((status, code.as_str()), (500, "template_failed"));
    assert!(
        detail.contains("`body` failed in line 2, column 4") && detail.contains("write the least number first"),
        "{detail}"
    );

    echo.create("GET", "/split", json!({"code": 200, "template": true, "headers": {"X-A": "a{{ request.query.a }}"}}));
    for bad in ["%0D%0AX-B:1", "%0A", "%00"] {
        let answer = echo.call("GET", &format!("/split?a={bad}"));
        let (status, code, detail) = error(&answer);
        assert_eq!((status, code.as_str(), answer.header("x-b")), (500, "template_failed", None));
        assert!(detail.contains("`headers/X-A`") && detail.contains("line 1"), "{detail}");
    }
    assert_eq!(
        echo.call("GET", "/split?a=%C3%BC").headers.iter().find(|(name, _)| name == "x-a").unwrap().1.as_bytes(),
        "aü".as_bytes()
    );
}

#[test]
fn work_and_output_of_a_template_are_bounded() {
    let echo = Echo::start(&[]);
    for (n, (body, detail)) in [
        ("{{ 'x' * 10**9 }}", "line 1"),
        ("{% for i in range(99999) %}{{ i }}{% endfor %}", "50000 steps"),
        ("{% set x = 'x' * 100000 %}{% for i in range(12) %}{{ x }}{% endfor %}", "1048576 bytes"),
        ("{% set x = [1, 2] %}{% set x = x + x %}", "not for lists"),
    ]
    .into_iter()
    .enumerate()
    {
        echo.create("GET", &format!("/{n}"), template(body));
        let (status, code, told) = error(&echo.call("GET", &format!("/{n}")));
        assert_eq!((status, code.as_str()), (500, "template_failed"), "{body}");
        assert!(told.contains(detail), "{body}: {told}");
    }
    let deep = format!("{{{{ {}1 }}}}", "-".repeat(100_000));
    let answer = echo.post(&new_endpoint("GET", "/deep", template(&deep)));
    assert_refused_at(&answer, 422, &format!("{RESPONSE}/body"), "a deep expression");
    let headers = json!({"X-A": "{{ request.body }}", "X-B": "{{ request.body }}"});
    echo.create("POST", "/headers", json!({"code": 200, "template": true, "headers": headers}));
    let bytes = |bytes: usize| echo.call_with("POST", "/headers", "", &vec![b'x'; bytes]);
    assert_eq!(bytes(8 * 1024).header("x-b").unwrap().len(), 8 * 1024);
    let (status, _, told) = error(&bytes(8 * 1024 + 1));
    assert_eq!(status, 500);
    assert!(told.contains("`headers/X-B`") && told.contains("16384 bytes"), "{told}");
    let large = "x".repeat(100_000);
    echo.create("GET", "/large", template(&format!("{{{{ request.verb }}}}{large}")));
    assert_eq!(echo.call("GET", "/large").body.len(), 100_003);
}

#[test]
fn a_template_of_a_large_body_is_refused_and_other_templates_do_not_read_it() {
    let echo = Echo::start(&["--max-body-bytes", "300000"]);
    echo.create("POST", "/body", template("{{ request.body | length }}"));
    echo.create("POST", "/other", template("{{ request.verb }}"));
    let [fits, large] = [300_000, 300_001].map(|bytes| vec![b'x'; bytes]);
    assert_eq!(echo.call_with("POST", "/body", "", &fits).text(), "300000");
    let (status, code, detail) = error(&echo.call_with("POST", "/body", "", &large));
    assert_eq!((status, code.as_str()), (413, "too_large"), "{detail}");
    assert_eq!(echo.call_with("POST", "/other", "", &large).text(), "POST");
}

#[test]
fn templates_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let arguments = ["--store", &store];
    {
        let echo = Echo::start(&arguments);
        echo.create("GET", "/users/{id}", template("{{ request.params.id }}"));
    }
    assert_eq!(Echo::start(&arguments).call("GET", "/users/7").text(), "7");
}

#[test]
fn a_template_works_beside_tests_delays_and_faults() {
    let echo = Echo::start(&[]);
    let mut mock = new_endpoint("POST", "/x", template("{{ request.json.a }}"));
    mock["data"]["attributes"]["when"] = json!({"body": {"json": {"a": 1}}});
    mock["data"]["attributes"]["response"]["delay"] = "10ms".into();
    assert_eq!(echo.post(&mock).status, 201);
    assert_eq!(echo.call_with("POST", "/x", "", br#"{"a": 1}"#).text(), "1");
    assert_eq!(echo.call_with("POST", "/x", "", br#"{"a": 2}"#).status, 404);
}
