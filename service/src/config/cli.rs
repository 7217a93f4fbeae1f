//! The command line. Its doc comments are the help texts and the tables in `docs/settings.md`: `-h` shows the first
//! paragraph of each, `--help` shows all paragraphs.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use super::ClientCommand;

const EXAMPLES: &str = "\
Examples:
  echo-service
      Serve on 127.0.0.1:8080; keep the mocks in ./echo.redb
  echo-service --port 0 --store memory
      Serve on a free port, which the log names; keep the mocks in memory only
  echo-service --listen 0.0.0.0:8080 --store file:/data/echo.redb --keys \"$ENTRY\"
      Serve to other machines; management needs the key of this entry from `echo-service key new`
  ECHO_LISTEN=0.0.0.0:8080 ECHO_MANAGEMENT_LISTEN=127.0.0.1:8081 echo-service
      Serve mocks to other machines, and management to this machine only";

/// A mock HTTP server: define endpoints through its API, then call them.
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
    /// Exits with 0 if the service is alive, and with 1 if not. Meant for containers without a shell. Takes the
    /// settings of the service to find the address of management.
    Healthcheck(Settings),
    /// Create keys for management
    #[command(subcommand)]
    Key(KeyCommand),
    #[command(flatten)]
    Client(ClientCommand),
    /// Write the completions of a shell to standard output
    ///
    /// For bash: echo-service completions bash > ~/.local/share/bash-completion/completions/echo-service
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key
    ///
    /// Prints a token and an entry. Send the token with requests; it is shown only now. Write the entry into --keys; it
    /// does not reveal the token.
    New {
        /// The name of the key in logs and limits
        #[arg(long, default_value = "default")]
        name: String,
        /// Scope of the key: read, write or read+write
        #[arg(long, default_value = "read+write")]
        scope: String,
    },
}

impl Cli {
    /// The completions of a shell.
    pub fn completions(shell: Shell) -> String {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Self::command(), "echo-service", &mut text);
        String::from_utf8(text).expect("completions are UTF-8")
    }

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

