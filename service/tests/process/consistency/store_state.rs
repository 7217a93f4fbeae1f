//! The true state of the simulated store.

use std::time::Duration;

use echo_service::{
    domain::Mock,
    store::{Digest, Version, Write, WriteError},
};
use tokio::time::Instant;

use super::formats::{Formats, KnownFormat};
use crate::store::{digests, model::Model};

/// The true state, and the time at which the log shows each version. As in DynamoDB, other reads
/// may show a version a moment before.
#[derive(Default)]
pub struct Truth {
    pub model: Model,
    pub counted: Vec<Instant>,
    pub formats: Formats,
    /// Delay of the log after a write, if a test sets it.
    pub lag: Option<Duration>,
    /// Where the digests begin.
    adopted: Option<(Version, Digest)>,
}

impl Truth {
    pub fn adopt(&mut self, version: Version, digest: Digest) -> bool {
        let is_next = self.model.head() == version;
        if is_next {
            self.adopted = Some((self.model.write(vec![]).expect("it changes no endpoint"), digest));
            self.counted.push(Instant::now());
        }
        is_next
    }

    pub fn has_digest(&self) -> bool {
        self.adopted.is_some()
    }

    /// The head that the log shows, and since when.
    pub fn head_since(&self, age: Duration) -> Version {
        let now = Instant::now();
        Version(self.counted.partition_point(|counted| *counted + age <= now) as u64)
    }

    pub fn enter(&mut self, knows: u64) -> KnownFormat {
        let format = self.formats.enter(knows);
        if self.model.head() == Version(0) && self.formats.allow(true) {
            self.adopted = Some((Version(0), Digest::default()));
        }
        format
    }

    /// As writes compute it, one after the other.
    pub fn digest_at(&self, version: Version) -> Option<Digest> {
        let (begin, digest) = self.adopted.filter(|(begin, _)| *begin <= version)?;
        Some(digests::sum([digest, self.model.digest_at(begin), self.model.digest_at(version)]))
    }

    pub fn write_in_halves(&mut self, endpoint: Mock, expected: Version) -> Result<Version, WriteError> {
        if !self.model.is_taken(&endpoint.route) {
            self.model.write(vec![Write::Delete { id: endpoint.id, expected }])?;
            return self.model.write(vec![Write::Create(endpoint)]);
        }
        self.model.write(vec![Write::Replace { endpoint, expected }])
    }

    pub fn write_in_parts(&mut self, writes: Vec<Write>) -> Result<Version, WriteError> {
        // Refused as a whole.
        self.model.check(&writes)?;
        writes.into_iter().map(|write| self.model.write(vec![write])).last().expect("there is one")
    }
}
