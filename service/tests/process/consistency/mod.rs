//! An acknowledged write is true everywhere: replicas of one store, judged by a checker of histories.

mod asking;
mod cases;
mod history;
mod planted;
mod processes;
mod service;
mod simulation;
mod store;
