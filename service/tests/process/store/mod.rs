//! The suite of all stores.

pub mod digests;
pub mod dynamodb;
pub mod file_format;
mod histories;
mod log;
pub mod model;
mod races;
mod sets;
mod turns;

use std::{path::PathBuf, sync::Arc};

use echo_service::{
    domain::{Body, EndpointId, Headers, Mock, MockPath, MockResponse, Payload, Route, StatusCode, Verb},
    store::{EmbeddedStore, Store},
};
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Echo, changes};

/// A kind of store, for the suite.
trait Subject: Sized {
    /// A new store without endpoints.
    async fn empty() -> Self;

    fn store(&self) -> &Arc<dyn Store>;

    /// Closes the store and opens it again, like a restart.
    async fn reopened(self) -> Self;

    /// Makes the store forget its log. Keeps the endpoints.
    async fn forget_log(&self);
}

/// A store in memory does not survive a restart: [`Subject::reopened`] is the same store.
struct InMemory(Arc<dyn Store>);

impl Subject for InMemory {
    async fn empty() -> Self {
        Self(Arc::new(EmbeddedStore::in_memory()))
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.0
    }

    async fn reopened(self) -> Self {
        self
    }

    async fn forget_log(&self) {
        write_more_than_the_log_keeps(&*self.0).await;
    }
}

struct InAFile {
    store: Arc<dyn Store>,
    path: PathBuf,
    _folder: TempDir,
}

impl Subject for InAFile {
    async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.redb");
        Self { store: Arc::new(EmbeddedStore::open(&path).unwrap()), path, _folder: folder }
    }

    fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    async fn reopened(mut self) -> Self {
        // The file has to be closed before it can be opened again, as between two processes.
        self.store = Arc::new(EmbeddedStore::in_memory());
        self.store = Arc::new(EmbeddedStore::open(&self.path).unwrap());
        self
    }

    async fn forget_log(&self) {
        write_more_than_the_log_keeps(&*self.store).await;
    }
}

/// The embedded store keeps the last 10,000 writes.
async fn write_more_than_the_log_keeps(store: &dyn Store) {
    use echo_service::store::Write::{Create, Delete};
    let visitors: Vec<_> = (0..5_100).map(|n| endpoint(Verb::Get, &format!("/visitor/{n}"), &response(0))).collect();
    let created = join_all(visitors.iter().map(|visitor| store.write(Create(visitor.clone())))).await;
    let left = visitors
        .iter()
        .zip(created)
        .map(|(visitor, version)| store.write(Delete { id: visitor.id, expected: version.unwrap() }));
    assert!(join_all(left).await.iter().all(Result::is_ok));
}

/// An endpoint with a new id.
pub fn endpoint(verb: Verb, path: &str, response: &MockResponse) -> Mock {
    let route = Route::new(verb, MockPath::parse(path).unwrap());
    Mock { id: EndpointId::generate(), route, response: response.clone(), turns: None, set: None }
}

/// Four answers with different parts, and with all hard cases of an encoding.
fn response(which: usize) -> MockResponse {
    let (code, headers, body) = match which {
        0 => (204, vec![], None),
        1 => (200, vec![("Content-Type", "text/plain"), ("X-Empty", "")], Some("")),
        2 => (599, vec![("x-Quoted", "\"\\/ \u{e9}")], Some("\"\\\u{0}\u{1f}\r\n\u{2028}\u{10ffff} {}")),
        _ => (418, vec![], Some("plain")),
    };
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = body.map(|text| Payload::Body(Body::parse(text.to_owned()).unwrap()));
    MockResponse::new(StatusCode::parse(code).unwrap(), Headers::parse(headers).unwrap(), body).unwrap()
}

/// An answer with a recognisable body.
pub fn text_response(body: &str) -> MockResponse {
    let body = Body::parse(body.to_owned()).unwrap();
    MockResponse::new(StatusCode::parse(200).unwrap(), Headers::parse(vec![]).unwrap(), Some(Payload::Body(body)))
        .unwrap()
}

/// Runs the suite for a kind of store.
macro_rules! conforms {
    ($name:ident, $subject:ty, $histories:literal) => {
        mod $name {
            use super::*;

            #[test]
            fn random_histories_are_those_of_a_plain_map() {
                histories::are_those_of_a_plain_map::<$subject>($histories);
            }

            #[tokio::test]
            async fn everything_is_there_after_a_restart() {
                histories::everything_is_there_after_a_restart::<$subject>().await;
            }

            #[tokio::test]
            async fn replaying_the_log_gives_the_state_and_a_forgotten_log_is_a_gap() {
                log::replays_to_the_state_or_is_a_gap::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn of_many_creations_of_one_route_exactly_one_wins() {
                races::of_many_creations_of_one_route_exactly_one_wins::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn only_writes_that_touch_the_set_refuse_its_next_write() {
                sets::only_writes_that_touch_the_set_refuse_its_next_write::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_version_before_the_log_refuses_a_write_of_a_set() {
                sets::a_version_before_the_log_refuses_a_write_of_a_set::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn of_many_changes_of_one_version_exactly_one_wins() {
                races::of_many_changes_of_one_version_exactly_one_wins::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn of_many_moves_to_one_route_exactly_one_wins() {
                races::of_many_moves_to_one_route_exactly_one_wins::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn each_turn_goes_to_one_call() {
                turns::each_turn_goes_to_one_call::<$subject>().await;
            }

            #[tokio::test]
            async fn a_change_begins_another_count() {
                turns::a_change_begins_another_count::<$subject>().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn writes_that_do_not_meet_all_succeed_and_are_counted() {
                races::writes_that_do_not_meet_all_succeed_and_are_counted::<$subject>().await;
            }
        }
    };
}

conforms!(in_memory, InMemory, 80);
conforms!(in_a_file, InAFile, 24);
conforms!(in_dynamodb, dynamodb::InDynamoDb, 12);

/// Holds a service against the mocks of tests/formats, which the version before format 2 wrote, and changes `/kept`.
fn serves_and_changes_format_1(echo: &Echo) {
    assert_eq!(echo.call("GET", "/kept").text(), "Hello \u{e9}");
    assert_eq!(echo.call("GET", "/kept").header("x-greeting"), Some("yes"));
    let changed = echo.call("POST", "/changed");
    assert_eq!((changed.status, changed.text()), (202, "changed".into()));
    assert_eq!(echo.call("GET", "/deleted").status, 404);
    let listed = echo.get("/endpoints").json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let id = listed["data"][0]["id"].as_str().unwrap();
    assert_eq!(echo.get(&format!("/endpoints/{id}")).header("etag"), Some("\"1\""));
    assert_eq!(echo.patch(id, &changes(json!({"response": {"body": "changed"}}))).status, 200);
}
