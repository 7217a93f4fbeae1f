//! Real services on one table of DynamoDB Local, while they are stopped, killed and cut off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use echo_service::store::NEWEST_FORMAT;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    clients::Client,
    history::{Checker, Counts, History, Recorder, add},
    later_version::{DROPPED, KEPT, kept, later},
    service::{
        self, BINARY, CONFLICTS, DIVERGED, KILLED, KINDS, LEASE, Plant, Service, THROTTLED, UNDER_WAY, WRITES_ARE_LATE,
        raise,
    },
};
use crate::store::dynamodb::{
    in_flight_transactions::Transactions,
    table::{Table, server},
};

pub const REPLICAS: usize = 3;
/// Many, because most of them wait most of the time.
const CLIENTS: usize = 96;
/// Maximum time with too few answers. Services that cannot read each other's writes answer only
/// 503.
const PATIENCE: Duration = Duration::from_mins(5);
/// The requests of clients.
#[derive(Clone, Copy)]
pub enum Requests {
    All,
    /// All mocks exist from the start, some of them hidden, and changes are this share of all requests. So readings
    /// happen mainly for leases, and tables are old. With many misses or writes all tables would be new.
    FewChanges(u32),
    /// Calls and creations of paths, some of which exist. No mock changes, so only misses can be
    /// wrong.
    Misses,
}

