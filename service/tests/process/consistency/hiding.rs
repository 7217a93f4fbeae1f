//! Mocks that hide each other in simulated time: a write may change the answers to other routes than its own.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use echo_service::{
    domain::{EndpointId, Mock},
    replica::{Lease, Replica},
    store::{Store, Version, Write},
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::{
    client_reads::{body_of, called, listed, listed_with_others},
    plant::Plant,
    routes::route,
    simulation::{LEASE, simulated},
    store::Way,
    store_state::Truth,
};
use crate::store::text_response;

fn mock(text: &str, body: &str) -> Mock {
    Mock { id: EndpointId::generate(), route: route(text), response: text_response(body), turns: None, set: None }
}

/// A request that fits mocks with different tests.
const REQUEST: &str = "/a/b k=1&k=2&x-k=1";
/// Reads less often, so that a table stays old for longer.
const LAZY: Lease = Lease { term: LEASE.term, poll: Duration::from_millis(120) };

/// A store with these mocks, and two replicas at a time between two readings.
async fn settled(mocks: &[Mock], phase: u64) -> (Arc<Way>, [Arc<Replica>; 2]) {
    let truth = Arc::<Mutex<Truth>>::default();
    truth.lock().lag = Some(Duration::ZERO);
    let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
    for mock in mocks {
        way().write(Write::Create(mock.clone())).await.unwrap();
    }
    let replicas = [Replica::load(way(), LEASE).await.unwrap(), Replica::load(way(), LAZY).await.unwrap()];
    sleep(2 * LEASE.term + Duration::from_millis(10 * phase)).await;
    (way(), replicas)
}

/// How a client learns of a write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Acknowledgement,
    Call,
    Listing,
    ListingOfVerb,
    Show,
}

/// Calls get "before", and "after" once a client knows of the write. The first mocks exist before. The write
/// changes the last of them, `None` for a deletion, or creates a mock.
fn assert_true_everywhere(before: &[(&str, &str)], is_new: bool, after: Option<(&str, &str)>) {
    let ways = [By::Acknowledgement, By::Call, By::Listing, By::ListingOfVerb, By::Show];
    for (phase, by) in (0..10).flat_map(|phase| ways.map(|by| (phase, by))) {
        simulated().block_on(async {
            let mocks: Vec<_> = before.iter().map(|(text, body)| mock(text, body)).collect();
            let (way, [one, other]) = settled(&mocks, phase).await;
            let (changed, expected) = (&mocks[mocks.len() - 1], Version(mocks.len() as u64));
            let (text, body) = after.unwrap_or((before[before.len() - 1].0, ""));
            let new = if is_new { mock(text, body) } else { Mock { id: changed.id, ..mock(text, body) } };
            let id = new.id;
            let write = match after {
                Some(_) if is_new => Write::Create(new),
                Some(_) => Write::Replace { endpoint: new, expected },
                None => Write::Delete { id, expected },
            };
            assert_eq!(called(&other, REQUEST).await.unwrap(), "before", "{before:?}");
            if by == By::Acknowledgement {
                one.write(write).await.unwrap();
            } else {
                way.write(write).await.unwrap();
            }
            let knows = async || match by {
                By::Acknowledgement => true,
                By::Call => called(&one, REQUEST).await.unwrap() == "after",
                By::Listing => listed(&one, text).await.unwrap() == body,
                By::ListingOfVerb => listed_with_others(&one, text).await.unwrap() == body,
                By::Show => body_of(one.get(id).await.unwrap().map(|stored| stored.endpoint).as_ref()) == body,
            };
            while !knows().await {
                sleep(Duration::from_millis(1)).await;
            }
            let body = called(&other, REQUEST).await.unwrap();
            assert_eq!(body, "after", "{before:?} {after:?}, known by {by:?}, phase {phase}");
        });
    }
}

