//! The protocol in simulated time: real replicas, a simulated store, some 40 requests, and as many seeds as one likes.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use echo_service::{
    domain::{Endpoint, EndpointId, MockPath, Verb},
    replica::{Lease, Replica},
    store::{Stored, Write, WriteError},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::sleep,
};

use super::{
    asking::{body_of, called, listed, listed_with_others},
    history::{Checker, Counts, History, Kind, Operation, Outcome, Recorder, add},
    store::{AWAY, Plant, SLOW, Truth, WELL, Way},
};
use crate::store::{endpoint, text_response};

const REPLICAS: usize = 3;
const CLIENTS: usize = 4;
const REQUESTS: usize = 10;
const PATHS: usize = 2;
/// Kinds of questions.
const CALL: u8 = 0;
const LISTING_OF_VERB: u8 = 12;
pub const LEASE: Lease = Lease { term: Duration::from_millis(150), poll: Duration::from_millis(50) };

/// How a history is made.
#[derive(Clone, Copy)]
struct Setting {
    plant: Plant,
    /// Of the replicas.
    leases: [Lease; REPLICAS],
    /// Whether there are only creations of paths that are new, and questions of this kind: nothing that was found can be wrong.
    only_misses: Option<u8>,
}

/// Nothing is wrong.
const SOUND: Setting = Setting { plant: Plant::Nothing, leases: [LEASE; REPLICAS], only_misses: None };

/// What the clients of one run share.
struct World {
    only_misses: Option<u8>,
    replicas: Mutex<Vec<Arc<Replica>>>,
    /// The mocks that somebody has tried to make: id, name, path.
    mocks: Mutex<Vec<(EndpointId, String, String)>>,
    recorder: Recorder,
    /// Orders what happens.
    clock: AtomicU64,
}

impl World {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

/// The history of a seed.
fn run(seed: u64, Setting { plant, leases, only_misses }: Setting) -> History {
    simulated().block_on(async {
        let mut random = StdRng::seed_from_u64(seed);
        let truth = Arc::<Mutex<Truth>>::default();
        let states: [Arc<AtomicU8>; REPLICAS] = Default::default();
        let mut replicas = Vec::new();
        for (state, lease) in states.iter().zip(leases) {
            let way = Way::new(&truth, state, plant, random.random());
            replicas.push(Replica::load(Arc::new(way), lease).await.unwrap());
        }
        let world = Arc::new(World {
            only_misses,
            replicas: Mutex::new(replicas),
            mocks: Mutex::default(),
            recorder: Recorder::default(),
            clock: AtomicU64::new(0),
        });
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (world, seed) = (Arc::clone(&world), random.random());
            clients.spawn(async move { requests(client, &world, StdRng::seed_from_u64(seed)).await });
        }
        // A third of the runs are undisturbed.
        let weather = (!seed.is_multiple_of(3)).then(|| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                loop {
                    let (state, which) =
                        ([WELL, WELL, SLOW, AWAY][random.random_range(0..4)], random.random_range(0..REPLICAS));
                    states[which].store(state, Ordering::Relaxed);
                    // A new process in the place of one that goes on with what it was asked for, as in a rollout.
                    let way = Way::new(&truth, &states[which], plant, random.random());
                    if random.random_bool(0.3)
                        && let Ok(new) = Replica::load(Arc::new(way), leases[which]).await
                    {
                        world.replicas.lock()[which] = new;
                    }
                    sleep(Duration::from_millis(random.random_range(20..300))).await;
                }
            })
        });
        while clients.join_next().await.is_some() {}
        if let Some(weather) = weather {
            weather.abort();
            _ = weather.await;
        }
        let world = Arc::into_inner(world).expect("all clients have ended");
        world.recorder.finish(format!("seed {seed}"))
    })
}

