//! Answers to a write that leave the result open.

use std::time::{Duration, Instant};

use echo_service::{
    domain::Verb,
    store::{Version, Write},
};
use serde_json::json;

use super::{
    Scene, create, endpoint,
    proxy::{Fate, Message},
    response,
    writes_in_doubt::{SENDING, forget_token},
};
use crate::store::model::Snapshot;

/// An answer without the result of the write.
#[tokio::test(flavor = "multi_thread")]
async fn a_successful_write_answered_with_500_is_acknowledged_once() {
    let scene = Scene::set().await;
    scene.proxy.on(SENDING, |n, request| {
        if n == 0 {
            return Fate::AnswerAfter(Message::error(500, "InternalServerError"));
        }
        forget_token(request);
        Fate::Pass
    });
    let new = endpoint(Verb::Get, "/once", &response(2));
    assert_eq!(scene.store.write(Write::Create(new)).await.unwrap(), Version(1));
    scene.assert_sound().await;
}

/// The log shows the entry ahead of the head: other processes do not know the write yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_doubt_is_not_acknowledged_before_the_head_counts_it() {
    // Longer than a slow machine takes for the write.
    const LATE: Duration = Duration::from_secs(1);
    let scene = Scene::set().await;
    create(&scene.other, "/before").await;
    Snapshot::of(&*scene.store).await.unwrap();
    let (mut sendings, mut since) = (0, None);
    scene.proxy.set(move |request| match request.operation() {
        SENDING => {
            sendings += 1;
            if sendings == 1 {
                return Fate::CutAfter;
            }
            since = Some(Instant::now());
            let reasons = ["None", "None", "ConditionalCheckFailed", "None"];
            let reasons = reasons.map(|code| json!({"Code": code, "Message": "by a test"}));
            Fate::Answer(Message::cancelled(reasons.into()))
        }
        "GetItem" if since.is_none_or(|since| since.elapsed() < LATE) => Fate::Change(Box::new(|answer| {
            answer["Item"]["writes"]["N"] = json!("1");
        })),
        _ => Fate::Pass,
    });
    let started = Instant::now();
    let new = endpoint(Verb::Get, "/late", &response(2));
    assert_eq!(scene.store.write(Write::Create(new)).await.unwrap(), Version(2));
    assert!(started.elapsed() >= LATE, "acknowledged after {:?}", started.elapsed());
}
