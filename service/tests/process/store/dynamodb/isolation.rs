//! A query may see a part of a transaction, and old log entries expire in no order. No answer shows
//! either.

use std::sync::Arc;

use echo_service::{
    domain::{Mock, Verb},
    replica::Replica,
    store::{Changes, Filter, Version, Write},
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{
    Scene, create, endpoint, moved,
    proxy::{Fate, Message},
    response,
    table::Item,
};
use crate::{
    consistency::simulation::LEASE,
    store::{digests::plain, model::Snapshot},
};

/// Takes the items with the given sort keys out of an answer.
pub fn hide(sorts: &[impl AsRef<str>]) -> Fate {
    let sorts: Vec<_> = sorts.iter().map(|sort| sort.as_ref().to_owned()).collect();
    Fate::Change(Box::new(move |answer: &mut Value| {
        let items = answer["Items"].as_array_mut().unwrap();
        items.retain(|item| !sorts.iter().any(|sort| item["SK"]["S"] == *sort));
        answer["Count"] = json!(items.len());
    }))
}

const SECOND: &str = "00000000000000000002";

async fn changes(scene: &Scene, since: u64) -> Option<(u64, Vec<Mock>)> {
    match scene.store.changes_since(Version(since)).await.unwrap() {
        Changes::Log { head, changes, .. } => Some((head.0, changes.into_iter().filter_map(|c| c.endpoint).collect())),
        Changes::Part { .. } | Changes::Gap => None,
    }
}

#[tokio::test]
async fn an_entry_missing_from_a_query_is_not_skipped() {
    let scene = Scene::set().await;
    let (one, _) = create(&scene.other, "/1").await;
    let (two, _) = create(&scene.other, "/2").await;
    scene.proxy.on("Query", |_, _| hide(&[SECOND]));
    assert_eq!(changes(&scene, 0).await, Some((2, vec![one.clone(), two.clone()])));
    assert_eq!(changes(&scene, 1).await, Some((2, vec![two.clone()])));
    let (three, _) = create(&scene.other, "/3").await;
    assert_eq!(changes(&scene, 0).await, Some((3, vec![one.clone(), two.clone(), three.clone()])));
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints, [one, two, three]);
}

#[tokio::test]
async fn an_unfinished_entry_is_read_again() {
    let scene = Scene::set().await;
    create(&scene.other, "/1").await;
    let (two, _) = create(&scene.other, "/2").await;
    let mut reads = 0;
    scene.proxy.set(move |request| match request.operation() {
        "Query" => hide(&[SECOND]),
        "TransactGetItems" if reads < 3 => {
            reads += 1;
            Fate::Answer(Message::conflict())
        }
        _ => Fate::Pass,
    });
    assert_eq!(changes(&scene, 1).await, Some((2, vec![two])));
}

#[tokio::test]
async fn an_entry_past_the_head_is_not_shown_yet() {
    let scene = Scene::set().await;
    let (one, _) = create(&scene.other, "/1").await;
    create(&scene.other, "/2").await;
    // Returns the old head, as if the item of the head were not written yet.
    scene.proxy.on("Query", |_, _| {
        Fate::Change(Box::new(|answer| {
            for item in answer["Items"].as_array_mut().unwrap() {
                if item["SK"]["S"] == "HEAD" {
                    item["writes"]["N"] = json!("1");
                }
            }
        }))
    });
    assert_eq!(changes(&scene, 0).await, Some((1, vec![one])));
    assert_eq!(changes(&scene, 1).await, Some((1, vec![])));
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().head, Version(1));
}

/// A listing, a read of an endpoint and a load may show such a write before other processes can
/// read it.
#[tokio::test]
async fn a_head_behind_the_items_is_read_again() {
    let scene = Scene::set().await;
    assert_eq!(scene.store.head().await.unwrap(), Version(0));
    create(&scene.other, "/1").await;
    create(&scene.other, "/2").await;
    assert_eq!(scene.store.head().await.unwrap(), Version(2));
    let lag = || {
        let (asked, questions) = std::sync::mpsc::channel();
        scene.proxy.on("GetItem", move |n, _| {
            asked.send(()).unwrap();
            Fate::Change(Box::new(move |answer| {
                if n < 3 {
                    answer["Item"]["writes"]["N"] = json!("1");
                }
            }))
        });
        questions
    };
    let questions = lag();
    assert_eq!((scene.store.head().await.unwrap(), questions.try_iter().count()), (Version(2), 4));
    let questions = lag();
    Snapshot::of(&*scene.store).await.unwrap();
    assert_eq!(questions.try_iter().count(), 4);
}

