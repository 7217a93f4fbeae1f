//! Many replicas on a table that throttles: answers stay right, and all replicas serve soon after the load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use echo_service::{
    domain::{Mock, Verb},
    replica::Replica,
    store::{Store as _, Write},
};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use super::{
    client_reads::{called, listed},
    client_writes::change,
    history::{Kind, Outcome},
    limited::{Limited, Way},
    simulation::{LEASE, simulated},
};
use crate::store::{endpoint, text_response};

/// Two mocks: nobody changes the first one.
const STILL: &str = "/still";
const CHANGING: &str = "/changing";
/// Created during the load.
const NEW: &str = "/new";
/// A late answer to a call. An answer after a change takes 188 ms.
const LATE: Duration = Duration::from_millis(500);
/// Without a failure or a late answer for this time, all replicas serve.
const QUIET: Duration = Duration::from_secs(5);
/// The promise for the end of a load.
const HEALED: Duration = Duration::from_mins(1);

/// The load of all clients together.
#[derive(Clone, Copy)]
struct Load {
    replicas: usize,
    lasts: Duration,
    /// Clients of each replica that call missing mocks.
    missing: usize,
    /// Clients of each replica that list missing mocks.
    listing: usize,
    /// Clients of one replica that change mocks of 256 KiB.
    large: usize,
    /// Whether all processes are killed in the middle.
    is_deadly: bool,
    /// Size of the table, in bytes.
    table: usize,
}

const NONE: Load =
    Load { replicas: 40, lasts: Duration::from_secs(10), missing: 0, listing: 0, large: 0, is_deadly: false, table: 0 };

/// Answers to requests during the load.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Tally {
    answered: usize,
    failed: usize,
    /// Answers that took time.
    waited: usize,
}

struct World {
    load: Load,
    table: Arc<Mutex<Limited>>,
    replicas: Mutex<Vec<Arc<Replica>>>,
    /// The newest value of each path that an answer has shown. Each write raises the value.
    shown: Mutex<BTreeMap<String, u64>>,
    is_loaded: AtomicBool,
    /// Calls of [`STILL`].
    hits: Mutex<Tally>,
    /// Calls and listings of missing mocks.
    misses: Mutex<Tally>,
    changes: Mutex<Tally>,
    /// The end of the last failed or late call of a mock.
    trouble: Mutex<Instant>,
}

impl World {
    fn replica(&self, which: usize) -> Arc<Replica> {
        Arc::clone(&self.replicas.lock()[which])
    }

    fn shows(&self, path: &str, value: u64) {
        let mut shown = self.shown.lock();
        let newest = shown.entry(path.to_owned()).or_default();
        *newest = value.max(*newest);
    }

    /// A call or a listing of a path. Returns whether the answer comes in time. No answer is older than an answer from
    /// before the request.
    async fn ask(&self, which: usize, path: &str, tally: &Mutex<Tally>, is_listing: bool) -> bool {
        let least = self.shown.lock().get(path).copied().unwrap_or_default();
        let (replica, asked) = (self.replica(which), Instant::now());
        let answer =
            if is_listing { listed(&replica, &format!("GET {path}")).await } else { called(&replica, path).await };
        let mut tally = tally.lock();
        let Ok(body) = answer else {
            tally.failed += 1;
            return false;
        };
        let value = body.parse().unwrap_or(0);
        assert!(value >= least, "{path} is {value} after {least}");
        self.shows(path, value);
        tally.answered += 1;
        tally.waited += usize::from(!asked.elapsed().is_zero());
        asked.elapsed() < LATE
    }

    async fn calls(&self, which: usize, mut random: StdRng) {
        loop {
            for (path, tally) in [(STILL, &self.hits), (CHANGING, &self.changes)] {
                sleep(Duration::from_millis(random.random_range(5..35))).await;
                if !self.ask(which, path, tally, false).await {
                    *self.trouble.lock() = Instant::now();
                }
            }
        }
    }

