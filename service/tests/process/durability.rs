//! Acknowledged writes survive `kill -9`, in the middle of writes and during the first start.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{Answer, Echo, PATIENCE, changes, new_endpoint, request_bytes, try_send};

const KILLS: usize = 24;
const CLIENTS: u64 = 4;

/// The body of a mock, or `None` without a mock.
type State = Option<String>;

/// A client's knowledge of one path.
struct Mock {
    path: String,
    id: Option<String>,
    acknowledged: State,
    /// The state after the write that was in flight when the service died, if any.
    in_doubt: Option<State>,
    is_checked: bool,
}

/// Sends one write after the other, each client to paths of its own.
struct Client {
    number: u64,
    random: StdRng,
    mocks: Vec<Mock>,
}

impl Client {
    /// Writes until the service stops answering. Reports each acknowledged write.
    fn write(&mut self, service: SocketAddr, acknowledged: &mpsc::Sender<()>) {
        loop {
            let living: Vec<usize> = (0..self.mocks.len()).filter(|&n| self.mocks[n].acknowledged.is_some()).collect();
            let which = (!living.is_empty()).then(|| living[self.random.random_range(0..living.len())]);
            let answered = match (self.random.random_range(0..10), which) {
                (0..5, _) | (_, None) => self.create(service),
                (5..8, Some(which)) => self.patch(service, which),
                (_, Some(which)) => self.delete(service, which),
            };
            if answered.is_none() || acknowledged.send(()).is_err() {
                return;
            }
        }
    }

    fn create(&mut self, service: SocketAddr) -> Option<()> {
        let path = format!("/client-{}/{}", self.number, self.mocks.len());
        self.mocks.push(Mock { path: path.clone(), id: None, acknowledged: None, in_doubt: None, is_checked: false });
        let document = new_endpoint("GET", &path, json!({"code": 200, "body": "as created"}));
        let mock = self.mocks.last_mut().unwrap();
        let answer = mock.change(Some("as created".into()), || ask(service, "POST", "/endpoints", Some(&document)))?;
        assert_eq!(answer.status, 201, "{answer:?}");
        mock.id = Some(answer.json()["data"]["id"].as_str().unwrap().to_owned());
        Some(())
    }

    fn patch(&mut self, service: SocketAddr, which: usize) -> Option<()> {
        // Of any length, so that pages of the file are split and merged.
        let body = format!("patched {} {}", self.random.random::<u32>(), "x".repeat(self.random.random_range(0..3000)));
        let document = changes(json!({"response": {"body": body}}));
        let mock = &mut self.mocks[which];
        let path = mock.resource();
        let answer = mock.change(Some(body), || ask(service, "PATCH", &path, Some(&document)))?;
        assert_eq!(answer.status, 200, "{answer:?}");
        Some(())
    }

    fn delete(&mut self, service: SocketAddr, which: usize) -> Option<()> {
        let mock = &mut self.mocks[which];
        let path = mock.resource();
        let answer = mock.change(None, || ask(service, "DELETE", &path, None))?;
        assert_eq!(answer.status, 204, "{answer:?}");
        Some(())
    }
}

impl Mock {
    fn resource(&self) -> String {
        format!("/endpoints/{}", self.id.as_ref().unwrap())
    }

    fn change(&mut self, to: State, ask: impl FnOnce() -> Option<Answer>) -> Option<Answer> {
        self.is_checked = false;
        self.in_doubt = Some(to.clone());
        let answer = ask()?;
        self.in_doubt = None;
        self.acknowledged = to;
        Some(answer)
    }

    /// Compares with the service's listing, its endpoint and its mock.
    fn check(&mut self, echo: &Echo, listed: Option<&Value>) {
        let found: State = listed.map(|it| it["attributes"]["response"]["body"].as_str().unwrap().to_owned());
        let may_be = found == self.acknowledged || Some(&found) == self.in_doubt.as_ref();
        let (path, was, in_doubt) = (&self.path, &self.acknowledged, &self.in_doubt);
        assert!(may_be, "{path} was acknowledged as {was:?}, perhaps {in_doubt:?}, and is {found:?}");
        if let Some(listed) = listed {
            let id = listed["id"].as_str().unwrap().to_owned();
            assert!(self.id.as_ref().is_none_or(|known| *known == id), "{path} has another id");
            self.id = Some(id);
        }
        (self.acknowledged, self.in_doubt) = (found, None);
        if self.is_checked {
            return;
        }
        let called = echo.call("GET", &self.path);
        let served = (called.status == 200).then(|| called.text());
        assert_eq!(served, self.acknowledged, "{} is served as it is listed", self.path);
        if self.id.is_some() {
            let shown = echo.get(&self.resource());
            let shown = (shown.status == 200).then(|| shown.json()["data"].take());
            assert_eq!(shown.as_ref(), listed, "{} is shown as it is listed", self.path);
        }
        self.is_checked = true;
    }
}

fn ask(service: SocketAddr, method: &str, path: &str, document: Option<&Value>) -> Option<Answer> {
    let body = document.map(Value::to_string).unwrap_or_default();
    let bytes = request_bytes(service, method, path, "Content-Type: application/vnd.api+json\r\n", body.as_bytes());
    try_send(service, bytes)
}

