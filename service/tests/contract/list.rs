//! `GET /endpoints`: 200, stable order (by id), `page[size]` 1–1,000 (default 100), `page[after]`, `links.next`;
//! `filter[verb]`, `filter[path]`. 400 for a bad page or filter.

use serde_json::{Value, json};

use crate::{
    shape::{MEDIA_TYPE, assert_refused, names},
    support::{Answer, Echo, changes},
};

pub fn ids(answer: &Answer) -> Vec<String> {
    let document = answer.json();
    let endpoints = document["data"].as_array().unwrap_or_else(|| panic!("no list: {document}")).iter();
    endpoints.map(|endpoint| endpoint["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of all pages from this link on, and the number of ids on each page.
fn follow(echo: &Echo, first: &str) -> (Vec<String>, Vec<usize>) {
    let (mut all, mut sizes) = (Vec::new(), Vec::new());
    let mut link = Some(first.to_owned());
    while let Some(path) = link {
        let answer = echo.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let page = ids(&answer);
        sizes.push(page.len());
        all.extend(page);
        link = answer.json()["links"]["next"].as_str().map(ToOwned::to_owned);
        assert!(sizes.len() < 1_000, "the pages do not end");
    }
    (all, sizes)
}

#[test]
fn without_mocks_the_list_is_an_empty_array() {
    let echo = Echo::start(&[]);
    let answer = echo.get("/endpoints");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(MEDIA_TYPE)));
    let document = answer.json();
    assert_eq!(names(&document), ["data", "links"]);
    assert_eq!((&document["data"], &document["links"]["next"]), (&json!([]), &Value::Null));
}

#[test]
fn the_list_has_whole_endpoints_in_the_order_of_ids_after_changes_too() {
    let echo = Echo::start(&[]);
    let created: Vec<_> = ["/c", "/a", "/b", "/d"]
        .map(|path| echo.create("GET", path, json!({"code": 200, "body": path})))
        .into_iter()
        .collect();
    assert_eq!(ids(&echo.get("/endpoints")), created);
    assert_eq!(echo.patch(&created[0], &changes(json!({"path": "/z"}))).status, 200);
    assert_eq!(echo.delete(&created[2]).status, 204);
    let rest = [&created[0], &created[1], &created[3]];
    let list = echo.get("/endpoints");
    assert_eq!(ids(&list).iter().collect::<Vec<_>>(), rest);
    for (listed, id) in list.json()["data"].as_array().unwrap().iter().zip(rest) {
        assert_eq!(listed, &echo.get(&format!("/endpoints/{id}")).json()["data"]);
    }
}

#[test]
fn links_next_visits_each_endpoint_once_in_order() {
    let echo = Echo::start(&[]);
    let created: Vec<_> = (0..205).map(|n| echo.create("GET", &format!("/{n}"), json!({"code": 200}))).collect();
    for (first, sizes) in [
        ("/endpoints", vec![100, 100, 5]),
        ("/endpoints?page[size]=41", vec![41; 5]),
        ("/endpoints?page[size]=204", vec![204, 1]),
        ("/endpoints?page%5Bsize%5D=205", vec![205]),
        ("/endpoints?page[size]=1000", vec![205]),
        ("/endpoints?page[size]=1", vec![1; 205]),
    ] {
        assert_eq!(follow(&echo, first), (created.clone(), sizes), "{first}");
    }
    let from_the_middle = format!("/endpoints?page[after]={}", created[150]);
    assert_eq!(follow(&echo, &from_the_middle).0, created[151..]);
    let after_the_last = format!("/endpoints?page[after]={}", created[204]);
    assert_eq!(follow(&echo, &after_the_last).0, [] as [String; 0]);
}

#[test]
fn links_self_is_the_url_of_the_page() {
    let echo = Echo::start(&[]);
    for n in 0..5 {
        echo.create("GET", &format!("/{n}"), json!({"code": 200}));
    }
    let first = echo.get("/endpoints?page[size]=2&filter[verb]=get").json();
    let second = echo.get(first["links"]["next"].as_str().unwrap()).json();
    for page in [first, second] {
        assert_eq!(echo.get(page["links"]["self"].as_str().unwrap()).json(), page);
    }
}

#[test]
fn the_next_page_works_after_its_cursor_was_deleted() {
    let echo = Echo::start(&[]);
    let created: Vec<_> = (0..4).map(|n| echo.create("GET", &format!("/{n}"), json!({"code": 200}))).collect();
    let next = echo.get("/endpoints?page[size]=2").json()["links"]["next"].as_str().unwrap().to_owned();
    echo.delete(&created[1]);
    assert_eq!(ids(&echo.get(&next)), created[2..]);
}

#[test]
fn filters_select_equal_values_only() {
    let echo = Echo::start(&[]);
    let id = |verb: &str, path: &str| echo.create(verb, path, json!({"code": 200}));
    let (get, post) = (id("GET", "/a"), id("POST", "/a"));
    let (other, escaped, upper) = (id("GET", "/a/b"), id("GET", "/%7Bx%7D+&="), id("GET", "/A"));
    for (query, expected) in [
        ("filter[verb]=GET", vec![&get, &other, &escaped, &upper]),
        ("filter[verb]=post", vec![&post]),
        ("filter[verb]=PUT", vec![]),
        ("filter[path]=/a", vec![&get, &post]),
        ("filter[path]=%2Fa", vec![&get, &post]),
        ("filter[path]=/%2561", vec![&get, &post]),
        ("filter%5Bpath%5D=/A", vec![&upper]),
        ("filter[path]=/%257bx%257D%2B%26%3D", vec![&escaped]),
        ("filter[path]=/a&filter[verb]=GET", vec![&get]),
        ("filter[path]=/nowhere", vec![]),
        ("filter[path]=/endpoints", vec![]),
    ] {
        let found = ids(&echo.get(&format!("/endpoints?{query}")));
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        let one_by_one = follow(&echo, &format!("/endpoints?{query}&page[size]=1"));
        assert_eq!(one_by_one.0.iter().collect::<Vec<_>>(), expected, "{query}, one by one");
    }
}

/// Percent-encodes all characters but these and the unreserved ones.
fn encoded(text: &str, kept: &str) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte);
    text.bytes().map(|b| if is_kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn a_path_filter_finds_the_shown_path_in_every_encoding_of_the_query() {
    let echo = Echo::start(&[]);
    let paths = [
        "/",
        "/a/b",
        "/a%2Fb",
        "/r/ol%C3%A1",
        "/user%20new",
        "/user+new",
        "/100%25",
        "/%3Fx%23y%26z=1",
        "//a:@;,!'()*$/",
        "/x&y=1+2",
        "/a:b;c@d",
    ];
    for path in paths {
        echo.create("GET", path, json!({"code": 200}));
    }
    for path in paths {
        let component = encoded(path, "!'()*");
        for (value, way) in [
            (path.to_owned(), "pasted"),
            (component.clone(), "by encodeURIComponent"),
            (encoded(path, ""), "by a strict client"),
            (encoded(path, "/"), "by Python's quote"),
            (component.replace("%20", "+"), "by URLSearchParams"),
        ] {
            if value.contains('&') {
                continue; // It ends the value.
            }
            let answer = echo.get(&format!("/endpoints?filter[path]={value}&page[size]=1"));
            assert_eq!(answer.status, 200, "{path} {way}: {}", answer.text());
            let document = answer.json();
            let found: Vec<_> = document["data"].as_array().unwrap().iter().map(|e| &e["attributes"]["path"]).collect();
            assert_eq!(found, [path], "{way}");
            let this = document["links"]["self"].as_str().unwrap();
            assert_eq!(echo.get(this).json(), document, "{path} by links.self");
        }
    }
}

#[test]
fn a_path_filter_accepts_unescaped_characters() {
    let echo = Echo::start(&[]);
    for (path, values) in [
        ("/r/ol%C3%A1", &["/r/olá", "%2Fr%2Fol%C3%A1", "/r/ol%c3%a1", "/r/%6Fl%C3%A1"][..]),
        ("/user%20new", &["%2Fuser+new", "%2Fuser%20new", "/user%2520new"]),
        ("/users/%7Bid%7D", &["/users/%257Bid%257D", "%2Fusers%2F%257Bid%257D", "/users/%257bid%257d"]),
        ("/users/{id}", &["/users/{id}", "%2Fusers%2F%7Bid%7D", "/users/%7Bid%7D"]),
        ("/a%2Fb", &["/a%2fb", "/a%252Fb", "/%61%2Fb"]),
    ] {
        let id = echo.create("GET", path, json!({"code": 200}));
        for value in values {
            let answer = echo.get(&format!("/endpoints?filter%5Bpath%5D={value}"));
            assert_eq!(answer.status, 200, "{value}: {}", answer.text());
            assert_eq!(ids(&answer), [&*id], "{value}");
        }
    }
}

#[test]
fn a_bad_page_or_filter_is_400_and_names_the_parameter() {
    let echo = Echo::start(&[]);
    let id = echo.create("GET", "/a", json!({"code": 200}));
    for (query, parameter) in [
        ("page[size]=0", "page[size]"),
        ("page[size]=1001", "page[size]"),
        ("page[size]=-1", "page[size]"),
        ("page[size]=ten", "page[size]"),
        ("page[size]=1.5", "page[size]"),
        ("page[size]=", "page[size]"),
        ("page[size]=99999999999999999999", "page[size]"),
        ("page[after]=", "page[after]"),
        ("page[after]=1", "page[after]"),
        (&*format!("page[after]={}", id.to_uppercase()), "page[after]"),
        (&*format!("page[after]={id}x"), "page[after]"),
        ("filter[verb]=", "filter[verb]"),
        ("filter[verb]=FETCH", "filter[verb]"),
        ("filter[verb]=TRACE", "filter[verb]"),
        ("filter[path]=", "filter[path]"),
        ("filter[path]=a", "filter[path]"),
        ("filter[path]=/a?b", "filter[path]"),
        ("filter[path]=/100%", "filter[path]"),
        ("filter[path]=%2F100 %25", "filter[path]"),
        ("filter[path]=a%2Fb", "filter[path]"),
        // With a misspelt filter, the listing would show everything.
        ("filter[paths]=/a", "filter[paths]"),
        ("filter=/a", "filter"),
        ("page[number]=2", "page[number]"),
        ("sort=path", "sort"),
        ("x", "x"),
        ("filter[verb]=GET&filter[verb]=POST", "filter[verb]"),
        ("page[size]=1&page%5Bsize%5D=2", "page[size]"),
    ] {
        let answer = echo.get(&format!("/endpoints?{}", query.replace(' ', "+")));
        assert_refused(&answer, 400, query);
        let error = &answer.json()["errors"][0];
        assert_eq!((&error["code"], &error["source"]), (&json!("bad_parameter"), &json!({"parameter": parameter})));
    }
}

#[test]
fn all_wrong_parameters_are_reported_together() {
    let echo = Echo::start(&[]);
    let answer = echo.get("/endpoints?page[size]=0&page[after]=1&filter[verb]=X&filter[path]=x&sort=path");
    assert_refused(&answer, 400, "five faults");
    let document = answer.json();
    let errors = document["errors"].as_array().unwrap().iter();
    let mut parameters: Vec<_> = errors.map(|error| error["source"]["parameter"].as_str().unwrap()).collect();
    parameters.sort_unstable();
    assert_eq!(parameters, ["filter[path]", "filter[verb]", "page[after]", "page[size]", "sort"]);
}
