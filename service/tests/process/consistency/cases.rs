//! Single cases of the protocol in simulated time that random histories seldom meet.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use echo_service::{
    domain::{EndpointId, Mock, Verb},
    replica::{Lease, Replica},
    store::{
        Changes, Counter, Deliver, Filter, Page, Raise, RaiseError, Store, StoreError, Stored, TurnError, Untouched,
        Version, Write, WriteError, Written,
    },
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    client_reads::{called, listed_with_others},
    plant::Plant,
    simulation::{LEASE, simulated},
    store::{GONE, Way},
    store_state::Truth,
};
use crate::store::{endpoint, text_response};

/// Two replicas with a settled mock, at a time between two readings, and the version of the mock.
async fn settled(way: impl Fn() -> Arc<Way>, mock: &Mock, phase: u64) -> ([Arc<Replica>; 2], Version) {
    let version = way().write(Write::Create(mock.clone())).await.unwrap();
    let replicas = [Replica::load(way(), LEASE).await.unwrap(), Replica::load(way(), LEASE).await.unwrap()];
    sleep(2 * LEASE.term + Duration::from_millis(5 * phase)).await;
    (replicas, version)
}

/// A load may contain a write under way before any log does.
#[test]
fn a_starting_replica_shows_a_write_only_after_all_others_know_it() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let before = endpoint(Verb::Get, "/one", &text_response("before"));
            let ([old, _], expected) = settled(way, &before, phase).await;

            truth.lock().lag = Some(Duration::from_millis(200));
            let endpoint = Mock { response: text_response("after"), ..before };
            let writing = tokio::spawn({
                let way = way();
                async move { way.write(Write::Replace { endpoint, expected }).await }
            });
            sleep(Duration::from_millis(10)).await;
            let new = Replica::load(way(), LEASE).await.unwrap();
            while called(&new, "/one").await.unwrap() == "before" {}
            assert_eq!(called(&old, "/one").await.unwrap(), "after");
            writing.await.unwrap().unwrap();
        });
    }
}

/// Whether a replica shows the value before a change that another replica has acknowledged. The
/// first replica is cut off at the beginning of the change. Its clock is slow and the clock of the
/// other replica is fast by this ratio (0.10: 10 %).
fn tells_what_was(slowness: f64) -> bool {
    let [slow, fast] = [1.0 - slowness, 1.0 + slowness].map(|rate| Lease { term: LEASE.term.div_f64(rate), ..LEASE });
    (0..2_000).any(|seed| {
        simulated().block_on(async {
            let mut random = StdRng::seed_from_u64(seed);
            let truth = Arc::<Mutex<Truth>>::default();
            truth.lock().lag = Some(Duration::ZERO);
            let state = Arc::<AtomicU8>::default();
            let way = |state, seed| Arc::new(Way::new(&truth, state, Plant::Nothing, seed));
            let well = Arc::default();
            let before = endpoint(Verb::Get, "/one", &text_response("before"));
            let expected = way(&well, seed).write(Write::Create(before.clone())).await.unwrap();
            let writer = Replica::load(way(&well, seed), fast).await.unwrap();
            let called = Replica::load(way(&state, seed), slow).await.unwrap();
            sleep(2 * LEASE.term + Duration::from_micros(random.random_range(0..50_000))).await;
            state.store(GONE, Ordering::Relaxed);
            let after = Mock { response: text_response("after"), ..before };
            writer.write(Write::Replace { endpoint: after, expected }).await.unwrap();
            self::called(&called, "/one").await.is_ok_and(|body| body == "before")
        })
    })
}

#[test]
fn clocks_wrong_by_ten_percent_are_safe_and_by_thirteen_percent_are_not() {
    assert!(!tells_what_was(0.10));
    assert!(tells_what_was(0.13));
}

/// A write that creates and replaces shows the creation only together with the replacement.
#[test]
fn replicas_show_all_changes_of_a_write_or_none() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let [one, two] = ["/one", "/two"].map(|path| endpoint(Verb::Get, path, &text_response(path)));
            let (replicas, expected) = settled(way, &one, phase).await;

            way().write_all(vec![Write::Create(two), Write::Delete { id: one.id, expected }]).await.unwrap();
            assert_eq!(called(&replicas[0], "/two").await.unwrap(), "/two");
            assert_eq!(called(&replicas[1], "/one").await.unwrap(), "");
        });
    }
}

#[test]
fn a_moved_mock_never_returns_to_its_old_route_on_another_replica() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let [one, two] = ["/one", "/two"].map(|path| endpoint(Verb::Get, path, &text_response("here")));
            let (replicas, expected) = settled(way, &one, phase).await;

            let endpoint = Mock { route: two.route, ..one };
            way().write(Write::Replace { endpoint, expected }).await.unwrap();
            assert_eq!(called(&replicas[0], "/two").await.unwrap(), "here");
            assert_eq!(called(&replicas[1], "/one").await.unwrap(), "");
        });
    }
}

