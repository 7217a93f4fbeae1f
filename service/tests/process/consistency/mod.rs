//! An acknowledged write holds everywhere: a checker judges histories of replicas of one store.

mod capacity;
mod cases;
mod client_reads;
mod client_sets;
mod client_writes;
mod clients;
mod formats;
mod hiding;
mod history;
mod judged;
mod later_version;
mod limited;
mod loads;
mod plant;
mod process_faults;
mod processes;
mod rollback;
mod routes;
mod service;
mod simulated_clients;
pub mod simulation;
mod simulation_faults;
mod store;
mod store_state;
mod throttled;
