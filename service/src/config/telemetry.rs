//! The standard variables of OpenTelemetry ("SDK environment variables" in its specification).

use std::time::Duration;

use super::values::Problems;
use crate::{
    telemetry::{Collector, Exports},
    web::url::{self, BadUrl},
};

impl Exports {
    /// A signal is off without a collector, and where a variable switches it off.
    pub(super) fn read(environment: &[(String, String)], mock_ratio: f64, problems: &mut Problems) -> Self {
        let disabled = value(environment, "OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let sampler = value(environment, SAMPLER);
        if let Some(sampler) = sampler {
            problems.named(SAMPLER, sampler, is_sampler);
        }
        let mut signal = |name, path| Collector::read(environment, problems, name, path).filter(|_| !disabled);
        Self {
            traces: signal("TRACES", "/v1/traces"),
            metrics: signal("METRICS", "/v1/metrics"),
            mock_ratio: sampler.is_none().then_some(mock_ratio),
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
            // The variable of the signal wins over the general variable.
            let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{rest}"), format!("OTEL_EXPORTER_OTLP_{rest}")];
            names.map(|name| value(environment, &name).map(|text| (name.clone(), text)))
        };
        let [own, general] = get("ENDPOINT");
        let is_own = own.is_some();
        let (name, text) = own.or(general)?;
        let host = problems.named(&name, text, host)?;
        let url = if is_own { text.to_owned() } else { text.trim_end_matches('/').to_owned() + path };
        // Like the SDK, ignore a value that is not a number.
        let mut timeouts = get("TIMEOUT").into_iter().flatten().filter_map(|(_, text)| text.parse().ok());
        let timeout = Duration::from_millis(timeouts.next().unwrap_or(10_000));
        exports.then(|| Self { url, is_local: url::is_loopback(&host), timeout })
    }
}

/// Whether the signal is exported. This build has the OTLP exporter only.
fn is_exported(text: &str) -> Result<bool, String> {
    match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("`{text}` is not an exporter of Echo, which sends OTLP only: write `otlp` or `none`")),
    }
}

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";

/// Refuses a sampler that the SDK does not have: the SDK would sample all requests instead.
fn is_sampler(text: &str) -> Result<(), String> {
    match text.strip_prefix("parentbased_").unwrap_or(text) {
        "always_on" | "always_off" | "traceidratio" => Ok(()),
        _ => Err(format!(
            "`{text}` is not a sampler of Echo: write `always_on`, `always_off` or `traceidratio`, or one of them after \
             `parentbased_`"
        )),
    }
}

/// The host of a collector. Refuses `https`: a collector is nearby, and the exporters have no provider of TLS.
fn host(text: &str) -> Result<String, String> {
    match url::parse(text, &["http"]) {
        Ok(uri) if uri.query().is_none() => Ok(uri.host().unwrap_or_default().to_owned()),
        Ok(_) | Err(BadUrl::Secret) => {
            Err("the URL cannot hold a query or user information: write `http://HOST:4318`, and \
             credentials into OTEL_EXPORTER_OTLP_HEADERS, for instance `Authorization=Bearer TOKEN`"
                .into())
        }
        Err(BadUrl::Malformed) => Err(format!(
            "`{text}` is not the URL of a collector: write `http://HOST:4318`, without TLS, for a collector nearby"
        )),
    }
}

/// The value of a variable. An empty variable has none.
fn value<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn read(variables: &[(&str, &str)]) -> Exports {
        let mut problems = Problems(Vec::new());
        let telemetry = Exports::read(&pairs(variables), 0.5, &mut problems);
        assert_eq!(problems.0, [""; 0]);
        telemetry
    }

    #[test]
    fn telemetry_follows_the_standard_variables() {
        let of = |variables: &[(&str, &str)]| {
            let Exports { traces, metrics, .. } = read(variables);
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
            let Exports { traces, metrics, .. } = read(variables);
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
            Exports::read(&pairs(&[variable]), 0.5, &mut problems);
            problems.0.join("\n")
        };
        for exporter in ["prometheus", "console", "otlp,console", "OTLP"] {
            let message = problems(("OTEL_METRICS_EXPORTER", exporter));
            assert!(message.contains("write `otlp` or `none`"), "{message}");
        }
        for sampler in ["xray", "parentbased_jaeger_remote", "always", "ALWAYS_ON"] {
            let message = problems(("OTEL_TRACES_SAMPLER", sampler));
            assert!(message.starts_with("OTEL_TRACES_SAMPLER: ") && message.contains("write `always_on`"), "{message}");
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
            let Exports { traces, metrics, .. } = read(&[&[endpoint], variables].concat());
            [traces, metrics].map(|collector| collector.unwrap().timeout.as_millis())
        };
        assert_eq!(of(&[]), [10_000, 10_000]);
        assert_eq!(of(&[(all, "2000")]), [2_000, 2_000]);
        assert_eq!(of(&[(all, "2000"), (traces, "1500")]), [1_500, 2_000]);
        assert_eq!(of(&[(all, "2000"), (traces, "soon")]), [2_000, 2_000]);
    }

    #[test]
    fn the_ratio_of_mocks_yields_to_the_standard_sampler() {
        let sampler = |value| read(&[("OTEL_TRACES_SAMPLER", value)]).mock_ratio;
        assert_eq!([sampler("always_off"), sampler("")], [None, Some(0.5)]);
    }
}
