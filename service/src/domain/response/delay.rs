//! The time that an answer waits.

use std::{f64::consts::TAU, time::Duration};

use rand::Rng;
use serde_json::{Map, Value, json};

use crate::domain::excerpt;

/// The z-value of a normal distribution below which 99% of the values lie.
const Z_OF_P99: f64 = 2.326_347_874_040_841;

/// Chosen anew for each answer. All durations are whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    Fixed(Duration),
    Uniform {
        from: Duration,
        to: Duration,
    },
    /// Half of the delays are at most `median`, and 99 of 100 are at most `p99`. No delay is longer than the maximum.
    LogNormal {
        median: Duration,
        p99: Duration,
    },
}

/// Why a delay is refused. The member is `None` for the delay as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct DelayError {
    pub member: Option<&'static str>,
    pub detail: String,
}

impl Delay {
    pub fn parse(value: &Value) -> Result<Self, DelayError> {
        let both = |names @ [least, most]: [&'static str; 2], object: &Map<String, Value>| {
            let [less, more] = names.map(|name| duration(&object[name]).map_err(|detail| at(Some(name), detail)));
            match (less?, more?) {
                (less, more) if less > more => Err(at(
                    Some(most),
                    format!("`{most}` is shorter than `{least}`: swap the two, or write a longer one"),
                )),
                both => Ok(both),
            }
        };
        match value {
            Value::String(_) => duration(value).map(Self::Fixed).map_err(|detail| at(None, detail)),
            Value::Object(object) if has_exactly(object, ["from", "to"]) => {
                both(["from", "to"], object).map(|(from, to)| Self::Uniform { from, to })
            }
            Value::Object(object) if has_exactly(object, ["median", "p99"]) => match both(["median", "p99"], object)? {
                (Duration::ZERO, _) => Err(at(Some("median"), "`median` is 0: write at least 1ms".into())),
                (median, p99) => Ok(Self::LogNormal { median, p99 }),
            },
            _ => Err(at(
                None,
                r#"the value is not a delay: write "300ms", {"from": "100ms", "to": "2s"} or {"median": "200ms", "p99": "2s"}"#
                    .into(),
            )),
        }
    }

    /// Parses a stored delay. The error is a sentence.
    pub fn parse_text(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::parse(&value).map_err(|error| error.detail)
    }

    /// The value that [`Self::parse`] reads, in canonical form.
    pub fn show(&self) -> Value {
        match *self {
            Self::Fixed(duration) => text(duration).into(),
            Self::Uniform { from, to } => json!({"from": text(from), "to": text(to)}),
            Self::LogNormal { median, p99 } => json!({"median": text(median), "p99": text(p99)}),
        }
    }

    /// The longest of the durations that describe the delay.
    pub const fn longest(&self) -> Duration {
        match *self {
            Self::Fixed(duration) => duration,
            Self::Uniform { to, .. } => to,
            Self::LogNormal { p99, .. } => p99,
        }
    }

    /// The delay of one answer, at most `max`.
    pub fn sample(&self, rng: &mut impl Rng, max: Duration) -> Duration {
        let delay = match *self {
            Self::Fixed(duration) => duration,
            Self::Uniform { from, to } => rng.random_range(from..=to),
            Self::LogNormal { median, p99 } => {
                // Box and Muller, "A Note on the Generation of Random Normal Deviates". The logarithm is never of 0.
                let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
                let z = (-2.0 * u.ln()).sqrt() * (TAU * v).cos();
                let ratio = p99.as_secs_f64() / median.as_secs_f64();
                Duration::try_from_secs_f64(median.as_secs_f64() * ratio.powf(z / Z_OF_P99)).unwrap_or(max)
            }
        };
        delay.min(max)
    }
}

/// In milliseconds, or in seconds from 1 s on.
fn text(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ ..1_000 => format!("{millis}ms"),
        millis => format!("{}s", millis as f64 / 1_000.0),
    }
}

fn at(member: Option<&'static str>, detail: String) -> DelayError {
    DelayError { member, detail }
}

fn has_exactly(object: &Map<String, Value>, names: [&str; 2]) -> bool {
    object.len() == names.len() && names.iter().all(|name| object.contains_key(*name))
}