pub fn simulated() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn requests(client: usize, world: &World, mut random: StdRng) {
    for number in 0..REQUESTS {
        sleep(Duration::from_micros(random.random_range(0..60_000))).await;
        let replica = &Arc::clone(&world.replicas.lock()[random.random_range(0..REPLICAS)]);
        let (mut kind, mut path) = (random.random_range(0..13), random.random_range(0..PATHS));
        let known = {
            let mocks = world.mocks.lock();
            if let Some(question) = world.only_misses {
                (kind, path) = (if kind < 10 { question } else { 5 }, mocks.len() / 3);
            }
            // Lately made ones: the others are gone mostly.
            let newest = mocks.len().saturating_sub(3);
            (!mocks.is_empty()).then(|| mocks[random.random_range(newest..mocks.len())].clone())
        };
        let (path, value) = (format!("/{path}"), format!("{client}.{number}"));
        let call = world.tick();
        let (kind, path, mock, value, outcome) = match (kind, known) {
            (CALL..=4 | LISTING_OF_VERB, _) => match match kind {
                4 => listed(replica, &path).await,
                LISTING_OF_VERB => listed_with_others(replica, &path).await,
                _ => called(replica, &path).await,
            } {
                Ok(body) => (Kind::Call, path, String::new(), body, Outcome::Done),
                Err(_) => continue,
            },
            (10, Some((id, mock, path))) => match replica.get(id).await {
                Ok(Some(Stored { endpoint, .. })) => {
                    let path = endpoint.route.path.as_str().to_owned();
                    (Kind::Call, path, String::new(), body_of(Some(&endpoint)), Outcome::Done)
                }
                // As a change of it would be refused.
                Ok(None) => (Kind::Patch, path, mock, String::new(), Outcome::Refused),
                Err(_) => continue,
            },
            (7..10 | 11, Some((id, mock, was_at))) => {
                let (kind, path) = match kind {
                    11 => (Kind::Move, path),
                    9 => (Kind::Delete, was_at),
                    _ => (Kind::Patch, was_at),
                };
                let value = if kind == Kind::Delete { String::new() } else { value };
                let outcome = change(replica, id, kind, &path, &value).await;
                (kind, path, mock, value, outcome)
            }
            _ => {
                let endpoint = endpoint(Verb::Get, &path, &text_response(&value));
                world.mocks.lock().push((endpoint.id, value.clone(), path.clone()));
                let outcome = match replica.write(Write::Create(endpoint)).await {
                    Ok(_) => Outcome::Done,
                    Err(WriteError::Taken { .. }) => Outcome::Refused,
                    Err(_) => Outcome::Unknown,
                };
                (Kind::Create, path, value.clone(), value, outcome)
            }
        };
        let route = format!("GET {path}");
        world.recorder.record(Operation { client, route, kind, mock, value, outcome, call, r#return: world.tick() });
    }
}

/// PATCH or DELETE, as the API carries them out. The path is where a mock moves to.
async fn change(replica: &Arc<Replica>, id: EndpointId, kind: Kind, path: &str, body: &str) -> Outcome {
    loop {
        let stored = match replica.get(id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Outcome::Refused,
            Err(_) => return Outcome::Unknown,
        };
        let (Endpoint { mut route, .. }, expected) = (stored.endpoint, stored.version);
        if kind == Kind::Move {
            route.path = MockPath::parse(path).unwrap();
        }
        let write = match kind {
            Kind::Delete => Write::Delete { id, expected },
            _ => Write::Replace { endpoint: Endpoint { id, route, response: text_response(body) }, expected },
        };
        match replica.write(write).await {
            Ok(_) => return Outcome::Done,
            Err(WriteError::Taken { .. }) => return Outcome::Refused,
            Err(WriteError::Changed | WriteError::Missing) => {}
            Err(WriteError::Store(_)) => return Outcome::Unknown,
        }
    }
}

/// What the checker says of the first history that is wrong, of these seeds; and what operations have come to.
fn judge(seeds: Range<u64>, setting: Setting) -> (Option<String>, Counts) {
    let next = AtomicU64::new(seeds.start);
    let (wrong, counts) = (Mutex::new(None), Mutex::new(Counts::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut checker = Checker::start();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || wrong.lock().is_some() {
                        return;
                    }
                    let history = run(seed, setting);
                    add(&mut counts.lock(), history.counts());
                    if let Some(why) = checker.judge(&history) {
                        wrong.lock().get_or_insert(why);
                    }
                }
            });
        }
    });
    (wrong.into_inner(), counts.into_inner())
}

/// 2,000, or as many as `scripts/verify-consistency` says; or one of so many. A single one, `CONSISTENCY_SEED=17 cargo nextest run
/// consistency::simulation`, gives the same history each time.
#[expect(clippy::disallowed_methods, reason = "it is how the script hands over what it was told")]
fn seeds(one_of: u64) -> Range<u64> {
    let variable = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let all = 0..variable("CONSISTENCY_SEEDS").unwrap_or(2_000) / one_of;
    variable("CONSISTENCY_SEED").map_or(all, |seed| seed..seed + 1)
}

fn assert_sound(seeds: Range<u64>, setting: Setting) {
    let histories = (seeds.end - seeds.start) as usize;
    let (wrong, counts) = judge(seeds, setting);
    assert_eq!(wrong, None);
    eprintln!("{histories} histories: {counts:?}");
    // Where nothing is told, nothing is wrong. So much has to come of four histories; of few, chance may leave less.
    let least = [("Call", 40), ("Create", 6), ("Patch", 4), ("Delete", 2), ("Move", 1)];
    for (kind, least) in least.into_iter().filter(|_| histories >= 100) {
        let count = counts[&format!("{kind} Done")];
        assert!(count >= histories / 4 * least, "too few are {kind} Done: {counts:?}");
    }
}

#[test]
fn simulated_histories_are_linearizable() {
    assert_sound(seeds(1), SOUND);
}

/// By 5 %, as the documentation promises.
#[test]
fn a_clock_that_is_slow_does_no_harm() {
    let slow = Lease { term: LEASE.term.div_f64(0.95), ..LEASE };
    assert_sound(seeds(4), Setting { leases: [LEASE, slow, LEASE], ..SOUND });
}

#[test]
fn a_seed_gives_the_same_history_each_time() {
    for seed in 0..100 {
        assert_eq!(run(seed, SOUND).operations, run(seed, SOUND).operations);
    }
}

fn assert_found(seeds: u64, setting: Setting) {
    let (why, _) = judge(0..seeds, setting);
    assert!(why.as_ref().is_some_and(|why| why.starts_with("not linearizable")), "{why:?}");
}

#[test]
fn a_lease_that_is_longer_than_the_wait_is_found() {
    let long = Lease { term: LEASE.term * 3, poll: LEASE.poll * 6 };
    assert_found(2_000, Setting { leases: [LEASE, LEASE, long], ..SOUND });
}

#[test]
fn an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, ..SOUND });
}

#[test]
fn a_miss_that_is_answered_by_an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, only_misses: Some(CALL), ..SOUND });
}

#[test]
fn a_listing_of_a_verb_that_is_chosen_from_an_older_log_is_found() {
    assert_found(2_000, Setting { plant: Plant::StaleLog, only_misses: Some(LISTING_OF_VERB), ..SOUND });
}

#[test]
fn a_lost_write_is_found() {
    assert_found(2_000, Setting { plant: Plant::LostWrites, ..SOUND });
}

#[test]
fn a_move_in_halves_is_found() {
    assert_found(2_000, Setting { plant: Plant::MovesInHalves, ..SOUND });
}
