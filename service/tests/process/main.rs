//! Tests of the process: store, limits, telemetry, life and end.

#[path = "../support/mod.rs"]
mod support;

mod documents;
mod in_process;
mod layers;
mod small_disk;

mod abuse;
mod consistency;
mod damage;
mod durability;
mod environment;
mod faults;
mod full;
mod life;
mod limits;
mod log;
mod memory;
mod panics;
mod raise;
mod settings;
mod signals;
mod start;
mod store;
mod table;
mod telemetry;
mod tidy;