/// The settings of a history.
pub struct Setting {
    /// Minimum duration. The history also lasts until clients have enough answers, so longer on a
    /// busy machine.
    pub lasts: Duration,
    pub told: usize,
    /// The number of groups of paths.
    pub groups: usize,
    pub requests: Requests,
    /// Of the services.
    pub leases: [[&'static str; 2]; REPLICAS],
    pub plants: [Plant; REPLICAS],
    /// Every other process runs the second one. If the table has an older format, the older version ends after `lasts`,
    /// the table is raised, and the history goes on.
    pub binaries: [&'static str; 2],
    /// Whether one service acts as a later version.
    pub has_later: bool,
    /// Whether services are stopped, killed and cut off.
    pub has_troubles: bool,
}

/// The answers of clients, and the faults of services.
pub fn history(seed: u64, setting: &Setting) -> (History, Counts) {
    let runtime = Runtime::new().unwrap();
    let table = runtime.block_on(Table::create());
    let [one, other] = setting.binaries;
    if one != other {
        // The older version creates the table, in a format that it knows.
        let echo = service::run(other, &table.name, server(), setting.leases[0]);
        echo.create("GET", "/made", json!({"code": 200}));
    }
    let head = runtime.block_on(table.item("LOG", "HEAD")).unwrap_or_default();
    let is_kept = one == other || head.contains_key("needed");
    let is_written = |written: &String| written.parse::<u64>().unwrap() >= NEWEST_FORMAT;
    let written = head.get("written").and_then(|mark| mark.as_n().ok());
    let is_newest = AtomicBool::new(one == other || written.is_some_and(is_written));
    let mut plants = setting.plants;
    if setting.has_later && is_kept {
        plants[0] = Some(later);
    }
    let transactions = Arc::<Transactions>::default();
    let services: [Service; REPLICAS] = std::array::from_fn(|number| {
        let binaries = if number % 2 == 0 { [one, other] } else { [other, one] };
        let service = Service::start(&table, setting.leases[number], plants[number], binaries, &transactions);
        // Admits another lease.
        runtime.block_on(table.forget_lease());
        service
    });
    let (recorder, mocks) = (Recorder::default(), Mutex::default());
    let (start, over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        let (services, recorder, mocks, is_newest, over) = (&services, &recorder, &mocks, &is_newest, &over);
        for client in 0..CLIENTS {
            let random = StdRng::seed_from_u64(seed * 100 + client as u64);
            scope.spawn(move || {
                Client { number: client, setting, services, recorder, mocks, is_newest, start, random }.go_on(over);
            });
        }
        // Two faults at once, so that a service can be cut off and stopped.
        for troublemaker in 0..if setting.has_troubles { 2 } else { 0 } {
            let mut random = StdRng::seed_from_u64(seed * 2 + troublemaker as u64);
            scope.spawn(move || {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    // Chance would leave out these faults in some histories. The first round creates the mocks. Short
                    // histories have no time for the faults.
                    let due = [[WRITES_ARE_LATE, UNDER_WAY, UNDER_WAY], [KILLED, CONFLICTS, THROTTLED]][troublemaker];
                    let due = due.get(usize::wrapping_sub(number, 1));
                    let due = due.filter(|_| setting.lasts > Duration::from_secs(10)).copied();
                    let trouble = due.unwrap_or_else(|| random.random_range(0..KINDS));
                    services[random.random_range(0..REPLICAS)].suffer(trouble, &mut random);
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
        let is_too_little = || recorder.told() < setting.told && start.elapsed() < PATIENCE;
        while start.elapsed() < setting.lasts || is_too_little() {
            thread::sleep(Duration::from_millis(100));
        }
        if !is_newest.load(Ordering::Relaxed) {
            raise(services);
            is_newest.store(true, Ordering::Relaxed);
            if setting.has_later {
                services[0].act_with(Some(later));
            }
            thread::sleep(setting.lasts / 2);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(recorder.told() >= setting.told, "clients were told {} of {} answers", recorder.told(), setting.told);
    let mut suffered = kept(runtime.block_on(table.items()));
    for service in &services {
        add(&mut suffered, service.suffered());
    }
    let kinds = ["under way", "shown in part", "refused meanwhile"].map(str::to_owned);
    add(&mut suffered, kinds.into_iter().zip(*transactions.counts.lock()).collect());
    (recorder.finish(format!("seed {seed}")), suffered)
}

/// The number by `scripts/verify-consistency`.
#[expect(clippy::disallowed_methods, reason = "it is how the script hands over what it was told")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The version that runs beside this one.
pub fn beside() -> &'static str {
    told("CONSISTENCY_BESIDE").map_or(BINARY, |path| path.leak())
}

#[test]
fn histories_of_dynamodb_are_linearizable_while_services_are_stopped_killed_and_cut_off() {
    let histories = told("CONSISTENCY_HISTORIES").map_or(2, |text| text.parse().unwrap());
    let beside = beside();
    let mut checker = Checker::start();
    let (mut all, mut suffered) = (Counts::new(), Counts::new());
    for seed in 0..histories {
        let (requests, own) =
            [(Requests::All, &["Delete Done", "Read Done"][..]), (Requests::FewChanges(30), &["Call Done"])]
                [seed as usize % 2];
        let setting = Setting {
            lasts: Duration::from_secs(12),
            told: 3_000,
            groups: 64,
            requests,
            leases: [LEASE; REPLICAS],
            plants: [None; REPLICAS],
            binaries: [BINARY, beside],
            has_later: true,
            has_troubles: true,
        };
        let (history, meanwhile) = history(seed, &setting);
        let counts = history.counts();
        // Not while an older version creates the table.
        let newest: &[_] = match requests {
            _ if beside != BINARY => &[],
            Requests::All => &["Move Done", "Put Done", "Show Done"],
            _ => &["Move Done"],
        };
        for what in ["Create Done", "Patch Done"].iter().chain(own).chain(newest).copied() {
            assert!(counts.get(what).is_some_and(|count| *count >= 10), "too few are {what}: {counts:?}");
        }
        if let Some(why) = checker.judge(&history) {
            panic!("{why}. The history is in {}", history.keep().display());
        }
        assert_eq!(meanwhile[DROPPED], 0, "what a later version has written is kept");
        assert!(beside != BINARY || meanwhile[DIVERGED] == 0, "a replica differs: {meanwhile:?}");
        add(&mut all, counts);
        add(&mut suffered, meanwhile);
        if (seed + 1).is_multiple_of(10) || seed + 1 == histories {
            eprintln!("{} histories, {} operations: {all:?}; {suffered:?}", seed + 1, all.values().sum::<usize>());
            let kinds = [
                ["stopped", "killed", "silence", "delayed", "cut before", "cut after", "arrived late"],
                [
                    "TransactionCanceledException",
                    "ThrottlingException",
                    "ProvisionedThroughputExceededException",
                    "under way",
                    "shown in part",
                    "refused meanwhile",
                    KEPT,
                ],
            ]
            .concat();
            let is_missing = |kind: &&str| suffered.get(*kind).is_none_or(|count| *count == 0);
            // A single history may be too short for all faults.
            assert!(seed == 0 || !kinds.iter().any(is_missing), "not all of {kinds:?} have happened: {suffered:?}");
        }
    }
}
