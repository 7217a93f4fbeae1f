//! Tests of a replica from the inside.

mod diverging;
mod limits;

use std::{
    future,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use http::HeaderMap;
use tokio::{runtime::Runtime, time::sleep};

use super::*;
use crate::{
    domain::{Call, Headers, Mock, MockPath, MockResponse, StatusCode, Verb},
    store::{AdoptError, Change, Changes, Counter, Deliver, Filter, Page, Raise, RaiseError, TurnError, Untouched},
};

const LEASE: Lease = Lease { term: Duration::from_millis(300), poll: Duration::from_millis(50) };

/// A store with a constant mock. The store can fall silent, forget the log, load without an end, fail to load, or panic
/// at an adoption. Its digest may be wrong.
#[derive(Default)]
struct OneMock {
    digest: Mutex<Digest>,
    is_silent: AtomicBool,
    has_gap: AtomicBool,
    is_slow: AtomicBool,
    is_broken: AtomicBool,
    is_faulty: AtomicBool,
    /// The number of times that another replica loads first. Below 0, the store does not answer this question.
    others: AtomicIsize,
    /// The number of loads without an end.
    hanging: AtomicUsize,
    /// Of the live processes, and the number of questions for these limits.
    limits: Mutex<Vec<u64>>,
    asked: AtomicUsize,
    /// The answer of the next reading. While the store is silent, the answer waits.
    log: Mutex<Option<Changes>>,
}

impl OneMock {
    async fn until_it_loads(&self) {
        while self.hanging.load(Ordering::Relaxed) == 0 {
            sleep(LEASE.poll / 10).await;
        }
    }
}

/// A GET without fields.
fn call(path: &str) -> Call<'_> {
    static NO_FIELDS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    Call { verb: Verb::Get, path, query: "", headers: &NO_FIELDS, body: None }
}

/// A mock at this path.
fn mock(path: &str, code: u16) -> Mock {
    let route = Route::new(Verb::Get, MockPath::parse(path).unwrap());
    let headers = Headers::parse(vec![]).unwrap();
    let response = MockResponse::new(StatusCode::parse(code).unwrap(), headers, None).unwrap();
    Mock { id: EndpointId::generate(), route, response, turns: None, set: None }
}

#[async_trait]
impl Store for OneMock {
    async fn load(&self, mut deliver: Deliver) -> Result<Version, StoreError> {
        deliver(Ok((mock("/", 200), Digest::default())));
        if self.is_slow.load(Ordering::Relaxed) {
            self.hanging.fetch_add(1, Ordering::Relaxed);
            future::pending::<()>().await;
        }
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("it is broken".into()));
        }
        Ok(Version(1))
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        let log = self.log.lock().take();
        while self.is_silent.load(Ordering::Relaxed) {
            sleep(LEASE.poll / 10).await;
        }
        if let Some(log) = log {
            return Ok(log);
        }
        if self.has_gap.load(Ordering::Relaxed) {
            return Ok(Changes::Gap);
        }
        Ok(Changes::Log { head: version, digest: Some(*self.digest.lock()), changes: vec![] })
    }

    async fn write_if(&self, _: Option<Untouched>, _: Vec<Write>) -> Result<Written, WriteError> {
        unreachable!("nobody writes")
    }

    async fn get(&self, _: EndpointId) -> Result<Option<Stored>, StoreError> {
        unreachable!("it is only called")
    }

    async fn list(&self, _: Option<EndpointId>, _: usize) -> Result<Page, StoreError> {
        unreachable!("it is only called")
    }

    async fn list_these(&self, _: Filter, _: Vec<EndpointId>) -> Result<Page, StoreError> {
        unreachable!("it is only called")
    }

    async fn head(&self) -> Result<Version, StoreError> {
        unreachable!("it is only called")
    }

    async fn take_turn(&self, _: &Counter) -> Result<u64, TurnError> {
        unreachable!("it has no turns")
    }

    async fn turns_taken(&self, _: &Counter) -> Result<u64, TurnError> {
        unreachable!("it has no turns")
    }

    async fn raise(&self, _: Option<u64>, _: bool) -> Result<Raise, RaiseError> {
        unreachable!("it is only called")
    }

    fn limits(&self, name: &str) -> Vec<u64> {
        assert_eq!(name, MAX_MOCKS_BYTES);
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.limits.lock().clone()
    }

    async fn may_load(&self) -> bool {
        let others = self.others.load(Ordering::Relaxed);
        if others < 0 {
            future::pending::<()>().await;
        }
        self.others.store(0.max(others - 1), Ordering::Relaxed);
        others == 0
    }

    fn has_digest(&self) -> Result<bool, AdoptError> {
        Ok(true)
    }

    async fn adopt(&self, _: Version, digest: Digest) -> Result<bool, AdoptError> {
        assert!(!self.is_faulty.load(Ordering::Relaxed), "a fault");
        *self.digest.lock() = digest;
        Ok(true)
    }

    fn is_shared(&self) -> bool {
        true
    }
}

