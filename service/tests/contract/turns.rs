//! Responses in turn: each turn goes to one call.

use std::thread;

use serde_json::{Value, json};

use crate::{
    shape::{assert_refused, assert_refused_at},
    support::{Answer, Echo, changes},
};

const ATTRIBUTES: &str = "/data/attributes";

fn document(attributes: &Value) -> Value {
    json!({"data": {"type": "endpoints", "attributes": attributes}})
}

fn post(echo: &Echo, responses: &Value, then: Option<&str>) -> Answer {
    let attributes = json!({"verb": "GET", "path": "/x", "responses": responses, "then": then});
    echo.post(&document(&attributes))
}

fn create(echo: &Echo, responses: &Value, then: Option<&str>) -> String {
    let answer = post(echo, responses, then);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().unwrap().to_owned()
}

/// Three responses, of which the second answers twice.
fn three() -> Value {
    json!([{"code": 201, "body": "a"}, {"code": 202, "json": {"b": 1}, "times": 2}, {"code": 203, "base64": "Yw=="}])
}

fn codes<const N: usize>(echo: &Echo) -> [u16; N] {
    [(); N].map(|()| echo.call("GET", "/x").status)
}

#[test]
fn responses_answer_in_turn_and_then_the_last_one_repeats_or_all_or_none() {
    for (then, rest) in
        [(None, [203; 4]), (Some("last"), [203; 4]), (Some("repeat"), [201, 202, 202, 203]), (Some("none"), [404; 4])]
    {
        let echo = Echo::start(&[]);
        create(&echo, &three(), then);
        let answer = echo.call("GET", "/x");
        assert_eq!((answer.status, answer.text()), (201, "a".into()));
        let answer = echo.call("GET", "/x");
        assert_eq!((answer.status, answer.header("content-type")), (202, Some("application/json")));
        assert_eq!(codes::<2>(&echo), [202, 203], "{then:?}");
        assert_eq!(codes::<4>(&echo), rest, "{then:?}");
    }
}

#[test]
fn each_turn_goes_to_one_of_many_calls() {
    let echo = Echo::start(&[]);
    create(&echo, &json!([{"code": 200, "times": 7}, {"code": 201, "times": 31}, {"code": 202}]), Some("none"));
    let call = || (0..10).map(|_| echo.call("GET", "/x").status).collect::<Vec<_>>();
    let mut all: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..6).map(|_| scope.spawn(call)).collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    all.sort_unstable();
    let count = |code: u16| all.iter().filter(|other| **other == code).count();
    assert_eq!([200, 201, 202, 404].map(count), [7, 31, 1, 21]);
}