    /// Asks for missing mocks, and for a mock that is new.
    async fn misses(&self, which: usize, is_listing: bool) {
        while self.is_loaded.load(Ordering::Relaxed) {
            for path in ["/none", "/none", "/none", NEW] {
                if !self.ask(which, path, &self.misses, is_listing).await {
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    async fn writes(&self, mock: Mock, mut random: StdRng) {
        let path = mock.route.path.as_str();
        let is_large = path.starts_with("/large/");
        let mut which = || if is_large { 0 } else { random.random_range(0..self.load.replicas) };
        if path == NEW {
            sleep(self.load.lasts / 10).await;
            while self.replica(which()).write(Write::Create(mock.clone())).await.is_err() {
                sleep(LATE).await;
            }
            self.shows(path, 1);
        }
        for value in 2.. {
            sleep(Duration::from_millis(if is_large { 5 } else { 500 })).await;
            if is_large && !self.is_loaded.load(Ordering::Relaxed) {
                return;
            }
            let replica = self.replica(which());
            if change(&replica, mock.id, Kind::Patch, path, &value.to_string(), "").await == Ok(Outcome::Done) {
                self.shows(path, value);
            }
        }
    }

    /// A new process takes the place of another. If the start fails, it is repeated.
    async fn start(self: Arc<Self>, which: usize, seed: u64) {
        let replica = Replica::new(Arc::new(Way::new(&self.table, seed)), LEASE, u64::MAX);
        self.replicas.lock()[which] = Arc::clone(&replica);
        while replica.start().await.is_err() {
            sleep(Duration::from_secs(10)).await;
        }
    }
}

/// The results of a load.
#[derive(Debug, PartialEq)]
struct Found {
    hits: Tally,
    misses: Tally,
    /// Requests to the table, and the throttled share.
    asked: u64,
    throttled: f64,
    /// The number of writes.
    head: u64,
    /// Loads by replicas that had served before. They take turns.
    reloads: u64,
    /// From the end of the load to the last failed or late call of a mock.
    healed: Duration,
}

fn run(seed: u64, load: Load) -> Found {
    simulated().block_on(async {
        let mut random = StdRng::seed_from_u64(seed);
        let table = Limited::new(load.table);
        let paths = [STILL, CHANGING, NEW].map(str::to_owned);
        let paths = paths.into_iter().chain((0..load.large).map(|which| format!("/large/{which}")));
        let mocks: Vec<_> = paths.map(|path| endpoint(Verb::Get, &path, &text_response("1"))).collect();
        let mut replicas = Vec::new();
        for _ in 0..load.replicas {
            let way = Arc::new(Way::new(&table, random.random()));
            if replicas.is_empty() {
                for mock in mocks.iter().filter(|mock| mock.route.path.as_str() != NEW) {
                    way.write(Write::Create(mock.clone())).await.unwrap();
                }
            }
            replicas.push(Replica::load(way, LEASE).await.unwrap());
        }
        let world = Arc::new(World {
            load,
            table: Arc::clone(&table),
            replicas: Mutex::new(replicas),
            shown: Mutex::default(),
            is_loaded: AtomicBool::new(true),
            hits: Mutex::default(),
            misses: Mutex::default(),
            changes: Mutex::default(),
            trouble: Mutex::new(Instant::now()),
        });
        for which in 0..load.replicas {
            let (caller, random) = (Arc::clone(&world), StdRng::seed_from_u64(random.random()));
            tokio::spawn(async move { caller.calls(which, random).await });
            for client in 0..load.missing + load.listing {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.misses(which, client < load.listing).await });
            }
        }
        for mock in mocks.into_iter().skip(1) {
            let (world, random) = (Arc::clone(&world), StdRng::seed_from_u64(random.random()));
            tokio::spawn(async move { world.writes(mock, random).await });
        }
        sleep(load.lasts / 2).await;
        for which in (0..load.replicas).filter(|_| load.is_deadly) {
            tokio::spawn(Arc::clone(&world).start(which, random.random()));
        }
        sleep(load.lasts / 2).await;
        world.is_loaded.store(false, Ordering::Relaxed);
        let (hits, misses, end) = (*world.hits.lock(), *world.misses.lock(), Instant::now());
        let (asked, throttled, head) = table.lock().counts();
        while { *world.trouble.lock() }.max(end).elapsed() < QUIET && end.elapsed() < 3 * HEALED {
            sleep(Duration::from_millis(100)).await;
        }
        let healed = world.trouble.lock().saturating_duration_since(end);
        let again = |replica: &Arc<Replica>| replica.counts().reloads.load(Ordering::Relaxed) - 1;
        let reloads = world.replicas.lock().iter().map(again).sum();
        Found { hits, misses, asked, throttled: throttled as f64 / asked as f64, head, reloads, healed }
    })
}

/// The misses leave the regular readings their capacity, so calls of mocks are answered from memory.
#[test]
fn a_flood_of_misses_at_forty_replicas_delays_no_call_of_a_mock() {
    let load = Load { missing: 2, listing: 2, ..NONE };
    for seed in 0..2 {
        let found = run(seed, load);
        eprintln!("{found:?}");
        assert!(found.hits.answered > 5_000 && found.misses.answered > 10_000, "{found:?}");
        assert!(found.throttled > 0.01 && found.throttled < 0.1, "{found:?}");
        assert!(found.hits.waited * 200 < found.hits.answered, "{found:?}");
        assert_eq!((found.hits.failed, found.misses.failed, found.healed), (0, 0, Duration::ZERO), "{found:?}");
    }
}

/// Each change costs forty replicas 65 read units each, so that replicas fall behind without an end.
#[test]
fn after_large_changes_at_the_limit_all_replicas_serve_within_a_minute() {
    let found = run(0, Load { large: 16, lasts: Duration::from_secs(90), ..NONE });
    eprintln!("{found:?}");
    assert!(found.head > 100 && found.throttled > 0.5 && found.reloads > 0, "{found:?}");
    assert!(found.healed < HEALED, "{found:?}");
}

#[test]
fn forty_tasks_killed_together_serve_within_a_minute_after_the_load() {
    let load = Load { missing: 1, listing: 1, is_deadly: true, table: 15_000_000, ..NONE };
    let large = Load { large: 16, table: 10_000_000, lasts: HEALED, ..load };
    for load in [load, large] {
        let found = run(0, load);
        eprintln!("{found:?}");
        assert!(found.throttled > 0.01 && found.healed < HEALED, "{found:?}");
    }
}

#[test]
fn a_seed_gives_the_same_load_each_time() {
    let load = Load { replicas: 10, missing: 2, listing: 2, large: 4, is_deadly: true, ..NONE };
    assert_eq!(run(7, load), run(7, load));
}