/// A mock may be new on a route where other replicas still serve its predecessor.
#[test]
fn a_change_is_shown_only_after_the_last_answer_of_the_old_mock() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            truth.lock().lag = Some(Duration::ZERO);
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let [before, after] = ["before", "after"].map(|body| endpoint(Verb::Get, "/one", &text_response(body)));
            let (replicas, expected) = settled(way, &before, phase).await;

            way().write(Write::Delete { id: before.id, expected }).await.unwrap();
            way().write(Write::Create(after.clone())).await.unwrap();
            assert!(replicas[0].get(after.id).await.unwrap().is_some());
            assert_eq!(called(&replicas[1], "/one").await.unwrap(), "after");
        });
    }
}

/// A page of a verb is chosen from memory, after the memory has caught up.
#[test]
fn a_listing_of_a_verb_shows_what_another_replica_has_acknowledged() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let (replicas, expected) = settled(way, &endpoint(Verb::Get, "/one", &text_response("one")), phase).await;
            let one = replicas[0]
                .list(Filter { verb: Some(Verb::Get), path: None, set: None }, None, 10, |_| {})
                .await
                .unwrap();
            let [two, moved] = [("/two", Verb::Get), ("/one", Verb::Put)]
                .map(|(path, verb)| endpoint(verb, path, &text_response("two")));
            replicas[0].write(Write::Create(two)).await.unwrap();
            assert_eq!(listed_with_others(&replicas[1], "GET /two").await.unwrap(), "two");
            let endpoint = Mock { route: moved.route, ..one.endpoints[0].endpoint.clone() };
            replicas[0].write(Write::Replace { endpoint, expected }).await.unwrap();
            assert_eq!(listed_with_others(&replicas[1], "GET /one").await.unwrap(), "");
        });
    }
}

/// A way with a gap in the log. The load contains the second and the third write, but its head does
/// not count them. The second write is this way's own, and its answer arrives after the load and
/// before the next reading.
struct Meeting {
    way: Arc<Way>,
    begins: AtomicBool,
    is_over: AtomicBool,
}

#[async_trait]
impl Store for Meeting {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        if untouched.is_some() {
            return self.way.write_if(untouched, writes).await;
        }
        let outcome = self.way.write_all(writes).await;
        while !self.is_over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(10)).await;
        outcome
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        if self.is_over.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(20)).await;
        } else if self.begins.load(Ordering::Relaxed) {
            return Ok(Changes::Gap);
        }
        self.way.changes_since(version).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        let head = self.way.head().await?;
        let begins = self.begins.load(Ordering::Relaxed);
        while begins && self.way.head().await? < Version(3) {}
        self.way.load(deliver).await?;
        self.is_over.store(begins, Ordering::Relaxed);
        Ok(head)
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.way.get(id).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.way.list(after, limit).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.way.list_these(filter, ids).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.way.head().await
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.way.take_turn(counter).await
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.way.turns_taken(counter).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        self.way.raise(to, dry_run).await
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// The table then goes back to the second write for a moment.
#[test]
fn a_write_right_after_a_load_takes_back_no_answer() {
    for phase in 0..10 {
        simulated().block_on(async {
            let truth = Arc::<Mutex<Truth>>::default();
            let way = || Arc::new(Way::new(&truth, &Arc::default(), Plant::Nothing, phase));
            let first = endpoint(Verb::Get, "/one", &text_response("1"));
            let replace = |body, expected| Write::Replace {
                endpoint: Mock { response: text_response(body), ..first.clone() },
                expected,
            };
            let ([other, _], expected) = settled(way, &first, phase).await;
            let meeting = Meeting { way: way(), begins: AtomicBool::new(false), is_over: AtomicBool::new(false) };
            let meeting = Arc::new(meeting);
            let loading = Replica::load(Arc::clone(&meeting) as Arc<dyn Store>, LEASE).await.unwrap();
            sleep(2 * LEASE.term).await;

            let told = Arc::<Mutex<Vec<_>>>::default();
            let mut calls = JoinSet::new();
            for millisecond in 0..600 {
                for replica in [&loading, &other] {
                    let (replica, told) = (Arc::clone(replica), Arc::clone(&told));
                    calls.spawn(async move {
                        sleep(Duration::from_millis(millisecond)).await;
                        let asked = Instant::now();
                        let body = called(&replica, "/one").await.unwrap();
                        told.lock().push((asked, Instant::now(), body));
                    });
                }
            }
            meeting.begins.store(true, Ordering::Relaxed);
            while loading.counts().reloads.load(Ordering::Relaxed) < 2 {
                sleep(Duration::from_millis(1)).await;
            }
            // By then it has read the head.
            sleep(Duration::from_millis(10)).await;
            let (own, write) = (Arc::clone(&loading), replace("2", expected));
            let own = tokio::spawn(async move { own.write(write).await });
            while way().write(replace("3", Version(2))).await.is_err() {}
            assert_eq!(own.await.unwrap().unwrap(), Version(2));
            while calls.join_next().await.is_some() {}

            let told = told.lock();
            assert!(["1", "3"].iter().all(|body| told.iter().any(|(.., told)| told == body)));
            for (_, answered, body) in &*told {
                let later = told.iter().filter(|(asked, ..)| asked > answered);
                assert!(later.map(|(.., later)| later).all(|later| later >= body), "{body} is taken back");
            }
        });
    }
}
