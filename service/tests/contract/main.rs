//! What `echo-api.md` promises, sentence by sentence, through real sockets.

#[path = "../support/mod.rs"]
mod support;

mod story;
