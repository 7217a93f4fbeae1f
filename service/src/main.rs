//! The binary: config → telemetry → app → serve → drain → flush.

use std::{process::ExitCode, time::Duration};

use clap::error::ErrorKind;
use echo_service::{
    app::App,
    config::{Cli, Command, Config, KeyCommand, Settings, Token, drop_empty_variables},
    healthcheck,
    telemetry::{self, Telemetry},
};
use tokio::signal::unix::{SignalKind, signal};

/// `EX_USAGE` of sysexits(3): a setting is wrong, and trying again does not help.
const USAGE: u8 = 64;
/// What is left of the time that a platform gives to stop goes to the last telemetry.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    if let Err(problem) = drop_empty_variables() {
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

fn with_config(settings: &Settings, run: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match Config::check(settings, &Config::environment()) {
        Ok(config) => run(&config),
        Err(problems) => finished(Err(problems), ExitCode::from(USAGE)),
    }
}

fn serve(config: &Config) -> ExitCode {
    let _log = telemetry::init_logs(config);
    // Exporters start before the runtime, because their client may not be made inside of one.
    let telemetry = match Telemetry::start(&config.telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => return finished(Err(format!("an OTEL_* variable is wrong: {error}")), ExitCode::from(USAGE)),
    };
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Runtime::new().expect("the system can start threads");
    let outcome = runtime.block_on(run(config, &telemetry));
    // Closes the store: the writer ends when the last request has let go of it.
    runtime.shutdown_timeout(Duration::from_secs(1));
    telemetry.flush(FLUSH_DEADLINE);
    finished(outcome, ExitCode::FAILURE)
}

async fn run(config: &Config, telemetry: &Telemetry) -> Result<(), String> {
    let stop = stop_signal(config.shutdown_delay);
    let app = App::start(config, telemetry).await.map_err(|error| error.to_string())?;
    let (mocks, management) = (app.mock_address, app.management_address);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %mocks, %management, docs = format!("http://{management}/-/docs"), "serving");
    if app.serve(stop, config.shutdown_deadline).await {
        tracing::info!("stopped");
    } else {
        tracing::warn!(deadline = ?config.shutdown_deadline, "stopped; some requests did not finish before the deadline");
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT, and returns how long to go on: a person at a terminal does not want to wait.
/// Signals count from the call on, so that one that comes during the start is not lost.
fn stop_signal(delay: Duration) -> impl Future<Output = Duration> {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be handled");
    async move {
        let delay = tokio::select! {
            _ = terminate.recv() => delay,
            _ = interrupt.recv() => Duration::ZERO,
        };
        tracing::info!(?delay, "stopping");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // Whoever asks twice does not want to wait for anybody.
            std::process::exit(1);
        });
        delay
    }
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
