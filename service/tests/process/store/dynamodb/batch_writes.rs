//! Several changes in an entry of the log.

use std::collections::BTreeSet;

use echo_service::{
    domain::{Mock, Verb},
    store::{Changes, MAX_MOCK_BYTES, Version, Write, WriteError},
};

use super::{
    Scene, create, endpoint, layout, moved, response,
    table::{Item, Table, text},
};
use crate::store::model::Snapshot;
use crate::store::text_response;

fn at(path: &str) -> Mock {
    endpoint(Verb::Get, path, &response(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_moves_are_one_write_and_more_are_refused() {
    let scene = Scene::set().await;
    let mocks: Vec<_> = (0..33).map(|n| at(&format!("/{n}"))).collect();
    let create = |mocks: &[Mock]| mocks.iter().cloned().map(Write::Create).collect::<Vec<_>>();
    let refusal = scene.store.write_all(create(&mocks)).await;
    assert!(matches!(refusal, Err(WriteError::TooMany { changes: 33, .. })), "{refusal:?}");
    assert_eq!(scene.store.write_all(create(&mocks[..32])).await.unwrap().version, Version(1));
    // Each move takes three items: the mock, the left claim and the taken claim.
    let moves = mocks[..32].iter().enumerate().map(|(n, mock)| Write::Replace {
        endpoint: Mock { route: at(&format!("/moved/{n}")).route, ..mock.clone() },
        expected: Version(1),
    });
    assert_eq!(scene.store.write_all(moves.collect()).await.unwrap().version, Version(2));
    let Changes::Log { head, changes, .. } = scene.other.changes_since(Version(1)).await.unwrap() else {
        panic!("a gap")
    };
    assert_eq!((head, changes.len()), (Version(2), 32));
    let loaded = Snapshot::of(&*scene.other).await.unwrap();
    assert!(
        loaded.endpoints.len() == 32
            && loaded.endpoints.iter().all(|mock| mock.route.path.as_str().starts_with("/moved/"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_a_write_is_limited_to_an_item() {
    let scene = Scene::set().await;
    let large = |n: usize, bytes| endpoint(Verb::Get, &format!("/{n}"), &text_response(&"x".repeat(bytes)));
    let refusal = scene.store.write_all((0..3).map(|n| Write::Create(large(n, 120_000))).collect()).await;
    assert!(matches!(refusal, Err(WriteError::TooMany { changes: 3, bytes }) if bytes > 350_000), "{refusal:?}");
    let fits = (0..3).map(|n| large(n, 116_000)).collect::<Vec<_>>();
    scene.store.write_all(fits.iter().cloned().map(Write::Create).collect()).await.unwrap();
    assert_eq!(Snapshot::of(&*scene.other).await.unwrap().endpoints, fits);
}

/// Unknown members of a later version may leave no room for a change.
#[tokio::test(flavor = "multi_thread")]
async fn the_size_limit_of_a_mock_includes_unknown_members() {
    let scene = Scene::set().await;
    let (mock, expected) = create(&scene.store, "/x").await;
    let mut item = scene.table.item("ENDPOINT", &mock.id.to_string()).await.unwrap();
    item.insert("later".into(), text(&"x".repeat(100_000)));
    scene.table.put(item).await;
    let with = |bytes| Write::Replace {
        endpoint: Mock { response: text_response(&"x".repeat(bytes)), ..mock.clone() },
        expected,
    };
    let refusal = scene.store.write(with(256 * 1024)).await;
    assert!(matches!(refusal, Err(WriteError::TooLarge { bytes }) if bytes > MAX_MOCK_BYTES), "{refusal:?}");
    let message = refusal.unwrap_err().to_string();
    assert!(message.contains("at most 327680 are allowed"), "{message}");
    assert_eq!(scene.store.write(with(MAX_MOCK_BYTES - 101_000)).await.unwrap(), Version(2));
}

/// Two mocks swap routes: each takes the claim that the other leaves.
#[tokio::test(flavor = "multi_thread")]
async fn mocks_swap_routes_in_one_write_even_if_the_answer_is_lost() {
    let scene = Scene::set().await;
    let ((one, first), (two, second)) = (create(&scene.other, "/one").await, create(&scene.other, "/two").await);
    Snapshot::of(&*scene.store).await.unwrap();
    let [swapped, other] =
        [(&one, &two), (&two, &one)].map(|(mock, at)| Mock { route: at.route.clone(), ..mock.clone() });
    scene.proxy.on(super::writes_in_doubt::SENDING, |n, request| {
        if n == 0 {
            return super::proxy::Fate::CutAfter;
        }
        super::writes_in_doubt::forget_token(request);
        super::proxy::Fate::Pass
    });
    let writes = vec![
        Write::Replace { endpoint: swapped.clone(), expected: first },
        Write::Replace { endpoint: other.clone(), expected: second },
    ];
    assert_eq!(scene.store.write_all(writes).await.unwrap().version, Version(3));
    assert_eq!(Snapshot::of(&*scene.other).await.unwrap().endpoints, [swapped.clone(), other]);
    // The claims say so too.
    let taken = scene.other.write(Write::Create(at("/two"))).await;
    assert_eq!(super::holder(taken), swapped.id);
    scene.other.write(Write::Delete { id: swapped.id, expected: Version(3) }).await.unwrap();
    scene.other.write(Write::Create(at("/two"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_format_1_takes_one_change_at_a_time() {
    let table = Table::create().await;
    table.be_of_format(1).await;
    let store = table.open().await;
    let refusal = store.write_all(vec![Write::Create(at("/1")), Write::Create(at("/2"))]).await;
    assert!(matches!(refusal, Err(WriteError::NeedsFormat(2))), "{refusal:?}");
    assert_eq!(store.write(Write::Create(at("/1"))).await.unwrap(), Version(1));
    assert_eq!(table.count("ENDPOINT").await, 1);
}

/// The form of the items for other versions.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_several_changes_lists_them_and_keeps_unknown_members() {
    let scene = Scene::set().await;
    let ((kept, at_first), (gone, expected)) =
        (create(&scene.store, "/kept").await, create(&scene.store, "/gone").await);
    let mut item = scene.table.item("ENDPOINT", &kept.id.to_string()).await.unwrap();
    item.insert("later".into(), text("value"));
    scene.table.put(item).await;
    let writes = vec![
        Write::Delete { id: gone.id, expected },
        Write::Replace { endpoint: moved(&kept, "/gone"), expected: at_first },
    ];
    scene.store.write_all(writes).await.unwrap();
    let entry = scene.table.item("LOG", &layout::sort(3)).await.unwrap();
    let names = |item: &Item| item.keys().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    assert_eq!(names(&entry), ["PK", "SK", "changes", "expires_at", "token"]);
    let [first, second] = entry["changes"].as_l().unwrap().as_slice() else { panic!("{entry:?}") };
    assert_eq!(names(first.as_m().unwrap()), ["endpoint_id"]);
    let second = second.as_m().unwrap();
    assert_eq!(names(second), ["body", "code", "endpoint_id", "headers", "later", "path", "verb", "version"]);
    assert_eq!((&second["later"], &second["path"]), (&text("value"), &text("/gone")));
    let item = scene.table.item("ENDPOINT", &kept.id.to_string()).await.unwrap();
    assert_eq!(item["later"], text("value"));
}

/// It is not documented whether replaced items count toward DynamoDB's limit of 4 MB.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_write_replaces_is_bounded() {
    let scene = Scene::set().await;
    let mut mocks = Vec::new();
    for n in 0..14 {
        let mock = endpoint(Verb::Get, &format!("/{n}"), &text_response(&"x".repeat(250_000)));
        mocks.push((mock.id, scene.store.write(Write::Create(mock)).await.unwrap()));
    }
    let delete =
        |mocks: &[_]| mocks.iter().map(|(id, expected)| Write::Delete { id: *id, expected: *expected }).collect();
    let refusal = scene.store.write_all(delete(&mocks)).await;
    assert!(matches!(refusal, Err(WriteError::ReplacesTooMuch { bytes }) if bytes > 3_500_000), "{refusal:?}");
    scene.store.write_all(delete(&mocks[..11])).await.unwrap();
    assert_eq!(scene.table.count("ENDPOINT").await, 3);
}