/// The settings as text. [`super::Config::check`] parses all of them, so that one message names every mistake.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Settings {
    /// Address of the mocks, and of management unless --management-listen is set
    ///
    /// The default is a loopback address, so that other machines cannot reach Echo by accident. `8080` and
    /// `localhost:8080` mean 127.0.0.1:8080. Port 0 is a free port, which the log names.
    #[arg(long, env = "ECHO_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    #[arg(help_heading = "Listening")]
    pub listen: String,

    /// Port of --listen, in place of the port in that address
    ///
    /// A flag without a variable, because Kubernetes and Docker set ECHO_PORT for a service with the name `echo`.
    #[arg(long, value_name = "PORT", help_heading = "Listening", allow_negative_numbers = true)]
    pub port: Option<String>,

    /// Address of management, to separate it from the mocks
    ///
    /// Without a shared listener, mocks may have any path. A mock may hold a script; on a listener of its own, the
    /// script cannot read a key that somebody types into the documentation page.
    #[arg(long, env = "ECHO_MANAGEMENT_LISTEN", value_name = "ADDRESS:PORT", help_heading = "Listening")]
    pub management_listen: Option<String>,

    /// URL under which clients reach the mocks
    ///
    /// Echo builds `Location` from it. Write `https://HOST` or `http://HOST:PORT`. Without this setting, Echo uses the
    /// `Host` of the request.
    #[arg(long, env = "ECHO_PUBLIC_URL", value_name = "URL", help_heading = "Listening")]
    pub public_url: Option<String>,

    /// Networks of trusted proxies, separated by commas
    ///
    /// Echo believes `X-Forwarded-For`, `-Proto` and `-Host` from these addresses only, because every client can send
    /// these headers. Networks that together cover all addresses, such as /0, are refused.
    #[arg(long, env = "ECHO_TRUSTED_PROXIES", value_name = "CIDRS", help_heading = "Listening")]
    pub trusted_proxies: Option<String>,

    /// Store of the mocks: `file:PATH`, `memory` or `dynamodb:TABLE`
    ///
    /// `file:` and `dynamodb:` keep every acknowledged write. `memory` loses all mocks when the process ends. Many
    /// processes may share a DynamoDB table. Only the owner can read a new file (mode 0600).
    #[arg(long, env = "ECHO_STORE", value_name = "STORE", default_value = "file:echo.redb", help_heading = "Store")]
    pub store: String,

    /// File or folder with mocks in YAML or JSON, repeatable
    ///
    /// At the start, each path becomes a set with the name of the file (without its ending) or folder. Mocks of the set
    /// that are not in the files are deleted. A mistake ends the start with exit code 1, and names file, line and JSON
    /// pointer. Separate several paths in the variable by commas. `docs/mock-files.md` has the format.
    #[arg(long, env = "ECHO_MOCKS", value_name = "PATH", value_delimiter = ',', help_heading = "Store")]
    pub mocks: Vec<PathBuf>,

    /// Apply changes of the files of --mocks while Echo serves
    ///
    /// `true` or `false`. A wrong file keeps the last good set; the log names file, line and JSON pointer.
    #[arg(long, env = "ECHO_WATCH", value_name = "BOOL", help_heading = "Store")]
    #[arg(default_value = "false", default_missing_value = "true", num_args = 0..=1)]
    pub watch: String,

    /// Time a replica may answer from memory after it has read a shared store's log
    ///
    /// Changes and deletions take at least this long. All processes that share a table need the same value.
    #[arg(long, env = "ECHO_LEASE", value_name = "DURATION", default_value = "150ms", help_heading = "Store")]
    #[arg(allow_hyphen_values = true)]
    pub lease: String,

    /// Time between two readings of a shared store's log
    ///
    /// At most half of the lease, so that one reading may fail. A request that cannot wait causes an extra reading.
    #[arg(long, env = "ECHO_POLL_INTERVAL", value_name = "DURATION", default_value = "50ms", help_heading = "Store")]
    #[arg(allow_hyphen_values = true)]
    pub poll_interval: String,

    /// Entries of the keys for management
    ///
    /// `echo-service key new` prints an entry (NAME:SCOPES:SHA-256). Separate entries by commas or white space. An
    /// entry holds only a hash, so that a reader of the setting cannot use the key. An empty list is refused, because
    /// it would open management.
    #[arg(long, env = "ECHO_KEYS", value_name = "KEYS", hide_env_values = true, help_heading = "Access")]
    pub keys: Option<String>,

    /// Serve management without keys on an address that other machines can reach
    ///
    /// `true` or `false`. With `false`, Echo refuses to start on such an address without keys.
    #[arg(long, env = "ECHO_ALLOW_ANONYMOUS", value_name = "BOOL", help_heading = "Access")]
    #[arg(default_value = "false", default_missing_value = "true", num_args = 0..=1)]
    pub allow_anonymous: String,

    /// Name the three nearest mocks in the 404 of a call without a mock
    ///
    /// `true` or `false`. The 404 shows ids, paths, the place of the first test that fails, and the value in the call,
    /// but no expected values. Without this setting, only clients that can read all mocks see them: if management is on
    /// the same listener, needs no key, and answers the name in `Host` and the origin.
    #[arg(long, env = "ECHO_NEAR_MISSES", value_name = "BOOL", help_heading = "Access")]
    #[arg(default_missing_value = "true", num_args = 0..=1)]
    pub near_misses: Option<String>,

    /// Origins whose pages may call mocks: `any`, or origins separated by commas
    ///
    /// Echo answers preflights for mocked paths, and adds CORS fields to answers without CORS fields of their own. A
    /// list such as `http://localhost:3000` allows credentials; `any` does not. Reserved paths never get the fields.
    /// Without this setting, only mocks have CORS fields. The Terraform of environments does not set it.
    #[arg(long, env = "ECHO_MOCK_CORS", value_name = "ORIGINS", help_heading = "Access")]
    pub mock_cors: Option<String>,

    /// Management requests per second, for each key or client address; 0 is no limit
    ///
    /// Bursts may be as large as the rate. The default is enough for the set-up of a test suite, and does not protect
    /// the store: within it, one client wrote 118 MB/s in a measurement.
    #[arg(long, env = "ECHO_RATE_LIMIT", value_name = "PER-SECOND", default_value = "500", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub rate_limit: String,

    /// Requests to mocks per second, for each client address; 0 is no limit
    ///
    /// Bursts may be as large as the rate. The default is no limit, because load tests use mocks.
    #[arg(long, env = "ECHO_MOCK_RATE_LIMIT", value_name = "PER-SECOND", default_value = "0", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub mock_rate_limit: String,

    /// Maximum memory of all mocks together, in bytes
    ///
    /// A mock takes 448 bytes, 160 for each header field after the first, and its texts: path, fields and body. Echo
    /// refuses a write beyond the limit with 507. On a shared table, the smallest limit of all live processes holds.
    /// Without this setting, the limit is 75 % of the process's memory above 96 MiB, and at least a third of it. With
    /// `--store memory` it is a quarter of that, because the store holds each mock as well. The memory is the
    /// smallest of the machine's memory, the limits of the container, and `ulimit -d`. A process ends at its start if
    /// the mocks of the store exceed the limit by a quarter, or by more than 32 MiB.
    #[arg(long, env = "ECHO_MAX_MOCKS_BYTES", value_name = "BYTES", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_mocks_bytes: Option<String>,

    /// Maximum number of connections at once on each listener
    ///
    /// Further connections wait. The limit bounds file descriptors and memory. Idle connections count: on a public
    /// listener, use --management-listen, so that idle clients cannot block management and health checks.
    #[arg(long, env = "ECHO_MAX_CONNECTIONS", value_name = "COUNT", default_value = "4096", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_connections: String,

    /// Maximum bytes of a request's body
    ///
    /// Management refuses a larger body with 413. A mock whose tests read the body does not fit a larger one. Other
    /// mocks discard bodies of any size. The default has room for the largest mock with every character escaped.
    #[arg(long, env = "ECHO_MAX_BODY_BYTES", value_name = "BYTES", default_value = "2097152", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_body_bytes: String,

    /// Maximum bytes of the list of a set
    ///
    /// Management refuses a larger list with 413. The lists and answers of one client may take this memory, those of
    /// all clients together twice as much.
    #[arg(long, env = "ECHO_MAX_SET_BYTES", value_name = "BYTES", default_value = "33554432", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_set_bytes: String,

    /// Maximum bytes of a request's line and headers
    ///
    /// Echo refuses a larger head with 431. The default is the largest head that an AWS load balancer passes on.
    #[arg(long, env = "ECHO_MAX_HEADER_BYTES", value_name = "BYTES", default_value = "65536", help_heading = "Limits")]
    #[arg(allow_negative_numbers = true)]
    pub max_header_bytes: String,

    /// Maximum delay of a mock's answer
    ///
    /// Management refuses longer delays with 422; stored delays are cut. A delay does not count in --request-timeout. A
    /// waiting answer occupies a connection. Load balancers end a request after their own idle time-out (AWS: 60 s).
    #[arg(long, env = "ECHO_MAX_DELAY", value_name = "DURATION", default_value = "60s", help_heading = "Limits")]
    #[arg(allow_hyphen_values = true)]
    pub max_delay: String,

    /// Maximum time to receive a request's line and headers
    ///
    /// For the first request on a connection, the clock starts when the connection opens. Echo closes connections of
    /// slow clients, so that they cannot occupy all connections.
    #[arg(long, env = "ECHO_HEADER_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    #[arg(help_heading = "Time-outs", allow_hyphen_values = true)]
    pub header_timeout: String,

    /// Maximum time a connection may be idle between requests
    ///
    /// The default is longer than the idle time-out of a load balancer (AWS: 60 s), so that Echo never closes a
    /// connection first. Echo also closes the connection of a client that reads nothing of its answer for this time.
    #[arg(long, env = "ECHO_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s", help_heading = "Time-outs")]
    #[arg(allow_hyphen_values = true)]
    pub idle_timeout: String,

    /// Maximum time from the end of a request's headers to its answer
    ///
    /// Includes the time to receive the body, and excludes delays of mocks. After it, management answers 408 or 503; a
    /// mock answers and closes the connection.
    #[arg(long, env = "ECHO_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "30s")]
    #[arg(help_heading = "Time-outs", allow_hyphen_values = true)]
    pub request_timeout: String,

    /// Time Echo goes on serving after SIGTERM, while readiness is false
    ///
    /// Gives load balancers time to stop sending requests. SIGINT skips the delay.
    #[arg(long, env = "ECHO_SHUTDOWN_DELAY", value_name = "DURATION", default_value = "0s")]
    #[arg(help_heading = "Time-outs", allow_hyphen_values = true)]
    pub shutdown_delay: String,

    /// Maximum time for running requests to finish, after the delay
    ///
    /// Keep it below the time that the platform grants before SIGKILL (ECS: 30 s), so that the last telemetry can be
    /// sent. Delayed answers of mocks go out at the deadline at the latest.
    #[arg(long, env = "ECHO_SHUTDOWN_DEADLINE", value_name = "DURATION", default_value = "20s")]
    #[arg(help_heading = "Time-outs", allow_hyphen_values = true)]
    pub shutdown_deadline: String,

    /// Level of the log (error, warn, info, debug, trace, off), or target=level pairs
    ///
    /// Separate pairs by commas. Targets without a pair keep `info`, or the level beside the pairs. Requests to mocks
    /// appear in the metrics and not in the log.
    #[arg(long, env = "ECHO_LOG", value_name = "FILTER", default_value = "info", help_heading = "Logging")]
    pub log: String,

    /// Format of the log: `json`, `text`, or `auto` (text on a terminal, JSON elsewhere)
    #[arg(long, env = "ECHO_LOG_FORMAT", value_name = "FORMAT", default_value = "auto", help_heading = "Logging")]
    pub log_format: String,

    /// Share of the calls of mocks with a span, from 0 to 1
    ///
    /// Echo chooses at random, so that no client can switch its spans on or off. Each management request has a span.
    /// OTEL_TRACES_SAMPLER, if set, decides for all requests instead. Without a collector there are no spans.
    #[arg(long, env = "ECHO_MOCK_TRACE_RATIO", value_name = "RATIO", default_value = "1", help_heading = "Traces")]
    #[arg(allow_negative_numbers = true)]
    pub mock_trace_ratio: String,
}
