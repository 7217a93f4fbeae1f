//! Real services on one table of DynamoDB Local, while they are stopped, killed, and cut off from it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::history::{Checker, History, Kind, Operation, Outcome, Recorder};
use crate::{
    store::dynamodb::{
        proxy::{Fate, Message, Proxy},
        table::{Table, VARIABLES},
    },
    support::{Answer, Echo, changes, new_endpoint, request_bytes, try_send},
};

pub const REPLICAS: usize = 3;
/// Many, because most of them wait most of the time; and as many paths that few meet on each, or the checker would not come to an end.
const CLIENTS: usize = 96;
const PATHS: usize = 64;
/// What is asked, by a random number from here on up to the next.
const LIST: u32 = 0;
const CALL: u32 = 1;
const SHOW: u32 = 15;
const PATCH: u32 = 16;
const DELETE: u32 = 19;
const CREATE: u32 = 20;
const JSON: &str = "Content-Type: application/json\r\n";

/// What is wrong with a service on purpose, all the while. `None` for nothing.
pub type Plant = Option<fn(&mut Message) -> Fate>;

pub struct Service {
    echo: RwLock<Echo>,
    /// `None` while another process takes its place.
    address: RwLock<Option<SocketAddr>>,
    proxy: Proxy,
    table: String,
    lease: [&'static str; 2],
    plant: Plant,
}

impl Service {
    fn start(table: &Table, lease: [&'static str; 2], plant: Plant) -> Self {
        let proxy = Proxy::start();
        let echo = run(&table.name, &proxy, lease);
        let address = RwLock::new(Some(echo.mocks));
        let service = Self { echo: RwLock::new(echo), address, proxy, table: table.name.clone(), lease, plant };
        service.be_well();
        service
    }

    fn be_well(&self) {
        let plant = self.plant;
        self.proxy.set(move |request| plant.map_or(Fate::Pass, |plant| plant(request)));
    }

    /// Does something bad to it, and makes up for it after a while.
    fn suffer(&self, random: &mut StdRng) {
        let while_it_lasts = Duration::from_millis(random.random_range(50..500));
        match random.random_range(0..20) {
            0..6 => {
                self.echo.read().signal("STOP");
                thread::sleep(while_it_lasts);
                self.echo.read().signal("CONT");
            }
            // With another lease it would not be let in again.
            6..10 if self.lease == LEASE => {
                let mut echo = self.echo.write();
                *self.address.write() = None;
                echo.signal("KILL");
                echo.wait();
                *echo = run(&self.table, &self.proxy, self.lease);
                *self.address.write() = Some(echo.mocks);
            }
            // Longer than a write is waited for: it may be carried out after its client was told that nobody knows.
            10 => {
                let mut late = StdRng::seed_from_u64(random.random());
                self.proxy.set(move |request| match request.operation() {
                    "TransactWriteItems" => Fate::ArriveLate(Duration::from_millis(late.random_range(5_000..7_000))),
                    _ => Fate::Pass,
                });
                thread::sleep(Duration::from_millis(5_500));
                self.be_well();
            }
            // No answer, and nobody says that there will be none.
            11..13 => {
                self.proxy.set(|_| Fate::Silence);
                thread::sleep(while_it_lasts);
                self.be_well();
            }
            what => {
                let mut fates = StdRng::seed_from_u64(random.random());
                self.proxy.set(move |_| {
                    let mut slow = || Duration::from_millis(fates.random_range(0..100));
                    match (what, slow(), slow(), fates.random_range(0..3)) {
                        (13..16, before, after, _) => Fate::Delay(before, after),
                        (_, _, _, 0) => Fate::CutBefore,
                        (_, _, _, 1) => Fate::CutAfter,
                        _ => Fate::Pass,
                    }
                });
                thread::sleep(while_it_lasts);
                self.be_well();
            }
        }
    }
}

fn run(table: &str, proxy: &Proxy, [lease, poll]: [&str; 2]) -> Echo {
    let store = format!("dynamodb:{table}");
    let arguments = ["--store", &store, "--lease", lease, "--poll-interval", poll];
    Echo::start_with(&arguments, &[&VARIABLES[..], &[("AWS_ENDPOINT_URL", &proxy.url)]].concat())
}

/// How a history is made.
pub struct Setting {
    pub lasts: Duration,
    pub paths: usize,
    /// Where clients are calm, one of so many requests is a change.
    pub one_change_in: u32,
    /// Of the services.
    pub leases: [[&'static str; 2]; REPLICAS],
    pub plants: [Plant; REPLICAS],
}

/// What clients are told.
pub fn history(seed: u64, setting: &Setting) -> History {
    let runtime = Runtime::new().unwrap();
    let table = runtime.block_on(Table::create());
    let services: [Service; REPLICAS] = std::array::from_fn(|number| {
        let service = Service::start(&table, setting.leases[number], setting.plants[number]);
        // So that another length is let in.
        runtime.block_on(table.forget_lease());
        service
    });
    let (recorder, mocks) = (Recorder::default(), Mutex::new(Vec::new()));
    let (start, over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        let (services, recorder, mocks, over) = (&services, &recorder, &mocks, &over);
        for client in 0..CLIENTS {
            let random = StdRng::seed_from_u64(seed * 100 + client as u64);
            let is_calm = !seed.is_multiple_of(2);
            scope.spawn(move || {
                Client { number: client, is_calm, setting, services, recorder, mocks, start, random }.go_on(over);
            });
        }
        // Two at once, so that a service can be cut off and stopped.
        for troublemaker in 0..2 {
            let mut random = StdRng::seed_from_u64(seed * 2 + troublemaker);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    services[random.random_range(0..REPLICAS)].suffer(&mut random);
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
        thread::sleep(setting.lasts);
        over.store(true, Ordering::Relaxed);
    });
    recorder.finish(format!("seed {seed}"))
}

struct Client<'a> {
    number: usize,
    /// Whether it finds all that it calls and changes little, so that there are few readings but those that keep a lease. Where many calls
    /// miss, and where many write, all tables are as new as can be.
    is_calm: bool,
    setting: &'a Setting,
    services: &'a [Service; REPLICAS],
    recorder: &'a Recorder,
    /// Those that were made: id, name, path.
    mocks: &'a Mutex<Vec<(String, String, String)>>,
    start: Instant,
    random: StdRng,
}

impl Client<'_> {
    fn go_on(&mut self, over: &AtomicBool) {
        for number in 0.. {
            if over.load(Ordering::Relaxed) {
                return;
            }
            let mut kind = self.random.random_range(0..22);
            let mut path = format!("/{}", self.random.random_range(0..self.setting.paths));
            if self.is_calm {
                // Each path is made at the start.
                (kind, path) = match (number, self.random.random_range(0..self.setting.one_change_in)) {
                    (0, _) => (CREATE, format!("/{}", self.number % self.setting.paths)),
                    (_, 0) => (PATCH, path),
                    _ => (CALL, path),
                };
                thread::sleep(Duration::from_millis(self.random.random_range(0..60)));
            }
            self.ask(kind, path, &format!("{}.{number}", self.number));
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn ask(&mut self, kind: u32, path: String, name: &str) {
        let Some(service) = *self.services[self.random.random_range(0..REPLICAS)].address.read() else { return };
        let known = {
            let mocks = self.mocks.lock();
            let newest = mocks.len().saturating_sub(self.setting.paths);
            (!mocks.is_empty()).then(|| mocks[self.random.random_range(newest..mocks.len())].clone())
        };
        let call = self.now();
        // Nothing, if it was not told what has become of it. All else has to be one of these.
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
            (SHOW, Some((id, mock, path))) => {
                let Some(answer) = ask("GET", &format!("/endpoints/{id}"), &json!(null), [200, 404]) else { return };
                if answer.status == 200 {
                    let body = answer.json()["data"]["attributes"]["response"]["body"].as_str().unwrap().to_owned();
                    (Kind::Call, path, String::new(), body, Outcome::Done)
                } else {
                    // As a change of it would be refused.
                    (Kind::Patch, path, mock, String::new(), Outcome::Refused)
                }
            }
            (PATCH..DELETE, Some((id, mock, path))) => {
                let change = changes(json!({"response": {"body": name}}));
                let answer = ask("PATCH", &format!("/endpoints/{id}"), &change, [200, 404]);
                (Kind::Patch, path, mock, name.to_owned(), outcome(answer))
            }
            (DELETE, Some((id, mock, path))) => {
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
                    self.mocks.lock().push((id, name.to_owned(), path.clone()));
                }
                (Kind::Create, path, name.to_owned(), name.to_owned(), outcome(answer))
            }
        };
        let (client, route) = (self.number, format!("GET {path}"));
        self.recorder.record(Operation { client, route, kind, mock, value, outcome, call, r#return: self.now() });
    }
}

pub const LEASE: [&str; 2] = ["150ms", "50ms"];

/// 2, or as many as `scripts/verify-consistency` says.
#[expect(clippy::disallowed_methods, reason = "it is how the script hands over what it was told")]
fn histories() -> u64 {
    std::env::var("CONSISTENCY_HISTORIES").map_or(2, |text| text.parse().unwrap())
}

#[test]
fn histories_of_dynamodb_are_linearizable_while_services_are_stopped_killed_and_cut_off() {
    let mut checker = Checker::start();
    let (mut all, mut undecided) = (BTreeMap::new(), 0);
    let setting = Setting {
        lasts: Duration::from_secs(12),
        paths: PATHS,
        one_change_in: 200,
        leases: [LEASE; REPLICAS],
        plants: [None; REPLICAS],
    };
    for seed in 0..histories() {
        let history = history(seed, &setting);
        let mut counts = BTreeMap::new();
        for Operation { kind, outcome, .. } in &history.operations {
            *counts.entry(format!("{kind:?} {outcome:?}")).or_insert(0) += 1;
        }
        let told: usize = counts.iter().filter(|(what, _)| !what.ends_with("Unknown")).map(|(_, count)| count).sum();
        assert!(told >= 1_000, "clients were told too little for a proof: {counts:?}");
        for what in ["Create Done", "Patch Done", if seed.is_multiple_of(2) { "Delete Done" } else { "Call Done" }] {
            assert!(counts.get(what).is_some_and(|count| *count >= 10), "too few are {what}: {counts:?}");
        }
        match checker.judge(&history) {
            None => {}
            // Many writes of which nobody knows can be put into too many orders to be tried.
            Some(why) if why.starts_with("not decided") => undecided += 1,
            Some(why) => panic!("{why}. The history is in {}", history.keep().display()),
        }
        for (what, count) in counts {
            *all.entry(what).or_insert(0) += count;
        }
    }
    println!("{} histories, {undecided} undecided, {} operations: {all:?}", histories(), all.values().sum::<usize>());
    assert!(undecided * 10 <= histories() + 8, "{undecided} of {} histories are no proof", histories());
}
