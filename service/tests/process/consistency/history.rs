//! Requests of clients and their answers, in the types of `tests/consistency/checker`.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use serde::Serialize;

use crate::support::tool;

/// The number of each event.
pub type Counts = BTreeMap<String, usize>;

pub fn add(all: &mut Counts, more: Counts) {
    for (what, count) in more {
        *all.entry(what).or_default() += count;
    }
}

#[derive(Serialize)]
pub struct History {
    pub name: String,
    pub operations: Vec<Operation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Create,
    Patch,
    Move,
    /// Changes the set of a mock.
    Join,
    Renew,
    Delete,
    /// Of a whole set.
    Put,
    /// Of the first mock that fits.
    Call,
    /// By management: of the mock that answers a call.
    Explain,
    /// By management: of the mock with exactly this route.
    Read,
    /// By management: of a whole set.
    Show,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Done,
    Refused,
    Unknown,
}

/// A mock in the list of a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    pub route: String,
    pub value: String,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Operation {
    pub client: usize,
    pub route: String,
    pub kind: Kind,
    pub mock: String,
    /// Of a call of a mock with turns: with the number of the turn, such as `5#2`.
    pub value: String,
    /// Of the mock after a write, such as `3 last`. Empty for a single response.
    pub turns: String,
    /// Of the mock after a creation or a join, or of a whole set. Empty for none.
    pub set: String,
    /// Of a put.
    pub list: Vec<Item>,
    /// Of the created or read mock, if the client knows it.
    pub id: String,
    pub outcome: Outcome,
    pub call: u64,
    pub r#return: u64,
}

impl History {
    /// The numbers of results, by kind of operation.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for Operation { kind, outcome, .. } in &self.operations {
            *counts.entry(format!("{kind:?} {outcome:?}")).or_default() += 1;
        }
        counts
    }

    /// Writes the history to a file: its seed cannot reproduce it.
    pub fn keep(&self) -> PathBuf {
        let path = env::temp_dir().join(format!("echo {}.json", self.name));
        fs::write(&path, serde_json::to_vec(self).unwrap()).unwrap();
        path
    }
}

/// The checker, a process that judges one history after the other.
pub struct Checker {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Checker {
    pub fn start() -> Self {
        let mut process =
            Command::new(tool("echo-checker", "checker")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { process, questions, answers }
    }

    /// `None` if the history is linearizable, or else the reason.
    pub fn judge(&mut self, history: &History) -> Option<String> {
        serde_json::to_writer(&mut self.questions, history).unwrap();
        writeln!(self.questions).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the checker has ended");
        (answer.trim_end() != "ok").then(|| answer.trim_end().to_owned())
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Collects the requests of many clients.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Operation>>);

impl Recorder {
    pub fn record(&self, operation: Operation) {
        self.0.lock().unwrap().push(operation);
    }

    /// The number of requests with a known result.
    pub fn told(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|operation| operation.outcome != Outcome::Unknown).count()
    }

    pub fn finish(self, name: String) -> History {
        History { name, operations: self.0.into_inner().unwrap() }
    }
}
