//! Which of several mocks answers: parameters in paths, the verb ANY, and priorities.

use serde_json::{Value, json};

use crate::{
    list::ids,
    shape::assert_refused_at,
    support::{Answer, Echo, changes, new_endpoint},
};

const PATH: &str = "/data/attributes/path";
const PRIORITY: &str = "/data/attributes/priority";

/// Creates a mock that answers with its own verb, path and priority.
fn create(echo: &Echo, verb: &str, path: &str, priority: i64) -> Answer {
    let mut document = new_endpoint(verb, path, json!({"code": 200, "body": name(verb, path, priority)}));
    if priority != 0 {
        document["data"]["attributes"]["priority"] = priority.into();
    }
    echo.post(&document)
}

fn name(verb: &str, path: &str, priority: i64) -> String {
    format!("{verb} {path} {priority}")
}

fn id(created: &Answer) -> String {
    assert_eq!(created.status, 201, "{}", created.text());
    created.json()["data"]["id"].as_str().unwrap().to_owned()
}

/// The body of the answer, or the status without a mock.
fn called(echo: &Echo, method: &str, path: &str) -> String {
    let answer = echo.call(method, path);
    if answer.status == 200 { answer.text() } else { answer.status.to_string() }
}

#[test]
fn a_parameter_fits_one_segment_and_a_last_parameter_with_a_star_the_rest() {
    let echo = Echo::start(&[]);
    for path in ["/users/{id}", "/users/{id}/posts/{post}", "/files/{*path}", "/a/{_B2}/c"] {
        create(&echo, "GET", path, 0);
    }
    for (request, path) in [
        ("/users/1", "/users/{id}"),
        ("/users/a%2Fb", "/users/{id}"),
        ("/users/%7Bid%7D", "/users/{id}"),
        ("/users/1?page=2", "/users/{id}"),
        ("/users/1/posts/2", "/users/{id}/posts/{post}"),
        ("/files/", "/files/{*path}"),
        ("/files/a", "/files/{*path}"),
        ("/files/a//b/", "/files/{*path}"),
        ("/a/%7Eb/c", "/a/{_B2}/c"),
    ] {
        assert_eq!(called(&echo, "GET", request), name("GET", path, 0), "{request}");
    }
    for request in
        ["/users", "/users/", "/users/1/", "/users/1/posts", "/users//posts/2", "/files", "/filesx/a", "/a//c"]
    {
        assert_eq!(called(&echo, "GET", request), "404", "{request}");
    }
}

#[test]
fn a_last_parameter_with_a_star_fits_the_root_and_never_a_reserved_path() {
    let echo = Echo::start(&[]);
    id(&create(&echo, "ANY", "/{*all}", 0));
    assert_eq!(called(&echo, "GET", "/"), name("ANY", "/{*all}", 0));
    assert_eq!(called(&echo, "GET", "/endpoints-x"), name("ANY", "/{*all}", 0));
    assert_eq!(echo.get("/endpoints").json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(echo.get("/-/live").status, 200);
    for path in ["/endpoints/{id}", "/-/{*all}", "/endpoints/a/{b}"] {
        assert_refused_at(&create(&echo, "GET", path, 0), 422, PATH, path);
    }
}

#[test]
fn any_fits_every_method_of_the_list() {
    let echo = Echo::start(&[]);
    id(&create(&echo, "any", "/x", 0));
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(echo.call(method, "/x").status, 200, "{method}");
    }
    for method in ["ANY", "PURGE"] {
        assert_eq!(echo.call(method, "/x").status, 404, "{method}");
    }
}

/// The order of the mocks for `GET /a/b`. Each in turn is deleted, and the next one answers.
#[test]
fn the_highest_priority_the_most_exact_path_and_a_verb_come_first() {
    let order = [
        ("ANY", "/{*x}", 2),
        ("GET", "/{x}/b", 1),
        ("GET", "/a/b", 0),
        ("ANY", "/a/b", 0),
        ("GET", "/a/{x}", 0),
        ("ANY", "/a/{x}", 0),
        ("GET", "/a/{*x}", 0),
        ("GET", "/{x}/b", 0),
        ("ANY", "/{x}/b", 0),
        ("GET", "/{x}/{y}", 0),
        ("GET", "/{x}/{*y}", 0),
        ("GET", "/{*x}", 0),
        ("GET", "/a/b", -1),
        ("GET", "/a/b", -1_000),
    ];
    let echo = Echo::start(&[]);
    let mut shuffled = order;
    shuffled.rotate_left(5);
    let mut created: Vec<_> =
        shuffled.into_iter().map(|mock| (mock, id(&create(&echo, mock.0, mock.1, mock.2)))).collect();
    for (verb, path, priority) in order {
        assert_eq!(called(&echo, "GET", "/a/b"), name(verb, path, priority));
        let at = created.iter().position(|(mock, _)| *mock == (verb, path, priority)).unwrap();
        assert_eq!(echo.delete(&created.swap_remove(at).1).status, 204);
    }
    assert_eq!(called(&echo, "GET", "/a/b"), "404");
}

