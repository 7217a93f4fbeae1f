//! The command line. Its doc comments are the help texts and the tables in `docs/settings.md`: the first paragraph is what
//! `-h` shows, `--help` shows the rest as well.

use std::fmt::Write;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  echo-service
      Serve on 127.0.0.1:8080; keep the mocks in ./echo.redb
  echo-service --port 0 --store memory
      Serve on a free port, which the log tells; forget the mocks at the end
  echo-service --listen 0.0.0.0:8080 --store file:/data/echo.redb --keys \"$ENTRY\"
      Serve to others; ask for the key whose entry `echo-service key new` has printed
  ECHO_LISTEN=0.0.0.0:8080 ECHO_MANAGEMENT_LISTEN=127.0.0.1:8081 echo-service
      Serve mocks to others, and management to this machine only";

/// Mock HTTP endpoints that answer what they were told to.
#[derive(Debug, Parser)]
#[command(version, name = "echo-service", args_conflicts_with_subcommands = true)]
#[command(max_term_width = 100, after_long_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve (the default)
    Serve(Settings),
    /// Ask the service on this machine whether it is alive
    ///
    /// Exits with 0 if the service is alive, and with 1 if not. For containers without a shell. Takes the settings of the service, and
    /// asks where management listens.
    Healthcheck(Settings),
    /// Make management keys
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key
    ///
    /// Prints the token, which is shown only now, and the entry for --keys, which does not reveal the token.
    New {
        /// The name of the key in logs and limits
        #[arg(long, default_value = "default")]
        name: String,
        /// What the key allows: read, write or read+write
        #[arg(long, default_value = "read+write")]
        scope: String,
    },
}

impl Cli {
    /// The arguments of this process.
    pub fn from_arguments() -> Result<Self, clap::Error> {
        let shown = ["listen", "port", "management_listen"];
        let command = Self::command().mut_subcommand("healthcheck", |healthcheck| {
            healthcheck.mut_args(|argument| {
                let hide = !shown.contains(&argument.get_id().as_str());
                argument.hide(hide)
            })
        });
        Self::from_arg_matches(&command.try_get_matches()?)
    }
}

