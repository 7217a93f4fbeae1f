//! What the standard variables of OpenTelemetry say ("SDK environment variables").

use std::time::Duration;

use super::{
    url::{self, BadUrl},
    values::Problems,
};

/// Where signals are exported to, and how spans are. The exporters read the other `OTEL_*` variables themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telemetry {
    pub traces: Option<Collector>,
    pub metrics: Option<Collector>,
    pub spans: SpanLimits,
}

/// Where a signal is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// The whole URL, without any credentials.
    pub url: String,
    /// Whether it is on this machine, where no proxy is on the way.
    pub is_local: bool,
    /// How long the collector may take for a request.
    pub timeout: Duration,
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
}

impl Telemetry {
    /// Off where no collector is named, or where it is said to be.
    pub(super) fn read(environment: &[(String, String)], problems: &mut Problems) -> Self {
        let disabled = value(environment, "OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mut signal = |name, path| Collector::read(environment, problems, name, path).filter(|_| !disabled);
        Self {
            traces: signal("TRACES", "/v1/traces"),
            metrics: signal("METRICS", "/v1/metrics"),
            spans: SpanLimits::of(environment),
        }
    }
}

impl Collector {
    fn read(environment: &[(String, String)], problems: &mut Problems, signal: &str, path: &str) -> Option<Self> {
        let exporter = format!("OTEL_{signal}_EXPORTER");
        let exports = match value(environment, &exporter) {
            None => true,
            Some(text) => problems.named(&exporter, text, is_exported).unwrap_or_default(),
        };
        let get = |rest: &str| {
            // The signal's own variable wins.
            let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{rest}"), format!("OTEL_EXPORTER_OTLP_{rest}")];
            names.map(|name| value(environment, &name).map(|text| (name.clone(), text)))
        };
        let [own, general] = get("ENDPOINT");
        let is_own = own.is_some();
        let (name, text) = own.or(general)?;
        let host = problems.named(&name, text, host)?;
        let url = if is_own { text.to_owned() } else { text.trim_end_matches('/').to_owned() + path };
        // The SDK does not complain of what is no number either.
        let mut timeouts = get("TIMEOUT").into_iter().flatten().filter_map(|(_, text)| text.parse().ok());
        let timeout = Duration::from_millis(timeouts.next().unwrap_or(10_000));
        exports.then(|| Self { url, is_local: url::is_loopback(&host), timeout })
    }
}

/// Whether an exporter of the OpenTelemetry specification is one. This build has no others than OTLP.
fn is_exported(text: &str) -> Result<bool, String> {
    match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("`{text}` is not an exporter of Echo, which sends OTLP only: write `otlp` or `none`")),
    }
}

/// The host of a collector. Without TLS, which this build does not have: an exporter would fail at each attempt.
fn host(text: &str) -> Result<String, String> {
    match url::parse(text, &["http"]) {
        Ok(uri) if uri.query().is_none() => Ok(uri.host().unwrap_or_default().to_owned()),
        Ok(_) | Err(BadUrl::Secret) => {
            Err("it may not hold a query or user information: write `http://HOST:4318`, and \
             credentials into OTEL_EXPORTER_OTLP_HEADERS, for instance `Authorization=Bearer TOKEN`"
                .into())
        }
        Err(BadUrl::Malformed) => Err(format!(
            "`{text}` is not the URL of a collector: write `http://HOST:4318`, without TLS, for a collector nearby"
        )),
    }
}

impl SpanLimits {
    /// Of what is no number, the SDK does not complain either.
    fn of(environment: &[(String, String)]) -> Self {
        let number =
            |name, default: u64| value(environment, name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let most_waiting = number("OTEL_BSP_MAX_QUEUE_SIZE", 8_192) as usize;
        Self {
            // Not 0, which would keep a thread busy with waiting.
            delay: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000).max(1)),
            most_waiting,
            most_in_one: (number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 2_048) as usize).clamp(1, most_waiting.max(1)),
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

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn read(variables: &[(&str, &str)]) -> Telemetry {
        let mut problems = Problems(Vec::new());
        let telemetry = Telemetry::read(&pairs(variables), &mut problems);
        assert_eq!(problems.0, [""; 0]);
        telemetry
    }

    #[test]
    fn telemetry_follows_the_standard_variables() {
        let of = |variables: &[(&str, &str)]| {
            let Telemetry { traces, metrics, .. } = read(variables);
            (traces.is_some(), metrics.is_some())
        };
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(of(&[all]), (true, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://x")]), (true, false));
        assert_eq!(of(&[all, ("OTEL_SDK_DISABLED", "true")]), (false, false));
        assert_eq!(of(&[all, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "otlp")]), (false, true));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), (false, false));
    }

    #[test]
    fn a_path_is_added_to_the_general_endpoint_only() {
        let urls = |variables: &[(&str, &str)]| {
            let Telemetry { traces, metrics, .. } = read(variables);
            [traces, metrics].map(|collector| collector.map(|it| it.url).unwrap_or_default())
        };
        let (all, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        for base in ["http://h:4318", "http://h:4318/"] {
            assert_eq!(urls(&[(all, base)]), ["http://h:4318/v1/traces", "http://h:4318/v1/metrics"]);
        }
        assert_eq!(urls(&[(all, "http://h/otlp/")]), ["http://h/otlp/v1/traces", "http://h/otlp/v1/metrics"]);
        assert_eq!(urls(&[(all, "http://h"), (traces, "http://t/in/")]), ["http://t/in/", "http://h/v1/metrics"]);
    }

    #[test]
    fn what_cannot_be_exported_is_told() {
        let problems = |variable: (&str, &str)| {
            let mut problems = Problems(Vec::new());
            Telemetry::read(&pairs(&[variable]), &mut problems);
            problems.0.join("\n")
        };
        for exporter in ["prometheus", "console", "otlp,console", "OTLP"] {
            let message = problems(("OTEL_METRICS_EXPORTER", exporter));
            assert!(message.contains("write `otlp` or `none`"), "{message}");
        }
        for url in ["http://h:4318?token=secret", "http://user:secret@h:4318", "http://h/v1/traces?secret"] {
            let message = problems(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url));
            assert!(message.contains("OTEL_EXPORTER_OTLP_HEADERS") && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_collector_may_take_as_long_as_the_variables_say() {
        let (all, traces) = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        let of = |variables: &[(&str, &str)]| {
            let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:4318");
            let Telemetry { traces, metrics, .. } = read(&[&[endpoint], variables].concat());
            [traces, metrics].map(|collector| collector.unwrap().timeout.as_millis())
        };
        assert_eq!(of(&[]), [10_000, 10_000]);
        assert_eq!(of(&[(all, "2000")]), [2_000, 2_000]);
        assert_eq!(of(&[(all, "2000"), (traces, "1500")]), [1_500, 2_000]);
        assert_eq!(of(&[(all, "2000"), (traces, "soon")]), [2_000, 2_000]);
    }

    #[test]
    fn spans_follow_the_standard_variables() {
        let of = |variables: &[(&str, &str)]| {
            let SpanLimits { delay, most_waiting, most_in_one } = read(variables).spans;
            (delay.as_millis(), most_waiting, most_in_one)
        };
        assert_eq!(of(&[]), (5_000, 8_192, 2_048));
        let (delay, queue) = (("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_BSP_MAX_QUEUE_SIZE", "100"));
        assert_eq!(of(&[delay, queue, ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")]), (10, 100, 20));
        assert_eq!(of(&[queue]), (5_000, 100, 100));
    }
}
