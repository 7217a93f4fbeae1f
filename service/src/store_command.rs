//! `echo-service store`: asks a running Echo to raise its store, or to adopt the content of its table.

use std::time::Duration;

use http::header::AUTHORIZATION;
use reqwest::blocking::Client;
use serde_json::Value;
use url::Url;

use crate::{
    causes::causes,
    config::{ManagementAt, Raise, StoreCommand},
};

/// Longer than the service waits for its store.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Calls management, and returns the outcome as a sentence.
pub fn run(command: &StoreCommand) -> Result<String, String> {
    match command {
        StoreCommand::Raise(raise) => self::raise(raise),
        StoreCommand::Adopt(at) => adopt(at),
    }
}

fn raise(Raise { at, format, dry_run }: &Raise) -> Result<String, String> {
    let format = format.map(|format| ("to_format", format.to_string()));
    let parameters: Vec<_> = [("dry_run", dry_run.to_string())].into_iter().chain(format).collect();
    let meta = ask(at, "raise", &parameters)?;
    match (meta["from"].as_u64(), meta["to"].as_u64(), meta["raised"].as_bool()) {
        (Some(from), Some(to), Some(true)) => Ok(format!("the store is raised from format {from} to format {to}")),
        (Some(from), Some(to), Some(false)) if from < to => {
            Ok(format!("the store would be raised from format {from} to format {to}"))
        }
        (Some(from), ..) => Ok(format!("the store is written in format {from}: there is nothing to raise")),
        _ => Err(other_answer(at, 200)),
    }
}

fn adopt(at: &ManagementAt) -> Result<String, String> {
    match ask(at, "adopt", &[])?["endpoints"].as_u64() {
        Some(endpoints) => Ok(format!("the content of the table is adopted: {endpoints} endpoints")),
        None => Err(other_answer(at, 200)),
    }
}

fn other_answer(at: &ManagementAt, status: u16) -> String {
    format!("{} answers {status}, but not like management of Echo: check --url", at.url)
}

/// Returns the member `meta` of the answer.
fn ask(at: &ManagementAt, operation: &str, parameters: &[(&str, String)]) -> Result<Value, String> {
    let (status, document) = send(at, operation, parameters)?;
    match document["errors"][0]["detail"].as_str() {
        _ if status == 200 => Ok(document["meta"].clone()),
        Some(detail) => Err(format!("{status}: {detail}")),
        None => Err(other_answer(at, status)),
    }
}

fn send(at: &ManagementAt, operation: &str, parameters: &[(&str, String)]) -> Result<(u16, Value), String> {
    let unusable =
        |why: String| format!("--url {}: {why}: write https://HOST or http://HOST:PORT of management", at.url);
    let mut url: Url = at.url.parse().map_err(|error: url::ParseError| unusable(error.to_string()))?;
    url.set_path(&format!("{}/-/store/{operation}", url.path().trim_end_matches('/')));
    if !parameters.is_empty() {
        url.query_pairs_mut().extend_pairs(parameters);
    }
    let failed = |error: reqwest::Error| format!("{} does not answer: {}", at.url, causes(&error));
    let client = Client::builder().timeout(TIMEOUT).build().map_err(failed)?;
    let mut request = client.post(url);
    if let Some(authorization) = at.authorization()? {
        request = request.header(AUTHORIZATION, authorization);
    }
    let answer = request.send().map_err(failed)?;
    let status = answer.status().as_u16();
    let body = answer.bytes().map_err(failed)?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}