/// All endpoints by their paths.
fn list(echo: &Echo) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut next = Some("/endpoints?page[size]=1000".to_owned());
    while let Some(page) = next {
        let mut page = echo.get(&page).json();
        for endpoint in page["data"].take().as_array().unwrap() {
            let path = endpoint["attributes"]["path"].as_str().unwrap().to_owned();
            assert!(all.insert(path, endpoint.clone()).is_none(), "a path is there once");
        }
        next = page["links"]["next"].as_str().map(ToOwned::to_owned);
    }
    all
}

fn check_all(echo: &Echo, clients: &mut [Client]) {
    let mut listed = list(echo);
    for mock in clients.iter_mut().flat_map(|client| &mut client.mocks) {
        let found = listed.remove(&mock.path);
        mock.check(echo, found.as_ref());
    }
    assert!(listed.is_empty(), "nobody asked for {:?}", listed.keys());
}

#[test]
fn acknowledged_writes_survive_kill_9_in_the_middle_of_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}/echo.redb", folder.path().display());
    let client = |number| Client { number, random: StdRng::seed_from_u64(number), mocks: Vec::new() };
    let mut clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut random = StdRng::seed_from_u64(CLIENTS);
    let mut in_doubt = 0;
    for _ in 0..KILLS {
        let mut echo = Echo::start(&["--store", &store]);
        check_all(&echo, &mut clients);
        let (acknowledge, acknowledged) = mpsc::channel();
        thread::scope(|scope| {
            for client in &mut clients {
                let acknowledge = acknowledge.clone();
                let service = echo.management;
                scope.spawn(move || client.write(service, &acknowledge));
            }
            for _ in 0..random.random_range(1..50) {
                acknowledged.recv_timeout(PATIENCE).expect("writes are acknowledged");
            }
            // At any time between two writes: a write takes some milliseconds.
            thread::sleep(Duration::from_micros(random.random_range(0..3000)));
            echo.signal("KILL");
        });
        echo.wait();
        in_doubt += clients.iter().flat_map(|client| &client.mocks).filter(|mock| mock.in_doubt.is_some()).count();
    }
    assert!(in_doubt >= KILLS, "the service was killed in the middle of writes, but only {in_doubt} were in doubt");

    for mock in clients.iter_mut().flat_map(|client| &mut client.mocks) {
        mock.is_checked = false;
    }
    let echo = Echo::start(&["--store", &store]);
    check_all(&echo, &mut clients);
}

#[test]
fn after_a_killed_first_start_the_next_start_succeeds() {
    for delay in 0..24 {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("file:{}/echo.redb", folder.path().display());
        let mut first = Echo::command().args(["--listen", "127.0.0.1:0", "--store", &store]).spawn().unwrap();
        wait_for_a_file(folder.path());
        // From the creation of the first file, through all steps of its initialization.
        thread::sleep(Duration::from_micros(250 * delay));
        first.kill().unwrap();
        first.wait().unwrap();

        let echo = Echo::start(&["--store", &store]);
        echo.create("GET", "/after", json!({"code": 200}));
        assert_eq!(list(&echo).len(), 1);
    }
}

/// `kill -9` cannot tell: what the system has not written to the disk yet survives the process.
#[test]
fn each_write_is_synced_to_the_disk_before_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (store, calls) = (format!("file:{}/echo.redb", folder.path().display()), folder.path().join("calls"));
    let service = Echo::command();
    let mut traced = Command::new("strace");
    // By -D the service is this process's child, and strace ends with it.
    traced.args(["-D", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o"]).arg(&calls);
    traced.arg(service.get_program()).args(["--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json"]);
    for (name, _) in service.get_envs() {
        traced.env_remove(name);
    }
    let echo = Echo::spawn(traced.args(["--store", &store])).expect("strace is installed");
    let synced = || fs::read_to_string(&calls).unwrap().lines().filter(|line| line.ends_with("= 0")).count();
    for n in 0..10 {
        let before = synced();
        echo.create("GET", &format!("/{n}"), json!({"code": 200}));
        assert!(synced() > before, "write {n} was acknowledged without a sync");
    }
}

fn wait_for_a_file(folder: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while fs::read_dir(folder).unwrap().next().is_none() {
        assert!(Instant::now() < deadline, "a file is made in time");
        thread::yield_now();
    }
}

/// Turns are counted before their answers: a kill may skip a turn, and repeats none.
#[test]
fn no_turn_is_given_twice_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().join("echo.redb").display());
    let responses: Vec<_> = (0..32).map(|n| json!({"code": 200, "body": n.to_string()})).collect();
    let attributes = json!({"verb": "GET", "path": "/x", "responses": responses, "then": "none"});
    let mut given = Vec::new();
    for kill in 0..4 {
        let mut echo = Echo::start(&["--store", &store]);
        if kill == 0 {
            let created = echo.post(&json!({"data": {"type": "endpoints", "attributes": &attributes}}));
            assert_eq!(created.status, 201, "{}", created.text());
        }
        let service = echo.mocks;
        let (told, answers) = mpsc::channel();
        let caller = thread::spawn(move || {
            while let Some(answer) = ask(service, "GET", "/x", None).filter(|answer| answer.status == 200) {
                if told.send(answer.text().parse::<u32>().unwrap()).is_err() {
                    return;
                }
            }
        });
        given.extend(answers.iter().take(6));
        echo.signal("KILL");
        echo.wait();
        given.extend(answers.iter());
        caller.join().unwrap();
    }
    assert!(given.len() >= 24 && given.is_sorted_by(|one, next| one < next), "{given:?}");
}