#[tokio::test]
async fn an_expired_entry_is_a_gap_even_between_remaining_entries() {
    let scene = Scene::set().await;
    for n in 1..=5 {
        create(&scene.other, &format!("/{n}")).await;
    }
    scene.table.expire(3).await;
    assert_eq!((changes(&scene, 0).await, changes(&scene, 2).await), (None, None));
    assert_eq!(changes(&scene, 3).await.map(|(head, of)| (head, of.len())), Some((5, 2)));
    // The entry of the known version exists, and all later entries have expired.
    scene.table.expire(4).await;
    scene.table.expire(5).await;
    assert_eq!(changes(&scene, 2).await, None);
    assert_eq!(changes(&scene, 5).await, Some((5, vec![])));
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints.len(), 5);
}

/// The present item of an endpoint.
async fn item(scene: &Scene, endpoint: &Mock) -> Item {
    scene.table.item("ENDPOINT", &endpoint.id.to_string()).await.unwrap()
}

#[tokio::test]
async fn a_load_has_the_last_writes_even_if_its_query_misses_them() {
    let scene = Scene::set().await;
    let (changing, expected) = create(&scene.other, "/changing").await;
    let (leaving, at) = create(&scene.other, "/leaving").await;
    let before = [item(&scene, &changing).await, item(&scene, &leaving).await];
    let changed = moved(&changing, "/changed");
    scene.other.write(Write::Replace { endpoint: changed.clone(), expected }).await.unwrap();
    scene.other.write(Write::Delete { id: leaving.id, expected: at }).await.unwrap();
    let (new, _) = create(&scene.other, "/new").await;

    // As if only the log were written.
    for item in before {
        scene.table.put(item).await;
    }
    scene.table.delete("ENDPOINT", &new.id.to_string()).await;

    let snapshot = Snapshot::of(&*scene.store).await.unwrap();
    assert_eq!((snapshot.head, snapshot.endpoints), (Version(5), vec![changed, new]));
}

#[tokio::test]
async fn a_load_has_the_first_writes_even_if_its_query_returns_only_the_head() {
    let scene = Scene::set().await;
    let (one, _) = create(&scene.other, "/1").await;
    scene.table.delete("ENDPOINT", &one.id.to_string()).await;
    scene.proxy.on("Query", |_, _| hide(&["00000000000000000001"]));
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints, [one]);
}

#[tokio::test]
async fn after_a_hole_in_the_log_only_newer_entries_are_read_again() {
    let scene = Scene::set().await;
    for n in 1..=250 {
        create(&scene.other, &format!("/{n}")).await;
    }
    for version in 2..=249 {
        scene.table.expire(version).await;
    }
    let (requests, seen) = std::sync::mpsc::channel();
    scene.proxy.on("TransactGetItems", move |_, _| {
        requests.send(()).unwrap();
        Fate::Pass
    });
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints.len(), 250);
    // A request for the holes, and a request for the entry after the head.
    assert_eq!(seen.try_iter().count(), 2);
}

#[tokio::test]
async fn without_changes_a_log_read_is_one_query_of_one_item_and_a_creation_one_request() {
    let scene = Scene::set().await;
    create(&scene.other, "/other").await;
    let head = Snapshot::of(&*scene.store).await.unwrap().head;
    let (requests, seen) = std::sync::mpsc::channel();
    scene.proxy.set(move |request| {
        let (requests, operation) = (requests.clone(), request.operation().to_owned());
        Fate::Change(Box::new(move |answer| requests.send((operation, answer["Count"].as_u64())).unwrap()))
    });
    assert_eq!(plain(scene.store.changes_since(head).await.unwrap()), Some((head, vec![])));
    create(&scene.store, "/own").await;
    assert_eq!(
        seen.try_iter().collect::<Vec<_>>(),
        [("Query".to_owned(), Some(1)), ("TransactWriteItems".to_owned(), None)]
    );
}

