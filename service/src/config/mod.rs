//! Settings: flags and `ECHO_*` variables, checked all at once before anything starts.
//!
//! The only place that reads the environment.

mod cli;
mod client;
mod environment;
mod log;
mod memory;
mod tables;
mod telemetry;
mod values;

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use tracing_subscriber::filter::Targets;

pub use cli::{Cli, Command, KeyCommand, Settings};
pub use client::{
    Apply, ClientCommand, Delete, Explain, Export, Filters, Form, Get, ManagementAt, Output, Raise, StoreCommand, Wait,
};
pub use environment::{drop_empty_variables, refuse_garbled_variables};
pub use tables::settings_tables;

pub use crate::web::url::is_loopback;

use self::values::{
    Problems, address, boolean, duration, lease_term, networks, port, positive_duration, rate, ratio, within,
};
use crate::{
    api::{Key, PublicUrl},
    mocks::Cors,
    replica::Lease,
    server::ConnectionLimits,
    store::StoreChoice,
    telemetry::{Exports, LogFormat},
    web::{BodyLimits, client::TrustedProxies},
};

/// All settings, checked. [`Settings`] documents each of them.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub management_listen: Option<SocketAddr>,
    pub store: StoreChoice,
    /// Files and folders, each of a set.
    pub mocks: Vec<PathBuf>,
    /// Whether sets follow changes of their files.
    pub watch: bool,
    pub public_url: Option<PublicUrl>,
    pub keys: Vec<Key>,
    pub trusted_proxies: TrustedProxies,
    /// Requests per second and caller. `None` is no limit.
    pub management_rate: Option<NonZeroU32>,
    /// Requests per second and client. `None` is no limit.
    pub mock_rate: Option<NonZeroU32>,
    /// Maximum memory of all mocks, in bytes.
    pub mocks_bytes: u64,
    /// Whether a 404 names the nearest mocks. `None`: for clients of management without keys on the same listener.
    pub near_misses: Option<bool>,
    /// The origins whose pages may call mocks. `None`: Echo leaves CORS to mocks.
    pub cors: Option<Cors>,
    /// Maximum delay of a mock's answer.
    pub max_delay: Duration,
    pub document_limits: BodyLimits,
    /// Maximum size of the list of a set, in bytes.
    pub set_bytes: usize,
    pub connection_limits: ConnectionLimits,
    pub lease: Lease,
    pub shutdown_delay: Duration,
    pub shutdown_deadline: Duration,
    pub log: Targets,
    pub log_format: LogFormat,
    pub exports: Exports,
}

