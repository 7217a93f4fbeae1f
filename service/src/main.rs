//! The binary: config → telemetry → app → serve → drain → flush.

mod signals;

use std::{panic::resume_unwind, process::ExitCode, time::Duration};

use clap::error::ErrorKind;
use echo_service::{
    api::Token,
    app::{App, StartError},
    commands,
    config::{Cli, Command, Config, KeyCommand, Settings, drop_empty_variables, refuse_garbled_variables},
    healthcheck,
    telemetry::{self, Telemetry},
};
use rustls::crypto::ring;
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use self::signals::{Ask, Signals};

/// `EX_USAGE` of sysexits(3): a setting is wrong. A restart does not help.
const USAGE_EXIT_CODE: u8 = 64;
/// The exit code that shells report for a program ended by SIGINT: 128 + 2.
const INTERRUPTED_EXIT_CODE: u8 = 130;
/// Time to send the last telemetry, within the platform's time for a stop.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);
/// Maximum time for a start to complete after the request to stop, so that it ends gracefully. Longer than a renewal of
/// the process's item and the removal of the item.
const START_DEADLINE: Duration = Duration::from_secs(3);
/// Maximum time to close the store. A disk that hangs must not block the process for ever.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // reqwest makes no client without it.
    _ = ring::default_provider().install_default();
    if let Err(problem) = drop_empty_variables().and_then(|()| refuse_garbled_variables()) {
        return finished(Err(problem), ExitCode::from(USAGE_EXIT_CODE));
    }
    let cli = match Cli::from_arguments() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked_for { ExitCode::SUCCESS } else { ExitCode::from(USAGE_EXIT_CODE) };
        }
    };
    match cli.command {
        None => with_config(&cli.settings, serve),
        Some(Command::Serve(settings)) => with_config(&settings, serve),
        Some(Command::Healthcheck(settings)) => {
            // The check opens no listener, and does not see flags of the service such as --keys.
            let settings = Settings { allow_anonymous: "true".to_owned(), ..settings };
            with_config(&settings, |config| finished(healthcheck::run(config.management_address()), ExitCode::FAILURE))
        }
        Some(Command::Key(KeyCommand::New { name, scope })) => new_key(&name, &scope),
        Some(Command::Client(command)) => {
            commands::run(&command).unwrap_or_else(|error| finished(Err(error), ExitCode::FAILURE))
        }
        Some(Command::Completions { shell }) => finished(commands::print(&Cli::completions(shell)), ExitCode::FAILURE),
    }
}

fn with_config(settings: &Settings, run: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::check(settings, &Config::environment()) {
        Ok(config) => run(config),
        Err(problems) => finished(Err(problems), ExitCode::from(USAGE_EXIT_CODE)),
    }
}

/// How the service ended.
enum End {
    /// By itself, or after a graceful stop.
    Ended(Result<(), String>),
    /// Immediately, with this exit code.
    AtOnce(u8),
}

fn serve(config: Config) -> ExitCode {
    let log = telemetry::init_logs(config.log.clone(), config.log_format);
    let runtime = Runtime::new().expect("the system can start threads");
    let signals = {
        let _inside = runtime.enter();
        Signals::listen().expect("signals can be handled")
    };
    // Exporters start outside the runtime: their blocking client cannot be created inside.
    let telemetry = match Telemetry::start(&config.exports) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            return finished(Err(format!("an OTEL_* variable is wrong: {error}")), ExitCode::from(USAGE_EXIT_CODE));
        }
    };
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match runtime.block_on(supervise(config, telemetry.clone(), signals)) {
        End::Ended(outcome) => {
            // Closes the store: its writer ends after the last request has dropped its handle.
            runtime.shutdown_timeout(CLOSE_DEADLINE);
            telemetry.flush(FLUSH_DEADLINE);
            finished(outcome, ExitCode::FAILURE)
        }
        End::AtOnce(code) => {
            drop(log);
            // A return would wait for the exporters.
            std::process::exit(code.into())
        }
    }
}

/// Runs the service on a thread of its own, which a start or a stop may block. Ends the service as the signals ask.
async fn supervise(config: Config, telemetry: Telemetry, mut signals: Signals) -> End {
    let (stop, stopped) = oneshot::channel();
    let (started, mut start) = oneshot::channel();
    let delay = config.shutdown_delay;
    let mut service = spawn_blocking(move || Handle::current().block_on(run(&config, &telemetry, started, stopped)));
    let first = tokio::select! {
        outcome = &mut service => return End::of(outcome),
        first = signals.asked() => first,
    };
    let is_serving = start.try_recv().is_ok();
    // A person at a terminal does not want to wait, and a service that has not started has no clients.
    let delay = if first == Ask::Terminate && is_serving { delay } else { Duration::ZERO };
    tracing::info!(?delay, "stopping");
    let _ = stop.send(delay);
    if !is_serving && timeout(START_DEADLINE, start).await.is_err() {
        tracing::info!("stopped before the start was complete");
        return End::AtOnce(0);
    }
    tokio::select! {
        outcome = &mut service => End::of(outcome),
        () = signals.insisted(first) => {
            tracing::warn!("stopped at once by a later SIGINT; running requests were cut off");
            End::AtOnce(INTERRUPTED_EXIT_CODE)
        }
    }
}

impl End {
    fn of(outcome: Result<Result<(), String>, JoinError>) -> Self {
        Self::Ended(outcome.unwrap_or_else(|panic| resume_unwind(panic.into_panic())))
    }
}

/// Starts the service, logs its addresses, and serves until `stopped`.
async fn run(
    config: &Config,
    telemetry: &Telemetry,
    started: oneshot::Sender<()>,
    mut stopped: oneshot::Receiver<Duration>,
) -> Result<(), String> {
    let app = match App::start(config, telemetry, &mut stopped).await {
        Err(stop @ StartError::Stopped) => {
            tracing::info!("{stop}");
            return Ok(());
        }
        app => app.map_err(|error| error.to_string())?,
    };
    let _ = started.send(());
    let (mocks, management) = (app.mock_address, app.management_address);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %mocks, %management, docs = format!("http://{management}/-/docs"), "serving");
    let stop = async { stopped.await.unwrap_or_default() };
    if app.serve(stop, config.shutdown_deadline).await.map_err(|error| error.to_string())? {
        tracing::info!("stopped");
    } else {
        tracing::warn!(deadline = ?config.shutdown_deadline, "stopped; some requests did not finish before the deadline");
    }
    Ok(())
}

fn new_key(name: &str, scope: &str) -> ExitCode {
    let token = Token::generate();
    match token.entry(name, scope) {
        Ok(entry) => {
            let told = format!("token (shown only now): {}\nentry for --keys:       {entry}\n", token.as_str());
            finished(commands::print(&told), ExitCode::FAILURE)
        }
        Err(problem) => finished(Err(problem), ExitCode::from(USAGE_EXIT_CODE)),
    }
}

fn finished(outcome: Result<(), impl std::fmt::Display>, failure: ExitCode) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::report(error);
            failure
        }
    }
}
