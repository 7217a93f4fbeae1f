//! Settings: flags and `ECHO_*` variables, checked all at once before anything starts.
//!
//! The only place that reads the environment.

mod cli;
mod keys;
mod values;

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use ipnet::IpNet;

pub use cli::{Cli, Command, KeyCommand, LogFormat, Settings, settings_table};
pub use keys::{Key, Scope, Token};
use values::{Problems, address, boolean, collector, duration, log_filter, networks, positive_duration, rate, within};
pub use values::{PublicUrl, StoreChoice};

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

/// Which signals are exported, and how spans are. The exporters read the other `OTEL_*` variables themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telemetry {
    pub traces: bool,
    pub metrics: bool,
    pub spans: SpanLimits,
}

/// How spans are sent (OpenTelemetry specification, "Batch Span Processor"). Four times as many wait and go at once as are usual
/// there: at tens of thousands of requests a second, each request to the collector takes the cores from those who serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// How long a span waits at most before it is sent.
    pub delay: Duration,
    /// So many spans wait; more are dropped.
    pub most_waiting: usize,
    /// So many spans are sent at once, and in one request.
    pub most_in_one: usize,
    /// How long the collector may take for a request.
    pub timeout: Duration,
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

impl Telemetry {
    const ENDPOINTS: [&str; 3] =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    /// Off where no collector is named, or where it is said to be (OpenTelemetry specification, "SDK environment variables").
    fn of(environment: &[(String, String)]) -> Self {
        let get = |name| value(environment, name);
        let disabled = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let [all, traces, metrics] = Self::ENDPOINTS;
        let on =
            |endpoint, exporter| !disabled && get(all).or(get(endpoint)).is_some() && get(exporter) != Some("none");
        Self {
            traces: on(traces, "OTEL_TRACES_EXPORTER"),
            metrics: on(metrics, "OTEL_METRICS_EXPORTER"),
            spans: SpanLimits::of(environment),
        }
    }

    fn wrong_endpoints(environment: &[(String, String)]) -> impl Iterator<Item = String> {
        let wrong = |name| collector(value(environment, name)?).err().map(|why| format!("{name}: {why}"));
        Self::ENDPOINTS.into_iter().filter_map(wrong)
    }
}

impl SpanLimits {
    /// Of what is no number, the SDK does not complain either.
    fn of(environment: &[(String, String)]) -> Self {
        let number =
            |name, default: u64| value(environment, name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let timeout = number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000);
        let most_waiting = number("OTEL_BSP_MAX_QUEUE_SIZE", 8_192) as usize;
        Self {
            // Not 0, which would keep a thread busy with waiting.
            delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000).max(1)),
            most_waiting,
            most_in_one: (number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2_048) as usize).clamp(1, most_waiting.max(1)),
            timeout: Duration::from_millis(number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", timeout)),
        }
    }
}

/// The value of a variable; an empty one is none.
fn value<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
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
    fn telemetry_follows_the_standard_variables() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            let Telemetry { traces, metrics, .. } = Telemetry::of(&pairs);
            (traces, metrics)
        };
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(of(&[all]), (true, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x")]), (true, false));
        assert_eq!(of(&[all, ("OTEL_SDK_DISABLED", "true")]), (false, false));
        assert_eq!(of(&[all, ("OTEL_TRACES_EXPORTER", "none")]), (false, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), (false, false));
    }

    #[test]
    fn spans_follow_the_standard_variables() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            let SpanLimits { delay, most_waiting, most_in_one, timeout } = SpanLimits::of(&pairs);
            (delay.as_millis(), most_waiting, most_in_one, timeout.as_millis())
        };
        assert_eq!(of(&[]), (5_000, 8_192, 2_048, 10_000));
        let (delay, queue) = (("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_BSP_MAX_QUEUE_SIZE", "100"));
        assert_eq!(of(&[delay, queue, ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")]), (10, 100, 20, 10_000));
        assert_eq!(of(&[queue]), (5_000, 100, 100, 10_000));
        let (all, traces) = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        assert_eq!(of(&[(all, "2000")]).3, 2_000);
        assert_eq!(of(&[(all, "2000"), (traces, "1500")]).3, 1_500);
        assert_eq!(of(&[(all, "2000"), (traces, "soon")]).3, 2_000);
    }
}
