//! A client of management.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use reqwest::{blocking::Client, redirect::Policy};
use serde_json::Value;
use url::Url;

use crate::{
    causes::causes,
    config::{ManagementAt, is_loopback},
    domain::printable,
};

/// Longer than the service waits for its store.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Management of a running Echo.
pub struct Management<'a> {
    /// The URL, as the caller gave it.
    at: &'a str,
    url: Url,
    authorization: Option<HeaderValue>,
    client: Client,
    timeout: Duration,
}

/// The reason for a request without a result.
#[derive(Debug)]
pub enum Failure {
    Refused {
        status: u16,
        errors: Vec<Refusal>,
    },
    /// No answer, or the answer of another server.
    Unusable(String),
}

/// A mistake in a request. `pointer` is a JSON pointer into its document, or empty.
#[derive(Debug)]
pub struct Refusal {
    pub pointer: String,
    pub detail: String,
}

impl<'a> Management<'a> {
    pub fn of(at: &'a ManagementAt) -> Result<Self, String> {
        Self::new(&at.url, at.authorization()?)
    }

    pub fn new(at: &'a str, authorization: Option<HeaderValue>) -> Result<Self, String> {
        let unusable = |why: String| format!("--url {at}: {why}: write https://HOST or http://HOST:PORT of management");
        let url: Url = at.parse().map_err(|error: url::ParseError| unusable(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable("the scheme is not HTTP".into()));
        }
        // A redirection would turn a change into a reading.
        let mut client = Client::builder().redirect(Policy::none());
        if url.host_str().is_some_and(is_loopback) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| format!("cannot make a client: {}", causes(&error)))?;
        Ok(Self { at, url, authorization, client, timeout: TIMEOUT })
    }

    /// Limits the time of each request from now on.
    pub fn limit(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Asks for a document. Any other answer than 200 or 204 is a failure.
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Value, Failure> {
        let (status, body) = self.send(method, path, query, body).map_err(Failure::Unusable)?;
        let document = serde_json::from_slice::<Value>(&body);
        match (status, document) {
            (204, _) => Ok(Value::Null),
            (200, Ok(document)) => Ok(document),
            (_, Ok(document)) if document["errors"][0]["detail"].is_string() => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let refusal = |error: &Value| Refusal {
                    pointer: text(&error["source"]["pointer"]),
                    detail: text(&error["detail"]),
                };
                let errors = document["errors"].as_array().into_iter().flatten().map(refusal).collect();
                Err(Failure::Refused { status, errors })
            }
            _ => Err(self.other(status)),
        }
    }

    /// The status and body of any server's answer.
    fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> Result<(u16, Bytes), String> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url).timeout(self.timeout);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let failed = |error: reqwest::Error| {
            format!("{} does not answer: {}: start Echo, or check --url", self.at, printable(&causes(&error)))
        };
        let answer = request.send().map_err(failed)?;
        Ok((answer.status().as_u16(), answer.bytes().map_err(failed)?))
    }

    /// The failure of an answer that is not management's.
    pub fn other(&self, status: u16) -> Failure {
        Failure::Unusable(format!("{} answers {status}, but not like management of Echo: check --url", self.at))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => f.write_str(why),
            Self::Refused { status, errors } => {
                for (number, Refusal { pointer, detail }) in errors.iter().enumerate() {
                    let (line, colon) =
                        (if number == 0 { "" } else { "\n" }, if pointer.is_empty() { "" } else { ": " });
                    write!(f, "{line}{status}: {}{colon}{}", printable(pointer), printable(detail))?;
                }
                f.write_str(match status {
                    401 => ": put the token into ECHO_TOKEN, or name its file with --key-file",
                    404 => ": check --url; `echo-service get` lists mocks, and `echo-service get --sets` sets",
                    _ => "",
                })
            }
        }
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> Self {
        failure.to_string()
    }
}
