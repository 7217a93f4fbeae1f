//! The embedded store: one redb file, durable at each acknowledged write, or the same in memory.
//!
//! A thread carries out all queued writes in one transaction with one `fsync`, and acknowledges them afterwards. Each
//! read is a transaction on a blocking thread.

mod apply;
mod open;
mod tables;
mod writer;

use std::{path::Path, sync::Arc, thread};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

pub use open::OpenError;
use open::{Files, Source};
use tables::{ENDPOINTS, ROUTES, TURNS};
use writer::Queued;

use super::{
    Changes, Counter, Deliver, Digest, Filter, Page, Raise, RaiseError, Store, StoreError, Stored, TurnError,
    Untouched, Version, Write, WriteError, Written, format,
};
use crate::domain::EndpointId;

/// See the module.
pub struct EmbeddedStore {
    files: Arc<Files>,
    /// `None` only while the store is being dropped.
    queue: Option<mpsc::Sender<Queued>>,
    writer: Option<thread::JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in a file. Creates a missing file.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::start(Files::open(Source::File(path.to_owned()))?))
    }

    /// A store in memory, gone with the value.
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

    /// Queues work for the writing thread, and waits for the outcome.
    async fn work<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Queued,
    ) -> Result<T, E> {
        let gone = || StoreError::Unavailable("the writer has stopped".into());
        let (reply, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(work(reply)).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(&self.files);
        tokio::task::spawn_blocking(move || files.read(work))
            .await
            .unwrap_or_else(|panic| Err(StoreError::Unavailable(format!("a read panicked: {panic}"))))
    }
}

impl Drop for EmbeddedStore {
    /// Waits for the writer, so that the drop closes the file.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn write_if(&self, untouched: Option<Untouched>, writes: Vec<Write>) -> Result<Written, WriteError> {
        let digests = vec![Digest::default(); writes.len()];
        let version = self.work(|reply| Queued::Write(writes, untouched, reply)).await?;
        Ok(Written { version, digests })
    }

    async fn take_turn(&self, counter: &Counter) -> Result<u64, TurnError> {
        self.work(|reply| Queued::Turn(counter.clone(), reply)).await
    }

    async fn turns_taken(&self, counter: &Counter) -> Result<u64, TurnError> {
        let counter = counter.clone();
        let taken = self.read(move |txn| Ok(tables::turns_taken(&txn.open_table(TURNS).map_err(failed)?, &counter)));
        taken.await?
    }

    async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        self.read(move |txn| {
            let [endpoints, routes] = [ENDPOINTS, ROUTES].map(|table| txn.open_table(table).map_err(failed));
            tables::get(&endpoints?, &routes?, id)
        })
        .await
    }

    async fn list(&self, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        self.read(move |txn| tables::list(txn, after, limit)).await
    }

    async fn list_these(&self, filter: Filter, ids: Vec<EndpointId>) -> Result<Page, StoreError> {
        self.read(move |txn| tables::list_these(txn, &filter, &ids)).await
    }

    async fn head(&self) -> Result<Version, StoreError> {
        self.read(tables::head).await
    }

    async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
        self.read(move |txn| tables::changes_since(txn, version)).await
    }

    async fn load(&self, deliver: Deliver) -> Result<Version, StoreError> {
        self.read(move |txn| tables::load(txn, deliver)).await
    }

    async fn raise(&self, to: Option<u64>, dry_run: bool) -> Result<Raise, RaiseError> {
        let (to, files) = (format::target(to)?, Arc::clone(&self.files));
        // In redb, writing transactions wait for each other.
        let raise = move |txn: redb::WriteTransaction| {
            let outcome = apply::Tables::open(&txn)?.raise(to, dry_run)?;
            txn.commit().map_err(failed)?;
            if outcome.is_done {
                tracing::info!(format = to, "the file is raised: older versions of Echo cannot open it any more");
            }
            Ok(outcome)
        };
        let work = tokio::task::spawn_blocking(move || files.write(raise));
        Ok(work.await.unwrap_or_else(|panic| Err(StoreError::Unavailable(format!("a raise panicked: {panic}"))))?)
    }

    /// The file is locked, and memory is private.
    fn is_shared(&self) -> bool {
        false
    }
}

/// redb has an error type for each operation. Here each means: the store failed.
fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Unavailable(error.into().to_string())
}