#[test]
fn a_mock_hidden_by_a_creation_is_never_served_again() {
    for (before, after) in [
        ("GET /a/{x}", "GET /a/b"),
        ("GET /a/{*x}", "GET /a/{x}"),
        ("GET /{x}/b", "GET /a/{x}"),
        ("GET /{*x}", "GET /a/{*x}"),
        ("ANY /a/b", "GET /a/b"),
        ("ANY /{*x}", "ANY /a/b"),
        ("ANY /a/{x}", "GET /a/{x}"),
        ("GET /a/b", "GET /a/b 1"),
        ("GET /a/b", "ANY /{*x} 1"),
        ("GET /a/b -1", "GET /{x}/b"),
        // More tests before fewer, and a new mock before an older one.
        ("GET /a/b", "GET /a/b k=1"),
        ("GET /a/b k=1", "GET /a/b k=2"),
        ("GET /a/b k=1", "GET /a/b k=2&x-k=1"),
        ("GET /a/{x}", "GET /a/{x} x-k=1"),
        ("GET /a/{x} k=1", "GET /a/{x} k=2"),
        ("ANY /{*x}", "ANY /{*x} k=1"),
        ("ANY /a/b k=1&x-k=1", "GET /a/b"),
        ("GET /a/b -1 k=1", "GET /a/b -1 k=2"),
        ("GET /a/b k=1&x-k=1", "ANY /{*x} 1 k=2"),
    ] {
        assert_true_everywhere(&[(before, "before")], true, Some((after, "after")));
    }
}

#[test]
fn a_mock_hidden_by_a_change_is_never_served_again() {
    for (hidden, old, new) in [
        ("GET /a/b", "GET /a/{x}", "GET /a/{x} 1"),
        ("ANY /a/b", "POST /a/b", "GET /a/b"),
        ("GET /a/{x}", "GET /other", "GET /a/b"),
        ("GET /a/b", "GET /a/b k=3", "GET /a/b k=2"),
        ("GET /a/b k=1", "GET /a/b k=3", "GET /a/b k=2"),
        ("GET /a/b k=1&x-k=1", "GET /a/b k=2", "GET /a/b k=2&x-k=1"),
        ("GET /a/b k=1", "GET /a/{x} k=2", "GET /a/b k=2"),
        ("GET /a/{*x}", "GET /{*x}", "GET /a/{x}"),
    ] {
        assert_true_everywhere(&[(hidden, "before"), (old, "hidden")], false, Some((new, "after")));
    }
}

/// By a change or a deletion of the mock that hid it.
#[test]
fn a_revealed_mock_answers_everywhere() {
    for (hidden, old, new) in [
        ("GET /a/{x}", "GET /a/b", None),
        ("ANY /a/b", "GET /a/b", None),
        ("GET /a/b", "ANY /{*x} 1", None),
        ("GET /a/b", "GET /a/b 1", Some("GET /a/b -1")),
        ("ANY /a/b", "GET /a/b", Some("POST /a/b")),
        ("GET /{x}/b", "GET /a/{x}", Some("GET /c/{x}")),
        ("GET /a/b", "GET /a/b k=1", None),
        ("GET /a/b k=1", "GET /a/b k=2", None),
        ("GET /a/b k=1", "GET /a/b k=2", Some("GET /a/b k=3")),
        ("GET /a/b k=1", "GET /a/b k=2&x-k=1", Some("GET /a/b")),
    ] {
        assert_true_everywhere(&[(hidden, "after"), (old, "before")], false, new.map(|new| (new, "moved")));
    }
}

/// Each of these creations changes no answer but that of a miss.
#[test]
fn a_creation_that_hides_nothing_is_acknowledged_without_a_wait() {
    for (before, new) in [
        (&[][..], "GET /a/b"),
        (&["GET /c/{x}"], "GET /a/b"),
        (&["GET /c/{*x}", "POST /{x}/b", "GET /{x}"], "GET /a/b"),
        (&["GET /users/{id}"], "GET /orders/{id}"),
        (&["GET /users/{id}", "GET /orders/new"], "GET /orders/{id}"),
        (&["GET /a/b"], "GET /a/{x}"),
        (&["GET /a/{x}"], "ANY /{*x}"),
        (&["GET /a/b k=1"], "GET /a/b"),
        (&["GET /a/b k=1&x-k=1"], "GET /a/b k=2"),
        (&["GET /a/b"], "GET /a/{x} k=1"),
        (&["GET /c/b", "GET /c/b k=1", "POST /a/b k=1"], "GET /a/b k=1"),
    ] {
        let mut quick = 0;
        for phase in 0..10 {
            simulated().block_on(async {
                let mocks: Vec<_> = before.iter().map(|text| mock(text, "before")).collect();
                let (_, [writer, _]) = settled(&mocks, phase).await;
                let began = Instant::now();
                writer.write(Write::Create(mock(new, "new"))).await.unwrap();
                // A gap in the log unsettles all mocks.
                if writer.counts().reloads.load(Ordering::Relaxed) == 1 {
                    assert!(began.elapsed() < Duration::from_millis(20), "{before:?} {new}: {:?}", began.elapsed());
                    quick += 1;
                }
            });
        }
        assert!(quick > 5);
    }
}