/// Values as they were written: [`super::Config::check`] reads them, to tell all that is wrong at once.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Settings {
    /// Address of the mocks, and of management unless it has its own
    ///
    /// The default is loopback, so that nothing is open by accident. Port 0 is a free port, which the log tells.
    #[arg(long, env = "ECHO_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    #[arg(help_heading = "Listening")]
    pub listen: String,

    /// Port of --listen, in place of the one written there
    ///
    /// A flag only: Kubernetes and Docker set a variable of the name ECHO_PORT for a service `echo`.
    #[arg(long, value_name = "PORT", help_heading = "Listening", allow_negative_numbers = true)]
    pub port: Option<String>,

    /// Address of management, if it has its own
    ///
    /// Then no path is reserved among the mocks. A mock may hold script, which must not share an origin with the page into which people
    /// paste their keys.
    #[arg(long, env = "ECHO_MANAGEMENT_LISTEN", value_name = "ADDRESS:PORT", help_heading = "Listening")]
    pub management_listen: Option<String>,

    /// URL under which clients reach the mocks
    ///
    /// For `Location`: `https://HOST` or `http://HOST:PORT`. Without it, the request's own `Host` is used.
    #[arg(long, env = "ECHO_PUBLIC_URL", value_name = "URL", help_heading = "Listening")]
    pub public_url: Option<String>,

    /// Networks of proxies, separated by commas
    ///
    /// `X-Forwarded-For`, `-Proto` and `-Host` are believed from these addresses only: anybody can send these headers. For this reason
    /// networks that are all addresses together, as /0 is, are refused.
    #[arg(long, env = "ECHO_TRUSTED_PROXIES", value_name = "CIDRS", help_heading = "Listening")]
    pub trusted_proxies: Option<String>,

    /// Place of the mocks: `file:PATH`, `memory` or `dynamodb:TABLE`
    ///
    /// `file:` and `dynamodb:` are durable at each acknowledged write; `memory` is gone with the process. Many processes may share a table
    /// of DynamoDB. A new file can be read by its owner only (mode 0600).
    #[arg(long, env = "ECHO_STORE", value_name = "STORE", default_value = "file:echo.redb", help_heading = "Store")]
    pub store: String,

    /// Time for which a replica answers from memory after a reading of a shared store's log
    ///
    /// A change or deletion is acknowledged when this time is over. It must be the same for all processes on one table.
    #[arg(long, env = "ECHO_LEASE", value_name = "DURATION", default_value = "150ms", help_heading = "Store")]
    #[arg(allow_hyphen_values = true)]
    pub lease: String,

    /// Time between two readings of a shared store's log
    ///
    /// At most half of the lease, so that one reading may fail. Requests that cannot wait cause more readings.
    #[arg(long, env = "ECHO_POLL_INTERVAL", value_name = "DURATION", default_value = "50ms", help_heading = "Store")]
    #[arg(allow_hyphen_values = true)]
    pub poll_interval: String,

    /// Entries of the keys that management asks for
    ///
    /// `echo-service key new` prints them (NAME:SCOPES:SHA-256); commas or white space separate them. An entry holds only a hash, so that
    /// nobody can use the key who reads the setting. An empty list is refused, because it would open management.
    #[arg(long, env = "ECHO_KEYS", value_name = "KEYS", hide_env_values = true, help_heading = "Access")]
    pub keys: Option<String>,

    /// Serve management without a key on an address that others can reach
    ///
    /// `true` or `false`. With false, such a start fails.
    #[arg(long, env = "ECHO_ALLOW_ANONYMOUS", value_name = "BOOL", help_heading = "Access")]
    #[arg(default_value = "false", default_missing_value = "true", num_args = 0..=1)]
    pub allow_anonymous: String,

    /// Management requests per second, for each key or client address; 0 is no limit
    ///
    /// As many may come at once. The default is enough for a test suite's set-up, and too little to fill a disk unnoticed.
    #[arg(long, env = "ECHO_RATE_LIMIT", value_name = "PER-SECOND", default_value = "500", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub rate_limit: String,

    /// Requests to mocks per second, for each client address; 0 is no limit
    ///
    /// As many may come at once. The default is no limit: load tests are a use of mocks.
    #[arg(long, env = "ECHO_MOCK_RATE_LIMIT", value_name = "PER-SECOND", default_value = "0", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub mock_rate_limit: String,

    /// Connections at once on each listener
    ///
    /// More connections wait to be accepted. Bounds file descriptors and memory. Idle connections count: give management, and with it
    /// health, a listener of its own where strangers reach the mocks.
    #[arg(long, env = "ECHO_MAX_CONNECTIONS", value_name = "COUNT", default_value = "4096", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_connections: String,

    /// Bytes of a request's body
    ///
    /// Management refuses a larger body with 413. Mocks discard bodies of any size. The default has room for the largest mock with every
    /// character escaped.
    #[arg(long, env = "ECHO_MAX_BODY_BYTES", value_name = "BYTES", default_value = "2097152", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_body_bytes: String,

    /// Bytes of a request's line and headers
    ///
    /// More is refused with 431. The default is as much as an AWS load balancer passes on.
    #[arg(long, env = "ECHO_MAX_HEADER_BYTES", value_name = "BYTES", default_value = "65536", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_header_bytes: String,

    /// Time to receive a request's line and headers
    ///
    /// For the first request on a connection, the clock starts when the connection opens. Slow clients are cut off, so that they cannot
    /// hold all connections.
    #[arg(
        long,
        env = "ECHO_HEADER_TIMEOUT",
        value_name = "DURATION",
        default_value = "10s",
        help_heading = "Time-outs"
    )]
    #[arg(allow_hyphen_values = true)]
    pub header_timeout: String,

    /// Time for which a connection may be idle between requests
    ///
    /// The default is longer than a load balancer's (AWS: 60 s), so that the service is never the one that closes. A client that takes
    /// nothing of its answer for this time is cut off, too.
    #[arg(long, env = "ECHO_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s", help_heading = "Time-outs")]
    #[arg(allow_hyphen_values = true)]
    pub idle_timeout: String,

    /// Time from the end of a request's headers to its answer
    ///
    /// Includes the request's body. Then management answers 408 or 503; a mock answers and closes the connection.
    #[arg(
        long,
        env = "ECHO_REQUEST_TIMEOUT",
        value_name = "DURATION",
        default_value = "30s",
        help_heading = "Time-outs"
    )]
    #[arg(allow_hyphen_values = true)]
    pub request_timeout: String,

    /// Time to go on serving after SIGTERM, while readiness is false
    ///
    /// So that load balancers notice. SIGINT skips it.
    #[arg(
        long,
        env = "ECHO_SHUTDOWN_DELAY",
        value_name = "DURATION",
        default_value = "0s",
        help_heading = "Time-outs"
    )]
    #[arg(allow_hyphen_values = true)]
    pub shutdown_delay: String,

    /// Time for running requests to finish, after the delay
    ///
    /// Less than the time that the platform gives before it kills (ECS: 30 s), so that the last telemetry can be sent.
    #[arg(
        long,
        env = "ECHO_SHUTDOWN_DEADLINE",
        value_name = "DURATION",
        default_value = "20s",
        help_heading = "Time-outs"
    )]
    #[arg(allow_hyphen_values = true)]
    pub shutdown_deadline: String,

    /// Level of the log (error, warn, info, debug, trace, off), or target=level pairs
    ///
    /// Commas separate pairs; other targets keep `info`, or the level that stands beside the pairs. Requests to mocks are not logged: the
    /// metrics count them.
    #[arg(long, env = "ECHO_LOG", value_name = "FILTER", default_value = "info", help_heading = "Logging")]
    pub log: String,

    /// `json`, `text`, or `auto`: text on a terminal, JSON elsewhere
    #[arg(long, env = "ECHO_LOG_FORMAT", value_name = "FORMAT", default_value = "auto", help_heading = "Logging")]
    pub log_format: String,
}

