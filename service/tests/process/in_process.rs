//! The service in the test's own process, on a store that does what a test needs.

use std::{future, net::SocketAddr, time::Duration};

use clap::Parser as _;
use echo_service::{
    app::App,
    config::{Cli, Config},
    store::Store,
    telemetry::Telemetry,
};

/// The settings that these arguments give.
pub fn config(arguments: &[&str]) -> Config {
    let all = ["echo-service", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--log-format", "json"];
    let settings = Cli::try_parse_from([&all, arguments].concat()).unwrap().settings;
    Config::check(&settings, &[]).unwrap()
}

/// Serves until the runtime ends, and returns where.
pub async fn serve(store: impl Store, config: &Config) -> SocketAddr {
    let app = App::on(store, config, &Telemetry::default()).await.unwrap();
    let address = app.mock_address;
    tokio::spawn(app.serve(future::pending(), Duration::ZERO));
    address
}
