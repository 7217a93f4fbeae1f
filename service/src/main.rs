//! The binary: config → telemetry → app → serve → drain → flush.

mod signals;

use std::{panic::resume_unwind, process::ExitCode, time::Duration};

use clap::error::ErrorKind;
use echo_service::{
    app::App,
    config::{Cli, Command, Config, KeyCommand, Settings, Token, drop_empty_variables, refuse_garbled_variables},
    healthcheck,
    telemetry::{self, Telemetry},
};
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
    task::{JoinError, spawn_blocking},
    time::timeout,
};

use self::signals::{Ask, Signals};

/// `EX_USAGE` of sysexits(3): a setting is wrong, and trying again does not help.
const USAGE: u8 = 64;
/// What shells report of a program that SIGINT has ended: 128 + 2.
const INTERRUPTED: u8 = 130;
/// What is left of the time that a platform gives to stop goes to the last telemetry.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);
/// How long a start that is asked to end may take to become a service, which ends properly.
const START_DEADLINE: Duration = Duration::from_secs(1);
/// How long the store may take to close. A disk that hangs would hold the process for ever.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if let Err(problem) = drop_empty_variables().and_then(|()| refuse_garbled_variables()) {
        return finished(Err(problem), ExitCode::from(USAGE));
    }
    let cli = match Cli::from_arguments() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked_for { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    match cli.command {
        None => with_config(&cli.settings, serve),
        Some(Command::Serve(settings)) => with_config(&settings, serve),
        Some(Command::Healthcheck(settings)) => {
            with_config(&settings, |config| finished(healthcheck::run(config.management_address()), ExitCode::FAILURE))
        }
        Some(Command::Key(KeyCommand::New { name, scope })) => new_key(&name, &scope),
    }
}

fn with_config(settings: &Settings, run: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::check(settings, &Config::environment()) {
        Ok(config) => run(config),
        Err(problems) => finished(Err(problems), ExitCode::from(USAGE)),
    }
}

/// How the service has ended.
enum End {
    /// By itself, or as it was asked to.
    Ended(Result<(), String>),
    /// With this exit code, and without a wait for anybody.
    AtOnce(u8),
}

fn serve(config: Config) -> ExitCode {
    let log = telemetry::init_logs(&config);
    let runtime = Runtime::new().expect("the system can start threads");
    let signals = {
        let _inside = runtime.enter();
        Signals::listen().expect("signals can be handled")
    };
    // Exporters start outside of the runtime, because their client may not be made inside of one.
    let telemetry = match Telemetry::start(&config.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return finished(Err(format!("an OTEL_* variable is wrong: {error}")), ExitCode::from(USAGE)),
    };
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match runtime.block_on(supervise(config, telemetry.clone(), signals)) {
        End::Ended(outcome) => {
            // Closes the store: the writer ends when the last request has let go of it.
            runtime.shutdown_timeout(CLOSE_DEADLINE);
            telemetry.flush(FLUSH_DEADLINE);
            finished(outcome, ExitCode::FAILURE)
        }
        End::AtOnce(code) => {
            drop(log);
            // To return would wait for the exporters.
            std::process::exit(code.into())
        }
    }
}

/// Runs the service on a thread of its own, which a start or an end may block, and ends it as signals say.
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
    // A person at a terminal does not want to wait, and nobody sends requests to a service that has not started.
    let delay = if first == Ask::Terminate && is_serving { delay } else { Duration::ZERO };
    tracing::info!(?delay, "stopping");
    let _ = stop.send(delay);
    if !is_serving && timeout(START_DEADLINE, start).await.is_err() {
        tracing::info!("stopped before the start was over");
        return End::AtOnce(0);
    }
    tokio::select! {
        outcome = &mut service => End::of(outcome),
        () = signals.insisted(first) => {
            tracing::warn!("stopped at once by a later SIGINT; running requests were cut off");
            End::AtOnce(INTERRUPTED)
        }
    }
}

impl End {
    fn of(outcome: Result<Result<(), String>, JoinError>) -> Self {
        Self::Ended(outcome.unwrap_or_else(|panic| resume_unwind(panic.into_panic())))
    }
}

/// Starts, says so, and serves until it is told to stop.
async fn run(
    config: &Config,
    telemetry: &Telemetry,
    started: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Duration>,
) -> Result<(), String> {
    let app = App::start(config, telemetry).await.map_err(|error| error.to_string())?;
    let _ = started.send(());
    let (mocks, management) = (app.mock_address, app.management_address);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %mocks, %management, docs = format!("http://{management}/-/docs"), "serving");
    let stop = async { stopped.await.unwrap_or_default() };
    if app.serve(stop, config.shutdown_deadline).await {
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
            println!("token (shown only now): {}", token.as_str());
            println!("entry for --keys:       {entry}");
            ExitCode::SUCCESS
        }
        Err(problem) => finished(Err(problem), ExitCode::from(USAGE)),
    }
}

fn finished(outcome: Result<(), impl std::fmt::Display>, failure: ExitCode) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-service: {error}");
            failure
        }
    }
}
