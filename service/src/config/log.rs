//! Level and format of the log.

use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::telemetry::LogFormat;

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(format!("`{text}` is not a format: write `auto`, `json` or `text`")),
        }
    }
}

/// Parses a log filter. The library takes any word for a target, so that a misspelt level would silence the log.
pub(super) fn filter(text: &str) -> Result<Targets, String> {
    let write = "write error, warn, info, debug, trace or off; or target=level pairs such as echo_service::store=debug, separated by commas";
    let is_level = |level: &str| !level.is_empty() && level.parse::<LevelFilter>().is_ok();
    let parts: Vec<_> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(format!("`{text}` is not a log filter: {write}"));
    }
    let mut filter = parts.join(",");
    for part in &parts {
        match part.rsplit_once('=') {
            None if is_level(part) => {}
            None => return Err(format!("`{part}` is not a level: {write}")),
            Some(("", _)) => return Err(format!("`{part}` has no target: {write}")),
            Some((_, level)) if is_level(level) => {}
            Some((_, level)) => return Err(format!("`{level}` in `{part}` is not a level: {write}")),
        }
    }
    // Without a level for all other targets, the library would drop their lines.
    if parts.iter().all(|part| part.contains('=')) {
        filter.insert_str(0, "info,");
    }
    filter.parse().map_err(|error| format!("`{text}` is not a log filter ({error}): {write}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_of_levels() {
        for text in [
            "info",
            "WARN",
            "off",
            "trace,",
            "info, echo_service::store=debug",
            "echo_service=debug,hyper=off",
            "a-b=error",
        ] {
            assert!(filter(text).is_ok(), "{text}");
        }
        for (text, part) in [
            ("inf", "`inf` is not a level"),
            ("echo_service", "`echo_service` is not a level"),
            ("info,debgu", "`debgu` is not a level"),
            ("echo_service=inf", "`inf` in `echo_service=inf` is not a level"),
            ("info,echo_service=", "`` in `echo_service=` is not a level"),
            ("info warn", "`info warn` is not a level"),
            (",", "is not a log filter"),
            (" ", "is not a log filter"),
            ("=info", "`=info` has no target"),
        ] {
            let message = filter(text).expect_err(text);
            assert!(message.contains(part) && message.contains("write error, warn, info"), "{text}: {message}");
        }
    }

    #[test]
    fn a_pair_does_not_silence_other_targets() {
        for (text, level) in
            [("hyper=off", LevelFilter::INFO), ("error,hyper=off", LevelFilter::ERROR), ("off", LevelFilter::OFF)]
        {
            assert_eq!(filter(text).unwrap().default_level(), Some(level), "{text}");
        }
    }
}
