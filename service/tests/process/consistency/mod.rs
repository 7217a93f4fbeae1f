//! An acknowledged write holds everywhere: a checker judges histories of replicas of one store.

mod asking;
mod beside;
mod cases;
mod changing;
mod formats;
mod found;
mod history;
mod later;
mod limited;
mod planted;
mod processes;
mod service;
mod simulation;
mod store;
mod throttled;
mod truth;
mod units;
