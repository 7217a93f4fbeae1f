//! Tests of the process: store, limits, telemetry, life and end.

#[path = "../support/mod.rs"]
mod support;

mod generated_tables;
mod in_process;
mod layers;
mod small_disk;

mod abuse;
mod command_line;
mod consistency;
mod damage;
mod damage_of_hiding_mocks;
mod disk_faults;
mod durability;
mod environment;
mod lifecycle;
mod limits;
mod log;
mod memory;
mod memory_limit;
mod mock_files;
mod panics;
mod raise_command;
mod replica_table;
mod settings;
mod signals;
mod start;
mod store;
mod telemetry;
mod tidy;
