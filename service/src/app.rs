//! The composition root: builds the service from its parts.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    api::{Gate, Locations, Management, Readiness, Rules},
    config::Config,
    file_sets::FileSets,
    files::Problems,
    mocks::{Mocks, Uploads},
    replica::{self, Replica},
    server::{self, Face, HttpTelemetry, Server},
    store::{EmbeddedStore, ObservedStore, OpenError, Store, StoreChoice, StoreError, observed},
    telemetry::{Description, Telemetry},
    web::rate::RateLimit,
};
#[cfg(feature = "dynamodb")]
use crate::{
    replica::MAX_MOCKS_BYTES,
    store::{DynamoStore, Limits, TableError},
};

/// Interval at which the rate limits forget idle callers.
const FORGET_INTERVAL: Duration = Duration::from_mins(1);
/// Time to send delayed answers after the deadline of a stop.
const HURRY_DEADLINE: Duration = Duration::from_millis(500);

/// The instruments of all parts.
pub fn instruments() -> Vec<Description> {
    [&server::instruments::DESCRIPTIONS[..], &observed::DESCRIPTIONS, &replica::metrics::DESCRIPTIONS].concat()
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("--store: {0}")]
    Open(#[from] OpenError),
    #[cfg(feature = "dynamodb")]
    #[error("--store: {0}")]
    Table(#[from] TableError),
    #[error("cannot load the endpoints: {0}")]
    Load(#[from] StoreError),
    #[error("--mocks:\n{0}")]
    Files(#[from] Problems),
    #[error("--watch: cannot watch the files: {0}")]
    Watch(#[from] notify::Error),
    #[error("stopped before the start was complete")]
    Stopped,
    #[error(
        "cannot listen on {address} ({flag}): {error}. Choose another address, or stop the program that uses this \
             address"
    )]
    Bind { flag: &'static str, address: SocketAddr, error: io::Error },
}

/// A service that serves: its mocks are loaded.
pub struct App {
    servers: TaskTracker,
    /// Closes the listeners.
    close: DropGuard,
    /// Ends the delays of answers.
    hurry: CancellationToken,
    /// The address of the mocks.
    pub mock_address: SocketAddr,
    /// The address of management.
    pub management_address: SocketAddr,
    readiness: Readiness,
    gate: Arc<Gate>,
    mocks: Arc<Mocks>,
}

impl App {
    /// Opens the configured store and builds the service on it. `stop` ends the load.
    pub async fn start(config: &Config, telemetry: &Telemetry, stop: impl Future + Send) -> Result<Self, StartError> {
        match &config.store {
            StoreChoice::File(path) => Self::on(EmbeddedStore::open(path)?, config, telemetry, stop).await,
            StoreChoice::Memory => Self::on(EmbeddedStore::in_memory(), config, telemetry, stop).await,
            #[cfg(feature = "dynamodb")]
            StoreChoice::DynamoDb(table) => {
                let limits = Limits::from([(MAX_MOCKS_BYTES.to_owned(), config.mocks_bytes)]);
                let store = DynamoStore::open(table, config.lease.term, limits).await?;
                Self::on(store, config, telemetry, stop).await
            }
        }
    }

    /// Builds the service on an open store. The listeners answer during the load: a load may take minutes.
    pub async fn on(
        store: impl Store,
        config: &Config,
        telemetry: &Telemetry,
        stop: impl Future + Send,
    ) -> Result<Self, StartError> {
        let store = Arc::new(ObservedStore::new(store, &telemetry.meter(), telemetry.tracer()));
        let app = tokio::select! {
            app = Self::of(Arc::clone(&store), config, telemetry) => app,
            _ = stop => Err(StartError::Stopped),
        };
        if app.is_err() {
            store.leave().await;
        }
        app
    }

    async fn of(store: Arc<impl Store>, config: &Config, telemetry: &Telemetry) -> Result<Self, StartError> {
        let replica = Replica::new(store, config.lease, config.mocks_bytes);
        replica::metrics::watch(&telemetry.meter(), &replica);

        let mock_listener = bind("--listen", config.listen).await?;
        let mock_address = mock_listener.local_addr().unwrap_or(config.listen);
        let management_listener = match config.management_listen {
            Some(address) => Some(bind("--management-listen", address).await?),
            None => None,
        };

        let trusted = config.trusted_proxies.clone();
        let readiness = Readiness::default();
        let rate = RateLimit::per_second(config.management_rate);
        let gate = Gate::new(config.keys.clone(), trusted.clone(), config.public_url.as_ref(), rate);
        let gate = Arc::new(gate);
        let rules = Rules::new(management_listener.is_none(), config.max_delay);
        let management = Management {
            replica: Arc::clone(&replica),
            readiness: readiness.clone(),
            gate: Arc::clone(&gate),
            locations: Locations {
                public_url: config.public_url.clone(),
                trusted: trusted.clone(),
                mock_port: management_listener.is_some().then(|| mock_address.port()),
            },
            body_limits: config.document_limits,
            max_set_bytes: config.set_bytes,
            rules,
            shared_listener: management_listener.is_none(),
        };
        let management = Arc::new(management.into_endpoint());
        let rate = RateLimit::per_second(config.mock_rate);
        let (own, near_misses) = (Arc::clone(&gate), config.near_misses);
        let shared_listener = management_listener.is_none();
        let is_open = shared_listener && config.keys.is_empty();
        let mocks = Arc::new(Mocks {
            replica: Arc::clone(&replica),
            names_nearest: Box::new(move |head| {
                near_misses.unwrap_or_else(|| is_open && own.is_own_page(&head.uri, &head.headers))
            }),
            shared_listener,
            cors: config.cors.clone(),
            rate,
            trusted,
            uploads: Uploads::new(config.document_limits),
            max_delay: config.max_delay,
        });

        let ratio = config.exports.mock_ratio.unwrap_or(1.0);
        let telemetry = Arc::new(HttpTelemetry::new(&telemetry.meter(), telemetry.tracer(), ratio));
        let hurry = CancellationToken::new();
        let server = |listener, face| Server {
            listener,
            face,
            limits: config.connection_limits.clone(),
            telemetry: Arc::clone(&telemetry),
            lines: Arc::clone(&gate.lines),
            hurry: hurry.clone(),
        };
        let (management_address, servers) = match management_listener {
            None => (mock_address, vec![server(mock_listener, Face::Both { mocks: Arc::clone(&mocks), management })]),
            Some(listener) => (
                listener.local_addr().unwrap_or(config.management_address()),
                vec![
                    server(mock_listener, Face::Mocks(Arc::clone(&mocks))),
                    server(listener, Face::Management(management)),
                ],
            ),
        };
        let (tasks, close) = (TaskTracker::new(), CancellationToken::new());
        for server in servers {
            tasks.spawn(server.run(close.clone()));
        }
        tasks.close();
        let app = Self {
            servers: tasks,
            close: close.drop_guard(),
            hurry,
            mock_address,
            management_address,
            readiness,
            gate,
            mocks,
        };
        let max_mocks_bytes = config.mocks_bytes;
        tracing::info!(mocks = %mock_address, management = %management_address, max_mocks_bytes, "loading");
        if config.keys.is_empty() && !management_address.ip().is_loopback() {
            tracing::warn!(
                management = %management_address,
                "management is open without a key to all clients that reach this address: set --keys to demand keys"
            );
        }
        replica.start().await?;
        let mut files = FileSets::new(replica, rules, &config.mocks);
        let watch = config.watch.then(|| files.watch()).transpose()?;
        files.write().await?;
        if let Some((watcher, changes)) = watch {
            tokio::spawn(app.hurry.clone().run_until_cancelled_owned(files.follow(watcher, changes)));
        }
        app.readiness.set(true);
        Ok(app)
    }

    /// Serves until `stop`. Readiness is false from then on; Echo goes on serving for the delay that `stop` returns,
    /// and then gives running requests until `deadline`. Returns whether all requests finished. Ends with an error if
    /// the mocks become too large for this process.
    pub async fn serve(self, stop: impl Future<Output = Duration>, deadline: Duration) -> Result<bool, StoreError> {
        let mut stop = std::pin::pin!(stop);
        let mut forget = tokio::time::interval(FORGET_INTERVAL);
        let ended = loop {
            tokio::select! {
                delay = &mut stop => break Ok(delay),
                outgrown = self.mocks.replica.outgrown() => break Err(outgrown),
                _ = forget.tick() => {
                    self.gate.rate.forget_idle();
                    self.mocks.rate.forget_idle();
                    self.gate.lines.report();
                }
            }
        };
        self.readiness.set(false);
        tokio::time::sleep(ended.clone().unwrap_or_default()).await;
        drop(self.close);
        let finish = async |within| tokio::time::timeout(within, self.servers.wait()).await.is_ok();
        let mut have_finished = finish(deadline).await;
        if !have_finished {
            self.hurry.cancel();
            have_finished = finish(HURRY_DEADLINE).await;
        }
        self.mocks.replica.leave().await;
        self.gate.lines.report();
        ended.map(|_| have_finished)
    }
}

async fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Bind { flag, address, error })
}

#[cfg(test)]
mod tests {
    use std::{future, net::IpAddr};

    use clap::Parser as _;

    use super::*;
    use crate::{api::Caller, config::Cli};

    #[tokio::test]
    async fn quiet_callers_are_forgotten_each_minute() {
        // At this rate, every caller has the full allowance again at once.
        let arguments = ["echo-service", "--listen", "127.0.0.1:0", "--store", "memory"];
        let rates = ["--rate-limit", "100000000", "--mock-rate-limit", "100000000"];
        let settings = Cli::try_parse_from([&arguments[..], &rates].concat()).unwrap().settings;
        let config = Config::check(&settings, &[]).unwrap();
        let app = App::start(&config, &Telemetry::default(), future::pending::<()>()).await.unwrap();
        let (gate, mocks) = (Arc::clone(&app.gate), Arc::clone(&app.mocks));
        tokio::time::pause();
        tokio::spawn(app.serve(future::pending(), Duration::ZERO));
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..3 {
            let address = IpAddr::from([192, 0, 2, 1]);
            gate.rate.check(&Caller::Address(address)).unwrap();
            mocks.rate.check(&address).unwrap();
            assert_eq!((gate.rate.remembered(), mocks.rate.remembered()), (1, 1));
            tokio::time::sleep(Duration::from_mins(1)).await;
            assert_eq!((gate.rate.remembered(), mocks.rate.remembered()), (0, 0));
        }
    }
}
