//! What the standard variables of OpenTelemetry say ("SDK environment variables").

use std::time::Duration;

use super::values::collector;

/// Which signals are exported, and how spans are. The exporters read the other `OTEL_*` variables themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telemetry {
    pub traces: bool,
    pub metrics: bool,
    pub spans: SpanLimits,
}

/// How spans are sent (OpenTelemetry specification, "Batch Span Processor"). Four times as many wait and go at once as are usual
/// there: at tens of thousands of requests a second, each request to the collector takes the cores from those who serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// How long a span waits at most before it is sent.
    pub delay: Duration,
    /// So many spans wait; more are dropped.
    pub most_waiting: usize,
    /// So many spans are sent at once, and in one request.
    pub most_in_one: usize,
    /// How long the collector may take for a request.
    pub timeout: Duration,
}

impl Telemetry {
    const ENDPOINTS: [&str; 3] =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    /// Off where no collector is named, or where it is said to be (OpenTelemetry specification, "SDK environment variables").
    pub(super) fn of(environment: &[(String, String)]) -> Self {
        let get = |name| value(environment, name);
        let disabled = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let [all, traces, metrics] = Self::ENDPOINTS;
        let on =
            |endpoint, exporter| !disabled && get(all).or(get(endpoint)).is_some() && get(exporter) != Some("none");
        Self {
            traces: on(traces, "OTEL_TRACES_EXPORTER"),
            metrics: on(metrics, "OTEL_METRICS_EXPORTER"),
            spans: SpanLimits::of(environment),
        }
    }

    pub(super) fn wrong_endpoints(environment: &[(String, String)]) -> impl Iterator<Item = String> {
        let wrong = |name| collector(value(environment, name)?).err().map(|why| format!("{name}: {why}"));
        Self::ENDPOINTS.into_iter().filter_map(wrong)
    }
}

impl SpanLimits {
    /// Of what is no number, the SDK does not complain either.
    fn of(environment: &[(String, String)]) -> Self {
        let number =
            |name, default: u64| value(environment, name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let timeout = number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000);
        let most_waiting = number("OTEL_BSP_MAX_QUEUE_SIZE", 8_192) as usize;
        Self {
            // Not 0, which would keep a thread busy with waiting.
            delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000).max(1)),
            most_waiting,
            most_in_one: (number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2_048) as usize).clamp(1, most_waiting.max(1)),
            timeout: Duration::from_millis(number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", timeout)),
        }
    }
}

/// The value of a variable; an empty one is none.
fn value<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_follows_the_standard_variables() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            let Telemetry { traces, metrics, .. } = Telemetry::of(&pairs);
            (traces, metrics)
        };
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(of(&[all]), (true, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x")]), (true, false));
        assert_eq!(of(&[all, ("OTEL_SDK_DISABLED", "true")]), (false, false));
        assert_eq!(of(&[all, ("OTEL_TRACES_EXPORTER", "none")]), (false, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), (false, false));
    }

    #[test]
    fn spans_follow_the_standard_variables() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            let SpanLimits { delay, most_waiting, most_in_one, timeout } = SpanLimits::of(&pairs);
            (delay.as_millis(), most_waiting, most_in_one, timeout.as_millis())
        };
        assert_eq!(of(&[]), (5_000, 8_192, 2_048, 10_000));
        let (delay, queue) = (("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_BSP_MAX_QUEUE_SIZE", "100"));
        assert_eq!(of(&[delay, queue, ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")]), (10, 100, 20, 10_000));
        assert_eq!(of(&[queue]), (5_000, 100, 100, 10_000));
        let (all, traces) = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        assert_eq!(of(&[(all, "2000")]).3, 2_000);
        assert_eq!(of(&[(all, "2000"), (traces, "1500")]).3, 1_500);
        assert_eq!(of(&[(all, "2000"), (traces, "soon")]).3, 2_000);
    }
}
