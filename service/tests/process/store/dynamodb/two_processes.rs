//! Two processes on a table.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use echo_service::{
    domain::{Mock, Verb},
    store::{Changes, Store, Version, Write, WriteError},
};
use futures_util::future::join_all;

use super::{Scene, create, endpoint, holder, response};
use crate::store::model::Snapshot;

/// Carries out all at once, by turns of the two stores.
async fn at_once(scene: &Scene, writes: Vec<Write>) -> Vec<Result<Version, WriteError>> {
    let start = Arc::new(tokio::sync::Barrier::new(writes.len()));
    let tasks = writes.into_iter().enumerate().map(|(n, write)| {
        let store = Arc::clone(if n % 2 == 0 { &scene.store } else { &scene.other });
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            store.write(write).await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_racing_for_a_route_or_a_version_one_wins() {
    let scene = Scene::set().await;
    for round in 0..20 {
        let rivals: Vec<_> =
            (0..2).map(|n| endpoint(Verb::Get, &format!("/contested/{round}"), &response(n))).collect();
        let mut outcomes = at_once(&scene, rivals.iter().cloned().map(Write::Create).collect()).await;
        let won = outcomes.iter().position(Result::is_ok).unwrap();
        let expected = outcomes.remove(won).unwrap();
        assert_eq!(holder(outcomes.remove(0)), rivals[won].id);

        let changed = Mock { response: response(3), ..rivals[won].clone() };
        let change = Write::Replace { endpoint: changed, expected };
        let outcomes = at_once(&scene, vec![change.clone(), change]).await;
        let won: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_ok()).collect();
        let lost: Vec<_> = outcomes.iter().filter(|outcome| matches!(outcome, Err(WriteError::Changed))).collect();
        assert_eq!((won.len(), lost.len()), (1, 1), "{outcomes:?}");
    }
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().head, Version(40));
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writes_of_two_processes_none_is_lost() {
    let scene = Scene::set().await;
    let endpoints: Vec<_> = (0..200).map(|n| endpoint(Verb::Get, &format!("/own/{n}"), &response(n % 4))).collect();
    // Not all at the same time: a write does not wait for ever for its predecessors.
    let mut versions = BTreeSet::new();
    for some in endpoints.chunks(20) {
        let outcomes = at_once(&scene, some.iter().cloned().map(Write::Create).collect()).await;
        versions.extend(outcomes.into_iter().map(|outcome| outcome.unwrap().0));
    }
    assert!(versions.into_iter().eq(1..=200));
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().endpoints, endpoints);
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_sees_each_acknowledged_write_of_another_process() {
    let scene = Scene::set().await;
    // Other writers keep the log busy, so that readings meet transactions under way.
    let mut writers = Vec::new();
    for writer in 0..3 {
        let store = scene.table.open().await;
        writers.push(tokio::spawn(async move {
            for n in 0..40 {
                create(&store, &format!("/{writer}/{n}")).await;
            }
        }));
    }
    let (mut at, mut known) = (Version(0), BTreeSet::new());
    for n in 0..40 {
        let (own, version) = create(&scene.other, &format!("/own/{n}")).await;
        let Changes::Log { head, changes, .. } = scene.store.changes_since(at).await.unwrap() else { panic!("a gap") };
        assert!(changes.iter().map(|change| change.version.0).eq(at.0 + 1..=head.0), "without a hole");
        known.extend(changes.iter().map(|change| change.id));
        at = head;
        assert!(version <= at && known.contains(&own.id), "{version} was acknowledged, {at} is read");
    }
    assert!(join_all(writers).await.iter().all(Result::is_ok));
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_many_writes_does_not_starve_another() {
    let scene = Scene::set().await;
    // Many times the work of the few writes, on any machine.
    let many = (0..320).map(|n| endpoint(Verb::Get, &format!("/many/{n}"), &response(n % 4)));
    let many: Vec<_> = many.map(|new| (Arc::clone(&scene.store), new)).collect();
    let many = many.into_iter().map(|(store, new)| tokio::spawn(async move { store.write(Write::Create(new)).await }));
    let many = tokio::spawn(join_all(many.collect::<Vec<_>>()));
    let mut last = Version(0);
    for n in 0..5 {
        (_, last) = create(&scene.other, &format!("/few/{n}")).await;
    }
    assert!(many.await.unwrap().into_iter().all(|write| write.unwrap().is_ok()));
    assert!(last < Version(320), "{last} of 325: only when the others were done");
    scene.assert_sound().await;
}

/// As after a replacement of the table by another table: the known head is of no use any more.
#[tokio::test]
async fn a_table_that_was_emptied_takes_the_next_write() {
    let scene = Scene::set().await;
    for n in 1..=3 {
        create(&scene.store, &format!("/{n}")).await;
    }
    for item in scene.table.items().await {
        let key = |name| item[name].as_s().unwrap().as_str();
        scene.table.delete(key("PK"), key("SK")).await;
    }
    let next = scene.store.write(Write::Create(endpoint(Verb::Get, "/1", &response(1))));
    let next = tokio::time::timeout(Duration::from_secs(5), next).await;
    assert_eq!(next.expect("at once, and not after a restart").unwrap(), Version(1));
    scene.assert_sound().await;
}

#[tokio::test]
async fn only_dynamodb_is_a_shared_store() {
    assert!(Scene::set().await.store.is_shared());
    assert!(!echo_service::store::EmbeddedStore::in_memory().is_shared());
}
