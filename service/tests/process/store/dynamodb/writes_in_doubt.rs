//! Writes with a lost request or answer: each takes effect at most once, and each answer is true.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use echo_service::{
    domain::Verb,
    store::{Store, Version, Write, WriteError},
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{
    Scene, create, endpoint, holder, moved,
    proxy::{Fate, Message, Proxy},
    replicas, response,
    table::server,
};
use crate::store::model::Snapshot;
use crate::support::{PATIENCE, changes, new_endpoint};

pub const SENDING: &str = "TransactWriteItems";

/// A creation, a move and a deletion, after two creations.
async fn writes(scene: &Scene) -> Vec<Write> {
    let (moving, expected) = create(&scene.other, "/moving").await;
    let (leaving, at) = create(&scene.other, "/leaving").await;
    vec![
        Write::Create(endpoint(Verb::Get, "/new", &response(2))),
        Write::Replace { endpoint: moved(&moving, "/moved"), expected },
        Write::Delete { id: leaving.id, expected: at },
    ]
}

/// Whether the write has taken effect.
async fn has_taken_effect(store: &dyn Store, write: &Write) -> bool {
    match write {
        Write::Create(endpoint) | Write::Replace { endpoint, .. } => {
            store.get(endpoint.id).await.unwrap().is_some_and(|stored| stored.endpoint == *endpoint)
        }
        Write::Delete { id, .. } | Write::Discard { id, .. } => store.get(*id).await.unwrap().is_none(),
    }
}

