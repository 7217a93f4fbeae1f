//! A real service, its way to DynamoDB Local, and what both have to suffer.

use std::{net::SocketAddr, thread, time::Duration};

use parking_lot::RwLock;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    store::dynamodb::{
        proxy::{Fate, Message, Proxy},
        table::{Table, VARIABLES},
    },
    support::Echo,
};

pub const LEASE: [&str; 2] = ["150ms", "50ms"];

/// What is wrong with a service on purpose, all the while. `None` for nothing.
pub type Plant = Option<fn(&mut Message) -> Fate>;

pub struct Service {
    echo: RwLock<Echo>,
    /// `None` while another process takes its place.
    pub address: RwLock<Option<SocketAddr>>,
    proxy: Proxy,
    table: String,
    lease: [&'static str; 2],
    plant: Plant,
}

impl Service {
    pub fn start(table: &Table, lease: [&'static str; 2], plant: Plant) -> Self {
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
    pub fn suffer(&self, random: &mut StdRng) {
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
    let variables = [&VARIABLES[..], &[("AWS_ENDPOINT_URL", &proxy.url)]].concat();
    // One that starts on a bad way to the table may give up, and another one takes its place.
    (0..3).find_map(|_| Echo::try_start(&arguments, &variables).ok()).expect("one of three starts")
}
