//! Concurrent writes.

use std::{collections::BTreeSet, sync::Arc};

use echo_service::{
    domain::{Mock, Verb},
    store::{Changes, Store, Version, Write, WriteError},
};
use futures_util::future::join_all;

use super::{Subject, endpoint, response};
use crate::store::model::Snapshot;

const WRITERS: usize = 24;
const ROUNDS: usize = 12;

/// Carries out all writes at once, each in an own task.
async fn at_once(store: &Arc<dyn Store>, writes: Vec<Write>) -> Vec<Result<Version, WriteError>> {
    let start = Arc::new(tokio::sync::Barrier::new(writes.len()));
    let tasks = writes.into_iter().map(|write| {
        let (store, start) = (Arc::clone(store), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            store.write(write).await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// The place of the accepted write.
fn winner(outcomes: &[Result<Version, WriteError>]) -> usize {
    let winners: Vec<_> = (0..outcomes.len()).filter(|&n| outcomes[n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    winners[0]
}

pub async fn of_many_creations_of_one_route_exactly_one_wins<S: Subject>() {
    let subject = S::empty().await;
    for round in 0..ROUNDS {
        let path = format!("/contested/{round}");
        let rivals: Vec<_> = (0..WRITERS).map(|n| endpoint(Verb::Get, &path, &response(n % 4))).collect();
        let outcomes = at_once(subject.store(), rivals.iter().cloned().map(Write::Create).collect()).await;
        let won = &rivals[winner(&outcomes)];
        for refusal in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            let WriteError::Taken { route, holder } = refusal else { panic!("{refusal:?}") };
            assert_eq!((route, *holder), (&won.route, won.id));
        }
        for rival in &rivals {
            let stored = subject.store().get(rival.id).await.unwrap().map(|stored| stored.endpoint);
            assert_eq!(stored.as_ref(), (rival.id == won.id).then_some(won));
        }
    }
    assert_eq!(Snapshot::of(&**subject.store()).await.unwrap().head, Version(ROUNDS as u64));
}

pub async fn of_many_changes_of_one_version_exactly_one_wins<S: Subject>() {
    let subject = S::empty().await;
    for round in 0..ROUNDS {
        let old = endpoint(Verb::Get, &format!("/changed/{round}"), &response(0));
        let expected = subject.store().write(Write::Create(old.clone())).await.unwrap();
        let change = |n: usize| match n % 3 {
            0 => Write::Delete { id: old.id, expected },
            n => Write::Replace { endpoint: Mock { response: response(n), ..old.clone() }, expected },
        };
        let outcomes = at_once(subject.store(), (0..WRITERS).map(change).collect()).await;
        let won = winner(&outcomes);
        // The mock after the race: none, if a deletion has won.
        let kept = (!won.is_multiple_of(3)).then(|| response(won % 3));
        let is_told = |refusal: &WriteError| match refusal {
            WriteError::Missing => kept.is_none(),
            WriteError::Changed => kept.is_some(),
            _ => false,
        };
        assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(is_told), "{won}: {outcomes:?}");
        let left = subject.store().get(old.id).await.unwrap();
        assert_eq!(left.map(|stored| stored.endpoint.response), kept);
    }
}

pub async fn of_many_moves_to_one_route_exactly_one_wins<S: Subject>() {
    let subject = S::empty().await;
    let rivals: Vec<_> = (0..WRITERS).map(|n| endpoint(Verb::Get, &format!("/from/{n}"), &response(1))).collect();
    let created = at_once(subject.store(), rivals.iter().cloned().map(Write::Create).collect()).await;
    let target = endpoint(Verb::Get, "/to", &response(1)).route;
    let moves = rivals.iter().zip(created).map(|(rival, version)| Write::Replace {
        endpoint: Mock { route: target.clone(), ..rival.clone() },
        expected: version.unwrap(),
    });
    let outcomes = at_once(subject.store(), moves.collect()).await;
    let won = rivals[winner(&outcomes)].id;
    for (rival, outcome) in rivals.iter().zip(&outcomes) {
        let stored = subject.store().get(rival.id).await.unwrap().unwrap().endpoint;
        if rival.id == won {
            assert_eq!(stored.route, target);
        } else {
            assert!(matches!(outcome, Err(WriteError::Taken { holder, .. }) if *holder == won), "{outcome:?}");
            assert_eq!(&stored, rival);
        }
    }
}

pub async fn writes_that_do_not_meet_all_succeed_and_are_counted<S: Subject>() {
    let subject = S::empty().await;
    let endpoints: Vec<_> = (0..300).map(|n| endpoint(Verb::Get, &format!("/own/{n}"), &response(n % 4))).collect();
    let outcomes = at_once(subject.store(), endpoints.iter().cloned().map(Write::Create).collect()).await;
    let versions: BTreeSet<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(versions.iter().eq((1..=300).map(Version).collect::<Vec<_>>().iter()), "{versions:?}");

    let Changes::Log { head, changes, .. } = subject.store().changes_since(Version(0)).await.unwrap() else {
        panic!("the log reaches back to the beginning");
    };
    assert!(changes.iter().map(|change| change.version).eq(versions), "each write is in the log once, in order");
    let ids = |ids: &mut dyn Iterator<Item = _>| ids.collect::<BTreeSet<_>>();
    assert_eq!(ids(&mut changes.iter().map(|change| change.id)), ids(&mut endpoints.iter().map(|e| e.id)));
    assert_eq!(head, Version(300));
}