/// Changes the token, as if DynamoDB had forgotten the token. DynamoDB does so after ten minutes.
pub fn forget_token(request: &mut Message) {
    request.body["ClientRequestToken"] = Value::String(uuid::Uuid::now_v7().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_with_a_lost_answer_is_acknowledged_once() {
    let scene = Scene::set().await;
    for (at, write) in writes(&scene).await.into_iter().enumerate() {
        // After a load the store knows the head: the first sending counts.
        Snapshot::of(&*scene.store).await.unwrap();
        scene.proxy.on(SENDING, |n, _| if n == 0 { Fate::CutAfter } else { Fate::Pass });
        assert_eq!(scene.store.write(write.clone()).await.unwrap(), Version(3 + at as u64));
        assert!(has_taken_effect(&*scene.other, &write).await);
    }
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_settles_a_doubt_after_dynamodb_has_forgotten_the_token() {
    let scene = Scene::set().await;
    for (at, write) in writes(&scene).await.into_iter().enumerate() {
        // After a load the store knows the head: the first sending counts.
        Snapshot::of(&*scene.store).await.unwrap();
        let (handle, other) = (Handle::current(), Arc::clone(&scene.other));
        scene.proxy.on(SENDING, move |n, request| match n {
            0 => Fate::CutAfter,
            1 => {
                forget_token(request);
                // Moves the head beyond the write.
                handle.block_on(create(&other, &format!("/other/{at}")));
                Fate::Pass
            }
            _ => panic!("it is decided by then"),
        });
        assert_eq!(scene.store.write(write.clone()).await.unwrap(), Version(3 + 2 * at as u64));
        assert!(has_taken_effect(&*scene.other, &write).await);
    }
    scene.assert_sound().await;
}

/// AWS does not document that a refusal always mentions the head beside other reasons.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_conflicts_with_its_own_first_sending_is_acknowledged() {
    let scene = Scene::set().await;
    for (at, write) in writes(&scene).await.into_iter().enumerate() {
        Snapshot::of(&*scene.store).await.unwrap();
        scene.proxy.on(SENDING, |n, _| {
            if n == 0 {
                return Fate::CutAfter;
            }
            let reasons = ["None", "None", "ConditionalCheckFailed", "None", "None"];
            let reasons = reasons.map(|code| json!({"Code": code, "Message": "by a test"}));
            Fate::Answer(Message::cancelled(reasons.into()))
        });
        assert_eq!(scene.store.write(write.clone()).await.unwrap(), Version(3 + at as u64));
        assert!(has_taken_effect(&*scene.other, &write).await);
    }
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_doubt_that_another_write_undid_is_acknowledged() {
    let scene = Scene::set().await;
    let (handle, other) = (Handle::current(), Arc::clone(&scene.other));
    let new = endpoint(Verb::Get, "/short-lived", &response(2));
    let id = new.id;
    scene.proxy.on(SENDING, move |n, request| {
        if n > 0 {
            forget_token(request);
            handle.block_on(other.write(Write::Delete { id, expected: Version(1) })).unwrap();
            return Fate::Pass;
        }
        Fate::CutAfter
    });
    assert_eq!(scene.store.write(Write::Create(new)).await.unwrap(), Version(1));
    assert_eq!(scene.store.get(id).await.unwrap(), None);
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_and_overtaken_write_takes_effect_once_at_the_next_version() {
    let scene = Scene::set().await;
    for (at, write) in writes(&scene).await.into_iter().enumerate() {
        // After a load the store knows the head: the first sending counts.
        Snapshot::of(&*scene.store).await.unwrap();
        let (handle, other, tokens) = (Handle::current(), Arc::clone(&scene.other), Arc::new(Mutex::new(vec![])));
        let sent = Arc::clone(&tokens);
        scene.proxy.on(SENDING, move |n, request| {
            sent.lock().unwrap().push(request.body["ClientRequestToken"].clone());
            if n > 0 {
                return Fate::Pass;
            }
            handle.block_on(create(&other, &format!("/other/{at}")));
            Fate::CutBefore
        });
        assert_eq!(scene.store.write(write.clone()).await.unwrap(), Version(4 + 2 * at as u64));
        assert!(has_taken_effect(&*scene.other, &write).await);
        let tokens = tokens.lock().unwrap();
        assert_eq!((tokens.len(), &tokens[0]), (3, &tokens[1]), "the same transaction again");
        assert_ne!(tokens[1], tokens[2], "another transaction");
    }
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_write_is_refused_after_a_conflicting_write() {
    let scene = Scene::set().await;
    let meanwhile = |act: Write| {
        let (handle, other) = (Handle::current(), Arc::clone(&scene.other));
        scene.proxy.on(SENDING, move |n, _| {
            if n > 0 {
                return Fate::Pass;
            }
            handle.block_on(other.write(act.clone())).unwrap();
            Fate::CutBefore
        });
    };
    let (one, expected) = create(&scene.other, "/one").await;
    let rival = endpoint(Verb::Get, "/contested", &response(3));
    meanwhile(Write::Create(rival.clone()));
    let refusal = scene.store.write(Write::Create(endpoint(Verb::Get, "/contested", &response(2)))).await;
    assert_eq!(holder(refusal), rival.id);

    let target = endpoint(Verb::Put, "/target", &response(3));
    meanwhile(Write::Create(target.clone()));
    let refusal = scene.store.write(Write::Replace { endpoint: moved(&one, "/target"), expected }).await;
    assert_eq!(holder(refusal), target.id);

    meanwhile(Write::Replace { endpoint: moved(&one, "/elsewhere"), expected });
    let refusal = scene.store.write(Write::Replace { endpoint: moved(&one, "/third"), expected }).await;
    assert!(matches!(refusal, Err(WriteError::Changed)), "{refusal:?}");

    let expected = scene.other.get(one.id).await.unwrap().unwrap().version;
    meanwhile(Write::Delete { id: one.id, expected });
    let refusal = scene.store.write(Write::Delete { id: one.id, expected }).await;
    assert!(matches!(refusal, Err(WriteError::Missing)), "{refusal:?}");
    scene.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_answer_a_write_fails_in_time_and_can_be_repeated() {
    let scene = Scene::set().await;
    let first = endpoint(Verb::Get, "/repeated", &response(2));
    scene.proxy.on(SENDING, |_, _| Fate::CutAfter);
    let started = Instant::now();
    let outcome = scene.store.write(Write::Create(first.clone())).await;
    assert!(matches!(outcome, Err(WriteError::Store(_))), "{outcome:?}");
    assert!(started.elapsed().as_secs() < 6 && started.elapsed() < PATIENCE, "{:?}", started.elapsed());

    scene.proxy.set(|_| Fate::Pass);
    assert_eq!(Snapshot::of(&*scene.store).await.unwrap().head, Version(1));
    let again = scene.store.write(Write::Create(endpoint(Verb::Get, "/repeated", &response(2)))).await;
    assert_eq!(holder(again), first.id);
    scene.assert_sound().await;
}

/// The table in `docs/consistency/promises.md`: statuses of a repeated creation, change, change
/// with the `ETag` before, and deletion, with and without an effect of the first.
#[test]
fn the_answer_to_a_repeated_write_tells_whether_the_first_took_effect() {
    thread::scope(|scope| {
        for (number, told) in [409, 200, 412, 404, 201, 200, 200, 204].into_iter().enumerate() {
            scope.spawn(move || {
                let (table, proxy) = (replicas::table(), Proxy::start());
                let service = replicas::start(&table, &proxy.url);
                let path = format!("/endpoints/{}", service.create("GET", "/old", json!({"code": 200})));
                let only = format!("If-Match: {}\r\n", service.get(&path).header("etag").unwrap());
                let change = |header| service.manage("PATCH", &path, header, Some(&changes(json!({"verb": "PUT"}))));
                let write = || match number % 4 {
                    0 => service.post(&new_endpoint("GET", "/new", json!({"code": 200}))),
                    1 => change(""),
                    2 => change(&only),
                    _ => service.manage("DELETE", &path, "", None),
                };
                proxy.on(SENDING, move |_, _| if number < 4 { Fate::CutAfter } else { Fate::CutBefore });
                assert_eq!(write().status, 503);
                proxy.set(|_| Fate::Pass);
                assert_eq!(write().status, told, "{}", ["POST", "PATCH", "PATCH with If-Match", "DELETE"][number % 4]);
            });
        }
    });
}

/// The promise in `docs/consistency/promises.md`: after an acknowledged repetition the first write
/// cannot take effect and undo later writes.
#[test]
fn a_late_write_has_no_effect_after_its_repetition() {
    thread::scope(|scope| {
        for what in ["POST", "PATCH", "DELETE"] {
            scope.spawn(move || {
                let (table, proxy) = (replicas::table(), Proxy::start());
                let (service, other) = (replicas::start(&table, &proxy.url), replicas::start(&table, server()));
                let new = |body| new_endpoint("GET", "/path", json!({"code": 200, "body": body}));
                let old = (what != "POST").then(|| service.create("GET", "/path", json!({"code": 200, "body": "old"})));
                let id = old.unwrap_or_default();
                let change = |body| changes(json!({"response": {"body": body}}));
                let write = || match what {
                    "POST" => service.post(&new("first")),
                    "PATCH" => service.patch(&id, &change("first")),
                    _ => service.delete(&id),
                };
                // The client gets a 503 after five seconds.
                let late = Duration::from_secs(8);
                proxy.on(SENDING, move |n, _| if n == 0 { Fate::ArriveLate(late) } else { Fate::CutBefore });
                assert_eq!(write().status, 503);
                proxy.set(|_| Fate::Pass);
                let again = write();
                let (status, shown) = match what {
                    "POST" => (other.delete(again.json()["data"]["id"].as_str().unwrap()).status, [404; 2]),
                    "PATCH" => (other.patch(&id, &change("second")).status, [200; 2]),
                    _ => (other.post(&new("second")).status, [200; 2]),
                };
                assert!(again.status < 300 && status < 300, "{again:?}, and then {status}");
                assert!(proxy.late().is_empty(), "it arrives after that");

                let deadline = Instant::now() + PATIENCE;
                while proxy.late().is_empty() {
                    assert!(Instant::now() < deadline, "it arrives");
                    thread::sleep(Duration::from_millis(10));
                }
                let kind = proxy.late()[0]["__type"].to_string();
                assert!(kind.contains("TransactionCanceledException"), "{kind}");
                for _ in 0..20 {
                    let answers = [&service, &other].map(|service| service.call("GET", "/path"));
                    assert_eq!(answers.each_ref().map(|answer| answer.status), shown, "{what}");
                    assert!(
                        shown == [404; 2] || answers.iter().all(|answer| answer.text() == "second"),
                        "{what}: {answers:?}"
                    );
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
}
