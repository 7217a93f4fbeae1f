//! The command line. Its doc comments are the help texts and the table in `docs/settings.md`.

use clap::{Args, CommandFactory, Parser, Subcommand};

/// Mock HTTP endpoints that answer what they were told to.
#[derive(Debug, Parser)]
#[command(version, name = "echo-service", args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve (the default).
    Serve(Settings),
    /// Ask the service on this machine whether it is alive; exit 0 if it is, 1 if not. For containers without a shell.
    Healthcheck(Settings),
    /// Management keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key: prints the token, which is shown only now, and the entry for --keys, which does not reveal it.
    New {
        /// The name under which logs and limits know the key.
        #[arg(long, default_value = "default")]
        name: String,
        /// What the key may do: read, write or read+write.
        #[arg(long, default_value = "read+write")]
        scope: String,
    },
}

/// Values as they were written: [`super::Config::check`] reads them, to tell all that is wrong at once.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Settings {
    /// Where mocks are served, and management too unless it has an address of its own. Loopback, so that nothing is open by accident.
    #[arg(long, env = "ECHO_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Serve management here only, and reserve no path for it among the mocks: a mock may hold script, which must not share an origin with the page into which people paste their keys.
    #[arg(long, env = "ECHO_MANAGEMENT_LISTEN", value_name = "ADDRESS:PORT")]
    pub management_listen: Option<String>,

    /// Where endpoints are kept: `file:PATH` is durable at each acknowledged write, `memory` is gone with the process, `dynamodb:TABLE` is durable and may be shared by many processes.
    #[arg(long, env = "ECHO_STORE", value_name = "STORE", default_value = "file:echo.redb")]
    pub store: String,

    /// The URL under which clients reach the mocks, for `Location`. Without it, what the request says of itself is used.
    #[arg(long, env = "ECHO_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// Keys that management asks for, as `echo-service key new` prints them (NAME:SCOPES:SHA-256), separated by commas or white space. Only hashes, so that whoever reads the setting can not use the key.
    #[arg(long, env = "ECHO_KEYS", value_name = "KEYS", hide_env_values = true)]
    pub keys: Option<String>,

    /// Serve management without any key on an address that others can reach. Off, so that the start fails instead.
    #[arg(long, env = "ECHO_ALLOW_ANONYMOUS", value_name = "BOOL", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    pub allow_anonymous: String,

    /// Networks whose `X-Forwarded-For`, `-Proto` and `-Host` are believed, separated by commas. None, because anybody can send these headers.
    #[arg(long, env = "ECHO_TRUSTED_PROXIES", value_name = "CIDRS")]
    pub trusted_proxies: Option<String>,

    /// Management requests per second for each key, and for each client address without one; as many may come at once. 0 is no limit. Enough for a test suite's set-up, too little to fill the disk unnoticed.
    #[arg(long, env = "ECHO_RATE_LIMIT", value_name = "PER-SECOND", default_value = "500")]
    pub rate_limit: String,

    /// Requests to mocks per second for each client address; as many may come at once. 0 is no limit: load tests are a use of mocks.
    #[arg(long, env = "ECHO_MOCK_RATE_LIMIT", value_name = "PER-SECOND", default_value = "0")]
    pub mock_rate_limit: String,

    /// Connections at once on each listener; more wait to be accepted. Bounds file descriptors and memory. Idle connections count: give management, and with it health, a listener of its own where strangers reach the mocks.
    #[arg(long, env = "ECHO_MAX_CONNECTIONS", value_name = "COUNT", default_value = "4096")]
    pub max_connections: String,

    /// Bytes of a request's body: management refuses more with 413, a mock answers and closes the connection. Room for the largest mock with every character escaped.
    #[arg(long, env = "ECHO_MAX_BODY_BYTES", value_name = "BYTES", default_value = "2097152")]
    pub max_body_bytes: String,

    /// Bytes of a request's line and headers; more is answered with 431. As much as an AWS load balancer passes on.
    #[arg(long, env = "ECHO_MAX_HEADER_BYTES", value_name = "BYTES", default_value = "65536")]
    pub max_header_bytes: String,

    /// From the first byte of a request, or for a connection's first one from its opening, to the end of its headers. Slow clients are cut off, so that they can not hold all connections.
    #[arg(long, env = "ECHO_HEADER_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    pub header_timeout: String,

    /// How long a connection may be idle between requests. Longer than a load balancer's (AWS: 60 s), so that it is never the service that closes.
    #[arg(long, env = "ECHO_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s")]
    pub idle_timeout: String,

    /// For how long a replica may answer from memory after it has read a shared store's log. A change or deletion is acknowledged when it is over. Must be the same for all processes on one table.
    #[arg(long, env = "ECHO_LEASE", value_name = "DURATION", default_value = "150ms")]
    pub lease: String,

    /// How often the log of a shared store is read while nobody asks for more. At most half of the lease, so that one reading may fail.
    #[arg(long, env = "ECHO_POLL_INTERVAL", value_name = "DURATION", default_value = "50ms")]
    pub poll_interval: String,

    /// From the end of a request's headers to its answer, body included; then 408 or 503; a mock answers and closes the connection.
    #[arg(long, env = "ECHO_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "30s")]
    pub request_timeout: String,

    /// After SIGTERM, how long to go on serving while readiness is false, so that load balancers notice. SIGINT skips it.
    #[arg(long, env = "ECHO_SHUTDOWN_DELAY", value_name = "DURATION", default_value = "0s")]
    pub shutdown_delay: String,

    /// After that, how long running requests may take to finish. Less than what the platform gives before it kills (ECS: 30 s), with time to flush telemetry.
    #[arg(long, env = "ECHO_SHUTDOWN_DEADLINE", value_name = "DURATION", default_value = "20s")]
    pub shutdown_deadline: String,

    /// What is logged: a level, or target=level pairs separated by commas. Requests to mocks are not: the metrics count them.
    #[arg(long, env = "ECHO_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
    #[arg(long, env = "ECHO_LOG_FORMAT", value_name = "FORMAT", default_value = "auto")]
    pub log_format: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Auto,
    Json,
    Text,
}

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(format!("`{text}` is not a format: write `auto`, `json` or `text`")),
        }
    }
}

