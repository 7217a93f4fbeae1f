//! `echo-service apply`: makes mock files a set of a running Echo.

use std::{
    fmt,
    process::ExitCode,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use http::Method;
use serde::Deserialize;

use super::{
    management::{Failure, Management, Refusal},
    print, report,
};
use crate::{config::Apply, domain::printable, files::MockFiles};

/// The exit code of a dry run that finds a difference.
const DIFFERENT: u8 = 2;
/// Time between two lines about the progress of a long write.
const PROGRESS: Duration = Duration::from_secs(5);

pub fn run(Apply { path, dry_run, at }: &Apply) -> Result<ExitCode, String> {
    let files = MockFiles::load(path).map_err(|problems| problems.to_string())?;
    let management = Management::of(at)?;
    let set = Set { list: files.list(), files, management };
    let difference = set.put(true).map_err(|failure| set.told(&failure))?;
    print(&format!("{}: {difference}", set.files.set))?;
    match difference.changes() {
        0 => Ok(ExitCode::SUCCESS),
        _ if *dry_run => Ok(ExitCode::from(DIFFERENT)),
        changes => {
            set.write(changes)?;
            print(&format!("{}: applied\n", set.files.set))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The files of a set, and the Echo that gets them.
struct Set<'a> {
    files: MockFiles,
    list: Vec<u8>,
    management: Management<'a>,
}

impl Set<'_> {
    /// Makes the files the set, unless it is a dry run. Returns the difference from before.
    fn put(&self, is_dry: bool) -> Result<Difference, Failure> {
        let query = [("dryRun", is_dry.to_string())];
        let target = format!("/-/sets/{}", self.files.set);
        let mut document = self.management.ask(Method::PUT, &target, &query, Some(self.list.clone()))?;
        serde_json::from_value(document["meta"].take()).map_err(|_| self.management.other(200))
    }

    /// Writes the set. Echo writes a large set in parts, and may lack the time for all of them: each further request
    /// writes the rest.
    fn write(&self, changes: u64) -> Result<(), String> {
        let mut left = changes;
        while left > 0 {
            let Err(failure) = self.put_with_progress(changes) else { break };
            let is_passing = matches!(failure, Failure::Unusable(_) | Failure::Refused { status: 503, .. });
            if !is_passing {
                return Err(self.told(&failure));
            }
            match self.put(true).map(|rest| rest.changes()) {
                Ok(rest) if rest < left => left = rest,
                _ => return Err(format!("{}\nrun the command again: it writes the rest", self.told(&failure))),
            }
        }
        Ok(())
    }

    fn put_with_progress(&self, changes: u64) -> Result<Difference, Failure> {
        let (start, (end, ended)) = (Instant::now(), channel::<()>());
        thread::scope(|scope| {
            scope.spawn(move || {
                while ended.recv_timeout(PROGRESS) == Err(RecvTimeoutError::Timeout) {
                    if let Ok(rest) = self.put(true) {
                        let made = changes.saturating_sub(rest.changes());
                        report(format_args!("{made} of {changes} changes after {} s", start.elapsed().as_secs()));
                    }
                }
            });
            let outcome = self.put(false);
            drop(end);
            outcome
        })
    }

    /// The mistakes with their places in the files.
    fn told(&self, failure: &Failure) -> String {
        match failure {
            Failure::Refused { errors, .. } if errors.iter().any(|error| !error.pointer.is_empty()) => {
                let place = |Refusal { pointer, detail }: &Refusal| match &**pointer {
                    "" => printable(detail),
                    pointer => self.files.problem(pointer, detail),
                };
                errors.iter().map(place).collect::<Vec<_>>().join("\n")
            }
            failure => failure.to_string(),
        }
    }
}

/// The differences between a list and its set.
#[derive(Deserialize)]
struct Difference {
    created: Part,
    changed: Part,
    deleted: Part,
    unchanged: Part,
}

/// A part of the mocks. `first` has the first ones, if the key may read them.
#[derive(Deserialize)]
struct Part {
    count: u64,
    first: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct Named {
    verb: String,
    path: String,
}

impl Difference {
    fn changes(&self) -> u64 {
        [&self.created, &self.changed, &self.deleted].iter().map(|part| part.count).fold(0, u64::saturating_add)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, changed, deleted, unchanged } = self;
        let [create, change, delete, same] = [created, changed, deleted, unchanged].map(|part| part.count);
        writeln!(f, "{create} to create, {change} to change, {delete} to delete, {same} unchanged")?;
        for (sign, Part { count, first }) in [("+", created), ("~", changed), ("-", deleted)] {
            let Some(first) = first else { continue };
            for Named { verb, path } in first {
                writeln!(f, "  {sign} {} {}", printable(verb), printable(path))?;
            }
            match count.saturating_sub(first.len() as u64) {
                0 => {}
                more => writeln!(f, "  {sign} {more} more")?,
            }
        }
        Ok(())
    }
}
