//! The rules of `docs/api.md`, sentence by sentence, through real sockets. Each file begins with its part of them.

#[path = "../support/mod.rs"]
mod support;

mod shape;

mod access;
mod bodies;
mod change;
mod conditions;
mod contents;
mod cors;
mod create;
mod delays;
mod delete;
mod docs;
mod errors;
mod expectations;
mod explain;
mod faults;
mod first_page;
mod head;
mod hints;
mod jsonpath;
mod limits;
mod list;
mod listeners;
mod location;
mod malformed;
mod matching;
mod media_types;
mod mocks;
mod origins;
mod outage;
mod paths;
mod plain;
mod races;
mod rates;
mod reserved;
mod sets;
mod sets_in_yaml;
mod show;
mod store;
mod templates;
mod turns;
mod walkthrough;
mod when;
