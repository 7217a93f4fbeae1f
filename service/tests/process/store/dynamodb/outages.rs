//! DynamoDB is away, slow or refuses: errors come in time, and end when DynamoDB returns.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use echo_service::{
    domain::{EndpointId, Mock, Verb},
    store::{Version, Write, WriteError},
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::runtime::Handle;

use super::{
    Scene, create, endpoint,
    proxy::{Fate, Message, Proxy},
    replicas, response,
};
use crate::store::model::Snapshot;
use crate::support::{Answer, Echo, changes};

/// Longer than any read or write may take, with room for a busy machine.
const IN_TIME: Duration = Duration::from_millis(6_500);

async fn assert_all_fail_in_time(scene: &Scene) {
    let started = Instant::now();
    let store = &scene.store;
    let writes = (0..20).map(|n| async move {
        let outcome = store.write(Write::Create(endpoint(Verb::Get, &format!("/{n}"), &response(1)))).await;
        assert!(matches!(outcome, Err(WriteError::Store(_))), "{outcome:?}");
        assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    });
    let reads = async {
        let id = EndpointId::generate();
        let (get, list, log, load) =
            tokio::join!(store.get(id), store.list(None, 10), store.changes_since(Version(0)), Snapshot::of(&**store));
        assert!(get.is_err() && list.is_err() && log.is_err() && load.is_err());
        assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    };
    tokio::join!(join_all(writes), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_dynamodb_is_silent_every_call_fails_in_time_and_the_next_after_its_return_succeeds() {
    let scene = Scene::set().await;
    create(&scene.store, "/before").await;
    scene.proxy.set(|_| Fate::Silence);
    assert_all_fail_in_time(&scene).await;
    scene.proxy.set(|_| Fate::Pass);
    let returned = Instant::now();
    create(&scene.store, "/after").await;
    assert!(returned.elapsed() < Duration::from_secs(1), "{:?}", returned.elapsed());
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_connections_are_cut_every_call_fails_in_time() {
    let scene = Scene::set().await;
    scene.proxy.set(|_| Fate::CutBefore);
    assert_all_fail_in_time(&scene).await;
    scene.proxy.set(|_| Fate::Pass);
    create(&scene.store, "/after").await;
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_write_is_acknowledged_within_a_second_of_the_return_of_dynamodb() {
    let scene = Scene::set().await;
    scene.proxy.set(|_| Fate::CutBefore);
    let (store, proxy) = (Arc::clone(&scene.store), Arc::clone(&scene.proxy));
    let write = tokio::spawn(async move { create(&store, "/patient").await });
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.set(|_| Fate::Pass);
    tokio::time::timeout(Duration::from_secs(1), write).await.unwrap().unwrap();
    scene.assert_sound().await;
}

/// Requests sent into the silence must not delay later ones.
#[tokio::test(flavor = "multi_thread")]
async fn writes_are_acknowledged_within_a_second_of_the_end_of_a_silence() {
    let scene = Scene::set().await;
    create(&scene.store, "/before").await;
    scene.proxy.set(|_| Fate::Silence);
    let store = Arc::clone(&scene.store);
    let patient = tokio::spawn(async move { create(&store, "/patient").await });
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    scene.proxy.set(|_| Fate::Pass);
    let returned = Instant::now();
    let (patient, _) = tokio::join!(patient, create(&scene.store, "/new"));
    patient.unwrap();
    assert!(returned.elapsed() < Duration::from_secs(1), "{:?}", returned.elapsed());
    scene.assert_sound().await;
}

type Ask<'a> = Box<dyn Fn() -> Answer + Send + 'a>;

/// Sends each kind of request into a silence, and again right after the silence. Returns the time from the end of the
/// silence to the last correct answer.
fn answered_after_a_silence(service: &Echo, proxy: &Proxy, turn: &str, silence: Duration) -> Duration {
    let create = |name: String| service.create("GET", &name, json!({"code": 200, "body": "before"}));
    let [called, missed] = ["called", "missed"].map(|name| format!("/{name}/{turn}"));
    create(called.clone());
    let paths = ["waiting", "new"].map(|name| format!("/{name}/{turn}"));
    let ids = paths.each_ref().map(|path| ["", "/changed", "/deleted"].map(|end| create(format!("{path}{end}"))));
    let (change, called, missed) = (&changes(json!({"response": {"body": "after"}})), &*called, &*missed);
    let asks = |n: usize| -> [(&str, Ask, u16, &str); 7] {
        let [shown, changed, deleted] = ids[n].each_ref();
        let listing = format!("/endpoints?filter%5Bpath%5D={}", paths[n]);
        [
            ("a listing of all", Box::new(|| service.get("/endpoints")), 200, "before"),
            ("a listing", Box::new(move || service.get(&listing)), 200, "before"),
            ("GET", Box::new(move || service.get(&format!("/endpoints/{shown}"))), 200, "before"),
            ("PATCH", Box::new(move || service.patch(changed, change)), 200, "after"),
            ("DELETE", Box::new(move || service.delete(deleted)), 204, ""),
            ("a call", Box::new(move || service.call("GET", called)), 200, "before"),
            ("a miss", Box::new(move || service.call("GET", missed)), 404, missed),
        ]
    };
    thread::scope(|scope| {
        let ask = |n| {
            asks(n).map(|(what, ask, status, part)| {
                scope.spawn(move || {
                    // After a 503 the client repeats the request, as `Retry-After` says.
                    let answer = iter::repeat_with(ask).find(|answer| answer.status != 503).unwrap();
                    assert!(answer.status == status && answer.text().contains(part), "{what}: {answer:?}");
                    Instant::now()
                })
            })
        };
        if !silence.is_zero() {
            proxy.set(|_| Fate::Silence);
            // Until the lease is over, calls are answered from memory.
            thread::sleep(Duration::from_millis(200));
        }
        let waiting = ask(0);
        thread::sleep(silence);
        proxy.set(|_| Fate::Pass);
        let (over, new) = (Instant::now(), ask(1));
        let answered =
            waiting.into_iter().chain(new).map(|asked| asked.join().unwrap().saturating_duration_since(over));
        answered.max().unwrap()
    })
}

/// A silence may end in each phase of an attempt, and new requests come at the end. The promise is the additional time
/// of a request, not the whole time: 0.2 s without a silence, and more on a busy machine.
#[test]
fn clients_get_right_answers_within_a_second_of_the_end_of_a_silence() {
    let (table, proxy) = (replicas::table(), Proxy::start());
    let service = replicas::start(&table, &proxy.url);
    let ask = |turn: &str, silence| answered_after_a_silence(&service, &proxy, turn, Duration::from_millis(silence));
    for silence in [650, 1_000, 1_250, 1_600, 2_150] {
        let before = ask(&format!("{silence}/before"), 0);
        let last = ask(&silence.to_string(), silence);
        let usual = before.max(ask(&format!("{silence}/after"), 0));
        println!("after {silence} ms: {last:?}; {usual:?} without a silence");
        assert!(last < usual + Duration::from_secs(1), "{last:?} after {silence} ms, and not {usual:?}");
        // A long usual time must not hide a delay.
        assert!(last < Duration::from_secs(2), "{last:?} after {silence} ms");
    }
}

#[tokio::test]
async fn a_throttled_or_conflicting_transaction_is_retried() {
    let scene = Scene::set().await;
    scene.proxy.on("TransactWriteItems", |n, _| {
        let cancelled = |code| {
            let none = || json!({"Code": "None"});
            Message::cancelled(json!([{"Code": code, "Message": "by a test"}, none(), none(), none()]))
        };
        match n {
            0 => Fate::Answer(Message::error(400, "ProvisionedThroughputExceededException")),
            1 => Fate::Answer(Message::error(400, "ThrottlingException")),
            2 => Fate::Answer(cancelled("ThrottlingError")),
            3 => Fate::Answer(cancelled("TransactionConflict")),
            4 => Fate::Answer(Message::error(400, "TransactionInProgressException")),
            5 => Fate::Answer(Message::error(500, "InternalServerError")),
            6 => Fate::Answer(Message::error(503, "ServiceUnavailable")),
            _ => Fate::Pass,
        }
    });
    create(&scene.store, "/persistent").await;
    scene.assert_sound().await;
}

/// An endpoint is read between two transactions: a plain read could show a write ahead of the head.
#[tokio::test]
async fn a_throttled_read_of_an_endpoint_is_repeated() {
    let scene = Scene::set().await;
    let (known, _) = create(&scene.other, "/known").await;
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    scene.proxy.on("TransactGetItems", move |n, _| {
        count.fetch_add(usize::from(n < 4), Ordering::Relaxed);
        match n {
            0 => Fate::Answer(Message::conflict()),
            1 => Fate::Answer(Message::error(400, "ThrottlingException")),
            2 => Fate::Answer(Message::error(400, "ProvisionedThroughputExceededException")),
            3 => Fate::Answer(Message::error(500, "InternalServerError")),
            _ => Fate::Pass,
        }
    });
    assert_eq!(scene.store.get(known.id).await.unwrap().unwrap().endpoint, known);
    assert_eq!(refused.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_endpoint_is_reported_before_a_taken_route() {
    let scene = Scene::set().await;
    let (one, expected) = create(&scene.other, "/one").await;
    let (two, _) = create(&scene.other, "/two").await;
    Snapshot::of(&*scene.store).await.unwrap();
    let leave = Write::Delete { id: one.id, expected };
    let (handle, other, holder) = (Handle::current(), Arc::clone(&scene.other), two.id.to_string());
    scene.proxy.on("TransactWriteItems", move |n, _| {
        if n > 0 {
            return Fate::Pass;
        }
        // A deletion at the same time.
        handle.block_on(other.write(leave.clone())).unwrap();
        let claim = json!({"PK": {"S": "ROUTE#"}, "SK": {"S": "ROUTE"}, "endpoint_id": {"S": holder}});
        Fate::Answer(Message::cancelled(json!([
            {"Code": "None"}, {"Code": "None"}, {"Code": "TransactionConflict", "Message": "by a test"},
            {"Code": "ConditionalCheckFailed", "Message": "by a test", "Item": claim}, {"Code": "None"}
        ])))
    });
    let outcome = scene.store.write(Write::Replace { endpoint: Mock { route: two.route, ..one }, expected }).await;
    assert!(matches!(outcome, Err(WriteError::Missing)), "{outcome:?}");
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    let scene = Scene::set().await;
    scene.proxy.set(|_| Fate::Answer(Message::error(400, "AccessDeniedException")));
    let started = Instant::now();
    let outcome = scene.store.write(Write::Create(endpoint(Verb::Get, "/", &response(1)))).await;
    let Err(WriteError::Store(error)) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
}