/// A load may hold older mocks than the write, and replaces the table.
#[test]
fn a_write_of_this_process_is_not_applied_to_a_table_that_is_being_loaded_again() {
    let (runtime, store) = (Runtime::new().unwrap(), Arc::<OneMock>::default());
    let replica = runtime.block_on(Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE)).unwrap();
    store.is_slow.store(true, Ordering::Relaxed);
    store.has_gap.store(true, Ordering::Relaxed);
    runtime.block_on(store.until_it_loads());
    assert!(!replica.follower.apply_own(Version(2), &[]));
    assert_eq!(replica.follower.table.read().applied, Version(1));
}

/// A load begins with an empty table, and may fail halfway.
#[test]
fn no_call_is_answered_from_a_table_before_its_load_succeeds() {
    let (runtime, store) = (Runtime::new().unwrap(), Arc::<OneMock>::default());
    let replica = runtime.block_on(Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE)).unwrap();
    let calls = || ["/", "/missing"].map(|path| runtime.block_on(replica.find(&call(path))));
    store.is_broken.store(true, Ordering::Relaxed);
    store.has_gap.store(true, Ordering::Relaxed);
    assert!(calls().iter().all(Result::is_err));
    // The log can be read again, but it does not fill the table.
    store.has_gap.store(false, Ordering::Relaxed);
    assert!(calls().iter().all(Result::is_err));
    store.is_slow.store(true, Ordering::Relaxed);
    store.is_broken.store(false, Ordering::Relaxed);
    runtime.block_on(store.until_it_loads());
    assert_eq!(replica.count(), 1, "it is delivered");
    // No failure of the store: such failures ring an alarm.
    assert!(calls().iter().all(|call| matches!(call, Err(FindError::Store(StoreError::Loading)))));
}

/// `Instant` does not count the time for which a machine was suspended.
#[test]
fn a_lease_ends_while_the_machine_is_suspended() {
    let (runtime, store) = (Runtime::new().unwrap(), Arc::<OneMock>::default());
    let replica = runtime.block_on(Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE)).unwrap();
    thread::sleep(2 * LEASE.term);
    assert!(runtime.block_on(replica.find(&call("/"))).unwrap().is_some());
    store.is_silent.store(true, Ordering::Relaxed);
    clock::SUSPENDED.fetch_add(2 * LEASE.term.as_millis() as u64, Ordering::Relaxed);
    assert!(runtime.block_on(replica.find(&call("/"))).is_err());
}

/// A thread may stop between two lines for any time. Here another thread holds the table.
#[test]
fn what_is_looked_up_when_the_lease_is_over_is_not_answered_even_if_it_was_asked_for_before() {
    let (runtime, store) = (Runtime::new().unwrap(), Arc::<OneMock>::default());
    let replica = runtime.block_on(Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE)).unwrap();
    let find = || {
        let replica = Arc::clone(&replica);
        runtime.spawn(async move { replica.find(&call("/")).await })
    };
    // By then the load is settled.
    thread::sleep(2 * LEASE.term);
    assert!(runtime.block_on(find()).unwrap().unwrap().is_some());

    store.is_silent.store(true, Ordering::Relaxed);
    let table = replica.follower.table.write();
    let found = find();
    thread::sleep(2 * LEASE.term);
    drop(table);
    assert!(runtime.block_on(found).unwrap().is_err());
}

