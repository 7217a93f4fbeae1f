//! 503 with `Retry-After` while the store is unavailable. Meanwhile a replica serves the mocks that its lease still
//! covers; everything else is a 503, never a stale or invented answer, an internal message or a panic.
//!
//! The store of these tests fails on command, in a service within the test's own process.

use std::{
    future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use clap::Parser;
use echo_service::{
    app::App,
    config::{Cli, Config},
    domain::EndpointId,
    store::{
        Changes, Counter, Deliver, EmbeddedStore, Filter, Page, Raise, RaiseError, Store, StoreError, Stored,
        TurnError, Untouched, Version, Write, WriteError, Written,
    },
    telemetry::Telemetry,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    shape::assert_refused,
    support::{Answer, changes, new_endpoint, send},
};

const WELL: u8 = 0;
/// No operation reaches the store.
const AWAY: u8 = 1;
/// Writes reach the store, but their results are lost.
const MUTE: u8 = 2;
const PANICS: u8 = 3;

struct FailingStore {
    store: EmbeddedStore,
    state: Arc<AtomicU8>,
}

impl FailingStore {
    fn reach(&self) -> Result<&EmbeddedStore, StoreError> {
        match self.state.load(Ordering::SeqCst) {
            AWAY => Err(StoreError::Unavailable("secret: connection refused".into())),
            PANICS => panic!("secret: a fault"),
            _ => Ok(&self.store),
        }
    }
}

#[async_trait]
impl Store for FailingStore {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        let written = self.reach()?.write_if(untouched, writes).await?;
        match self.state.load(Ordering::SeqCst) {
            MUTE => Err(StoreError::Unavailable("secret: connection reset".into()).into()),
            _ => Ok(written),
        }
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.reach()?.get(id).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.reach()?.list(after, limit).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.reach()?.list_these(filter, ids).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.reach()?.head().await
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        let turn = self.reach()?.take_turn(counter).await?;
        match self.state.load(Ordering::SeqCst) {
            MUTE => Err(StoreError::Unavailable("secret: connection reset".into()).into()),
            _ => Ok(turn),
        }
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.reach()?.turns_taken(counter).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.reach()?.changes_since(version).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        self.reach()?.load(deliver).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        self.reach()?.raise(to, dry_run).await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }
}

struct Service {
    address: SocketAddr,
    state: Arc<AtomicU8>,
    _runtime: Runtime,
}

impl Service {
    fn start() -> Self {
        let cli = Cli::parse_from(["echo-service", "--listen", "127.0.0.1:0"]);
        let config = Config::check(&cli.settings, &[]).unwrap();
        let state = Arc::new(AtomicU8::new(WELL));
        let store = FailingStore { store: EmbeddedStore::in_memory(), state: Arc::clone(&state) };
        let runtime = Runtime::new().unwrap();
        let app = runtime.block_on(App::on(store, &config, &Telemetry::default(), future::pending::<()>())).unwrap();
        let address = app.mock_address;
        runtime.spawn(app.serve(future::pending(), Duration::ZERO));
        Self { address, state, _runtime: runtime }
    }

    fn store_is(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    fn request(&self, method: &str, path: &str, document: &Value) -> Answer {
        let body = document.to_string();
        let headers = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        send(self.address, format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}"))
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &Value::Null)
    }

    fn create(&self, path: &str) -> Answer {
        self.request("POST", "/endpoints", &new_endpoint("GET", path, json!({"code": 200, "body": path})))
    }

