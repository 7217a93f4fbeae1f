//! A real service, its way to DynamoDB Local, and their faults.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::history::Counts;
use crate::{
    store::dynamodb::{
        in_flight_transactions::Transactions,
        proxy::{Fate, Message, Proxy},
        table::{Table, VARIABLES},
    },
    support::{Echo, PATIENCE, request_bytes, try_send},
};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_echo-service");
pub const LEASE: [&str; 2] = ["150ms", "50ms"];

/// The planted fault of a service. `None` without a fault.
pub type Plant = Option<fn(&mut Message) -> Fate>;

/// Some of the faults in `suffer`.
pub const KILLED: u32 = 6;
pub const WRITES_ARE_LATE: u32 = 10;
pub const CONFLICTS: u32 = 20;
pub const THROTTLED: u32 = 22;
pub const UNDER_WAY: u32 = 24;
pub const KINDS: u32 = 26;

/// The line of a replica that differs from the digest of the table.
const DIFFERS: &str = "this replica differs from the digest of the table";
/// The numbers of these lines.
pub const DIVERGED: &str = "diverged";
const DIVERGED_BY_A_PLANT: &str = "diverged by a plant";

pub struct Service {
    echo: RwLock<Echo>,
    /// `None` while another process replaces it.
    pub address: RwLock<Option<SocketAddr>>,
    proxy: Proxy,
    table: String,
    lease: [&'static str; 2],
    plant: RwLock<Plant>,
    /// Each process runs the next of these.
    binaries: RwLock<[&'static str; 2]>,
    processes: AtomicUsize,
    suffered: Arc<Mutex<Counts>>,
}

impl Service {
    pub fn start(
        table: &Table,
        lease: [&'static str; 2],
        plant: Plant,
        binaries: [&'static str; 2],
        transactions: &Arc<Transactions>,
    ) -> Self {
        let proxy = Proxy::beside(Arc::clone(transactions));
        let echo = run(binaries[0], &table.name, &proxy.url, lease);
        let service = Self {
            address: RwLock::new(Some(echo.mocks)),
            echo: RwLock::new(echo),
            proxy,
            table: table.name.clone(),
            lease,
            plant: plant.into(),
            binaries: binaries.into(),
            processes: AtomicUsize::new(1),
            suffered: Arc::default(),
        };
        service.be_well();
        service
    }

    /// Ends the process. Returns the number of each fault of the service or its requests.
    pub fn suffered(&self) -> Counts {
        self.end(&mut self.echo.write());
        let mut suffered = self.suffered.lock().clone();
        suffered.insert("arrived late".into(), self.proxy.late().len());
        suffered
    }

    fn be_well(&self) {
        let plant = *self.plant.read();
        self.proxy.set(move |request| plant.map_or(Fate::Pass, |plant| plant(request)));
    }

    /// Acts with this fault, or as another version, from now on.
    pub fn act_with(&self, plant: Plant) {
        *self.plant.write() = plant;
        self.be_well();
    }

    /// Kills the process, and starts the next one.
    fn replace(&self) {
        let mut echo = self.echo.write();
        *self.address.write() = None;
        self.end(&mut echo);
        let binary = self.binaries.read()[self.processes.fetch_add(1, Ordering::Relaxed) % 2];
        *echo = run(binary, &self.table, &self.proxy.url, self.lease);
        *self.address.write() = Some(echo.mocks);
    }

    fn end(&self, echo: &mut Echo) {
        echo.signal("KILL");
        echo.wait();
        let differs = |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with(DIFFERS));
        let found = echo.early.iter().chain(&echo.rest_of_log()).filter(|line| differs(line)).count();
        let what = if self.plant.read().is_some() { DIVERGED_BY_A_PLANT } else { DIVERGED };
        *self.suffered.lock().entry(what.to_owned()).or_default() += found;
    }

    /// Decides on its requests for this time.
    fn be_ill(&self, mut script: impl FnMut(&mut Message) -> Fate + Send + 'static, while_it_lasts: Duration) {
        let suffered = Arc::clone(&self.suffered);
        self.proxy.set(move |request| {
            let fate = script(request);
            match fate {
                Fate::Silence => note(&suffered, "silence"),
                Fate::CutBefore => note(&suffered, "cut before"),
                Fate::CutAfter => note(&suffered, "cut after"),
                Fate::Delay(..) => note(&suffered, "delayed"),
                Fate::Answer(ref answer) => note(&suffered, answer.code()),
                _ => {}
            }
            fate
        });
        thread::sleep(while_it_lasts);
        self.be_well();
    }

    /// Applies one of these faults, and ends it after a while.
    pub fn suffer(&self, trouble: u32, random: &mut StdRng) {
        let while_it_lasts = Duration::from_millis(random.random_range(50..500));
        match trouble {
            0..KILLED => {
                self.echo.read().signal("STOP");
                thread::sleep(while_it_lasts);
                self.echo.read().signal("CONT");
                note(&self.suffered, "stopped");
            }
            // With another lease the service could not start again.
            KILLED..10 if self.lease == LEASE => {
                self.replace();
                note(&self.suffered, "killed");
            }
            // Longer than the time-out of a write: it may take effect after its client got a 503.
            WRITES_ARE_LATE => {
                let mut late = StdRng::seed_from_u64(random.random());
                let script = move |request: &mut Message| match request.operation() {
                    "TransactWriteItems" => Fate::ArriveLate(Duration::from_millis(late.random_range(5_000..7_000))),
                    _ => Fate::Pass,
                };
                self.be_ill(script, Duration::from_millis(5_500));
            }
            // No answer and no error: silence.
            11..13 => self.be_ill(|_| Fate::Silence, while_it_lasts),
            CONFLICTS..KINDS => {
                let mut fates = StdRng::seed_from_u64(random.random());
                // Writes are rare.
                self.be_ill(move |request| busy(trouble, request, &mut fates), 3 * while_it_lasts);
            }
            trouble => {
                let mut fates = StdRng::seed_from_u64(random.random());
                let script = move |_: &mut Message| {
                    let mut slow = || Duration::from_millis(fates.random_range(0..100));
                    match (trouble, slow(), slow(), fates.random_range(0..3)) {
                        (13..16, before, after, _) => Fate::Delay(before, after),
                        (_, _, _, 0) => Fate::CutBefore,
                        (_, _, _, 1) => Fate::CutAfter,
                        _ => Fate::Pass,
                    }
                };
                self.be_ill(script, while_it_lasts);
            }
        }
    }
}

/// DynamoDB under load: conflicts, throttling, and transactions that become visible item by item.
fn busy(trouble: u32, request: &Message, random: &mut StdRng) -> Fate {
    let is_transaction = request.operation().starts_with("Transact");
    match trouble {
        CONFLICTS..THROTTLED if is_transaction && random.random_bool(0.3) => {
            let parts = request.body["TransactItems"].as_array().map_or(1, Vec::len);
            Fate::Answer(Message::conflict_at(request, random.random_range(0..parts)))
        }
        THROTTLED..UNDER_WAY if random.random_bool(0.5) => {
            let codes = ["ProvisionedThroughputExceededException", "ThrottlingException"];
            Fate::Answer(Message::error(400, codes[random.random_range(0..2)]))
        }
        UNDER_WAY.. if request.operation() == "TransactWriteItems" => Fate::UnderWay(random.random()),
        _ => Fate::Pass,
    }
}

/// Raises the table, once every service runs this version. A service may be stopped or cut off meanwhile.
pub fn raise(services: &[Service]) {
    for service in services {
        *service.binaries.write() = [BINARY; 2];
        service.replace();
    }
    let deadline = Instant::now() + PATIENCE;
    let is_raised = |service: &Service| {
        let Some(address) = *service.address.read() else { return false };
        let answer = try_send(address, request_bytes(address, "POST", "/-/store/raise", "", b""));
        answer.is_some_and(|answer| answer.status == 200)
    };
    while !services.iter().any(is_raised) {
        assert!(Instant::now() < deadline, "no service raises the table");
        thread::sleep(Duration::from_millis(100));
    }
    note(&services[0].suffered, "raised");
}

fn note(suffered: &Mutex<Counts>, what: &str) {
    *suffered.lock().entry(what.to_owned()).or_default() += 1;
}

/// A process with the table at this URL.
pub fn run(binary: &str, table: &str, url: &str, [lease, poll]: [&str; 2]) -> Echo {
    let store = format!("dynamodb:{table}");
    let mut command = Command::new(binary);
    command.env_clear().envs(VARIABLES).env("AWS_ENDPOINT_URL", url).args(["--log-format", "json"]);
    command.args(["--listen", "127.0.0.1:0", "--rate-limit", "0"]);
    command.args(["--store", &store, "--lease", lease, "--poll-interval", poll]);
    // A start on a bad way to the table may fail. Then start another process.
    (0..3).find_map(|_| Echo::spawn(&mut command).ok()).expect("one of three starts")
}
