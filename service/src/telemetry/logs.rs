//! Logs on standard output: JSON for machines, text for people.

use std::{backtrace::Backtrace, io::IsTerminal, panic::PanicHookInfo};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// How many lines wait for a reader that is slow. More are lost: a terminal that is stopped must not stop the service.
const MAX_WAITING: usize = 10_000;

/// Sends all events of the process to standard output from now on, panics among them. What waits is written when the
/// guard is dropped.
#[must_use = "lines are lost when the guard is dropped"]
pub fn init(config: &Config) -> WorkerGuard {
    let (output, guard) = NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING).finish(std::io::stdout());
    let filter = EnvFilter::new(&config.log);
    let json = match config.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry
            .with(
                fmt::layer()
                    .with_writer(output)
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false),
            )
            .init();
    } else {
        registry
            .with(fmt::layer().with_writer(output).with_ansi(std::io::stdout().is_terminal()).with_target(false))
            .init();
    }
    std::panic::set_hook(Box::new(log_panic));
    guard
}

/// A panic is one line of the log, with its place.
fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic = message, place, backtrace = %Backtrace::capture(), "a panic: this is a fault in the service");
}
