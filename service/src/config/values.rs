//! How the value of each setting is read, and what a refusal says.

use std::{net::SocketAddr, num::NonZeroU32, ops::RangeInclusive, path::PathBuf, time::Duration};

/// Longer is forever, and sums of it must not overflow.
const MAX_DURATION: Duration = Duration::from_hours(24);

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

/// Collects what is wrong, so that all of it can be told at once.
pub(super) struct Problems(pub Vec<String>);

impl Problems {
    /// Reads a value. `None` means that a problem was noted.
    pub(super) fn required<T>(
        &mut self,
        flag: &str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        read(text)
            .map_err(|why| {
                let variable = flag.to_uppercase().replace('-', "_");
                self.0.push(format!("--{flag} (ECHO_{variable}): {why}"));
            })
            .ok()
    }

    /// As [`Self::required`], where an absent or empty value is none.
    pub(super) fn optional<T>(
        &mut self,
        flag: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.required(flag, text.filter(|text| !text.is_empty())?, read)
    }
}

/// Where the endpoints are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    File(PathBuf),
    Memory,
    /// The name of a table.
    DynamoDb(String),
}

impl StoreChoice {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("dynamodb", table)) => table_name(table).map(Self::DynamoDb),
            _ => Err(format!("`{text}` is not a store: write `file:PATH`, `memory` or `dynamodb:TABLE`")),
        }
    }
}

/// By the rule of the Amazon DynamoDB Developer Guide, "Supported data types and naming rules".
fn table_name(text: &str) -> Result<String, String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if (3..=255).contains(&text.len()) && text.bytes().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "`{text}` is not the name of a DynamoDB table: write 3 to 255 of the characters a-z, A-Z, 0-9, `_`, `-` and `.`"
        ))
    }
}

/// The URL under which clients reach the mocks: scheme and authority, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a base URL: write `https://HOST` or `http://HOST:PORT`, without a path");
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !web || uri.path() != "/" || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where telemetry goes. Without TLS, which this build does not have: an exporter would fail at each attempt.
pub(super) fn collector(text: &str) -> Result<(), String> {
    match text.parse::<http::Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") => Ok(()),
        _ => Err(format!(
            "`{text}` is not the URL of a collector: write `http://HOST:4318`, without TLS, for a collector nearby"
        )),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address: write ADDRESS:PORT, for instance 127.0.0.1:8080 or [::]:8080")
    })
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let alone = || part.parse::<std::net::IpAddr>().map(IpNet::from);
        part.parse::<IpNet>().or_else(|_| alone()).map_err(|_| {
            format!("`{part}` is not a network: write CIDR blocks such as 10.0.0.0/16, separated by commas")
        })
    };
    text.split(',').map(str::trim).map(network).collect()
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("`{text}` is neither `true` nor `false`"))
}

/// Requests per second; 0 is no limit.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    let rate: u32 =
        text.parse().map_err(|_| format!("`{text}` is not a rate: write requests per second, or 0 for no limit"))?;
    Ok(NonZeroU32::new(rate))
}

pub(super) fn within(range: RangeInclusive<usize>) -> impl FnOnce(&str) -> Result<usize, String> {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("`{text}` does not do: write a whole number from {} to {}", range.start(), range.end())),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= MAX_DURATION => Ok(duration),
        Ok(_) => Err(format!("`{text}` is too long: write at most 24h")),
        Err(_) => Err(format!("`{text}` is not a duration: write for instance 10s, 1m 30s or 500ms")),
    }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("0 would end every connection at once: write a longer duration".into()),
        duration => Ok(duration),
    }
}

/// Shorter, and most readings would come too late; longer, and nobody would wait for a change.
pub(super) fn lease_term(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        // Whole, because that is how processes tell each other.
        term if (20..=10_000).contains(&term.as_millis()) && term.subsec_nanos().is_multiple_of(1_000_000) => Ok(term),
        _ => Err(format!("`{text}` does not do: write whole milliseconds from 20ms to 10s")),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!(
            "`{text}` is not a log filter ({error}): write a level such as info, or target=level pairs separated by commas"
        )),
    }
}
