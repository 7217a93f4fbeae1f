//! Echo: mock HTTP endpoints that answer what they were told to.
//!
//! `ARCHITECTURE.md` has the map. What holds here, and is tested (`tests/process/tidy.rs`): `domain` knows nothing of HTTP
//! servers or stores; only `config` reads the environment; only `telemetry` touches OpenTelemetry's providers; a mock's
//! answer is never changed on its way.

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod healthcheck;
pub mod limits;
pub mod mocks;
pub mod replica;
pub mod server;
pub mod store;
pub mod telemetry;
