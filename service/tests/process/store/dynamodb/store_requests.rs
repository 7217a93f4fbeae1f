//! Requests of real services to the store, and resources while the store is silent. Neither grows
//! with the number of clients.

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
    table::server,
};
use crate::support::{Answer, Echo, PATIENCE, changes, new_endpoint};

/// Counts the requests at the proxy, with a delay of `each_takes`.
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

/// Lets a number of clients repeat a request during `act`.
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

/// Growth of each counter in a second, over three seconds.
fn rates<const COUNT: usize>(counts: [&AtomicUsize; COUNT]) -> [usize; COUNT] {
    let now = || counts.map(|count| count.load(Ordering::Relaxed));
    let (before, began) = (now(), Instant::now());
    thread::sleep(Duration::from_secs(3));
    let (after, seconds) = (now(), began.elapsed().as_secs_f64());
    assert!(after > before, "they go by the proxy");
    std::array::from_fn(|n| ((after[n] - before[n]) as f64 / seconds).ceil() as usize)
}

/// `docs/consistency/design.md`, cost.
#[test]
fn an_idle_service_reads_the_log_20_times_a_second_and_under_misses_less_than_100_times() {
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    let requests = count(&proxy, Duration::ZERO);
    let [idle] = rates([&requests]);
    assert!(idle <= 25, "{idle} requests a second without a client");

    let miss = |client| assert_eq!(service.call("GET", &format!("/missed/{client}")).status, 404);
    let [missing] = while_clients(32, miss, || rates([&requests]));
    assert!(missing < 100, "{missing} requests a second");

    // DynamoDB Local shows the items of a write at once: no reading needs a second request.
    let (other, written) = (start(&table, server()), AtomicUsize::new(0));
    let write = |client| match client {
        0 => {
            other.create("GET", &format!("/{}", written.fetch_add(1, Ordering::Relaxed)), json!({"code": 200}));
        }
        _ => miss(client),
    };
    let [meeting, writes] = while_clients(33, write, || rates([&requests, &written]));
    assert!(meeting < 100, "{meeting} requests a second, and {writes} writes of another process");
    println!(
        "a second: {idle} idle, {missing} with misses, {meeting} with misses and {writes} writes of another process"
    );
}

/// All reads would hit the items of the log, and a partition key has a limit.
#[test]
fn a_flood_of_management_causes_few_log_reads() {
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    service.create("GET", "/taken", json!({"code": 200}));
    let (requests, counted) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&requests);
    proxy.set(move |request| {
        let is_read = request.operation() != "TransactWriteItems" && request.body.to_string().contains(r#""LOG""#);
        count.fetch_add(usize::from(is_read), Ordering::Relaxed);
        Fate::Pass
    });
    let flood = |ask: &(dyn Fn() -> Answer + Sync), status, bound| {
        let ask = |_| {
            assert_eq!(ask().status, status);
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let [readings, answers] = while_clients(32, ask, || rates([&requests, &counted]));
        println!("{answers} answers with {status} a second, {readings} readings");
        assert!(readings < bound, "{readings} readings a second");
    };
    // Like misses.
    flood(&|| service.get(&format!("/endpoints/{}", uuid::Uuid::now_v7())), 404, 100);
    // The head and the next entry as well.
    flood(&|| service.get("/endpoints?filter%5Bpath%5D=/taken"), 200, 300);
    flood(&|| service.post(&new_endpoint("GET", "/taken", json!({"code": 200}))), 409, 300);
}

/// Many requests at once must not become as many reads.
#[test]
fn waiting_requests_share_a_log_read() {
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    // A slow store, so that requests meet.
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
fn a_silent_store_leaves_no_backlog() {
    const CLIENTS: usize = 192;
    /// Connections to the store: 16 reads for management, and one each for the head, a write and a
    /// reading of the log. Twice, because earlier ones may still be open.
    const CONNECTIONS: usize = 2 * (16 + 3);
    let (table, proxy) = (table(), Proxy::start());
    let service = start(&table, &proxy.url);
    let id = service.create("GET", "/known", json!({"code": 200}));
    // For each mock only a few clients, so that changes need not wait for each other.
    let changed: Vec<_> =
        (0..CLIENTS / 6).map(|n| service.create("PUT", &format!("/{n}"), json!({"code": 200}))).collect();
    let change = changes(json!({"response": {"code": 200}}));
    let ask = |client: usize| {
        // No client waits for another: all come at once.
        _ = match client % 12 {
            0 | 1 => service.get(&format!("/endpoints/{id}")),
            2 => service.get("/endpoints?filter%5Bpath%5D=/known"),
            3 => service.get("/endpoints"),
            4 | 5 => service.post(&new_endpoint("GET", "/known", json!({"code": 200}))),
            6 | 7 => service.patch(&changed[client / 6], &change),
            _ => service.call("GET", ["/known", "/unknown"][client % 2]),
        };
    };
    let (_, files) = held(&service);
    // Starts every thread first.
    while_clients(CLIENTS, ask, || thread::sleep(Duration::from_millis(500)));
    let (threads, _) = held(&service);

    proxy.set(|_| Fate::Silence);
    // A manager waits for five seconds, a caller for less than two: there is time for many to give up and come again.
    let (most_threads, most_files) = while_clients(CLIENTS, ask, || {
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
    // A connection of each client as well.
    let bound = files + CLIENTS + CONNECTIONS;
    assert!((files + CLIENTS / 2..=bound).contains(&most_files), "{files} open files have become {most_files}");

    let deadline = Instant::now() + PATIENCE;
    loop {
        let (threads_now, files_now) = held(&service);
        // Connections to the store are kept for a while.
        if threads_now <= threads && files_now <= files + CONNECTIONS {
            break;
        }
        assert!(Instant::now() < deadline, "{threads_now} threads and {files_now} files, of {threads} and {files}");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(service.call("GET", "/known").status, 200);
    println!("{threads} threads, at most {most_threads}; {files} files, at most {most_files}");
}