/// A log with this head and these new states of endpoints.
fn log(head: u64, changes: &[(u64, EndpointId, Option<&Mock>)]) -> Changes {
    let change = |(version, id, endpoint): &(u64, EndpointId, Option<&Mock>)| Change {
        version: Version(*version),
        id: *id,
        endpoint: endpoint.cloned(),
        digest: Digest::default(),
    };
    Changes::Log { head: Version(head), digest: None, changes: changes.iter().map(change).collect() }
}

/// Otherwise the older state would stay: no later reading contains the entries again.
#[tokio::test(start_paused = true)]
async fn a_reading_that_own_writes_overtake_takes_no_write_back() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    let (old, new) = (mock("/x", 201), mock("/x", 202));
    let new = Mock { id: old.id, ..new };
    store.is_silent.store(true, Ordering::Relaxed);
    *store.log.lock() = Some(log(2, &[(2, old.id, Some(&old))]));
    while store.log.lock().is_some() {
        sleep(LEASE.poll).await;
    }
    for (version, endpoint) in [(2, old), (3, new)] {
        let own = [(endpoint.id, Some(endpoint), Digest::default())];
        assert!(replica.follower.apply_own(Version(version), &own));
    }
    store.is_silent.store(false, Ordering::Relaxed);
    assert_eq!(replica.find(&call("/x")).await.unwrap().unwrap().response.status(), 202);
}

/// Another replica may answer from memory until then.
#[tokio::test(start_paused = true)]
async fn a_change_is_unsettled_until_the_end_of_its_wait() {
    let store = Arc::<OneMock>::default();
    let replica = Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE).await.unwrap();
    let (one, other) = (mock("/x", 201), mock("/y", 201));
    *store.log.lock() = Some(log(3, &[(2, one.id, Some(&one)), (3, one.id, Some(&one))]));
    let settles = || replica.follower.table.read().unsettled.call_settles(Verb::Get, "/x", Instant::now());
    sleep(2 * LEASE.wait()).await;
    *store.log.lock() = Some(log(4, &[(4, one.id, Some(&one))]));
    while settles().is_none() {
        sleep(Duration::from_millis(1)).await;
    }
    let until = settles().unwrap();
    tokio::time::sleep_until(until - LEASE.poll / 2 - Duration::from_millis(1)).await;
    // Another write, in the last reading before.
    let since = replica.counts().readings.load(Ordering::Relaxed);
    *store.log.lock() = Some(log(5, &[(5, other.id, Some(&other))]));
    while replica.counts().readings.load(Ordering::Relaxed) == since {
        sleep(Duration::from_micros(100)).await;
    }
    assert_eq!(replica.follower.table.read().applied, Version(5));
    assert!(Instant::now() < until && settles() == Some(until));
}

/// The log of an exclusive store may show a later state: the next holder of a route before the deletion of the
/// previous one.
#[test]
fn the_removal_of_a_mock_leaves_the_next_holder_of_its_route() {
    let (mut table, previous, next) = (Table::default(), mock("/x", 201), mock("/x", 202));
    for endpoint in [&previous, &next] {
        table.apply([(endpoint.id, Some(endpoint), Digest::default())], None);
    }
    table.apply([(previous.id, None, Digest::default())], None);
    assert_eq!(table.find(&call("/x")).unwrap().answer.unwrap().id, next.id);
}

/// A write has one moment: its new mock is as unsettled as the mock that it deletes.
#[test]
fn nearest_mocks_are_settled() {
    let (mut table, old, new) = (Table::default(), mock("/x", 201), mock("/y", 202));
    table.apply([(old.id, Some(&old), Digest::default())], None);
    let until = Instant::now() + Duration::from_secs(1);
    table.apply([(old.id, None, Digest::default()), (new.id, Some(&new), Digest::default())], Some(until));
    let missed = Call { verb: Verb::Post, ..call("/y") };
    let nearest = |now| table.nearest(&missed, now).len();
    assert_eq!((nearest(until - Duration::from_millis(1)), nearest(until)), (0, 1));
}

/// Of two requests that delete a damaged record, the second one may be answered after the deletion.
#[test]
fn a_deleted_record_is_not_noted_as_damaged() {
    let (mut table, mock) = (Table::default(), mock("/x", 201));
    for (endpoint, damaged) in [(Some(&mock), 1), (None, 0)] {
        table.apply([(mock.id, endpoint, Digest::default())], None);
        table.lose(mock.id);
        assert_eq!(table.count_damaged(), damaged);
    }
}
