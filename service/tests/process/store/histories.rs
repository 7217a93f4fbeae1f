//! Random sequences of operations, each against a plain map.

use std::collections::BTreeSet;

use echo_service::{
    domain::{EndpointId, Mock, MockPath, Route, Verb},
    store::{Changes, Filter, Store, Stored, Version, Write},
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngSeed, TestRunner},
};

use super::{
    Subject,
    digests::plain,
    endpoint,
    model::{Model, Snapshot},
    response,
};

/// Few routes, so that writes conflict.
const VERBS: [Verb; 2] = [Verb::Get, Verb::Post];
const PATHS: [&str; 3] = ["/", "/a", "/a/%2F"];

#[derive(Debug, Clone)]
enum Step {
    Create {
        verb: usize,
        path: usize,
        response: usize,
    },
    Replace {
        which: Index,
        is_current: bool,
        verb: usize,
        path: usize,
        response: usize,
    },
    Delete {
        which: Index,
        is_current: bool,
    },
    /// Several of the three above at once.
    Several(Vec<Step>),
    Get {
        which: Index,
    },
    List {
        verb: Option<usize>,
        path: Option<usize>,
        after: Option<Index>,
        limit: usize,
    },
    Load,
    /// Distance of the first version from the head; -1 is a future version.
    Changes {
        back: i64,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    use prop::option;
    let (verb, path, response) = (0..VERBS.len(), 0..PATHS.len(), 0..4_usize);
    let is_current = prop::bool::weighted(0.8);
    let write = prop_oneof![
        6 => (verb.clone(), path.clone(), response.clone())
            .prop_map(|(verb, path, response)| Step::Create { verb, path, response }),
        6 => (any::<Index>(), is_current, verb.clone(), path.clone(), response)
            .prop_map(|(which, is_current, verb, path, response)| Step::Replace { which, is_current, verb, path, response }),
        3 => (any::<Index>(), is_current).prop_map(|(which, is_current)| Step::Delete { which, is_current }),
    ];
    prop_oneof![
        12 => write.clone(),
        4 => prop::collection::vec(write, 2..5).prop_map(Step::Several),
        2 => any::<Index>().prop_map(|which| Step::Get { which }),
        4 => (option::of(verb), option::of(path), option::of(any::<Index>()), 1..5_usize)
            .prop_map(|(verb, path, after, limit)| Step::List { verb, path, after, limit }),
        1 => Just(Step::Load),
        3 => (-1..20_i64).prop_map(|back| Step::Changes { back }),
        1 => Just(Step::Restart),
    ]
}

fn route(verb: usize, path: usize) -> Route {
    Route::new(VERBS[verb], MockPath::parse(PATHS[path]).unwrap())
}

async fn write(store: &dyn Store, model: &mut Model, write: Write) {
    write_all(store, model, vec![write]).await;
}

async fn write_all(store: &dyn Store, model: &mut Model, writes: Vec<Write>) {
    let found = store.write_all(writes.clone()).await.map(|written| written.version);
    let expected = model.write(writes);
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

/// The write of a step.
fn write_of(model: &Model, step: &Step) -> Write {
    match step {
        Step::Create { verb, path, response: which } => {
            Write::Create(endpoint(VERBS[*verb], PATHS[*path], &response(*which)))
        }
        Step::Replace { which, is_current, verb, path, response: to } => {
            let (id, expected) = model.pick(*which, *is_current);
            Write::Replace {
                endpoint: Mock { id, route: route(*verb, *path), response: response(*to), turns: None, set: None },
                expected,
            }
        }
        Step::Delete { which, is_current } => {
            let (id, expected) = model.pick(*which, *is_current);
            Write::Delete { id, expected }
        }
        other => panic!("{other:?} writes nothing"),
    }
}

fn id_of(write: &Write) -> EndpointId {
    match write {
        Write::Create(endpoint) | Write::Replace { endpoint, .. } => endpoint.id,
        Write::Delete { id, .. } | Write::Discard { id, .. } => *id,
    }
}

async fn take<S: Subject>(subject: S, model: &mut Model, step: Step) -> S {
    let store = &**subject.store();
    match step {
        Step::Create { .. } | Step::Replace { .. } | Step::Delete { .. } => {
            let new = write_of(model, &step);
            write(store, model, new).await;
        }
        Step::Several(steps) => {
            let mut writes: Vec<_> = steps.iter().map(|step| write_of(model, step)).collect();
            // Each endpoint is changed once.
            let mut ids = BTreeSet::new();
            writes.retain(|write| ids.insert(id_of(write)));
            write_all(store, model, writes).await;
        }
        Step::Get { which } => {
            let (id, _) = model.pick(which, true);
            assert_eq!(store.get(id).await.unwrap(), model.get(id));
        }
        Step::List { verb, path, after, limit } => {
            let path = path.map(|path| MockPath::parse(PATHS[path]).unwrap());
            let filter = Filter { verb: verb.map(|verb| VERBS[verb]), path, set: None };
            let after = after.map(|which| model.pick(which, true).0);
            if filter == Filter::default() {
                assert_eq!(store.list(after, limit).await.unwrap(), model.list(after, limit));
            } else {
                // Some of the ids are gone.
                let mut ids: Vec<_> = model.ids.iter().copied().filter(|id| Some(*id) > after).collect();
                ids.sort_unstable();
                ids.truncate(limit * 2);
                let expected = model.list_these(&filter, &ids);
                assert_eq!(store.list_these(filter, ids).await.unwrap(), expected);
            }
        }
        Step::Load => assert_same_load(store, model).await,
        Step::Changes { back } => {
            let since = Version(model.head().0.saturating_add_signed(-back));
            let expected = model.changes_since(since, store.is_shared());
            assert_eq!(plain(store.changes_since(since).await.unwrap()), plain(expected));
        }
        Step::Restart => return subject.reopened().await,
    }
    subject
}

async fn assert_same_load(store: &dyn Store, model: &Model) {
    let (mut found, expected) = (Snapshot::of(store).await.unwrap(), model.load());
    if store.is_shared() {
        let Changes::Log { digest, .. } = store.changes_since(found.head).await.unwrap() else { panic!("a gap") };
        assert_eq!(digest, Some(found.digest));
    }
    found.digest = expected.digest;
    assert_eq!(found, expected);
}

/// Compares all reads of the store with the model.
async fn assert_same(store: &dyn Store, model: &Model) {
    assert_same_load(store, model).await;
    let expected = model.changes_since(Version(0), store.is_shared());
    assert_eq!(plain(store.changes_since(Version(0)).await.unwrap()), plain(expected));
    for id in &model.ids {
        assert_eq!(store.get(*id).await.unwrap(), model.get(*id));
    }
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = store.list(after, 2).await.unwrap();
        after = page.endpoints.last().map(|stored| stored.endpoint.id);
        listed.extend(page.endpoints);
        if !page.more {
            break;
        }
    }
    assert_eq!(listed, model.stored());
}

/// The same histories each time, unless `PROPTEST_RNG_SEED` or `PROPTEST_CASES` say otherwise.
pub fn are_those_of_a_plain_map<S: Subject>(cases: u32) {
    let given = Config::default();
    let seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20) } else { given.rng_seed };
    let cases = if given.cases == 256 { cases } else { given.cases };
    let config = Config { cases, rng_seed: seed, failure_persistence: None, ..given };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..60), |steps| {
        runtime.block_on(async {
            let (mut subject, mut model) = (S::empty().await, Model::default());
            for step in steps {
                subject = take(subject, &mut model, step).await;
            }
            assert_same(&**subject.store(), &model).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

pub async fn everything_is_there_after_a_restart<S: Subject>() {
    let (subject, mut model) = (S::empty().await, Model::default());
    for n in 0..40 {
        write(&**subject.store(), &mut model, Write::Create(endpoint(Verb::Put, &format!("/{n}"), &response(n % 4))))
            .await;
    }
    for n in 0..20 {
        let Stored { mut endpoint, version } = model.get(model.ids[n * 2]).unwrap();
        endpoint.route.verb = Verb::Patch;
        let change = match n % 2 {
            0 => Write::Replace { endpoint, expected: version },
            _ => Write::Delete { id: endpoint.id, expected: version },
        };
        write(&**subject.store(), &mut model, change).await;
    }
    let subject = subject.reopened().await.reopened().await;
    assert_eq!((model.head(), model.load().endpoints.len()), (Version(60), 30));
    assert_same(&**subject.store(), &model).await;
    write(&**subject.store(), &mut model, Write::Create(endpoint(Verb::Get, "/after", &response(1)))).await;
    assert_same(&**subject.store(), &model).await;
}
