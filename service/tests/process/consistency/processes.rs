//! Real services on one table of DynamoDB Local, while they are stopped, killed and cut off.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    history::{Checker, Counts, History, Kind, Operation, Outcome, Recorder, add},
    later_version::{DROPPED, KEPT, kept, later},
    service::{
        self, BINARY, CONFLICTS, DIVERGED, KILLED, KINDS, LEASE, Plant, Service, THROTTLED, UNDER_WAY, WRITES_ARE_LATE,
        raise,
    },
};
use crate::{
    store::dynamodb::{
        in_flight_transactions::Transactions,
        table::{Table, server},
    },
    support::{Answer, changes, new_endpoint, request_bytes, try_send},
};

pub const REPLICAS: usize = 3;
/// Many, because most of them wait most of the time.
const CLIENTS: usize = 96;
/// Maximum time with too few answers. Services that cannot read each other's writes answer only
/// 503.
const PATIENCE: Duration = Duration::from_mins(5);
/// Kinds of requests, each from this random number on.
const LIST: u32 = 0;
const CALL: u32 = 1;
const SHOW: u32 = 15;
const PATCH: u32 = 16;
const DELETE: u32 = 19;
const CREATE: u32 = 20;
const JSON: &str = "Content-Type: application/json\r\n";

/// The requests of clients.
#[derive(Clone, Copy)]
pub enum Requests {
    All,
    /// All mocks exist from the start, and changes are this share of all requests. So readings happen
    /// mainly for leases, and tables are old. With many misses or writes all tables would be new.
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
    pub paths: usize,
    pub requests: Requests,
    /// Of the services.
    pub leases: [[&'static str; 2]; REPLICAS],
    pub plants: [Plant; REPLICAS],
    /// Every other process runs the second one.
    pub binaries: [&'static str; 2],
    /// Whether one service acts as a later version. If the table has an older format, the older version ends after
    /// `lasts`, the table is raised, and the history goes on.
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
    let is_kept = one == other || runtime.block_on(table.item("LOG", "HEAD")).unwrap().contains_key("needed");
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
        let (services, recorder, mocks, over) = (&services, &recorder, &mocks, &over);
        for client in 0..CLIENTS {
            let random = StdRng::seed_from_u64(seed * 100 + client as u64);
            scope.spawn(move || {
                Client { number: client, setting, services, recorder, mocks, start, random }.go_on(over);
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
        if setting.has_later && !is_kept {
            raise(services);
            services[0].act_with(Some(later));
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

struct Client<'a> {
    number: usize,
    setting: &'a Setting,
    services: &'a [Service; REPLICAS],
    recorder: &'a Recorder,
    /// The latest mock of each path: id and name.
    mocks: &'a Mutex<BTreeMap<usize, (String, String)>>,
    start: Instant,
    random: StdRng,
}

impl Client<'_> {
    fn go_on(&mut self, over: &AtomicBool) {
        for number in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let (paths, requests) = (self.setting.paths, self.setting.requests);
            let path = self.random.random_range(0..paths);
            let mut one_in = |many| self.random.random_range(0..many) == 0;
            let (kind, path) = match requests {
                Requests::All => (self.random.random_range(0..22), path),
                Requests::FewChanges(_) if number == 0 => (CREATE, self.number % paths),
                Requests::FewChanges(many) => (if one_in(many) { PATCH } else { CALL }, path),
                Requests::Misses => (if one_in(10) { CREATE } else { CALL }, self.mocks.lock().len() + path),
            };
            if matches!(requests, Requests::FewChanges(_)) {
                thread::sleep(Duration::from_millis(self.random.random_range(0..60)));
            }
            self.ask(kind, path, &format!("{}.{number}", self.number));
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn ask(&mut self, kind: u32, number: usize, name: &str) {
        let Some(service) = *self.services[self.random.random_range(0..REPLICAS)].address.read() else {
            // A loop of many clients would leave a service no time to start.
            return thread::sleep(Duration::from_millis(10));
        };
        let path = format!("/{number}");
        let known = self.mocks.lock().get(&number).cloned();
        let call = self.now();
        // None if the result is unknown. Any other answer has to be one of these.
        let ask = |method: &str, path: &str, document: &Value, statuses: [u16; 2]| -> Option<Answer> {
            let answer =
                try_send(service, request_bytes(service, method, path, JSON, document.to_string().as_bytes()))?;
            let is_told = answer.status != 503;
            assert!(
                if is_told { statuses.contains(&answer.status) } else { answer.header("retry-after").is_some() },
                "{method} {path} is answered {} {}",
                answer.status,
                answer.text()
            );
            is_told.then_some(answer)
        };
        let outcome = |answer: Option<Answer>| match answer.map(|answer| answer.status) {
            Some(200 | 201 | 204) => Outcome::Done,
            Some(_) => Outcome::Refused,
            None => Outcome::Unknown,
        };
        let (kind, path, mock, value, outcome) = match (kind, known) {
            (LIST, _) => {
                let listing = format!("/endpoints?filter%5Bverb%5D=GET&filter%5Bpath%5D={path}");
                let Some(answer) = ask("GET", &listing, &json!(null), [200; 2]) else { return };
                let body = answer.json()["data"][0]["attributes"]["response"]["body"].as_str().map(str::to_owned);
                (Kind::Call, path, String::new(), body.unwrap_or_default(), Outcome::Done)
            }
            (CALL..SHOW, _) => {
                let Some(answer) = ask("GET", &path, &json!(null), [200, 404]) else { return };
                let body = if answer.status == 200 { answer.text() } else { String::new() };
                (Kind::Call, path, String::new(), body, Outcome::Done)
            }
            (SHOW, Some((id, mock))) => {
                let Some(answer) = ask("GET", &format!("/endpoints/{id}"), &json!(null), [200, 404]) else { return };
                if answer.status == 200 {
                    let body = answer.json()["data"]["attributes"]["response"]["body"].as_str().unwrap().to_owned();
                    (Kind::Call, path, String::new(), body, Outcome::Done)
                } else {
                    // A change of a missing mock is refused in the same way.
                    (Kind::Patch, path, mock, String::new(), Outcome::Refused)
                }
            }
            (PATCH..DELETE, Some((id, mock))) => {
                let change = changes(json!({"response": {"body": name}}));
                let answer = ask("PATCH", &format!("/endpoints/{id}"), &change, [200, 404]);
                (Kind::Patch, path, mock, name.to_owned(), outcome(answer))
            }
            (DELETE, Some((id, mock))) => {
                let answer = ask("DELETE", &format!("/endpoints/{id}"), &json!(null), [204, 404]);
                (Kind::Delete, path, mock, String::new(), outcome(answer))
            }
            _ => {
                let answer = ask(
                    "POST",
                    "/endpoints",
                    &new_endpoint("GET", &path, json!({"code": 200, "body": name})),
                    [201, 409],
                );
                if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 201) {
                    let id = answer.json()["data"]["id"].as_str().unwrap().to_owned();
                    self.mocks.lock().insert(number, (id, name.to_owned()));
                }
                (Kind::Create, path, name.to_owned(), name.to_owned(), outcome(answer))
            }
        };
        let (client, route) = (self.number, format!("GET {path}"));
        self.recorder.record(Operation { client, route, kind, mock, value, outcome, call, r#return: self.now() });
    }
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
        let (requests, last) =
            [(Requests::All, "Delete Done"), (Requests::FewChanges(100), "Call Done")][seed as usize % 2];
        let setting = Setting {
            lasts: Duration::from_secs(12),
            told: 3_000,
            paths: 64,
            requests,
            leases: [LEASE; REPLICAS],
            plants: [None; REPLICAS],
            binaries: [BINARY, beside],
            has_later: true,
            has_troubles: true,
        };
        let (history, meanwhile) = history(seed, &setting);
        let counts = history.counts();
        for what in ["Create Done", "Patch Done", last] {
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