fn duration(value: &Value) -> Result<Duration, String> {
    let text = value.as_str().ok_or("the value is not a string: write a duration such as \"300ms\"")?;
    let shown = excerpt(text);
    match humantime::parse_duration(text) {
        // Larger numbers are not exact in the canonical form.
        Ok(duration) if duration > Duration::from_hours(24) => Err(format!("`{shown}` is too long: write at most 24h")),
        Ok(duration) if !duration.subsec_nanos().is_multiple_of(1_000_000) => {
            Err(format!("`{shown}` has a part of a millisecond: write whole milliseconds"))
        }
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("`{shown}` is not a duration: write for instance 300ms, 2s or 1.5s")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    fn parse(value: &Value) -> Result<Delay, String> {
        Delay::parse(value).map_err(|error| error.to_string())
    }

    #[test]
    fn three_forms_are_read_and_shown() {
        for (given, shown) in [
            (json!("300ms"), json!("300ms")),
            (json!("2s"), json!("2s")),
            (json!("1.5s"), json!("1.5s")),
            (json!("1500ms"), json!("1.5s")),
            (json!("1m 30s 1ms"), json!("90.001s")),
            (json!("0s"), json!("0ms")),
            (json!("24h"), json!("86400s")),
            (json!({"to": "2s", "from": "100ms"}), json!({"from": "100ms", "to": "2s"})),
            (json!({"from": "1s", "to": "1s"}), json!({"from": "1s", "to": "1s"})),
            (json!({"median": "200ms", "p99": "2s"}), json!({"median": "200ms", "p99": "2s"})),
        ] {
            assert_eq!(parse(&given).unwrap().show(), shown);
        }
    }

    #[test]
    fn every_mistake_names_its_correction() {
        for (given, member, told) in [
            (json!(300), None, "300ms"),
            (json!("300"), None, "300ms"),
            (json!("soon"), None, "1.5s"),
            (json!("-1s"), None, "1.5s"),
            (json!("1.5ms"), None, "whole milliseconds"),
            (json!("25h"), None, "24h"),
            (json!({"from": "1s"}), None, r#""to""#),
            (json!({"from": "1s", "to": "2s", "p99": "3s"}), None, r#""to""#),
            (json!({"from": "1s", "p99": "3s"}), None, r#""p99""#),
            (json!({"from": 1, "to": "2s"}), Some("from"), "300ms"),
            (json!({"from": "2s", "to": "1s"}), Some("to"), "swap"),
            (json!({"median": "2s", "p99": "1999ms"}), Some("p99"), "swap"),
            (json!({"median": "0s", "p99": "1s"}), Some("median"), "1ms"),
        ] {
            let error = Delay::parse(&given).unwrap_err();
            assert_eq!(error.member, member, "{given}");
            assert!(error.detail.contains(told), "{given}: {}", error.detail);
        }
    }

    #[test]
    fn delays_follow_their_distribution() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut sorted = |delay: Value| {
            let delay = parse(&delay).unwrap();
            let mut all: Vec<_> =
                (0..10_000).map(|_| delay.sample(&mut rng, Duration::from_mins(1)).as_secs_f64()).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let uniform = sorted(json!({"from": "100ms", "to": "2s"}));
        assert!(uniform[0] >= 0.1 && uniform[0] < 0.11 && uniform[9_999] <= 2.0 && uniform[9_999] > 1.99);
        assert!((uniform[5_000] - 1.05).abs() < 0.05, "{}", uniform[5_000]);
        let skewed = sorted(json!({"median": "200ms", "p99": "2s"}));
        assert!((skewed[5_000] - 0.2).abs() < 0.02, "{}", skewed[5_000]);
        assert!((skewed[9_900] - 2.0).abs() < 0.4, "{}", skewed[9_900]);
        assert!(skewed[0] > 0.0 && skewed[9_999] > 2.0);
        assert_eq!(sorted(json!({"median": "1s", "p99": "1s"})), vec![1.0; 10_000]);
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_the_maximum(from in 0..4_000_u64, more in 0..4_000_u64, max in 0..4_000_u64, seed: u64) {
            let text = |millis: u64| format!("{millis}ms");
            for delay in [
                json!(text(from)),
                json!({"from": text(from), "to": text(from + more)}),
                json!({"median": text(from + 1), "p99": text(from + 1 + more)}),
            ] {
                let delay = parse(&delay).unwrap();
                prop_assert_eq!(Delay::parse(&delay.show()).unwrap(), delay);
                let max = Duration::from_millis(max);
                prop_assert!(delay.sample(&mut SmallRng::seed_from_u64(seed), max) <= max);
            }
        }
    }
}
