//! The largest mocks, and more mocks than fit into a page.

use echo_service::{
    domain::{Body, EndpointId, Headers, Mock, MockPath, MockResponse, Payload, Route, StatusCode, Verb},
    store::{Changes, Filter, Page, Stored, Version, Write},
};

use super::{Table, create, endpoint, response};
use crate::store::model::Snapshot;

fn mocks(page: &Page) -> Vec<Mock> {
    page.mocks().cloned().collect()
}

/// As large as the domain admits.
fn largest(verb: Verb, character: &str) -> Mock {
    let headers = (0..63).map(|n| (format!("x-{n:02}"), "\"".repeat(254))).collect();
    let body = Body::parse(character.repeat(256 * 1024)).unwrap();
    let response =
        MockResponse::new(StatusCode::parse(200).unwrap(), Headers::parse(headers).unwrap(), Some(Payload::Body(body)))
            .unwrap();
    let path = MockPath::parse(&format!("/{}", "%2F".repeat(682))).unwrap();
    Mock { id: EndpointId::generate(), route: Route::new(verb, path), response, turns: None, set: None }
}

#[tokio::test]
async fn the_largest_mocks_are_written_listed_and_followed() {
    let store = Table::create().await.open().await;
    let mut all = Vec::new();
    for (n, verb) in Verb::ALL.into_iter().enumerate() {
        // The first mock is of the character with the longest escape.
        let mock = largest(verb, if n == 0 { "\u{1}" } else { "x" });
        let version = store.write(Write::Create(mock.clone())).await.unwrap();
        assert_eq!(store.get(mock.id).await.unwrap(), Some(Stored { endpoint: mock.clone(), version }));
        assert_eq!(version, Version(n as u64 + 1));
        all.push(mock);
    }
    let (small, _) = create(&store, "/small").await;
    all.push(small.clone());
    assert_eq!(Snapshot::of(&*store).await.unwrap().endpoints, all);
    let Changes::Log { changes, .. } = store.changes_since(Version(0)).await.unwrap() else { panic!("a gap") };
    assert!(changes.into_iter().map(|change| change.endpoint.unwrap()).eq(all.iter().cloned()));

    let page = store.list(None, 100).await.unwrap();
    assert_eq!((mocks(&page), page.more), (all[..1].to_vec(), true), "the first is more than a page by itself");
    let page = store.list(Some(all[3].id), 2).await.unwrap();
    assert_eq!((mocks(&page), page.more), (all[4..6].to_vec(), true));
    let ids: Vec<_> = all.iter().map(|mock| mock.id).collect();
    let gets = Filter { verb: Some(Verb::Get), path: None, set: None };
    let page = store.list_these(gets.clone(), ids.clone()).await.unwrap();
    assert_eq!((mocks(&page), page.more), (vec![all[0].clone()], true));
    let page = store.list_these(gets, ids[1..].to_vec()).await.unwrap();
    assert_eq!((mocks(&page), page.more), (vec![small], false));
    let same_path = Filter { verb: None, path: Some(all[0].route.path.clone()), set: None };
    let page = store.list_these(same_path, ids[2..].to_vec()).await.unwrap();
    assert_eq!((mocks(&page), page.more), (all[2..5].to_vec(), true));
}

#[tokio::test]
async fn a_page_of_large_mocks_is_short() {
    let store = Table::create().await.open().await;
    for n in 0..20 {
        let Mock { id, response, .. } = largest(Verb::Get, if n < 15 { "x" } else { "\u{1}" });
        let route = endpoint(Verb::Get, &format!("/{n}"), &self::response(0)).route;
        store.write(Write::Create(Mock { id, route, response, turns: None, set: None })).await.unwrap();
    }
    let (mut sizes, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(after, 100).await.unwrap();
        sizes.push(page.endpoints.len());
        after = page.endpoints.last().map(|stored| stored.endpoint.id);
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [3, 3, 3, 3, 3, 1, 1, 1, 1, 1], "1 MiB, as it is sent");
    assert_eq!(Snapshot::of(&*store).await.unwrap().endpoints.len(), 20);
}
