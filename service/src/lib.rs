//! Echo: a mock HTTP server.
//!
//! `ARCHITECTURE.md` has the map. `tests/process/layers.rs` and `tidy.rs` test these invariants: each part imports only
//! parts below it; `domain` does not depend on HTTP servers or stores; only `config` reads the environment; only
//! `telemetry` uses OpenTelemetry's providers; Echo never changes the answer of a mock.

pub mod api;
pub mod app;
pub mod causes;
pub mod commands;
pub mod config;
pub mod domain;
pub mod file_sets;
pub mod files;
pub mod healthcheck;
pub mod mocks;
pub mod replica;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod yaml;
