//! The count of a mock's turns.

use std::sync::Arc;

use echo_service::{
    domain::{Mock, Series, Then, Times, Turns, Verb},
    store::{Counter, Store, TurnError, Version, Write},
};
use futures_util::future::join_all;

use super::{Subject, endpoint, response};

/// Two responses in turn.
pub fn in_turn(path: &str) -> Mock {
    let turns = Turns {
        times: Times::ONCE,
        more: vec![(response(1), Times::ONCE)],
        then: Then::Repeat,
        series: Series::begin(),
    };
    Mock { turns: Some(turns), ..endpoint(Verb::Get, path, &response(2)) }
}

fn begun_anew(mock: &Mock) -> Mock {
    let turns = mock.turns.clone().map(|turns| Turns { series: Series::begin(), ..turns });
    Mock { turns, ..mock.clone() }
}

pub fn counter(mock: &Mock) -> Counter {
    let series = mock.turns.as_ref().expect("it has turns").series;
    Counter { id: mock.id, claim: mock.route.claim(), series }
}

async fn assert_gone(store: &Arc<dyn Store>, mock: &Mock) {
    let counter = counter(mock);
    for outcome in [store.take_turn(&counter).await, store.turns_taken(&counter).await] {
        assert!(matches!(outcome, Err(TurnError::Changed)), "{outcome:?}");
    }
}

async fn replace(store: &Arc<dyn Store>, endpoint: &Mock, expected: Version) -> Version {
    store.write(Write::Replace { endpoint: endpoint.clone(), expected }).await.unwrap()
}

pub async fn each_turn_goes_to_one_call<S: Subject>() {
    let subject = S::empty().await;
    let mock = in_turn("/turns");
    subject.store().write(Write::Create(mock.clone())).await.unwrap();
    let take = || async { subject.store().take_turn(&counter(&mock)).await.unwrap() };
    let mut turns = join_all((0..40).map(|_| take())).await;
    turns.sort_unstable();
    assert_eq!(turns, (1..=40).collect::<Vec<_>>());
    assert_eq!(subject.store().turns_taken(&counter(&mock)).await.unwrap(), 40);
    // A restart repeats no turn.
    let subject = subject.reopened().await;
    assert_eq!(subject.store().take_turn(&counter(&mock)).await.unwrap(), 41);
    let stored = subject.store().get(mock.id).await.unwrap().unwrap();
    assert_eq!(stored.endpoint, mock);
}

pub async fn a_change_begins_another_count<S: Subject>() {
    let subject = S::empty().await;
    let store = subject.store();
    let mock = in_turn("/turns");
    let version = store.write(Write::Create(mock.clone())).await.unwrap();
    assert_eq!(store.take_turn(&counter(&mock)).await.unwrap(), 1);
    let again = begun_anew(&mock);
    let version = replace(store, &again, version).await;
    assert_gone(store, &mock).await;
    assert_eq!(store.turns_taken(&counter(&again)).await.unwrap(), 0);
    assert_eq!(store.take_turn(&counter(&again)).await.unwrap(), 1);
    let moved = Mock { route: endpoint(Verb::Any, "/moved", &response(0)).route, ..begun_anew(&mock) };
    let version = replace(store, &moved, version).await;
    assert_gone(store, &again).await;
    assert_eq!(store.take_turn(&counter(&moved)).await.unwrap(), 1);
    store.write(Write::Delete { id: mock.id, expected: version }).await.unwrap();
    assert_gone(store, &moved).await;
    // The place is free for a mock without turns.
    store.write(Write::Create(endpoint(Verb::Any, "/moved", &response(0)))).await.unwrap();
    assert_gone(store, &moved).await;
}
