//! The commands that call management of a running Echo.

use std::{env, fs, os::unix::ffi::OsStringExt, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use http::HeaderValue;

use super::values::duration;
use crate::domain::{EndpointId, SetName};

#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make a mock file, or all mock files of a folder, the set of their name
    ///
    /// Shows the differences first: mocks to create (+), to change (~) and to delete (-). Mocks outside of the set
    /// stay. After an interruption, a further run writes the rest.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Apply(Apply),
    /// List mocks or sets, or show one mock
    ///
    /// With an id: the mock as JSON, with all its members. Without: a line for each mock, in the order of creation.
    #[command(after_long_help = GET_EXAMPLES)]
    Get(Get),
    /// Delete mocks by their ids, by filters, or all
    ///
    /// A mock has to satisfy all filters. No mock that satisfies them is no error, and an unknown id is.
    #[command(after_long_help = DELETE_EXAMPLES)]
    Delete(Delete),
    /// Write the mocks of a set to standard output
    ///
    /// The output is a list of mocks without ids, as a mock file has it.
    Export(Export),
    /// Show why a call gets its answer
    ///
    /// Lists the mocks whose verb and path fit, in the order in which Echo tries them. Echo calls no mock.
    #[command(after_long_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Wait until Echo is ready
    ///
    /// Exits with 0 as soon as Echo has loaded its mocks, and with 1 after the timeout. Needs no key.
    Wait(Wait),
    /// Work on the store of a running service
    #[command(subcommand)]
    Store(StoreCommand),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  echo-service apply mocks/shop
      Make the files of this folder the set `shop`
  echo-service apply shop.yaml --dry-run --url https://echo.example.com:8443
      Show the differences; exit with 2 if there are any, and with 0 if not";

const GET_EXAMPLES: &str = "\
Examples:
  echo-service get --set shop
      List the mocks of a set
  echo-service get --path '/users/{id}' --output json
      Show all members of the mocks of a path, as a JSON list";

const DELETE_EXAMPLES: &str = "\
Examples:
  echo-service delete --set shop
      Delete the mocks of a set
  echo-service delete --all --url https://echo.example.com:8443 --key-file token
      Delete all mocks";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  echo-service explain GET '/greeting?lang=fr' --header 'Accept: text/html'
      Show which mock answers this call, and the first failing test of each other mock";

#[derive(Debug, Args)]
pub struct Apply {
    /// File or folder with mocks in YAML or JSON
    pub path: PathBuf,
    /// Change nothing, and show the differences
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub at: ManagementAt,
}

#[derive(Debug, Args)]
pub struct Get {
    /// Show this mock
    #[arg(value_parser = id, conflicts_with_all = ["verb", "path", "set", "sets", "output"])]
    pub id: Option<EndpointId>,
    #[command(flatten)]
    pub filters: Filters,
    /// List the sets, with their numbers of mocks
    #[arg(long, conflicts_with_all = ["verb", "path", "set"])]
    pub sets: bool,
    /// A table, or JSON with all members
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Output,
    #[command(flatten)]
    pub at: ManagementAt,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    #[default]
    Yaml,
    Json,
}

/// The filters of a listing.
#[derive(Debug, Args)]
pub struct Filters {
    /// Only mocks with this verb
    #[arg(long)]
    pub verb: Option<String>,
    /// Only mocks with this path, as written in the mock
    #[arg(long)]
    pub path: Option<String>,
    /// Only mocks of this set
    #[arg(long, value_parser = set_name)]
    pub set: Option<SetName>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("chosen").required(true).multiple(true).args(["ids", "verb", "path", "set", "all"]))]
pub struct Delete {
    /// The ids of the mocks
    #[arg(value_name = "ID", value_parser = id, conflicts_with_all = ["verb", "path", "set", "all"])]
    pub ids: Vec<EndpointId>,
    #[command(flatten)]
    pub filters: Filters,
    /// Delete all mocks
    #[arg(long, conflicts_with_all = ["verb", "path", "set"])]
    pub all: bool,
    #[command(flatten)]
    pub at: ManagementAt,
}

#[derive(Debug, Args)]
pub struct Export {
    /// The name of the set
    #[arg(value_name = "SET", value_parser = set_name)]
    pub set: SetName,
    /// The form of the list
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Form,
    #[command(flatten)]
    pub at: ManagementAt,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The method of the call
    pub method: String,
    /// Path and query of the call, as sent
    #[arg(value_name = "PATH")]
    pub target: String,
    /// A header field of the call, repeatable
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = field)]
    pub header: Vec<(String, String)>,
    /// The body of the call
    #[arg(long, value_name = "TEXT")]
    pub body: Option<String>,
    #[command(flatten)]
    pub at: ManagementAt,
}

#[derive(Debug, Args)]
pub struct Wait {
    /// Maximum time to wait
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
    /// URL of management
    #[arg(long, env = "ECHO_URL", value_name = "URL", default_value = LOCAL)]
    pub url: String,
}

/// The address of management by default.
const LOCAL: &str = "http://127.0.0.1:8080";

fn id(text: &str) -> Result<EndpointId, String> {
    EndpointId::parse(text).ok_or_else(|| "write an id as `echo-service get` shows it".into())
}

fn set_name(text: &str) -> Result<SetName, String> {
    SetName::parse(text).map_err(|error| error.to_string())
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write a name and a value, such as 'Accept: text/html'")?;
    Ok((name.trim().into(), value.trim().into()))
}

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Raise the store to a newer format, so that all processes accept members of that format
    ///
    /// Versions that do not know the format cannot start on the store any more. While a live process does not know the
    /// format, Echo refuses to raise the store. Versions up to commit 1cdb0ba are not seen: look for them in ECS first.
    Raise(Raise),
    /// Adopt the content of a table that differs from its digest, after an edit by hand or a restored backup
    ///
    /// The replica that answers loads the table and makes the digest of the loaded mocks the digest of the table. All
    /// other replicas follow.
    Adopt(ManagementAt),
}

#[derive(Debug, Args)]
pub struct Raise {
    #[command(flatten)]
    pub at: ManagementAt,
    /// The format; by default the newest that the service knows
    #[arg(long, value_name = "NUMBER")]
    pub format: Option<u64>,
    /// Change nothing, and describe the raise
    #[arg(long)]
    pub dry_run: bool,
}

/// Management of a running Echo, and a key.
#[derive(Debug, Args)]
pub struct ManagementAt {
    /// URL of management, such as `https://echo.example.com:8443`
    #[arg(long, env = "ECHO_URL", value_name = "URL", default_value = LOCAL)]
    pub url: String,
    /// File with the token of a key; without it, ECHO_TOKEN is the token
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl ManagementAt {
    /// The field `Authorization`, if there is a token. On the command line, other users could read the token.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let (place, token) = match &self.key_file {
            Some(file) => {
                let place = format!("--key-file {}", file.display());
                let token = fs::read(file).map_err(|error| format!("cannot read {place}: {error}"))?;
                (place, token)
            }
            None => match env::var_os("ECHO_TOKEN") {
                Some(token) => ("ECHO_TOKEN".into(), token.into_vec()),
                None => return Ok(None),
            },
        };
        let token = token.trim_ascii();
        let is_one = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
        let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok().filter(|_| is_one);
        let mut value = value
            .ok_or_else(|| format!("{place} holds no token: write the token that `echo-service key new` printed"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
