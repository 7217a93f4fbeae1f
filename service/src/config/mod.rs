//! Settings: flags and `ECHO_*` variables, checked all at once before anything starts.
//!
//! The only place that reads the environment.

mod cli;
mod keys;
mod telemetry;
mod values;

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use ipnet::IpNet;

pub use cli::{Cli, Command, KeyCommand, LogFormat, Settings, settings_table};
pub use keys::{Key, Scope, Token};
pub use telemetry::{SpanLimits, Telemetry};
use values::{Problems, address, boolean, duration, lease_term, log_filter, networks, positive_duration, rate, within};
pub use values::{PublicUrl, StoreChoice};

use crate::replica::Lease;

/// Everything that can be set, checked. [`Settings`] documents each.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub management_listen: Option<SocketAddr>,
    pub store: StoreChoice,
    pub public_url: Option<PublicUrl>,
    pub keys: Vec<Key>,
    pub trusted_proxies: Vec<IpNet>,
    pub limits: Limits,
    pub lease: Lease,
    pub shutdown_delay: Duration,
    pub shutdown_deadline: Duration,
    pub log: String,
    pub log_format: LogFormat,
    pub telemetry: Telemetry,
}

/// What bounds the use of this process. `None` for a rate is no limit.
#[derive(Debug, Clone)]
pub struct Limits {
    pub management_rate: Option<NonZeroU32>,
    pub mock_rate: Option<NonZeroU32>,
    pub connections: usize,
    pub body_bytes: usize,
    pub header_bytes: usize,
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub request_timeout: Duration,
}

/// All that is wrong with the settings.
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

    /// Checks the settings and the environment. `environment` gives the process's variables, so that tests can give theirs.
    pub fn check(settings: &Settings, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        let mut problems = Problems(cli::unknown_variables(environment));
        let p = &mut problems;
        let listen = p.required("listen", &settings.listen, address);
        let management_listen = p.optional("management-listen", settings.management_listen.as_deref(), address);
        let keys = p.optional("keys", settings.keys.as_deref(), Key::parse_list).unwrap_or_default();
        let allow_anonymous = p.required("allow-anonymous", &settings.allow_anonymous, boolean);
        let store = p.required("store", &settings.store, StoreChoice::parse);
        let public_url = p.optional("public-url", settings.public_url.as_deref(), PublicUrl::parse);
        let trusted_proxies = p.optional("trusted-proxies", settings.trusted_proxies.as_deref(), networks);
        let management_rate = p.required("rate-limit", &settings.rate_limit, rate);
        let mock_rate = p.required("mock-rate-limit", &settings.mock_rate_limit, rate);
        let connections = p.required("max-connections", &settings.max_connections, within(1..=1_000_000));
        let body_bytes = p.required("max-body-bytes", &settings.max_body_bytes, within(1_024..=1 << 30));
        let header_bytes = p.required("max-header-bytes", &settings.max_header_bytes, within(8_192..=1 << 20));
        let header_timeout = p.required("header-timeout", &settings.header_timeout, positive_duration);
        let idle_timeout = p.required("idle-timeout", &settings.idle_timeout, positive_duration);
        let request_timeout = p.required("request-timeout", &settings.request_timeout, positive_duration);
        let lease = p.required("lease", &settings.lease, lease_term);
        let poll_interval = p.required("poll-interval", &settings.poll_interval, positive_duration);
        let shutdown_delay = p.required("shutdown-delay", &settings.shutdown_delay, duration);
        let shutdown_deadline = p.required("shutdown-deadline", &settings.shutdown_deadline, duration);
        let log = p.required("log", &settings.log, log_filter);
        let log_format = p.required("log-format", &settings.log_format, LogFormat::parse);
        p.0.extend(Telemetry::wrong_endpoints(environment));

        if let Some(open_to) = management_listen.or(listen)
            && keys.is_empty()
            && allow_anonymous == Some(false)
            && !open_to.ip().is_loopback()
        {
            p.0.push(format!(
                "management would be open to everybody at {open_to}: set --keys (make one with `echo-service key new`), \
                 or listen on 127.0.0.1, or say --allow-anonymous"
            ));
        }
        if management_listen.is_some() && management_listen == listen && listen.is_some_and(|a| a.port() != 0) {
            p.0.push("--management-listen is the same address as --listen: leave it out, or use another port".into());
        }
        if let (Some(lease), Some(poll)) = (lease, poll_interval)
            && poll > lease / 2
        {
            p.0.push(format!(
                "--poll-interval (ECHO_POLL_INTERVAL): is more than half of the lease: write at most {}",
                humantime::format_duration(lease / 2)
            ));
        }
        // Each `None` below has left a problem behind.
        let config = (|| {
            Some(Self {
                listen: listen?,
                management_listen,
                store: store?,
                public_url,
                keys,
                trusted_proxies: trusted_proxies.unwrap_or_default(),
                limits: Limits {
                    management_rate: management_rate?,
                    mock_rate: mock_rate?,
                    connections: connections?,
                    body_bytes: body_bytes?,
                    header_bytes: header_bytes?,
                    header_timeout: header_timeout?,
                    idle_timeout: idle_timeout?,
                    request_timeout: request_timeout?,
                },
                lease: Lease { term: lease?, poll: poll_interval? },
                shutdown_delay: shutdown_delay?,
                shutdown_deadline: shutdown_deadline?,
                log: log?,
                log_format: log_format?,
                telemetry: Telemetry::of(environment),
            })
        })();
        config.filter(|_| problems.0.is_empty()).ok_or(ConfigError(problems.0))
    }

    /// Where management is served.
    pub fn management_address(&self) -> SocketAddr {
        self.management_listen.unwrap_or(self.listen)
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
        assert!(!config.telemetry.traces && !config.telemetry.metrics);
    }

    #[test]
    fn all_problems_are_told_at_once() {
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
    fn a_misspelt_variable_is_not_silently_lost() {
        let settings = Cli::try_parse_from(["echo-service"]).unwrap().settings;
        let environment = [("ECHO_LISTN".to_owned(), "x".to_owned()), ("PATH".to_owned(), "x".to_owned())];
        let message = Config::check(&settings, &environment).unwrap_err().to_string();
        assert!(message.contains("ECHO_LISTN is not a setting"), "{message}");
        let check = |name: &str, value: &str| Config::check(&settings, &[(name.to_owned(), value.to_owned())]);
        assert!(check("ECHO_PORT", "9090").is_err());
        // What Kubernetes sets beside a service of this name.
        for (name, value) in
            [("ECHO_PORT", "tcp://10.0.0.1:80"), ("ECHO_PORT_80_TCP", "tcp://10.0.0.1:80"), ("ECHO_SERVICE_PORT", "80")]
        {
            assert!(check(name, value).is_ok(), "{name}");
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
