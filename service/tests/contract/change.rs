//! `PATCH /endpoints/{id}`: 200, the resource, new `ETag`. Absent members keep their values; members of `response`
//! merge; `headers` is replaced as a whole; `null` clears an optional member. Refused: 404 before the body is read, 409
//! for another `id` or `type`; 409 if another mock holds verb and path (never a conflict with itself); 412 for a failed
//! `If-Match`.

use serde_json::{Value, json};

use crate::{
    shape::{MEDIA_TYPE, assert_refused, assert_refused_at},
    support::{Answer, Echo, changes, new_endpoint, send},
};

fn original() -> Value {
    json!({"code": 200, "headers": {"X-A": "1", "X-B": "2"}, "body": "old"})
}

fn if_match(echo: &Echo, id: &str, tags: &str) -> Answer {
    let headers = format!("If-Match: {}\r\n", tags.replace('\n', "\r\nIf-Match: "));
    echo.manage("PATCH", &format!("/endpoints/{id}"), &headers, Some(&changes(json!({}))))
}

#[test]
fn present_members_replace_values_and_absent_members_keep_them() {
    let echo = Echo::start(&[]);
    for (given, verb, path, response) in [
        (json!({}), "GET", "/old", original()),
        (json!({"response": {}}), "GET", "/old", original()),
        (json!({"verb": "put"}), "PUT", "/old", original()),
        (json!({"path": "/n%65w"}), "GET", "/new", original()),
        (json!({"verb": "POST", "path": "/new"}), "POST", "/new", original()),
        (json!({"response": {"code": 404}}), "GET", "/old", {
            json!({"code": 404, "headers": {"X-A": "1", "X-B": "2"}, "body": "old"})
        }),
        (json!({"response": {"body": "new"}}), "GET", "/old", {
            json!({"code": 200, "headers": {"X-A": "1", "X-B": "2"}, "body": "new"})
        }),
        (json!({"response": {"headers": {"x-a": "3"}}}), "GET", "/old", {
            json!({"code": 200, "headers": {"x-a": "3"}, "body": "old"})
        }),
        (json!({"response": {"headers": {}}}), "GET", "/old", json!({"code": 200, "body": "old"})),
        (json!({"response": {"headers": null}}), "GET", "/old", json!({"code": 200, "body": "old"})),
        (json!({"response": {"body": null}}), "GET", "/old", json!({"code": 200, "headers": {"X-A": "1", "X-B": "2"}})),
        (json!({"response": {"body": ""}}), "GET", "/old", {
            json!({"code": 200, "headers": {"X-A": "1", "X-B": "2"}, "body": ""})
        }),
        (json!({"response": {"code": 204, "body": null, "headers": null}}), "GET", "/old", json!({"code": 204})),
    ] {
        let id = echo.create("GET", "/old", original());
        let answer = echo.patch(&id, &changes(given.clone()));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)), "{given}");
        let attributes = json!({"verb": verb, "path": path, "response": response});
        let whole = json!({"data": {"type": "endpoints", "id": id, "attributes": attributes}});
        assert_eq!(answer.json(), whole, "{given}");

        let shown = echo.get(&format!("/endpoints/{id}"));
        assert_eq!((shown.json(), shown.header("etag")), (whole, answer.header("etag")), "{given}");
        let served = echo.call(verb, path);
        assert_eq!(u64::from(served.status), response["code"], "{given}");
        assert_eq!(served.text(), response["body"].as_str().unwrap_or_default(), "{given}");
        if (verb, path) != ("GET", "/old") {
            assert_refused(&echo.call("GET", "/old"), 404, &given.to_string());
        }
        assert_eq!(echo.delete(&id).status, 204);
    }
}

#[test]
fn each_change_has_a_new_etag_and_the_same_id() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let mut tags = vec![echo.get(&format!("/endpoints/{id}")).header("etag").unwrap().to_owned()];
    for n in 0..5 {
        let answer = echo.patch(&id, &changes(json!({"path": format!("/{n}")})));
        assert_eq!(answer.json()["data"]["id"], id);
        tags.push(answer.header("etag").unwrap().to_owned());
    }
    let all = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), all, "{tags:?}");
}

