//! What the process does: its store, its limits, its telemetry, its life and its end.

#[path = "../support/mod.rs"]
mod support;