#[tokio::test]
async fn a_log_read_that_takes_too_long_is_a_gap() {
    let scene = Scene::set().await;
    create(&scene.other, "/1").await;
    let (queries, seen) = std::sync::mpsc::channel();
    // As if each page had been full.
    scene.proxy.on("Query", move |n, _| {
        queries.send(n).unwrap();
        Fate::Change(Box::new(move |answer| {
            if n < 30 {
                answer["LastEvaluatedKey"] = json!({"PK": {"S": "LOG"}, "SK": {"S": format!("{:0>20}", n + 1)}});
            }
        }))
    });
    assert_eq!(changes(&scene, 0).await, None);
    assert_eq!(seen.try_iter().count(), 17);
}

/// Otherwise a listing could lack both a deleted mock and the successor, or an earlier write than one that it shows.
#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_one_path_is_a_snapshot() {
    for is_deletion in [true, false] {
        let scene = Scene::set().await;
        let (one, expected) = create(&scene.other, "/path").await;
        let replica = Replica::load(Arc::clone(&scene.store), LEASE).await.unwrap();
        let later = moved(&endpoint(Verb::Get, "/path", &response(1)), "/path");
        let changed = Mock { response: response(2), ..one.clone() };
        let second = if is_deletion {
            Write::Delete { id: one.id, expected }
        } else {
            Write::Replace { endpoint: changed.clone(), expected }
        };
        let (handle, other, writes) =
            (Handle::current(), Arc::clone(&scene.other), [Write::Create(later.clone()), second]);
        scene.proxy.on("TransactGetItems", move |n, _| {
            for write in writes.iter().filter(|_| n == 0) {
                handle.block_on(other.write(write.clone())).unwrap();
            }
            Fate::Pass
        });
        let filter = Filter { verb: None, path: Some(later.route.path.clone()), set: None };
        let page = replica.list(filter, None, 10, |_| {}).await.unwrap();
        assert_eq!(page.mocks().collect::<Vec<_>>(), if is_deletion { vec![&later] } else { vec![&changed, &later] });
    }
}

/// DynamoDB Local answers consistently even without the parameter.
#[tokio::test]
async fn every_read_asks_for_consistency() {
    let scene = Scene::set().await;
    let (one, _) = create(&scene.other, "/1").await;
    let (requests, seen) = std::sync::mpsc::channel();
    scene.proxy.set(move |request| {
        let is_consistent =
            request.body["ConsistentRead"] == true || !["Query", "GetItem"].contains(&request.operation());
        requests.send((request.operation().to_owned(), is_consistent)).unwrap();
        Fate::Pass
    });
    let store = &scene.store;
    store.get(one.id).await.unwrap();
    Snapshot::of(&**store).await.unwrap();
    store.changes_since(Version(0)).await.unwrap();
    store.list(None, 1).await.unwrap();
    store.list_these(Filter { verb: Some(Verb::Get), path: None, set: None }, vec![one.id]).await.unwrap();
    let requests: Vec<_> = seen.try_iter().collect();
    assert!(requests.len() >= 6 && requests.iter().all(|(_, is_consistent)| *is_consistent), "{requests:?}");
}

#[tokio::test]
async fn entries_of_the_log_expire_after_a_day_and_nothing_else_does() {
    let scene = Scene::set().await;
    create(&scene.store, "/1").await;
    let items = scene.table.items().await;
    let expiring: Vec<_> = items.iter().filter(|item| item.contains_key("expires_at")).collect();
    assert_eq!((items.len(), expiring.len(), expiring[0]["PK"].as_s().unwrap().as_str()), (4, 1, "LOG"));
    let expires: u64 = expiring[0]["expires_at"].as_n().unwrap().parse().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!((86_000..=86_400).contains(&(expires - now)), "{expires} is not a day after {now}, in seconds");
}

/// Entries expire in no order: an entry with an endpoint's state may outlive the entry of its
/// deletion.
#[tokio::test]
async fn an_expired_deletion_does_not_bring_its_mock_back() {
    let scene = Scene::set().await;
    let (endpoint, expected) = create(&scene.other, "/gone").await;
    let deleted = scene.other.write(Write::Delete { id: endpoint.id, expected }).await.unwrap();
    scene.table.expire(deleted.0).await;
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints, []);
}