    /// Every operation that needs the store.
    fn every_operation(&self, id: &str) -> [(&'static str, Answer); 5] {
        let endpoint = format!("/endpoints/{id}");
        [
            ("list", self.get("/endpoints")),
            ("show", self.get(&endpoint)),
            ("create", self.create("/new")),
            ("change", self.request("PATCH", &endpoint, &changes(json!({"path": "/changed"})))),
            ("delete", self.request("DELETE", &endpoint, &Value::Null)),
        ]
    }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn during_an_outage_of_the_store_management_is_503_and_mocks_are_served() {
    let service = Service::start();
    let id = id_of(&service.create("/hello"));
    service.store_is(AWAY);
    for (operation, answer) in service.every_operation(&id) {
        assert_refused(&answer, 503, operation);
        assert_eq!(answer.header("retry-after"), Some("1"), "{operation}");
        assert!(answer.details().starts_with("The store cannot be reached: try again"), "{}", answer.details());
        assert!(!answer.text().contains("secret"), "{operation}: {}", answer.text());
    }
    assert_eq!(service.get("/hello").text(), "/hello");
    assert_refused(&service.get("/new"), 404, "what was not created");
    assert_eq!(service.get("/-/live").status, 200);

    service.store_is(WELL);
    let statuses = service.every_operation(&id).map(|(operation, answer)| (operation, answer.status));
    assert_eq!(statuses, [("list", 200), ("show", 200), ("create", 201), ("change", 200), ("delete", 204)]);
}

#[test]
fn a_wrong_request_is_4xx_even_during_an_outage_of_the_store() {
    let service = Service::start();
    service.store_is(AWAY);
    let answer = service.request("POST", "/endpoints", &new_endpoint("FETCH", "/x", json!({"code": 200})));
    assert_refused(&answer, 422, "an unknown verb");
    assert_refused(&service.get("/endpoints/1234567890"), 404, "what is no id");
    assert_refused(&service.get("/endpoints?page[size]=0"), 400, "a bad page");
}

#[test]
fn a_write_in_doubt_that_took_effect_is_served() {
    let service = Service::start();
    service.store_is(MUTE);
    let answer = service.create("/hello");
    assert_refused(&answer, 503, "create");
    assert!(answer.details().contains("A change may or may not have taken effect; repeating it is safe"), "{answer:?}");
    assert_eq!(service.get("/hello").text(), "/hello");
    service.store_is(WELL);
    let listed = service.get("/endpoints").json();
    let holder = listed["data"][0]["id"].as_str().unwrap();
    let again = service.create("/hello");
    assert_refused(&again, 409, "create again");
    assert!(again.details().contains(holder), "{}", again.details());
}

#[test]
fn a_panic_is_500_without_details_and_the_service_goes_on() {
    let service = Service::start();
    let id = id_of(&service.create("/hello"));
    service.store_is(PANICS);
    for (operation, answer) in service.every_operation(&id) {
        assert!(matches!(answer.status, 500 | 503), "{operation}: {answer:?}");
        assert_refused(&answer, answer.status, operation);
        let text = answer.text();
        assert!(!text.contains("secret") && !text.contains("panic"), "{operation}: {text}");
    }
    assert_refused(&service.get("/endpoints"), 500, "list");
    assert_eq!(service.get("/hello").text(), "/hello");
    service.store_is(WELL);
    assert_eq!(service.get(&format!("/endpoints/{id}")).status, 200);
}

#[test]
fn a_lost_turn_is_503_and_may_be_used_up() {
    let service = Service::start();
    let responses = json!([{"code": 201}, {"code": 202}, {"code": 203}]);
    let attributes = json!({"verb": "GET", "path": "/turns", "responses": responses});
    let created =
        service.request("POST", "/endpoints", &json!({"data": {"type": "endpoints", "attributes": attributes}}));
    let id = id_of(&created);
    for (state, next) in [(AWAY, 201), (MUTE, 203)] {
        service.store_is(state);
        let answer = service.get("/turns");
        assert_refused(&answer, 503, "a lost turn");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.details().contains("a turn of the mock may be used up"), "{}", answer.details());
        service.store_is(WELL);
        assert_eq!(service.get("/turns").status, next);
    }
    // Once the last response repeats, no turn is taken.
    service.store_is(AWAY);
    assert_eq!(service.get("/turns").status, 203);
    service.store_is(WELL);
    assert_eq!(service.request("PATCH", &format!("/endpoints/{id}"), &changes(json!({}))).status, 200);
    assert_eq!(service.get("/turns").status, 201);
}