/// All mistakes in the settings, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// The variables of this process.
    pub fn environment() -> Vec<(String, String)> {
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
            .collect()
    }

    /// Checks the settings and the variables of the process. Tests pass an `environment` of their own.
    pub fn check(settings: &Settings, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut problems = Problems(environment::unknown_variables(environment));
        let p = &mut problems;
        let mut listen = p.required("listen", &settings.listen, address);
        let port = settings.port.as_deref().and_then(|text| p.named("--port", text, port));
        if let (Some(listen), Some(port)) = (&mut listen, port) {
            listen.set_port(port);
        }
        let management_listen = p.optional("management-listen", settings.management_listen.as_deref(), address);
        let keys =
            settings.keys.as_deref().and_then(|text| p.required("keys", text, Key::parse_list)).unwrap_or_default();
        let allow_anonymous = p.required("allow-anonymous", &settings.allow_anonymous, boolean);
        let store = p.required("store", &settings.store, StoreChoice::parse);
        let public_url = p.optional("public-url", settings.public_url.as_deref(), PublicUrl::parse);
        let trusted_proxies = p.optional("trusted-proxies", settings.trusted_proxies.as_deref(), networks);
        let management_rate = p.required("rate-limit", &settings.rate_limit, rate);
        let mock_rate = p.required("mock-rate-limit", &settings.mock_rate_limit, rate);
        let mocks_bytes = settings.max_mocks_bytes.as_deref();
        let mocks_bytes = p.optional("max-mocks-bytes", mocks_bytes, within(1 << 20..=1 << 50));
        let near_misses = p.optional("near-misses", settings.near_misses.as_deref(), boolean);
        let cors = p.optional("mock-cors", settings.mock_cors.as_deref(), Cors::parse);
        let connections = p.required("max-connections", &settings.max_connections, within(1..=1_000_000));
        let body_bytes = p.required("max-body-bytes", &settings.max_body_bytes, within(1_024..=1 << 30));
        let set_bytes = p.required("max-set-bytes", &settings.max_set_bytes, within(1_024..=1 << 30));
        let header_bytes = p.required("max-header-bytes", &settings.max_header_bytes, within(8_192..=1 << 20));
        let max_delay = p.required("max-delay", &settings.max_delay, duration);
        let header_timeout = p.required("header-timeout", &settings.header_timeout, positive_duration);
        let idle_timeout = p.required("idle-timeout", &settings.idle_timeout, positive_duration);
        let request_timeout = p.required("request-timeout", &settings.request_timeout, positive_duration);
        let lease = p.required("lease", &settings.lease, lease_term);
        let poll_interval = p.required("poll-interval", &settings.poll_interval, positive_duration);
        let shutdown_delay = p.required("shutdown-delay", &settings.shutdown_delay, duration);
        let shutdown_deadline = p.required("shutdown-deadline", &settings.shutdown_deadline, duration);
        let log = p.required("log", &settings.log, log::filter);
        let log_format = p.required("log-format", &settings.log_format, LogFormat::parse);
        let mock_trace_ratio = p.required("mock-trace-ratio", &settings.mock_trace_ratio, ratio).unwrap_or_default();
        let exports = Exports::read(environment, mock_trace_ratio, p);
        let watch = p.required("watch", &settings.watch, boolean);
        let is_shared = settings.store.starts_with("dynamodb:");
        if is_shared {
            environment::check_aws(environment, p);
        }
        check_files(&settings.mocks, watch, is_shared, p);

        if let Some(open_to) = management_listen.or(listen)
            && settings.keys.is_none()
            && allow_anonymous == Some(false)
            && !open_to.ip().is_loopback()
        {
            p.0.push(format!(
                "management would be open to everybody at {open_to}: set --keys (create a key with `echo-service key \
                 new`), listen on 127.0.0.1, or set --allow-anonymous"
            ));
        }
        if management_listen.is_some() && management_listen == listen && listen.is_some_and(|a| a.port() != 0) {
            p.0.push("--management-listen is the same address as --listen: leave it out, or use another port".into());
        }
        if let (Some(lease), Some(poll)) = (lease, poll_interval)
            && poll > lease / 2
        {
            p.0.push(format!(
                "--poll-interval (ECHO_POLL_INTERVAL) is more than half of the lease: write at most {}",
                humantime::format_duration(lease / 2)
            ));
        }
        // Each `None` below has already noted a problem.
        let config = (|| {
            let store = store?;
            Some(Self {
                listen: listen?,
                near_misses,
                cors,
                management_listen,
                mocks: settings.mocks.clone(),
                watch: watch?,
                public_url,
                keys,
                trusted_proxies: TrustedProxies(trusted_proxies.unwrap_or_default()),
                management_rate: management_rate?,
                mock_rate: mock_rate?,
                mocks_bytes: mocks_bytes.map_or_else(|| memory::default_for_mocks(&store), |bytes| bytes as u64),
                max_delay: max_delay?,
                document_limits: BodyLimits { bytes: body_bytes?, time: request_timeout? },
                set_bytes: set_bytes?,
                connection_limits: ConnectionLimits {
                    connections: connections?,
                    header_bytes: header_bytes?,
                    header_timeout: header_timeout?,
                    idle_timeout: idle_timeout?,
                    request_timeout: request_timeout?,
                },
                store,
                lease: Lease { term: lease?, poll: poll_interval? },
                shutdown_delay: shutdown_delay?,
                shutdown_deadline: shutdown_deadline?,
                log: log?,
                log_format: log_format?,
                exports,
            })
        })();
        config.filter(|_| problems.0.is_empty()).ok_or(ConfigError(problems.0))
    }

    /// The address of management.
    pub fn management_address(&self) -> SocketAddr {
        self.management_listen.unwrap_or(self.listen)
    }
}

