//! The protocol in simulated time: real replicas, a simulated store, about 40 requests, any number
//! of seeds.

use std::{
    mem,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use echo_service::replica::{Lease, Replica};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::sleep,
};

use super::{
    client_writes::Ids,
    formats::{NEW, OLD},
    history::{Checker, Counts, History, Recorder, add},
    plant::Plant,
    simulated_clients::{REPLICAS, Requests, World, ask},
    store::{AWAY, SLOW, WELL, Way},
    store_state::Truth,
};

const CLIENTS: usize = 4;
pub const LEASE: Lease = Lease { term: Duration::from_millis(150), poll: Duration::from_millis(50) };

/// The settings of a history.
#[derive(Clone, Copy)]
pub struct Setting {
    pub plant: Plant,
    /// Of the replicas.
    pub leases: [Lease; REPLICAS],
    /// How far the times of day of the replicas are ahead.
    pub ahead: [Duration; REPLICAS],
    pub requests: Requests,
}

/// Without a planted fault.
pub const SOUND: Setting = Setting {
    plant: Plant::Nothing,
    leases: [LEASE; REPLICAS],
    ahead: [Duration::ZERO; REPLICAS],
    requests: Requests::All,
};

/// The history of a seed, and what is wrong with it besides.
fn run(seed: u64, Setting { plant, leases, ahead, requests }: Setting) -> (History, Option<String>) {
    simulated().block_on(async {
        let mut random = StdRng::seed_from_u64(seed);
        let truth = Arc::<Mutex<Truth>>::default();
        let states: [Arc<AtomicU8>; REPLICAS] = Default::default();
        let mut replicas = Vec::new();
        // Half of the stores were made by an older version, of which processes run until a rollout replaces them.
        let mut versions = [NEW; REPLICAS];
        if requests == Requests::All && seed.is_multiple_of(2) {
            versions[0] = OLD;
        }
        for ((state, lease), knows) in states.iter().zip(leases).zip(versions) {
            let way = Way::of_version(&truth, state, plant, random.random(), knows);
            replicas.push(Replica::load(Arc::new(way), lease).await.unwrap());
        }
        let world = Arc::new(World {
            requests,
            ids: ahead.map(|ahead| Ids { ahead, are_own: plant == Plant::OwnIds }),
            replicas: Mutex::new(replicas),
            mocks: Mutex::default(),
            recorder: Recorder::default(),
            clock: AtomicU64::new(0),
            raised: AtomicU64::new(u64::MAX),
            late_refusals: AtomicU64::new(0),
            diverged: AtomicU64::new(0),
        });
        let formats = Arc::clone(&truth);
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (world, seed) = (Arc::clone(&world), random.random());
            clients.spawn(async move { ask(client, &world, StdRng::seed_from_u64(seed)).await });
        }
        // A third of the runs are undisturbed.
        let weather = (!seed.is_multiple_of(3)).then(|| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                loop {
                    let (state, which) =
                        ([WELL, WELL, SLOW, AWAY][random.random_range(0..4)], random.random_range(0..REPLICAS));
                    states[which].store(state, Ordering::Relaxed);
                    // A new process takes over, and the old one completes its requests, as in a
                    // rollout.
                    let way = Way::new(&truth, &states[which], plant, random.random());
                    if random.random_bool(0.3)
                        && let Ok(new) = Replica::load(Arc::new(way), leases[which]).await
                    {
                        let old = mem::replace(&mut world.replicas.lock()[which], new);
                        world.diverged.fetch_add(divergences(&old), Ordering::Relaxed);
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
        let late = world.late_refusals.into_inner();
        let diverged = world.diverged.into_inner() + world.replicas.lock().iter().map(divergences).sum::<u64>();
        // Digests find other planted faults as well, but the checker has to find those.
        let diverged = if matches!(plant, Plant::Nothing | Plant::OldLoad) { diverged } else { 0 };
        let history = world.recorder.finish(format!("seed {seed}"));
        let truth = formats.lock();
        let wrong = [
            (truth.formats.stranded, "a live process does not know the format"),
            (truth.formats.put_back, "the format was put back"),
            (late, "the format was refused after the raise"),
            (diverged, "a replica differs from the digest"),
        ];
        let wrong = wrong.iter().find(|(count, _)| *count > 0);
        (history, wrong.map(|(_, what)| format!("seed {seed}: {what}")))
    })
}

fn divergences(replica: &Arc<Replica>) -> u64 {
    replica.counts().divergences.load(Ordering::Relaxed)
}

pub fn simulated() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The checker's reason for the first wrong history of these seeds, and the numbers of results.
pub fn judge(seeds: Range<u64>, setting: Setting) -> (Option<String>, Counts) {
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
                    let (history, besides) = run(seed, setting);
                    add(&mut counts.lock(), history.counts());
                    if let Some(why) = besides.or_else(|| checker.judge(&history)) {
                        wrong.lock().get_or_insert(why);
                    }
                }
            });
        }
    });
    (wrong.into_inner(), counts.into_inner())
}

/// 2,000, or as many as `scripts/verify-consistency` says; or one of so many. A single one, `CONSISTENCY_SEED=17 cargo
/// nextest run consistency::simulation`, gives the same history each time.
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
    // A history without answers proves nothing: minimum numbers of results in four histories. A few
    // histories may have less by chance.
    let least = [
        ("Call", 24),
        ("Explain", 8),
        ("Read", 12),
        ("Create", 6),
        ("Patch", 4),
        ("Delete", 2),
        ("Move", 1),
        ("Renew", 1),
    ];
    for (kind, least) in least.into_iter().filter(|_| histories >= 100) {
        let count = counts[&format!("{kind} Done")];
        assert!(count >= histories / 4 * least, "too few are {kind} Done: {counts:?}");
    }
}

#[test]
fn simulated_histories_are_linearizable() {
    assert_sound(seeds(1), SOUND);
}

/// Writes of whole sets take effect at one moment, beside writes of single mocks.
#[test]
fn simulated_histories_of_sets_are_linearizable() {
    let seeds = seeds(2);
    let histories = (seeds.end - seeds.start) as usize;
    let (wrong, counts) = judge(seeds, Setting { requests: Requests::Sets, ..SOUND });
    assert_eq!(wrong, None);
    for (what, least) in [("Put Done", 12), ("Put Refused", 1), ("Show Done", 12), ("Join Done", 1)] {
        let is_seldom = histories >= 100 && counts[what] < histories / 4 * least;
        assert!(!is_seldom, "too few are {what}: {counts:?}");
    }
}

/// By 10 %, as the documentation promises.
#[test]
fn a_slow_and_a_fast_clock_within_the_margin_are_safe() {
    let [slow, fast] = [0.9, 1.1].map(|rate| Lease { term: LEASE.term.div_f64(rate), ..LEASE });
    assert_sound(seeds(4), Setting { leases: [LEASE, slow, fast], ..SOUND });
}

/// Then new ids of a process come from the future of the other processes.
#[test]
fn times_of_day_may_differ() {
    let ahead = [0, 1, 3_600].map(Duration::from_secs);
    assert_sound(seeds(4), Setting { ahead, ..SOUND });
}

/// Ids aside.
#[test]
fn a_seed_gives_the_same_history_each_time() {
    for seed in 0..100 {
        let [one, other] = [run(seed, SOUND), run(seed, SOUND)].map(|(mut history, _)| {
            history.operations.iter_mut().for_each(|operation| operation.id.clear());
            history.operations
        });
        assert_eq!(one, other);
    }
}
