//! The format of the simulated store, and the formats that each process knows.

use std::sync::{Arc, Weak};

use echo_service::store::{Raise, RaiseError, StoreError, Version, Write, WriteError};
use parking_lot::Mutex;

/// The formats of an older version, and of the newest one.
pub const OLD: u64 = 1;
pub const NEW: u64 = echo_service::store::NEWEST_FORMAT;

/// The marks in the head, and the live processes.
#[derive(Default)]
pub struct Formats {
    /// 0 until the first process has made the store.
    written: u64,
    live: Vec<(Weak<()>, u64)>,
    /// The number of times a live process found an unknown format.
    pub stranded: u64,
    /// The number of times a write restored an earlier format.
    pub put_back: u64,
}

impl Formats {
    /// A process with this newest format. The first process creates the store in its newest format.
    pub fn enter(&mut self, knows: u64) -> KnownFormat {
        if self.written == 0 {
            self.written = knows;
        }
        let life = Arc::new(());
        self.live.push((Arc::downgrade(&life), knows));
        KnownFormat { knows, head: Mutex::new((Version(0), self.written)), life }
    }

    pub fn allow(&self, is_new: bool) -> bool {
        !is_new || self.written >= NEW
    }

    pub fn raise(&mut self, to: u64, is_blind: bool) -> Result<Raise, RaiseError> {
        self.live.retain(|(life, _)| life.strong_count() > 0);
        let from = self.written;
        if !is_blind && self.live.iter().any(|(_, knows)| *knows < to) {
            return Err(RaiseError::Lacking { to, lacking: vec!["one".into()] });
        }
        self.written = from.max(to);
        Ok(Raise { from, to, is_done: from < to })
    }
}

/// Whether a write needs the new format: several changes, or a mock that older versions would not serve rightly.
pub fn is_new(writes: &[Write]) -> bool {
    let is_plain = |write: &Write| match write {
        Write::Create(endpoint) | Write::Replace { endpoint, .. } => {
            endpoint.route.is_plain() && endpoint.turns.is_none()
        }
        Write::Delete { .. } | Write::Discard { .. } => true,
    };
    writes.len() > 1 || !writes.iter().all(is_plain)
}

/// The head as a process last saw it. As in DynamoDB, each write stores the last seen marks.
pub struct KnownFormat {
    knows: u64,
    head: Mutex<(Version, u64)>,
    /// Ends with the process.
    life: Arc<()>,
}

impl KnownFormat {
    pub fn read(&self, formats: &mut Formats) -> Result<(), StoreError> {
        if self.knows < formats.written {
            formats.stranded += u64::from(Arc::weak_count(&self.life) > 0);
            return Err(StoreError::Unavailable("the store was raised".into()));
        }
        Ok(())
    }

    /// Refuses a write that needs the new format, after the format was read again.
    pub fn before_write(
        &self,
        formats: &mut Formats,
        head: Version,
        is_new: bool,
        is_cached: bool,
    ) -> Result<(), WriteError> {
        self.read(formats)?;
        let mut known = self.head.lock();
        if is_new && known.1 < NEW && (is_cached || !formats.allow(is_new)) {
            return Err(WriteError::NeedsFormat(NEW));
        }
        if known.0 != head || is_new {
            *known = (head, formats.written);
        }
        Ok(())
    }

    pub fn after_write(&self, formats: &mut Formats, head: Version) {
        let mut known = self.head.lock();
        known.0 = head;
        formats.put_back += u64::from(known.1 < formats.written);
        formats.written = known.1;
    }
}