fn check_files(mocks: &[PathBuf], watch: Option<bool>, is_shared: bool, p: &mut Problems) {
    if watch == Some(true) && mocks.is_empty() {
        p.0.push("--watch (ECHO_WATCH) has no files to watch: add --mocks".into());
    }
    if is_shared && !mocks.is_empty() {
        let detail = "--mocks (ECHO_MOCKS) does not work with a shared table, because processes with other files would \
                      undo each other's sets: use `echo-service apply PATH --url URL`";
        p.0.push(detail.into());
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn check(arguments: &[&str]) -> Result<Config, ConfigError> {
        let cli = Cli::try_parse_from([&["echo-service"], arguments].concat()).unwrap();
        Config::check(&cli.settings, &[])
    }

    #[test]
    fn the_defaults_are_valid_and_local() {
        let config = check(&[]).unwrap();
        assert!(config.listen.ip().is_loopback());
        assert!(config.exports.traces.is_none() && config.exports.metrics.is_none());
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let problems = check(&[
            "--listen",
            "nowhere",
            "--store",
            "tape:1",
            "--keys",
            "a:b",
            "--rate-limit",
            "many",
            "--idle-timeout",
            "0s",
            "--trusted-proxies",
            "10.0.0.0/33",
            "--public-url",
            "echo",
            "--max-body-bytes",
            "1",
            "--log-format",
            "xml",
            "--log",
            "=,=",
        ])
        .unwrap_err()
        .0;
        assert_eq!(problems.len(), 10, "{problems:#?}");
        assert!(problems[0].starts_with("--listen (ECHO_LISTEN): `nowhere` "), "{}", problems[0]);
    }

    #[test]
    fn management_is_not_opened_to_everybody_by_accident() {
        let open = ["--listen", "0.0.0.0:8080"];
        let message = check(&open).unwrap_err().to_string();
        assert!(message.contains("--allow-anonymous") && message.contains("key new"), "{message}");
        assert!(check(&[&open[..], &["--allow-anonymous"]].concat()).is_ok());
        assert!(check(&[&open[..], &["--management-listen", "127.0.0.1:1"]].concat()).is_ok());
        let key = format!("ci:read+write:{}", "0".repeat(64));
        assert!(check(&[&open[..], &["--keys", &key]].concat()).is_ok());
    }

    #[test]
    fn a_table_is_named_by_the_rules_of_dynamodb() {
        let store = |name: &str| check(&["--store", &format!("dynamodb:{name}")]).map(|config| config.store);
        for name in ["abc", "echo-dev_1.x", &"a".repeat(255)] {
            assert_eq!(store(name).unwrap(), StoreChoice::DynamoDb(name.to_owned()));
        }
        for name in ["", "ab", "echo dev", "arn:aws:dynamodb:eu-west-1:1:table/echo", &"a".repeat(256), "t\u{e4}ble"] {
            let message = store(name).unwrap_err().to_string();
            assert!(message.contains("not the name of a DynamoDB table"), "{message}");
        }
    }

    #[test]
    fn a_port_replaces_that_of_the_address_and_nothing_else() {
        let listen = |address: &str, port: &str| {
            check(&["--listen", address, "--port", port, "--allow-anonymous"]).map(|config| config.listen.to_string())
        };
        for (address, port, expected) in [
            ("127.0.0.1:8080", "9000", "127.0.0.1:9000"),
            ("0.0.0.0:8080", "0", "0.0.0.0:0"),
            ("[::]:8080", "9000", "[::]:9000"),
            ("[fe80::1%2]:8080", "65535", "[fe80::1%2]:65535"),
        ] {
            assert_eq!(listen(address, port).unwrap(), expected);
        }
        for port in ["65536", "-1", "", "http", "80 "] {
            let message = listen("127.0.0.1:8080", port).unwrap_err().to_string();
            assert!(message.starts_with(&format!("--port: `{port}` is not a port: write ")), "{message}");
        }
    }

    #[test]
    fn a_lease_is_read_often_enough_to_be_renewed() {
        let lease =
            |term: &str, poll: &str| check(&["--lease", term, "--poll-interval", poll]).map(|config| config.lease);
        let ms = Duration::from_millis;
        assert_eq!(lease("1s", "500ms").unwrap(), Lease { term: ms(1_000), poll: ms(500) });
        for (term, poll) in
            [("100ms", "51ms"), ("19ms", "5ms"), ("11s", "50ms"), ("20ms 900us", "5ms"), ("150ms", "0s")]
        {
            assert!(lease(term, poll).is_err(), "{term} {poll}");
        }
    }
}
