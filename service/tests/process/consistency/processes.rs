//! Real services on one table of DynamoDB Local, while they are stopped, killed, and cut off from it.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::runtime::Runtime;

use super::history::{Checker, History, Kind, Operation, Outcome, Recorder};
use crate::{
    store::dynamodb::{
        proxy::{Fate, Proxy},
        table::{Table, VARIABLES},
    },
    support::{Answer, Echo, changes, new_endpoint, request_bytes, try_send},
};

const REPLICAS: usize = 3;
/// Many, because most of them wait most of the time; and as many paths that few meet on each, or the checker would not come to an end.
const CLIENTS: usize = 96;
const PATHS: usize = 64;
const JSON: &str = "Content-Type: application/json\r\n";

pub struct Service {
    pub echo: RwLock<Echo>,
    pub proxy: Proxy,
    table: String,
    lease: [&'static str; 2],
}

impl Service {
    pub fn start(table: &Table, lease: [&'static str; 2]) -> Self {
        let proxy = Proxy::start();
        let echo = RwLock::new(run(&table.name, &proxy, lease));
        Self { echo, proxy, table: table.name.clone(), lease }
    }

    fn address(&self) -> SocketAddr {
        self.echo.read().mocks
    }

    /// Does something bad to it, and makes up for it after a while.
    fn suffer(&self, random: &mut StdRng) {
        let while_it_lasts = Duration::from_millis(random.random_range(50..500));
        match random.random_range(0..5) {
            0 | 1 => {
                self.echo.read().signal("STOP");
                thread::sleep(while_it_lasts);
                self.echo.read().signal("CONT");
            }
            2 => {
                let mut echo = self.echo.write();
                echo.signal("KILL");
                echo.wait();
                *echo = run(&self.table, &self.proxy, self.lease);
            }
            what => {
                let mut fates = StdRng::seed_from_u64(random.random());
                self.proxy.set(move |_| match (what, fates.random_range(0..3)) {
                    (3, _) => {
                        thread::sleep(Duration::from_millis(fates.random_range(0..150)));
                        Fate::Pass
                    }
                    (_, 0) => Fate::CutBefore,
                    (_, 1) => Fate::CutAfter,
                    _ => Fate::Pass,
                });
                thread::sleep(while_it_lasts);
                self.proxy.set(|_| Fate::Pass);
            }
        }
    }
}

fn run(table: &str, proxy: &Proxy, [lease, poll]: [&str; 2]) -> Echo {
    let store = format!("dynamodb:{table}");
    let arguments = ["--store", &store, "--lease", lease, "--poll-interval", poll];
    Echo::start_with(&arguments, &[&VARIABLES[..], &[("AWS_ENDPOINT_URL", &proxy.url)]].concat())
}

/// What clients are told for so long.
fn history(seed: u64, lasts: Duration) -> History {
    let table = Runtime::new().unwrap().block_on(Table::create());
    let services: [Service; REPLICAS] = std::array::from_fn(|_| Service::start(&table, LEASE));
    let (recorder, mocks) = (Recorder::default(), Mutex::new(Vec::new()));
    let (start, over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let random = StdRng::seed_from_u64(seed * 100 + client as u64);
            let (services, recorder, mocks, over) = (&services, &recorder, &mocks, &over);
            scope.spawn(move || Client { number: client, services, recorder, mocks, start, random }.go_on(over));
        }
        let mut random = StdRng::seed_from_u64(seed);
        while start.elapsed() < lasts {
            services[random.random_range(0..REPLICAS)].suffer(&mut random);
            thread::sleep(Duration::from_millis(100));
        }
        over.store(true, Ordering::Relaxed);
    });
    recorder.finish(format!("seed {seed}"))
}

struct Client<'a> {
    number: usize,
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
            self.ask(&format!("{}.{number}", self.number));
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn ask(&mut self, name: &str) {
        let service = self.services[self.random.random_range(0..REPLICAS)].address();
        let (kind, path) = (self.random.random_range(0..20), format!("/{}", self.random.random_range(0..PATHS)));
        let known = {
            let mocks = self.mocks.lock();
            let newest = mocks.len().saturating_sub(PATHS);
            (!mocks.is_empty()).then(|| mocks[self.random.random_range(newest..mocks.len())].clone())
        };
        let call = self.now();
        let send = |method, path: &str, document: &serde_json::Value| -> Option<Answer> {
            try_send(service, request_bytes(service, method, path, JSON, document.to_string().as_bytes()))
        };
        let outcome = |answer: Option<Answer>, done, refused| match answer.map(|answer| answer.status) {
            Some(status) if status == done => Outcome::Done,
            Some(status) if status == refused => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        let (kind, path, mock, value, outcome) = match (kind, known) {
            (0, _) => {
                let listing = format!("/endpoints?filter%5Bverb%5D=GET&filter%5Bpath%5D={path}");
                match try_send(service, request_bytes(service, "GET", &listing, "", b"")) {
                    Some(answer) if answer.status == 200 => {
                        let body =
                            answer.json()["data"][0]["attributes"]["response"]["body"].as_str().map(str::to_owned);
                        (Kind::Call, path, String::new(), body.unwrap_or_default(), Outcome::Done)
                    }
                    _ => return,
                }
            }
            (1..=14, _) => match try_send(service, request_bytes(service, "GET", &path, "", b"")) {
                Some(answer) if answer.status == 200 => (Kind::Call, path, String::new(), answer.text(), Outcome::Done),
                Some(answer) if answer.status == 404 => (Kind::Call, path, String::new(), String::new(), Outcome::Done),
                _ => return,
            },
            (18, Some((id, mock, path))) => {
                let answer = send("PATCH", &format!("/endpoints/{id}"), &changes(json!({"response": {"body": name}})));
                (Kind::Patch, path, mock, name.to_owned(), outcome(answer, 200, 404))
            }
            (19, Some((id, mock, path))) => {
                let answer = send("DELETE", &format!("/endpoints/{id}"), &json!(null));
                (Kind::Delete, path, mock, String::new(), outcome(answer, 204, 404))
            }
            _ => {
                let answer =
                    send("POST", "/endpoints", &new_endpoint("GET", &path, json!({"code": 200, "body": name})));
                if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 201) {
                    let id = answer.json()["data"]["id"].as_str().unwrap().to_owned();
                    self.mocks.lock().push((id, name.to_owned(), path.clone()));
                }
                (Kind::Create, path, name.to_owned(), name.to_owned(), outcome(answer, 201, 409))
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
    let (mut all, mut unknown) = (0, 0);
    for seed in 0..histories() {
        let history = history(seed, Duration::from_secs(12));
        all += history.operations.len();
        unknown += history.operations.iter().filter(|operation| operation.outcome == Outcome::Unknown).count();
        assert_eq!(checker.judge(&history), None);
    }
    println!("{} histories, {all} operations, {unknown} of them with an unknown outcome", histories());
    assert!(all as u64 >= 1_000 * histories(), "clients have done too little for a proof: {all}");
}