/// Variables that look like settings but are none: a misspelt one must not be silently lost.
pub(super) fn unknown_variables(environment: &[(String, String)]) -> Vec<String> {
    let command = Cli::command();
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_env).collect();
    let unknown = |(name, value): &&(String, String)| {
        name.starts_with("ECHO_") && !is_service_link(name, value) && !known.iter().any(|k| *k == name.as_str())
    };
    environment
        .iter()
        .filter(unknown)
        .map(|(name, _)| format!("{name} is not a setting: see `echo-service --help`, or unset it"))
        .collect()
}

/// Kubernetes puts these into every container beside a service that is named `echo`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    name.starts_with("ECHO_SERVICE_") || name.starts_with("ECHO_PORT_") || name == "ECHO_PORT" && is_url
}

/// The settings as a Markdown table, for `docs/settings.md`.
pub fn settings_table() -> String {
    let command = Cli::command();
    let rows = command.get_arguments().filter_map(|argument| {
        let (flag, variable) = (argument.get_long()?, argument.get_env()?.to_string_lossy());
        let default = argument.get_default_values().first();
        let default = default.map_or_else(|| "none".into(), |value| format!("`{}`", value.to_string_lossy()));
        let help = argument.get_long_help().or(argument.get_help())?;
        Some(format!("| `--{flag}` | `{variable}` | {default} | {help} |\n"))
    });
    "| flag | variable | default | what, and why |\n| --- | --- | --- | --- |\n".to_owned() + &rows.collect::<String>()
}
