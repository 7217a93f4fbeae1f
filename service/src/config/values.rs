//! Parsers for the values of settings. Each error names the correction.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net};

use crate::store::StoreChoice;

/// A longer duration is as good as none, and sums of durations must not overflow.
const MAX_DURATION: Duration = Duration::from_hours(24);

/// Collects all mistakes, so that one message can name them all.
pub(super) struct Problems(pub Vec<String>);

impl Problems {
    /// Parses a value. `None` means that a problem was noted.
    pub(super) fn required<T>(
        &mut self,
        flag: &str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let variable = flag.to_uppercase().replace('-', "_");
        self.named(&format!("--{flag} (ECHO_{variable})"), text, read)
    }

    /// Like [`Self::required`], for a setting whose name is not derived from its flag.
    pub(super) fn named<T>(
        &mut self,
        name: &str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let note = |why| {
            let problem = format!("{name}: {why}");
            // Two readers of the same variable find the same problem.
            if !self.0.contains(&problem) {
                self.0.push(problem);
            }
        };
        read(text).map_err(note).ok()
    }

    /// Like [`Self::required`], but an absent or empty value is `None`.
    pub(super) fn optional<T>(
        &mut self,
        flag: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.required(flag, text.filter(|text| !text.is_empty())?, read)
    }
}

impl StoreChoice {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            #[cfg(not(feature = "dynamodb"))]
            Some(("dynamodb", _)) => Err("this build of Echo has no client of DynamoDB: build Echo by `cargo build \
                 --release --package echo-service`, without `--no-default-features`"
                .into()),
            #[cfg(feature = "dynamodb")]
            Some(("dynamodb", table)) => table_name(table).map(Self::DynamoDb),
            None if text.contains(['.', '/']) => {
                Err(format!("`{text}` is not a store: write `file:{text}` for a file of this name"))
            }
            _ => Err(format!("`{text}` is not a store: write `file:PATH`, `memory` or `dynamodb:TABLE`")),
        }
    }
}

/// The rule of the Amazon DynamoDB Developer Guide, "Supported data types and naming rules".
#[cfg(feature = "dynamodb")]
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

pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| format!("`{text}` is not a ratio: write a number from 0 to 1, for instance 0.05"))
}

/// A port alone and `localhost` mean this machine only. `:PORT` is refused, because it means every address elsewhere.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.strip_prefix("localhost:").unwrap_or(text).parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address: write ADDRESS:PORT, for instance 127.0.0.1:8080 for this machine only, or \
             0.0.0.0:8080 for other machines too"
        )
    })
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let alone = || part.parse::<std::net::IpAddr>().map(IpNet::from);
        let network = part.parse::<IpNet>().or_else(|_| alone());
        network.map(canonical).map_err(|_| {
            format!("`{part}` is not a network: write CIDR blocks such as 10.0.0.0/16, separated by commas")
        })
    };
    let networks = text.split(',').map(str::trim).map(network).collect::<Result<_, _>>()?;
    if IpNet::aggregate(&networks).iter().any(|network| network.prefix_len() == 0) {
        return Err(format!(
            "`{text}` covers every address, so that each client could claim any address: write the networks of the \
             proxies only"
        ));
    }
    Ok(networks)
}

/// The form in which addresses are compared: IPv4 networks as such, not mapped to IPv6 (`::ffff:10.0.0.0/104`).
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let v4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        "1" | "yes" | "y" | "on" => Err(format!("`{text}` is neither `true` nor `false`: write `true`")),
        "0" | "no" | "n" | "off" => Err(format!("`{text}` is neither `true` nor `false`: write `false`")),
        _ => Err(format!("`{text}` is neither `true` nor `false`: write one of them")),
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a port: write a whole number from 1 to 65535, or 0 for a free port"))
}

/// Requests per second. 0 is no limit.
pub(super) fn rate(text: &str) -> Result<Option<NonZeroU32>, String> {
    let rate: u32 =
        text.parse().map_err(|_| format!("`{text}` is not a rate: write requests per second, or 0 for no limit"))?;
    Ok(NonZeroU32::new(rate))
}

pub(super) fn within(range: RangeInclusive<usize>) -> impl FnOnce(&str) -> Result<usize, String> {
    move |text| {
        let write = format!("write a whole number from {} to {}", range.start(), range.end());
        let digits = text.strip_prefix('-').unwrap_or(text);
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            // Also a negative number, or a number too large for the type.
            _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Err(format!("`{text}` is out of range: {write}"))
            }
            _ => Err(format!("`{text}` is not a whole number: {write}")),
        }
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

/// With a shorter lease, most readings would come too late. With a longer one, writers would wait too long.
pub(super) fn lease_term(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        // Whole milliseconds, because processes exchange the lease in this unit.
        term if (20..=10_000).contains(&term.as_millis()) && term.subsec_nanos().is_multiple_of(1_000_000) => Ok(term),
        _ => Err(format!("`{text}` is out of range: write whole milliseconds from 20ms to 10s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_and_localhost_mean_this_machine_only() {
        for (text, expected) in [
            ("8080", Some("127.0.0.1:8080")),
            ("0", Some("127.0.0.1:0")),
            ("localhost:9090", Some("127.0.0.1:9090")),
            ("[::]:8080", Some("[::]:8080")),
            (":8080", None),
            ("localhost", None),
            ("localhost:", None),
            ("localhost.:80", None),
            ("65536", None),
            ("example.com:80", None),
        ] {
            assert_eq!(address(text).ok(), expected.map(|address| address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn networks_of_ipv4_in_the_form_of_ipv6_are_of_ipv4() {
        let read = |text: &str| networks(text).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(read("::ffff:10.0.0.0/104, ::ffff:192.0.2.1"), ["10.0.0.0/8", "192.0.2.1/32"]);
        assert_eq!(read("2001:db8::/32,10.0.0.0/8"), ["2001:db8::/32", "10.0.0.0/8"]);
    }

    #[test]
    fn networks_that_are_every_address_together_are_refused() {
        for text in [
            "0.0.0.0/0",
            "::ffff:0:0/96",
            "0.0.0.0/1,128.0.0.0/1",
            "10.0.0.0/8, ::/1, 8000::/2, c000::/2",
            "::ffff:0.0.0.0/97,128.0.0.0/1",
        ] {
            let why = networks(text).unwrap_err();
            assert!(why.contains("covers every address"), "{text}: {why}");
        }
        assert!(networks("0.0.0.0/1,128.0.0.0/2").is_ok());
    }
}
