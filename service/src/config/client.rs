//! The commands that call management of a running Echo.

use std::{env, fs, path::PathBuf};

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Raise the store to a newer format, so that all processes accept members of that format
    ///
    /// Versions that do not know the format cannot start on the store any more. While a live process does not know the
    /// format, Echo refuses to raise the store. Versions up to commit 1cdb0ba are not seen: look for them in ECS first.
    Raise(Raise),
}

#[derive(Debug, Args)]
pub struct Raise {
    /// URL of management, such as `https://echo.example.com:8443`
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The format; by default the newest that the service knows
    #[arg(long, value_name = "NUMBER")]
    pub format: Option<u64>,
    /// Change nothing, and describe the raise
    #[arg(long)]
    pub dry_run: bool,
    /// File with the token of a key with the scope `write`; without it, ECHO_TOKEN is the token
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

fn from_variable() -> Option<String> {
    env::var_os("ECHO_TOKEN")?.into_string().ok()
}

impl Raise {
    /// The token, if there is one. On the command line, other users could read it.
    pub fn token(&self) -> Result<Option<String>, String> {
        let Some(file) = &self.key_file else { return Ok(from_variable()) };
        let token =
            fs::read_to_string(file).map_err(|error| format!("cannot read --key-file {}: {error}", file.display()));
        token.map(|token| Some(token.trim().to_owned()))
    }
}