#[test]
fn every_change_begins_the_turns_anew() {
    let echo = Echo::start(&[]);
    let id = create(&echo, &three(), Some("none"));
    assert_eq!(codes::<5>(&echo), [201, 202, 202, 203, 404]);
    for change in [json!({}), json!({"priority": 1}), json!({"responses": three()}), json!({"then": null})] {
        let answer = echo.patch(&id, &changes(change.clone()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(codes::<2>(&echo), [201, 202], "{change}");
    }
    assert_eq!(codes::<3>(&echo), [202, 203, 203], "the default is to repeat the last one");
}

#[test]
fn turns_do_not_change_the_etag() {
    let echo = Echo::start(&[]);
    let id = create(&echo, &three(), None);
    let tag = || echo.get(&format!("/endpoints/{id}")).header("etag").unwrap().to_owned();
    let before = tag();
    assert_eq!(codes::<3>(&echo), [201, 202, 202]);
    assert_eq!(tag(), before);
}

#[test]
fn after_the_last_turn_the_next_best_mock_answers() {
    let echo = Echo::start(&[]);
    create(&echo, &json!([{"code": 201}, {"code": 202}]), Some("none"));
    echo.create("GET", "/{any}", json!({"code": 207}));
    assert_eq!(codes::<4>(&echo), [201, 202, 207, 207]);
}

#[test]
fn answers_show_the_responses_as_sent() {
    let echo = Echo::start(&[]);
    let id = create(&echo, &three(), Some("repeat"));
    let shown = || echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"].take();
    assert_eq!(shown(), json!({"verb": "GET", "path": "/x", "responses": three(), "then": "repeat"}));
    // Once, and `last`, are the defaults.
    let change = json!({"responses": [{"code": 200, "times": 1}], "then": "last"});
    assert_eq!(echo.patch(&id, &changes(change)).status, 200);
    assert_eq!(shown(), json!({"verb": "GET", "path": "/x", "responses": [{"code": 200}]}));
}

#[test]
fn response_and_responses_replace_each_other() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", json!({"code": 200, "body": "one"}));
    let shown = |change: Value| {
        let answer = echo.patch(&id, &changes(change.clone()));
        assert_eq!(answer.status, 200, "{change}: {}", answer.text());
        let mut shown = answer.json()["data"]["attributes"].take();
        shown.as_object_mut().unwrap().retain(|name, _| !["verb", "path"].contains(&name.as_str()));
        shown
    };
    let in_turn = json!({"responses": three(), "then": "none"});
    assert_eq!(shown(in_turn.clone()), in_turn);
    assert_eq!(shown(json!({"responses": [{"code": 200}]})), json!({"responses": [{"code": 200}], "then": "none"}));
    assert_eq!(shown(json!({"response": {"code": 204}})), json!({"response": {"code": 204}}));
    assert_eq!(echo.patch(&id, &changes(json!({"responses": three()}))).status, 200);
    let incomplete = echo.patch(&id, &changes(json!({"response": {"body": "x"}})));
    assert_refused_at(&incomplete, 422, &format!("{ATTRIBUTES}/response/code"), "a response without a code");
}

#[test]
fn times_are_whole_numbers_however_json_writes_them() {
    let echo = Echo::start(&[]);
    create(&echo, &json!([{"code": 201, "times": 2.0}, {"code": 202, "times": null}, {"code": 203}]), None);
    assert_eq!(codes(&echo), [201, 201, 202, 203]);
}

#[test]
fn a_failing_template_uses_its_turn_up() {
    let echo = Echo::start(&["--max-body-bytes", "300000"]);
    let template = |body: &str| json!({"code": 201, "body": body, "template": true});
    create(&echo, &json!([template("{{ 1 / 0 }}"), template("{{ request.body }}"), {"code": 203}]), None);
    assert_eq!(echo.call("GET", "/x").status, 500);
    assert_eq!(echo.call_with("GET", "/x", "", &vec![b'x'; 300_001]).status, 413);
    assert_eq!(codes(&echo), [203]);
}

#[test]
fn wrong_turns_are_refused_at_their_place() {
    let echo = Echo::start(&[]);
    let one = json!({"code": 200});
    let many = json!(vec![one.clone(); 33]);
    for (responses, then, place) in [
        (json!([]), None, "responses"),
        (many, None, "responses"),
        (one.clone(), None, "responses"),
        (json!([one, 1]), None, "responses/1"),
        (json!([one, {"code": 200, "times": 0}]), None, "responses/1/times"),
        (json!([{"code": 200, "times": 1_000_001}]), None, "responses/0/times"),
        (json!([{"code": 200, "times": "2"}]), None, "responses/0/times"),
        (json!([{"code": 200, "times": 1.5}]), None, "responses/0/times"),
        (json!([one, {"code": 99}]), None, "responses/1/code"),
        (json!([{"code": 200, "headers": {"X": "\n"}}]), None, "responses/0/headers/X"),
        (json!([one]), Some("first"), "then"),
    ] {
        assert_refused_at(
            &post(&echo, &responses, then),
            422,
            &format!("{ATTRIBUTES}/{place}"),
            &responses.to_string(),
        );
    }
    let attributes = |members: Value| {
        let mut attributes = json!({"verb": "GET", "path": "/x"});
        attributes.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        echo.post(&document(&attributes))
    };
    let both = attributes(json!({"response": one, "responses": [one]}));
    assert_refused_at(&both, 422, &format!("{ATTRIBUTES}/responses"), "both");
    let alone = attributes(json!({"response": one, "then": "last"}));
    assert_refused_at(&alone, 422, &format!("{ATTRIBUTES}/then"), "`then` alone");
    assert_refused_at(&attributes(json!({})), 422, &format!("{ATTRIBUTES}/response"), "none");
    // As many as allowed.
    create(&echo, &json!(vec![json!({"code": 200, "times": 1_000_000}); 32]), None);
}

#[test]
fn explanations_take_no_turn_and_know_the_end_of_turns() {
    let echo = Echo::start(&[]);
    let id = create(&echo, &json!([{"code": 201}]), Some("none"));
    let answers = || {
        let answer = echo.manage("POST", "/-/explain", "", Some(&json!({"verb": "GET", "target": "/x"})));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["meta"].take()
    };
    assert_eq!(answers()["answers"], json!(id));
    assert_eq!(answers()["answers"], json!(id));
    assert_eq!(codes::<1>(&echo), [201]);
    let over = answers();
    assert_eq!(over["answers"], json!(null));
    assert_eq!(over["candidates"][0]["fails"], json!({"pointer": "/then", "expected": "none", "found": []}));
    let missed = echo.call("GET", "/x");
    assert_refused(&missed, 404, "no turn is left");
    assert_eq!(missed.json()["meta"]["nearest"][0]["fails"]["pointer"], json!("/then"));
}
