//! `echo-service store`: asks a running Echo to raise its store, or to adopt the content of its table.

use http::Method;

use super::management::Management;
use crate::config::{ManagementAt, Raise, StoreCommand};

/// Calls management, and returns the outcome as a sentence.
pub fn run(command: &StoreCommand) -> Result<String, String> {
    match command {
        StoreCommand::Raise(raise) => self::raise(raise),
        StoreCommand::Adopt(at) => adopt(at),
    }
}

fn raise(Raise { at, format, dry_run }: &Raise) -> Result<String, String> {
    let format = format.map(|format| ("to_format", format.to_string()));
    let query: Vec<_> = [("dry_run", dry_run.to_string())].into_iter().chain(format).collect();
    let management = Management::of(at)?;
    let meta = &management.ask(Method::POST, "/-/store/raise", &query, None)?["meta"];
    match (meta["from"].as_u64(), meta["to"].as_u64(), meta["raised"].as_bool()) {
        (Some(from), Some(to), Some(true)) => Ok(format!("the store is raised from format {from} to format {to}\n")),
        (Some(from), Some(to), Some(false)) if from < to => {
            Ok(format!("the store would be raised from format {from} to format {to}\n"))
        }
        (Some(from), ..) => Ok(format!("the store is written in format {from}: there is nothing to raise\n")),
        _ => Err(management.other(200).into()),
    }
}

fn adopt(at: &ManagementAt) -> Result<String, String> {
    let management = Management::of(at)?;
    let document = management.ask(Method::POST, "/-/store/adopt", &[], None)?;
    match document["meta"]["endpoints"].as_u64() {
        Some(endpoints) => Ok(format!("the content of the table is adopted: {endpoints} endpoints\n")),
        None => Err(management.other(200).into()),
    }
}