#[test]
fn two_mocks_differ_by_verb_path_or_priority() {
    let echo = Echo::start(&[]);
    let first = id(&create(&echo, "GET", "/a/{x}", 0));
    for (verb, path, priority) in
        [("ANY", "/a/{x}", 0), ("GET", "/a/{x}", 1), ("GET", "/a/{*x}", 0), ("GET", "/a/x", 0)]
    {
        id(&create(&echo, verb, path, priority));
        assert_eq!(create(&echo, verb, path, priority).status, 409);
    }
    // The names of parameters make no difference.
    let refused = create(&echo, "GET", "/a/{other}", 0);
    assert_eq!(refused.status, 409);
    assert!(refused.details().contains(&first), "{}", refused.details());
}

#[test]
fn priorities_and_parameters_change_and_show() {
    let echo = Echo::start(&[]);
    let mock = id(&create(&echo, "GET", "/a/{x}", 5));
    let plain = id(&create(&echo, "GET", "/a/b", 0));
    let shown = |id: &str| echo.get(&format!("/endpoints/{id}")).json()["data"]["attributes"].clone();
    assert_eq!((&shown(&mock)["path"], &shown(&mock)["priority"]), (&json!("/a/{x}"), &json!(5)));
    assert_eq!(shown(&plain).get("priority"), None);
    assert_eq!(called(&echo, "GET", "/a/b"), name("GET", "/a/{x}", 5));
    // The default priority is not shown, and null is the default.
    for default in [json!(0), Value::Null] {
        assert_eq!(echo.patch(&mock, &changes(json!({"priority": default}))).status, 200);
        assert_eq!(shown(&mock).get("priority"), None);
        assert_eq!(called(&echo, "GET", "/a/b"), name("GET", "/a/b", 0));
        assert_eq!(echo.patch(&mock, &changes(json!({"priority": 1_000, "path": "/a/{y}"}))).status, 200);
        assert_eq!(called(&echo, "GET", "/a/b"), name("GET", "/a/{x}", 5));
        assert_eq!(shown(&mock)["path"], "/a/{y}");
    }
    assert_eq!(echo.patch(&mock, &changes(json!({"path": "/c/{y}"}))).status, 200);
    assert_eq!((called(&echo, "GET", "/a/c"), called(&echo, "GET", "/c/a")), ("404".into(), name("GET", "/a/{x}", 5)));
}

#[test]
fn a_priority_is_a_whole_number_from_minus_1000_to_1000() {
    let echo = Echo::start(&[]);
    for good in [-1_000, 1_000] {
        id(&create(&echo, "GET", "/x", good));
    }
    for bad in [json!(1_001), json!(-1_001), json!(-32_768), json!(1.5), json!("1"), json!(1e300), json!([])] {
        let mut document = new_endpoint("GET", "/y", json!({"code": 200}));
        document["data"]["attributes"]["priority"] = bad.clone();
        let refused = echo.post(&document);
        assert_refused_at(&refused, 422, PRIORITY, &bad.to_string());
        assert!(refused.details().contains("from -1000 to 1000"), "{}", refused.details());
    }
}

#[test]
fn a_wrong_parameter_is_refused_with_a_correction() {
    let echo = Echo::start(&[]);
    for (path, reason, instead) in [
        ("/users/x{id}", "a whole segment", "write `/users/x%7Bid%7D`"),
        ("/users/{id}.json", "a whole segment", "write `/users/%7Bid%7D.json`"),
        ("/users/{}", "a whole segment", "write `/users/%7B%7D`"),
        ("/users/{1}", "does not begin with a digit", "write `/users/%7B1%7D`"),
        ("/users/{user-id}", "letters, digits and `_`", "write `/users/%7Buser-id%7D`"),
        ("/{a}/{a}", "there twice", "write `/{a}/{a_2}`"),
        ("/{*a}/b", "no segment can follow", "write `/{a}/b`"),
        ("/{a}?b=1", "a query", "write `/{a}`"),
    ] {
        let refused = create(&echo, "GET", path, 0);
        assert_refused_at(&refused, 422, PATH, path);
        let detail = refused.details();
        assert!(detail.contains(reason) && detail.contains(instead), "{path}: {detail}");
    }
}

