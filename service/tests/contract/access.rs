//! 401 with `WWW-Authenticate` before the body is read; 403 for a key without the scope. Mocks, health and the
//! documentation need no key.

use serde_json::json;

use crate::{
    shape::assert_refused,
    support::{Answer, Echo, changes, new_endpoint, send},
};

/// A key from `echo-service key new`: the header line with the token, and the entry for `--keys`.
pub struct Key {
    pub header: String,
    pub entry: String,
}

impl Key {
    pub fn new(name: &str, scope: &str) -> Self {
        let output = Echo::command().args(["key", "new", "--name", name, "--scope", scope]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let last_words: Vec<_> = text.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
        let [token, entry] = last_words.try_into().expect("a token and its entry");
        Self { header: format!("Authorization: Bearer {token}\r\n"), entry }
    }
}

/// Every request of management, for an existing endpoint.
fn every_operation(echo: &Echo, id: &str, headers: &str) -> Vec<(&'static str, Answer)> {
    let endpoint = format!("/endpoints/{id}");
    let new = new_endpoint("GET", "/new", json!({"code": 200}));
    vec![
        ("list", echo.manage("GET", "/endpoints", headers, None)),
        ("show", echo.manage("GET", &endpoint, headers, None)),
        ("explain", echo.manage("POST", "/-/explain", headers, Some(&json!({"verb": "GET", "target": "/x"})))),
        ("create", echo.manage("POST", "/endpoints", headers, Some(&new))),
        ("change", echo.manage("PATCH", &endpoint, headers, Some(&changes(json!({"path": "/changed"}))))),
        ("delete", echo.manage("DELETE", &endpoint, headers, None)),
    ]
}

fn statuses(answers: &[(&'static str, Answer)]) -> Vec<(&'static str, u16)> {
    answers.iter().map(|(operation, answer)| (*operation, answer.status)).collect()
}

fn create_with(echo: &Echo, key: &Key, path: &str) -> String {
    let document = new_endpoint("GET", path, json!({"code": 200}));
    let answer = echo.manage("POST", "/endpoints", &key.header, Some(&document));
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn management_requires_a_key_if_keys_are_set() {
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    let id = create_with(&echo, &key, "/x");
    let basic = "Authorization: Basic ZWNobzplY2hv\r\n";
    let wrong = format!("Authorization: Bearer echo_{}\r\n", "0".repeat(64));
    let hash = format!("Authorization: Bearer {}\r\n", key.entry.rsplit(':').next().unwrap());
    let known = r#"Bearer realm="echo""#;
    let unknown = r#"Bearer realm="echo", error="invalid_token""#;
    for (headers, challenge) in [
        ("", known),
        (basic, unknown),
        ("Authorization: Bearer\r\n", unknown),
        ("Authorization: Bearer \u{e9}\r\n", unknown),
        (&wrong, unknown),
        (&hash, unknown),
        (&key.header.replace("Bearer", "Basic"), unknown),
        (&key.header.to_uppercase(), unknown),
    ] {
        for (operation, answer) in every_operation(&echo, &id, headers) {
            let case = format!("{operation} with {headers}");
            assert_refused(&answer, 401, &case);
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{case}");
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "Authorization"}), "{case}");
        }
    }
    assert_eq!((echo.call("GET", "/x").status, echo.call("GET", "/new").status), (200, 404));
}

#[test]
fn an_entry_sent_as_a_token_is_recognized() {
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    for scheme in ["Bearer ", "Basic ", ""] {
        let answer = echo.manage("GET", "/endpoints", &format!("Authorization: {scheme}{}\r\n", key.entry), None);
        assert_refused(&answer, 401, scheme);
        assert_eq!(
            answer.details(),
            "`Authorization` holds an entry for `--keys`: send the token, which begins with `echo_`"
        );
    }
}

#[test]
fn a_key_is_a_bearer_token_in_any_spelling_of_the_scheme() {
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    for header in [
        key.header.clone(),
        key.header.replace("Bearer", "bearer"),
        key.header.replace("Bearer", "BEARER"),
        key.header.replace("Authorization", "authorization"),
        key.header.replace("Bearer ", "Bearer   "),
    ] {
        assert_eq!(echo.manage("GET", "/endpoints", &header, None).status, 200, "{header}");
    }
}

#[test]
fn the_scope_of_a_key_limits_its_operations() {
    let (reader, writer, both) = (Key::new("viewer", "read"), Key::new("robot", "write"), Key::new("ci", "read+write"));
    let keys = [&*reader.entry, &writer.entry, &both.entry].join(",");
    let echo = Echo::start(&["--keys", &keys]);
    let refused = |answers: &[(&'static str, Answer)], key: &str, scope: &str| {
        for (operation, answer) in answers.iter().filter(|(_, answer)| answer.status == 403) {
            assert_refused(answer, 403, operation);
            assert_eq!(answer.json()["errors"][0]["code"], "forbidden", "{operation}");
            assert_eq!(answer.json()["errors"][0]["source"], json!({"header": "Authorization"}), "{operation}");
            let reason = format!("The key `{key}` does not have the scope `{scope}`: use a key with this scope");
            assert_eq!(answer.details(), reason, "{operation}");
            assert_eq!(answer.header("www-authenticate"), None, "{operation}");
        }
    };

    let id = create_with(&echo, &both, "/x");
    let answers = every_operation(&echo, &id, &reader.header);
    let expected = [("list", 200), ("show", 200), ("explain", 200), ("create", 403), ("change", 403), ("delete", 403)];
    assert_eq!(statuses(&answers), expected);
    refused(&answers, "viewer", "write");

    let answers = every_operation(&echo, &id, &writer.header);
    let expected = [("list", 403), ("show", 403), ("explain", 403), ("create", 201), ("change", 204), ("delete", 204)];
    assert_eq!(statuses(&answers), expected);
    refused(&answers, "robot", "read");

    let id = create_with(&echo, &both, "/y");
    let answers = every_operation(&echo, &id, &both.header);
    let expected = [("list", 200), ("show", 200), ("explain", 200), ("create", 409), ("change", 200), ("delete", 204)];
    assert_eq!(statuses(&answers), expected);
}

#[test]
fn access_is_checked_before_everything_else_and_before_the_body_is_read() {
    let (reader, writer) = (Key::new("viewer", "read"), Key::new("robot", "write"));
    let echo = Echo::start(&["--keys", &[&*reader.entry, &writer.entry].join(" ")]);
    for (line, status, key) in [
        ("POST /endpoints", 401, ""),
        ("POST /endpoints", 403, &*reader.header),
        ("PATCH /endpoints/1234567890", 401, ""),
        ("PATCH /endpoints/1234567890", 403, &*reader.header),
        ("DELETE /endpoints/1234567890", 401, ""),
        ("DELETE /endpoints/1234567890", 403, &*reader.header),
        ("GET /endpoints/1234567890", 401, ""),
        ("GET /endpoints/1234567890", 403, &*writer.header),
        ("POST /-/explain", 401, ""),
        ("POST /-/explain", 403, &*writer.header),
        ("GET /endpoints?page[size]=0", 401, ""),
        ("GET /endpoints?page[size]=0", 403, &*writer.header),
    ] {
        // The body is announced and never comes, and its type is unsupported.
        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n";
        let answer = send(echo.management, format!("{line} {head}{key}\r\n"));
        assert_refused(&answer, status, &format!("{line} with {key}"));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{line}");
    }
}

#[test]
fn mocks_and_health_and_the_documentation_need_no_key() {
    let key = Key::new("ci", "read+write");
    let echo = Echo::start(&["--keys", &key.entry]);
    create_with(&echo, &key, "/x");
    for path in
        ["/x", "/-/live", "/-/ready", "/-/docs", "/-/openapi.json", "/-/openapi.yaml", "/-/mock-file.schema.json"]
    {
        for header in ["", "Authorization: Bearer wrong\r\n"] {
            assert_eq!(echo.call_with("GET", path, header, b"").status, 200, "{path} {header}");
        }
    }
    assert_refused(&echo.call("GET", "/nowhere"), 404, "a path without a mock");
}

#[test]
fn without_keys_every_client_may_read_and_write() {
    let echo = Echo::start(&[]);
    for headers in ["", "Authorization: Bearer anything\r\n"] {
        let id = echo.create("GET", "/x", json!({"code": 200}));
        let answers = every_operation(&echo, &id, headers);
        let expected =
            [("list", 200), ("show", 200), ("explain", 200), ("create", 201), ("change", 200), ("delete", 204)];
        assert_eq!(statuses(&answers), expected, "{headers}");
        let new = answers[3].1.json()["data"]["id"].as_str().unwrap().to_owned();
        assert_eq!(echo.delete(&new).status, 204);
    }
}

#[test]
fn a_write_only_key_cannot_read_existing_mocks() {
    let (writer, both) = (Key::new("robot", "write"), Key::new("ci", "read+write"));
    let echo = Echo::start(&["--keys", &[&*writer.entry, &both.entry].join(",")]);
    let response = json!({"code": 200, "headers": {"X-Secret": "secret"}, "body": "secret"});
    let new = new_endpoint("GET", "/secret", response);
    let created = echo.manage("POST", "/endpoints", &both.header, Some(&new));
    let id = created.json()["data"]["id"].as_str().unwrap().to_owned();
    let endpoint = format!("/endpoints/{id}");
    let patch = |headers: &str, attributes| {
        echo.manage("PATCH", &endpoint, &format!("{}{headers}", writer.header), Some(&changes(attributes)))
    };

    let changed = patch("", json!({}));
    assert_eq!((changed.status, changed.body.len()), (204, 0), "{}", changed.text());
    let shown = echo.manage("GET", &endpoint, &both.header, None);
    assert_eq!(
        (shown.header("etag"), shown.json()["data"]["attributes"]["path"].as_str()),
        (changed.header("etag"), Some("/secret"))
    );
    let own =
        echo.manage("POST", "/endpoints", &writer.header, Some(&new_endpoint("GET", "/own", json!({"code": 200}))));
    assert_eq!((own.status, &own.json()["data"]["attributes"]["path"]), (201, &json!("/own")));

    let taken = echo.manage("POST", "/endpoints", &writer.header, Some(&new));
    let moved = patch("", json!({"path": "/own"}));
    let posted = new_endpoint("POST", "/secret", json!({"code": 200}));
    assert_eq!(echo.manage("POST", "/endpoints", &both.header, Some(&posted)).status, 201);
    let by_verb = patch("", json!({"verb": "POST"}));
    for answer in [&taken, &moved, &by_verb] {
        // The key may have sent only the verb or only the path. It must not learn the other.
        assert!(
            !["/secret", "/own", "GET", "POST"].iter().any(|part| answer.text().contains(part)),
            "{}",
            answer.text()
        );
    }
    for (answer, status) in [
        (by_verb, 409),
        (taken, 409),
        (moved, 409),
        (patch("If-Match: \"0\"\r\n", json!({})), 412),
        (patch("", json!({"response": {"code": 204}})), 422),
        (patch("", json!({"response": {"code": "secret"}, "verb": 1})), 422),
        (echo.manage("DELETE", &endpoint, &format!("{}If-Match: \"0\"\r\n", writer.header), None), 412),
    ] {
        assert_refused(&answer, status, &answer.text());
        let own_id = own.json()["data"]["id"].as_str().unwrap().to_owned();
        let text = answer.text().replace("/secret", "").replace("If-Match", "");
        assert!(![&*id, &own_id, "X-Secret", "x-secret"].iter().any(|part| text.contains(part)), "{text}");
        assert!(!answer.headers.iter().any(|(name, _)| name == "etag"), "{answer:?}");
    }
    let taken = echo.manage("POST", "/endpoints", &both.header, Some(&new));
    assert!(taken.details().contains(&id), "{}", taken.details());
}
