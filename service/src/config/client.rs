//! The commands that call management of a running Echo.

use std::{env, fs, os::unix::ffi::OsStringExt, path::PathBuf};

use clap::{Args, Subcommand};
use http::HeaderValue;

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
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// File with the token of a key with the scope `write`; without it, ECHO_TOKEN is the token
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
