//! Logs on standard output: JSON for machines, text for people.

use std::{
    backtrace::Backtrace,
    io::IsTerminal,
    panic::PanicHookInfo,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::domain::excerpt;

/// Maximum number of lines that wait for a slow reader. Further lines are lost: a stopped terminal must not stop the
/// service.
const MAX_WAITING_LINES: usize = 10_000;
/// Interval of the check for lost lines.
const LOSS_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Auto,
    Json,
    Text,
}

/// Maximum time to write the waiting lines at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Text from a client, for log and spans: the beginning, with everything but visible ASCII escaped. A terminal would
/// obey control characters, and invisible or reordering characters would deceive readers.
pub fn visible(text: &str) -> String {
    let mut visible = String::new();
    for c in excerpt(text).chars() {
        if c.is_ascii_graphic() || c == ' ' || c == '…' {
            visible.push(c);
        } else {
            visible.extend(c.escape_unicode());
        }
    }
    visible
}

/// The lines lost since the start.
struct Losses {
    counter: ErrorCounter,
    told: AtomicUsize,
}

impl Losses {
    /// Logs the number of lost lines if it has grown.
    fn tell(&self) {
        let lines = self.counter.dropped_lines();
        if lines > self.told.load(Ordering::Relaxed) {
            tracing::warn!(lines, "log lines were lost since the start, because the log was not read");
            // This line may be lost as well. Then the next check repeats it.
            if self.counter.dropped_lines() == lines {
                self.told.store(lines, Ordering::Relaxed);
            }
        }
    }
}

/// Writes the waiting lines when it is dropped, if somebody reads the log.
pub struct LogGuard {
    losses: Arc<Losses>,
    worker: Option<WorkerGuard>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.losses.tell();
        let (worker, (done, is_done)) = (self.worker.take(), mpsc::channel());
        // On a thread of its own: with a full queue, the worker's guard waits for a reader of the log for ever.
        thread::spawn(move || {
            drop(worker);
            done.send(())
        });
        _ = is_done.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Writes all events of the process to standard output from now on, including panics. Drop the guard to flush.
#[must_use = "lines are lost when the guard is dropped"]
pub fn init(filter: Targets, format: LogFormat) -> LogGuard {
    let (output, worker) =
        NonBlockingBuilder::default().buffered_lines_limit(MAX_WAITING_LINES).finish(std::io::stdout());
    let losses = Arc::new(Losses { counter: output.error_counter(), told: AtomicUsize::new(0) });
    let is_terminal = std::io::stdout().is_terminal();
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !is_terminal,
    };
    let (registry, lines) = (tracing_subscriber::registry().with(filter), fmt::layer().with_writer(output));
    if json {
        let lines = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
        registry.with(lines).init();
    } else {
        registry.with(lines.with_ansi(is_terminal).with_target(false)).init();
    }
    std::panic::set_hook(Box::new(log_panic));
    let guard = LogGuard { losses: Arc::clone(&losses), worker: Some(worker) };
    thread::spawn(move || {
        loop {
            thread::sleep(LOSS_CHECK_INTERVAL);
            losses.tell();
        }
    });
    guard
}

/// Logs a panic as one line, with its place.
fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic = message, place, backtrace = %Backtrace::capture(), "a panic: this is a fault in the service");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_chosen_is_visible_as_it_is() {
        assert_eq!(visible("/a b/%C3%A9?'\"\\"), "/a b/%C3%A9?'\"\\");
        for c in "\0\u{1b}\r\n\u{7f}\u{85}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{feff}\u{3164}é".chars() {
            assert_eq!(visible(&format!("/{c}x")), format!("/{}x", c.escape_unicode()));
        }
        assert!(visible(&"\u{9b}".repeat(100_000)).len() < 1_000);
    }
}