#[test]
fn an_unknown_id_is_404_whatever_the_body() {
    let echo = Echo::start(&[]);
    let not_found = |answer: &Answer, case: &str| {
        assert_refused(answer, 404, case);
        assert_eq!(answer.details(), "Requested Endpoint with ID `1234567890` does not exist", "{case}");
    };
    for (headers, body) in [
        ("Content-Type: application/vnd.api+json\r\n", "garbage"),
        ("Content-Type: text/plain\r\n", "garbage"),
        ("", "{}"),
        ("", ""),
        ("Content-Type: application/json\r\nIf-Match: \"1\"\r\n", "{\"data\": {\"type\": \"other\"}}"),
    ] {
        let answer = echo.manage_raw("PATCH", "/endpoints/1234567890", headers, body.as_bytes());
        not_found(&answer, &format!("{headers}{body}"));
    }
    // Not even if the body never comes.
    let head = "PATCH /endpoints/1234567890 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n";
    not_found(&send(echo.management, head), "no body");
}

#[test]
fn another_id_or_type_in_the_document_is_a_conflict() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let other = echo.create("GET", "/y", original());
    let patch = |member: &str, value: &Value| {
        let mut document = changes(json!({"response": {"code": 500}}));
        document["data"][member] = value.clone();
        echo.patch(&id, &document)
    };
    for (member, value, status) in [
        ("id", json!(other), 409),
        ("id", json!(""), 409),
        ("id", json!(1), 409),
        ("id", json!(id.to_uppercase()), 409),
        ("type", json!("endpoint"), 409),
        ("type", Value::Null, 422),
    ] {
        assert_refused_at(&patch(member, &value), status, &format!("/data/{member}"), &value.to_string());
    }
    assert_eq!(echo.call("GET", "/x").status, 200);
    assert_eq!(patch("id", &json!(id)).status, 200);
    assert_eq!(patch("id", &Value::Null).status, 200);
}

#[test]
fn changing_to_a_taken_verb_and_path_is_a_conflict_with_the_id_of_the_holder() {
    let echo = Echo::start(&[]);
    let holder = echo.create("GET", "/taken", json!({"code": 200, "body": "holder"}));
    let same_path = echo.create("PUT", "/taken", original());
    let same_verb = echo.create("GET", "/free", original());
    for (id, given) in [
        (&same_path, json!({"verb": "GET"})),
        (&same_verb, json!({"path": "/taken"})),
        (&same_verb, json!({"path": "/%74aken", "response": {"code": 500}})),
    ] {
        let before = echo.get(&format!("/endpoints/{id}"));
        let answer = echo.patch(id, &changes(given.clone()));
        assert_refused_at(&answer, 409, "/data/attributes/path", &given.to_string());
        let detail = answer.details();
        assert!(detail.contains("`GET /taken`") && detail.contains(&format!("`{holder}`")), "{given}: {detail}");
        let after = echo.get(&format!("/endpoints/{id}"));
        assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")), "{given}");
    }
    assert_eq!(echo.call("GET", "/taken").text(), "holder");
    // After the holder has moved, the path is free.
    echo.patch(&holder, &changes(json!({"path": "/elsewhere"})));
    assert_eq!(echo.patch(&same_path, &changes(json!({"verb": "GET"}))).status, 200);
}

#[test]
fn an_endpoint_never_conflicts_with_itself() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/~x", original());
    for given in [
        json!({"verb": "GET", "path": "/~x"}),
        json!({"verb": "get", "path": "/%7ex", "response": original()}),
        json!({"path": "/~x"}),
    ] {
        let answer = echo.patch(&id, &changes(given.clone()));
        assert_eq!(answer.status, 200, "{given}: {}", answer.text());
    }
    // A client can send the shown document back unchanged.
    let shown = echo.get(&format!("/endpoints/{id}")).json();
    assert_eq!(echo.patch(&id, &shown).json(), shown);
}

#[test]
fn a_refused_change_changes_nothing_and_follows_the_rules_of_creation() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let before = echo.get(&format!("/endpoints/{id}"));
    for (given, status, pointer) in [
        (json!({"verb": "TRACE"}), 422, "/verb"),
        (json!({"verb": null}), 422, "/verb"),
        (json!({"path": "x"}), 422, "/path"),
        (json!({"path": null}), 422, "/path"),
        (json!({"response": null}), 422, "/response"),
        (json!({"response": {"code": null}}), 422, "/response/code"),
        (json!({"response": {"code": 100}}), 422, "/response/code"),
        (json!({"response": {"code": 304}}), 422, "/response/body"),
        (json!({"response": {"headers": {"TE": "x"}}}), 422, "/response/headers/TE"),
        (json!({"response": {"headers": {"X-A": null}}}), 422, "/response/headers/X-A"),
        (json!({"response": {"body": 1}}), 422, "/response/body"),
        (json!({"response": {"body": "a".repeat(256 * 1024 + 1)}}), 413, "/response/body"),
        (json!({"response": {"status": 1}}), 422, "/response/status"),
        (json!({"code": 1}), 422, "/code"),
    ] {
        let answer = echo.patch(&id, &changes(given.clone()));
        assert_refused_at(&answer, status, &format!("/data/attributes{pointer}"), &format!("{given:.80}"));
    }
    let after = echo.get(&format!("/endpoints/{id}"));
    assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")));
}