/// The settings in Markdown, for `docs/settings.md`: a table for each heading, and below it what does not fit into a cell.
pub fn settings_tables() -> String {
    let command = Cli::command();
    let settings: Vec<_> = command.get_arguments().filter(|argument| argument.get_help_heading().is_some()).collect();
    let mut text = String::new();
    for group in settings.chunk_by(|one, other| one.get_help_heading() == other.get_help_heading()) {
        let heading = group[0].get_help_heading().expect("only those with one");
        let rows: String = group.iter().map(|setting| row(setting)).collect();
        let details: String = group.iter().filter_map(|setting| detail(setting)).collect();
        let head = "| flag | variable | default | what |\n| --- | --- | --- | --- |";
        write!(text, "### {heading}\n\n{head}\n{rows}\n{details}\n").expect("a String takes everything");
    }
    text
}

fn row(setting: &clap::Arg) -> String {
    let flag = setting.get_long().expect("each setting has a flag");
    let variable = setting.get_env().map_or_else(|| "none".into(), |name| format!("`{}`", name.to_string_lossy()));
    let default = setting.get_default_values().first();
    let default = default.map_or_else(|| "none".into(), |value| format!("`{}`", value.to_string_lossy()));
    let help = setting.get_help().expect("each setting has a help text");
    format!("| `--{flag}` | {variable} | {default} | {help} |\n")
}

/// What only `--help` shows.
fn detail(setting: &clap::Arg) -> Option<String> {
    let (flag, help) = (setting.get_long()?, setting.get_long_help()?.to_string());
    let (_, detail) = help.split_once("\n\n")?;
    Some(format!("- `--{flag}`: {detail}\n"))
}
