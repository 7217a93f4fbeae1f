//! What the process does: its store, its limits, its telemetry, its life and its end.

#[path = "../support/mod.rs"]
mod support;

mod documents;
mod in_process;
mod small_disk;

mod abuse;
mod consistency;
mod durability;
mod environment;
mod faults;
mod life;
mod limits;
mod log;
mod memory;
mod panics;
mod settings;
mod signals;
mod start;
mod store;
mod table;
mod telemetry;
mod tidy;
