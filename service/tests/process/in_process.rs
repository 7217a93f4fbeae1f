//! The service in the test's own process, on a store with a hook.

use std::{future, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use clap::Parser as _;
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

/// The settings of these arguments.
pub fn config(arguments: &[&str]) -> Config {
    let all = ["echo-service", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json"];
    let settings = Cli::try_parse_from([&all, arguments].concat()).unwrap().settings;
    Config::check(&settings, &[]).unwrap()
}

/// Serves until the runtime ends, and returns the address.
pub async fn serve(store: impl Store, config: &Config) -> SocketAddr {
    let app = App::on(store, config, &Telemetry::default(), future::pending::<()>()).await.unwrap();
    let address = app.mock_address;
    tokio::spawn(app.serve(future::pending(), Duration::ZERO));
    address
}

/// An operation of the store.
pub enum Operation<'a> {
    Write(&'a Write),
    List(&'a Filter),
    ChangesSince,
    Other,
}

/// Runs before each operation of a store.
#[async_trait]
pub trait Hook: Send + Sync + 'static {
    async fn before(&self, operation: Operation<'_>) -> Result<(), StoreError>;

    /// Whether other processes write to the store.
    fn is_shared(&self) -> bool {
        false
    }
}

/// A store in memory, with a hook.
pub struct Hooked<H> {
    store: EmbeddedStore,
    hook: H,
}

impl<H> Hooked<H> {
    pub fn new(hook: H) -> Self {
        Self { store: EmbeddedStore::in_memory(), hook }
    }
}

#[async_trait]
impl<H: Hook> Store for Hooked<H> {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        for write in &writes {
            self.hook.before(Operation::Write(write)).await?;
        }
        self.store.write_if(untouched, writes).await
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.hook.before(Operation::Other).await?;
        self.store.get(id).await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.hook.before(Operation::List(&Filter::default())).await?;
        self.store.list(after, limit).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.hook.before(Operation::List(&filter)).await?;
        self.store.list_these(filter, ids).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.hook.before(Operation::Other).await?;
        self.store.head().await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.hook.before(Operation::ChangesSince).await?;
        self.store.changes_since(version).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        self.hook.before(Operation::Other).await?;
        self.store.load(deliver).await
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.hook.before(Operation::Other).await?;
        self.store.take_turn(counter).await
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.hook.before(Operation::Other).await?;
        self.store.turns_taken(counter).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        self.store.raise(to, dry_run).await
    }

    fn is_shared(&self) -> bool {
        self.hook.is_shared()
    }
}
