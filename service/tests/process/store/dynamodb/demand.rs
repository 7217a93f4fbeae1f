//! What real services ask of the store, and what they hold while it is silent: neither grows with how many clients ask.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    proxy::{Fate, Proxy},
    replicas::{start, table},
};
use crate::support::{Echo, PATIENCE};

/// Counts the requests that reach the proxy, after each has taken so long.
fn count(proxy: &Proxy, each_takes: Duration) -> Arc<AtomicUsize> {
    let count = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&count);
    proxy.set(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        thread::sleep(each_takes);
        Fate::Pass
    });
    count
}

/// Lets so many clients do something again and again, while the test does something else.
fn while_clients<T>(clients: usize, ask: impl Fn(usize) + Sync, act: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..clients {
            let (over, ask) = (&over, &ask);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    ask(client);
                }
            });
        }
        let outcome = act();
        over.store(true, Ordering::Relaxed);
        outcome
    })
}

/// Requests of one service in a second, over three.
fn rate(requests: &AtomicUsize) -> usize {
    let (before, began) = (requests.load(Ordering::Relaxed), Instant::now());
    thread::sleep(Duration::from_secs(3));
    let count = requests.load(Ordering::Relaxed) - before;
    assert!(count > 0, "they go by the proxy");
    (count as f64 / began.elapsed().as_secs_f64()).ceil() as usize
}

/// `docs/consistency.md`, what it costs.
#[test]
fn an_idle_service_asks_twenty_times_a_second_and_one_with_any_rate_of_misses_less_than_a_hundred_times() {
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    let requests = count(&proxy, Duration::ZERO);
    let idle = rate(&requests);
    assert!(idle <= 25, "{idle} requests a second without a client");

    let miss = |client| assert_eq!(service.call("GET", &format!("/missed/{client}")).status, 404);
    let missing = while_clients(32, miss, || rate(&requests));
    assert!(missing < 100, "{missing} requests a second");
    println!("{idle} requests a second when idle, {missing} with misses");
}

/// Many requests at once must not become as many reads.
#[test]
fn requests_that_wait_share_a_reading() {
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    // As slow as a store may be, so that requests come together.
    let requests = count(&proxy, Duration::from_millis(50));
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| assert_eq!(service.call("GET", "/missed").status, 404));
        }
    });
    let requests = requests.load(Ordering::Relaxed);
    assert!((1..=16).contains(&requests), "{requests} for 64 clients");
}

/// Threads and open files of a process.
fn held(service: &Echo) -> (usize, usize) {
    let of = |what: &str| fs::read_dir(format!("/proc/{}/{what}", service.pid())).unwrap().count();
    (of("task"), of("fd"))
}

#[test]
fn while_the_store_is_silent_nothing_piles_up_and_afterwards_all_is_as_before() {
    const CALLERS: usize = 60;
    const MANAGERS: usize = 4;
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    let id = service.create("GET", "/known", json!({"code": 200}));
    let ask = |client: usize| {
        // None of them waits for another: all are there at once.
        _ = match client {
            0..MANAGERS => service.get(&format!("/endpoints/{id}")),
            _ => service.call("GET", ["/known", "/unknown"][client % 2]),
        };
    };
    // So that each thread that there is going to be is there.
    while_clients(CALLERS + MANAGERS, ask, || thread::sleep(Duration::from_millis(500)));
    let (threads, files) = held(&service);

    proxy.set(|_| Fate::Silence);
    // A manager waits for five seconds, a caller for less than two: there is time for many to give up and come again.
    let (most_threads, most_files) = while_clients(CALLERS + MANAGERS, ask, || {
        let over = Instant::now() + Duration::from_secs(7);
        let mut most = (0, 0);
        while Instant::now() < over {
            let (threads, files) = held(&service);
            most = (most.0.max(threads), most.1.max(files));
            thread::sleep(Duration::from_millis(20));
        }
        proxy.set(|_| Fate::Pass);
        most
    });
    assert!(most_threads <= threads + 2, "{threads} threads have become {most_threads}");
    // A connection of each client; and one to the store for each manager and for the reading that all callers share, of which the one
    // before may not be closed yet.
    let clients = CALLERS + MANAGERS;
    let bound = files + clients + 2 * (MANAGERS + 1);
    assert!((files + clients / 2..=bound).contains(&most_files), "{files} open files have become {most_files}");

    let deadline = Instant::now() + PATIENCE;
    loop {
        let (threads_now, files_now) = held(&service);
        // Connections to the store are kept for a while.
        if threads_now <= threads && files_now <= files + MANAGERS + 1 {
            break;
        }
        assert!(Instant::now() < deadline, "{threads_now} threads and {files_now} files, of {threads} and {files}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(service.call("GET", "/known").status, 200);
    println!("{threads} threads, at most {most_threads}; {files} files, at most {most_files}");
}