#[test]
fn null_does_not_clear_a_required_member() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let document = json!({"data": {"type": "endpoints", "attributes": null}});
    let given = changes(json!({"verb": null, "response": {"code": null, "body": 1}}));
    for (document, pointers) in [
        (document, vec!["/data/attributes"]),
        (changes(json!({"response": null})), vec!["/data/attributes/response"]),
        (given, vec!["/data/attributes/verb", "/data/attributes/response/code", "/data/attributes/response/body"]),
    ] {
        let answer = echo.patch(&id, &document);
        assert_refused(&answer, 422, &document.to_string());
        assert_eq!(answer.pointers(), pointers, "{}", answer.text());
        let details = answer.details();
        for (pointer, detail) in pointers.into_iter().zip(details.lines()) {
            let name = pointer.rsplit('/').next().unwrap();
            let expected = match name {
                "body" => r#"`body` must be a string: write JSON into `json`, as `"json": 1`"#.into(),
                _ => format!("`{name}` cannot be null: leave the member out to keep its value"),
            };
            assert_eq!(detail, expected, "{pointer}");
        }
    }
    // A new endpoint has no value to keep.
    let answer = echo.post(&new_endpoint("GET", "/y", Value::Null));
    assert_eq!(answer.details(), r#"`response` is missing: write `"response": {"code": 200}`"#);
}

#[test]
fn a_change_without_attributes_changes_nothing() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let answer = echo.patch(&id, &json!({"data": {"type": "endpoints", "id": id}}));
    assert_eq!((answer.status, &answer.json()["data"]["attributes"]["response"]), (200, &original()));
}

#[test]
fn if_match_allows_a_change_of_the_named_version_only() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let tag = || echo.get(&format!("/endpoints/{id}")).header("etag").unwrap().to_owned();
    let stale = tag();
    assert_eq!(echo.patch(&id, &changes(json!({}))).status, 200);
    let current = tag();
    let bare = current.trim_matches('"');
    for refused in [
        stale.clone(),
        "\"nonsense\"".to_owned(),
        format!("W/{current}"),
        format!("W/{current}, {stale}"),
        format!("w/{current}"),
        bare.to_owned(),
        format!("\"{bare}"),
        "W/*".to_owned(),
        "\"*\"".to_owned(),
        "\"\"".to_owned(),
        format!("{stale}\n\"nonsense\""),
    ] {
        let answer = if_match(&echo, &id, &refused);
        assert_refused(&answer, 412, &refused);
        assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "If-Match"}), "{refused}");
    }
    assert_eq!(tag(), current, "nothing has changed");
    for form in ["{}", "{},\"nonsense\"", "\"nonsense\" , {}", "W/\"1\", {}", "\"nonsense\"\n{}", "*"] {
        let tags = form.replace("{}", &tag());
        let answer = if_match(&echo, &id, &tags);
        assert_eq!(answer.status, 200, "{tags}: {}", answer.text());
    }
}

#[test]
fn if_match_is_checked_after_the_id_and_before_the_body() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/x", original());
    let stale = "Content-Type: text/plain\r\nIf-Match: \"0\"\r\n";
    let answer = echo.manage_raw("PATCH", &format!("/endpoints/{id}"), stale, b"garbage");
    assert_refused(&answer, 412, "garbage");
    assert_refused(&echo.manage_raw("PATCH", "/endpoints/1", "If-Match: *\r\n", b"garbage"), 404, "no such endpoint");
}

#[test]
fn changing_the_path_frees_the_old_path() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/old", original());
    echo.patch(&id, &changes(json!({"path": "/new"})));
    assert_eq!(echo.post(&new_endpoint("GET", "/old", json!({"code": 201}))).status, 201);
    assert_eq!((echo.call("GET", "/old").status, echo.call("GET", "/new").status), (201, 200));
}
