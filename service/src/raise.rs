//! `echo-service store raise`: asks a running Echo to raise its store.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;
use url::Url;

use crate::config::Raise;

/// Longer than the service waits for its store.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Calls management, and returns the outcome as a sentence.
pub fn run(raise: &Raise) -> Result<String, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async { tokio::time::timeout(TIMEOUT, ask(raise)).await });
    let (status, document) = asked.map_err(|_| format!("{} did not answer in {TIMEOUT:?}", raise.url))??;
    let meta = &document["meta"];
    match (status, meta["from"].as_u64(), meta["to"].as_u64(), meta["raised"].as_bool()) {
        (200, Some(from), Some(to), Some(true)) => Ok(format!("the store is raised from format {from} to format {to}")),
        (200, Some(from), Some(to), Some(false)) if from < to => {
            Ok(format!("the store would be raised from format {from} to format {to}"))
        }
        (200, Some(from), ..) => Ok(format!("the store is written in format {from}: there is nothing to raise")),
        _ => match document["errors"][0]["detail"].as_str() {
            Some(detail) => Err(format!("{status}: {detail}")),
            None => Err(format!("{} answers {status}, but not like management of Echo: check --url", raise.url)),
        },
    }
}

async fn ask(raise: &Raise) -> Result<(u16, Value), String> {
    let unusable =
        |why: String| format!("--url {}: {why}: write https://HOST or http://HOST:PORT of management", raise.url);
    let mut url: Url = raise.url.parse().map_err(|error: url::ParseError| unusable(error.to_string()))?;
    url.set_path(&format!("{}/-/store/raise", url.path().trim_end_matches('/')));
    url.query_pairs_mut().append_pair("dry_run", if raise.dry_run { "true" } else { "false" });
    if let Some(format) = raise.format {
        url.query_pairs_mut().append_pair("to_format", &format.to_string());
    }
    let mut request = Request::post(url.as_str());
    if let Some(authorization) = raise.authorization()? {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| unusable(error.to_string()))?;
    let provider = rustls::crypto::ring::default_provider();
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
    let tls = tls.map_err(|error| format!("no certificates of authorities are found: {error}"))?;
    let client = Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().build());
    let silent = |error: &dyn std::error::Error| {
        let cause = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        format!("{} does not answer: {cause}", raise.url)
    };
    let answer = client.request(request).await.map_err(|error| silent(&error))?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(|error| silent(&error))?.to_bytes();
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}
