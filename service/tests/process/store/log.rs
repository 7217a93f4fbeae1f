//! The change log, as a replica follows it.

use std::collections::BTreeMap;

use echo_service::{
    domain::{EndpointId, Mock, Verb},
    store::{Changes, Store, Version, Write},
};

use super::{Subject, digests::plain, endpoint, response};
use crate::store::model::Snapshot;

/// A reader with the state at a version; follows the log.
struct Follower {
    at: Version,
    endpoints: BTreeMap<EndpointId, Mock>,
}

impl Follower {
    async fn load(store: &dyn Store) -> Self {
        let snapshot = Snapshot::of(store).await.unwrap();
        Self { at: snapshot.head, endpoints: snapshot.endpoints.into_iter().map(|e| (e.id, e)).collect() }
    }

    async fn follow(&mut self, store: &dyn Store) {
        let Changes::Log { head, changes, .. } = store.changes_since(self.at).await.unwrap() else {
            panic!("the log reaches back to {}", self.at);
        };
        for change in changes {
            match change.endpoint {
                Some(endpoint) => self.endpoints.insert(change.id, endpoint),
                None => self.endpoints.remove(&change.id),
            };
        }
        self.at = head;
    }

    async fn assert_up_to_date(&self, store: &dyn Store) {
        let now = Self::load(store).await;
        assert_eq!((self.at, &self.endpoints), (now.at, &now.endpoints));
    }
}

pub async fn replays_to_the_state_or_is_a_gap<S: Subject>() {
    let subject = S::empty().await;
    let store = &**subject.store();
    let mut eager = Follower::load(store).await;
    let mut lazy = Follower::load(store).await;
    assert_eq!(eager.at, Version(0));

    let (one, two) = (endpoint(Verb::Get, "/one", &response(1)), endpoint(Verb::Get, "/two", &response(2)));
    let first = store.write(Write::Create(one.clone())).await.unwrap();
    eager.follow(store).await;
    let second = store.write(Write::Create(two.clone())).await.unwrap();
    let moved = Mock { route: endpoint(Verb::Put, "/moved", &response(1)).route, ..one.clone() };
    store.write(Write::Replace { endpoint: moved, expected: first }).await.unwrap();
    eager.follow(store).await;
    store.write(Write::Delete { id: two.id, expected: second }).await.unwrap();
    // Another mock takes the old route.
    store.write(Write::Create(endpoint(Verb::Get, "/one", &response(3)))).await.unwrap();
    for follower in [&mut eager, &mut lazy] {
        follower.follow(store).await;
        follower.assert_up_to_date(store).await;
    }
    assert_eq!((lazy.at, lazy.endpoints.len()), (Version(5), 2));

    subject.forget_log().await;
    let head = Snapshot::of(store).await.unwrap().head;
    for forgotten in [Version(0), lazy.at] {
        assert_eq!(store.changes_since(forgotten).await.unwrap(), Changes::Gap);
    }
    assert_eq!(plain(store.changes_since(head).await.unwrap()), Some((head, vec![])));
    let mut late = Follower::load(store).await;
    assert_eq!(late.endpoints, lazy.endpoints);
    store.write(Write::Create(endpoint(Verb::Get, "/three", &response(1)))).await.unwrap();
    late.follow(store).await;
    late.assert_up_to_date(store).await;
    // A version beyond the head is of another history.
    assert_eq!(store.changes_since(Version(head.0 + 2)).await.unwrap(), Changes::Gap);
}
