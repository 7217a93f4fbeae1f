//! A start with many mocks serves and lists all of them.

use std::{collections::BTreeSet, path::Path};

use echo_service::{
    domain::{Body, EndpointId, Headers, Mock, MockPath, MockResponse, Payload, Route, StatusCode, Verb},
    store::{EmbeddedStore, Store, Write},
};
use futures_util::future::join_all;

use crate::support::Echo;

const MOCKS: usize = 10_000;

fn mock(n: usize) -> Mock {
    let headers = Headers::parse(vec![("X-Number".into(), n.to_string())]).unwrap();
    let body = Body::parse(format!("the answer of {n}")).unwrap();
    let response = MockResponse::new(StatusCode::parse(200).unwrap(), headers, Some(Payload::Body(body))).unwrap();
    let route = Route::new(Verb::ALL[n % Verb::ALL.len()], MockPath::parse(&format!("/many/{n}")).unwrap());
    Mock { id: EndpointId::generate(), route, response, turns: None, set: None }
}

async fn fill(path: &Path) -> Vec<Mock> {
    let store = EmbeddedStore::open(path).unwrap();
    let mocks: Vec<_> = (0..MOCKS).map(mock).collect();
    let written = join_all(mocks.iter().map(|mock| store.write(Write::Create(mock.clone())))).await;
    assert!(written.iter().all(Result::is_ok));
    mocks
}

#[test]
fn after_a_start_with_many_mocks_all_are_served_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.redb");
    let mocks = tokio::runtime::Runtime::new().unwrap().block_on(fill(&path));
    let echo = Echo::start(&["--store", &format!("file:{}", path.display())]);

    for (n, mock) in mocks.iter().enumerate().step_by(97).chain([(MOCKS - 1, mocks.last().unwrap())]) {
        let route = &mock.route;
        let method = if route.verb == Verb::Any { "PUT" } else { route.verb.as_str() };
        let answer = echo.call(method, route.path.as_str());
        assert_eq!((answer.status, answer.header("x-number")), (200, Some(n.to_string().as_str())));
        let body = if route.verb == Verb::Head { String::new() } else { format!("the answer of {n}") };
        assert_eq!(answer.text(), body);
    }

    let mut ids = Vec::new();
    let mut next = Some("/endpoints?page[size]=1000".to_owned());
    while let Some(page) = next {
        let page = echo.get(&page).json();
        ids.extend(page["data"].as_array().unwrap().iter().map(|endpoint| endpoint["id"].as_str().unwrap().to_owned()));
        next = page["links"]["next"].as_str().map(ToOwned::to_owned);
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "pages are in the order of ids");
    let all: BTreeSet<_> = mocks.iter().map(|mock| mock.id.to_string()).collect();
    assert!(ids.len() == MOCKS && ids.into_iter().collect::<BTreeSet<_>>() == all, "each is listed once");
}
