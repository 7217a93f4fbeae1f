//! The embedded store: one redb file, durable at each acknowledged write, or the same in memory.
//!
//! Writes go through one thread, which carries out all that have queued up in one transaction: they share the cost of
//! `fsync`, and each of them is acknowledged only after it. Reads are transactions of their own on blocking threads.

mod open;
mod tables;
mod writer;

use std::{path::Path, sync::Arc, thread};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

pub use open::OpenError;
use open::{Files, Source};
use writer::Queued;

use super::{Changes, Filter, Page, Snapshot, Store, StoreError, Stored, Version, Write, WriteError};
use crate::domain::{EndpointId, Verb};

/// See the module.
pub struct EmbeddedStore {
    files: Arc<Files>,
    /// `None` only while the store is being dropped.
    queue: Option<mpsc::Sender<Queued>>,
    writer: Option<thread::JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in a file, and makes the file if there is none.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::start(Files::open(Source::File(path.to_owned()))?))
    }

    /// A store that lives as long as the value.
    pub fn in_memory() -> Self {
        Self::start(Files::open(Source::Memory).expect("memory can be opened"))
    }

    fn start(files: Files) -> Self {
        let files = Arc::new(files);
        let (queue, queued) = mpsc::channel(writer::MAX_QUEUED);
        let writer = thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let files = Arc::clone(&files);
                move || writer::run(&files, queued)
            })
            .expect("the system can start a thread");
        Self { files, queue: Some(queue), writer: Some(writer) }
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || files.read(work))
            .await
            .unwrap_or_else(|panic| Err(StoreError(format!("a read panicked: {panic}"))))
    }
}

impl Drop for EmbeddedStore {
    /// Waits for the writer, so that the file is closed when the value is gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn write(&self, write: Write) -> Result<Version, WriteError> {
        let gone = || WriteError::Store(StoreError("the writer has stopped".into()));
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Queued { write, reply }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.read(move |txn| tables::get(txn, id)).await
    }

    async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.read(move |txn| tables::list(txn, &filter, after, limit)).await
    }

    async fn list_verb(&self, verb: Verb, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.read(move |txn| tables::list_verb(txn, verb, &ids)).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.read(tables::head).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.read(move |txn| tables::changes_since(txn, version)).await
    }

    async fn load(&self) -> Result<Snapshot, StoreError> {
        self.read(tables::load).await
    }

    /// The file is locked, and memory is this process's own.
    fn is_shared(&self) -> bool {
        false
    }
}