/// Legal, and usually a mistake.
#[test]
fn a_segment_in_the_syntax_of_another_server_is_literal_and_gives_a_warning() {
    let echo = Echo::start(&[]);
    for (path, corrections) in [
        ("/users/:id", &["write `{id}`"][..]),
        ("/files/*", &["write `{*rest}`"]),
        ("/*/:id/x", &["write `{part1}`", "write `{id}`"]),
        ("/a:b/*c/:1", &[]),
    ] {
        let created = create(&echo, "GET", path, 0);
        id(&created);
        let warnings = created.json()["meta"]["warnings"].as_array().cloned().unwrap_or_default();
        assert_eq!(warnings.len(), corrections.len(), "{path}: {warnings:?}");
        for (warning, correction) in warnings.iter().zip(corrections) {
            assert!(warning.as_str().unwrap().contains(correction), "{path}: {warning}");
        }
        assert_eq!(created.json().get("meta").is_some(), !corrections.is_empty());
        assert_eq!(called(&echo, "GET", path), name("GET", path, 0));
    }
}

#[test]
fn the_location_of_a_mock_with_parameters_is_its_endpoint() {
    let echo = Echo::start(&[]);
    let created = create(&echo, "GET", "/a/{x}", 0);
    assert_eq!(created.header("location"), Some(&*format!("/endpoints/{}", id(&created))));
}

#[test]
fn mocks_are_listed_by_their_path_as_written() {
    let echo = Echo::start(&[]);
    let pattern = id(&create(&echo, "GET", "/a/{x}", 0));
    let any = id(&create(&echo, "ANY", "/a/{x}", 0));
    let first = id(&create(&echo, "GET", "/a/{x}", 1));
    let literal = id(&create(&echo, "GET", "/a/%7Bx%7D", 0));
    id(&create(&echo, "GET", "/a/b", 0));
    for (query, expected) in [
        ("filter%5Bpath%5D=/a/{x}", &[&*pattern, &*any, &*first][..]),
        ("filter%5Bpath%5D=%2Fa%2F%7Bx%7D&filter%5Bverb%5D=GET", &[&*pattern, &*first]),
        ("filter%5Bpath%5D=%2Fa%2F%7Bx%7D&filter%5Bverb%5D=ANY", &[&*any]),
        ("filter%5Bverb%5D=any", &[&*any]),
        ("filter%5Bpath%5D=%2Fa%2F%7By%7D", &[]),
        ("filter%5Bpath%5D=/a/%257Bx%257D", &[&*literal]),
    ] {
        assert_eq!(ids(&echo.get(&format!("/endpoints?{query}"))), expected, "{query}");
    }
    let page = echo.get("/endpoints?filter%5Bpath%5D=%2Fa%2F%7Bx%7D&page%5Bsize%5D=2");
    assert_eq!(ids(&page), [&*pattern, &*any]);
    let next = page.json()["links"]["next"].as_str().unwrap().to_owned();
    assert_eq!(ids(&echo.get(&next)), [&*first]);
}

#[test]
fn a_verb_has_at_most_64_patterns() {
    let echo = Echo::start(&[]);
    let path = |n: usize| {
        let segment = |at: usize| if n >> at & 1 == 1 { format!("{{p{at}}}") } else { "x".to_owned() };
        format!("/{}", (0..7).map(segment).collect::<Vec<_>>().join("/"))
    };
    let made: Vec<_> = (1..=64).map(|n| id(&create(&echo, "GET", &path(n), 0))).collect();
    for other in [path(65), "/{x}".to_owned(), "/x/{*y}".to_owned()] {
        let refused = create(&echo, "GET", &other, 0);
        assert_refused_at(&refused, 422, PATH, &other);
        assert!(refused.details().contains("64 patterns"), "{}", refused.details());
    }
    // Other verbs, mocks of these patterns, and mocks without parameters are free.
    id(&create(&echo, "ANY", &path(65), 0));
    id(&create(&echo, "GET", &path(1).replace('x', "y"), 0));
    id(&create(&echo, "GET", "/x/y", 0));
    assert_eq!(echo.delete(&made[10]).status, 204);
    id(&create(&echo, "GET", &path(65), 0));
}
