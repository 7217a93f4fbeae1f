//! Opening the file, and opening it again after the disk has failed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError, TableHandle, WriteTransaction,
    backends::InMemoryBackend,
};

use super::tables;
use crate::store::StoreError;

/// The mocks are served from the replica's table, so redb's cache need not hold them all.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

pub(super) enum Source {
    File(PathBuf),
    Memory,
}

/// Why a store can not be opened. Each message says what to do; the file is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is in use by another process: stop that one, or name another file with --store", .0.display())]
    InUse(PathBuf),
    #[error("{} is not an Echo store: move it away, or name another file with --store", .0.display())]
    NotAStore(PathBuf),
    #[error(
        "{} was written by a newer Echo (format {found}; this one knows up to {known}): use that version, or name another \
         file with --store", .path.display()
    )]
    NewerFormat { path: PathBuf, found: u64, known: u64 },
    #[error("{} can not be opened: {error}. Give the process the right to read and write it, or name another file with --store", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is damaged: {reason}. Restore it from a copy, or name another file with --store", .path.display())]
    Damaged { path: PathBuf, reason: String },
}

/// The open database. redb refuses all work after an I/O error until it is opened anew, which is done
/// at the next use: a disk that was full for a while needs no restart.
pub(super) struct Files {
    source: Source,
    database: Mutex<Option<Arc<Database>>>,
}

impl Files {
    pub(super) fn open(source: Source) -> Result<Self, OpenError> {
        let database = open_source(&source)?;
        Ok(Self { source, database: Mutex::new(Some(Arc::new(database))) })
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = self.database()?.begin_read().map_err(failed).and_then(|txn| work(&txn));
        self.closed_on_failure(outcome)
    }

    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let outcome = self.database()?.begin_write().map_err(failed).and_then(work);
        self.closed_on_failure(outcome)
    }

    fn database(&self) -> Result<Arc<Database>, StoreError> {
        let mut open = self.database.lock();
        if let Some(database) = &*open {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new(open_source(&self.source).map_err(|error| StoreError(error.to_string()))?);
        tracing::info!("the store was opened again after a failure");
        *open = Some(Arc::clone(&database));
        Ok(database)
    }

    fn closed_on_failure<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let (Err(error), Source::File(_)) = (&outcome, &self.source) {
            tracing::error!(%error, "the store is closed, to be opened again at the next use");
            *self.database.lock() = None;
        }
        outcome
    }
}

/// redb has one error type for each operation; here they all mean that the store failed.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError(error.into().to_string())
}

fn open_source(source: &Source) -> Result<Database, OpenError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    match source {
        Source::Memory => {
            let path = Path::new("memory");
            let database = builder.create_with_backend(InMemoryBackend::new());
            prepare(path, database.map_err(|error| open_error(path, error))?)
        }
        Source::File(path) => prepare(path, builder.create(path).map_err(|error| open_error(path, error))?),
    }
}

/// Makes the tables of a new file, and checks that those of an old one are ours.
fn prepare(path: &Path, database: Database) -> Result<Database, OpenError> {
    let damaged = |error: redb::Error| OpenError::Damaged { path: path.to_owned(), reason: error.to_string() };
    let txn = database.begin_read().map_err(|e| damaged(e.into()))?;
    let names: Vec<String> =
        txn.list_tables().map_err(|e| damaged(e.into()))?.map(|table| table.name().to_owned()).collect();
    if names.is_empty() {
        drop(txn);
        tables::create(&database).map_err(|error| OpenError::Damaged { path: path.to_owned(), reason: error.0 })?;
        return Ok(database);
    }
    match tables::format(&txn) {
        Ok(Some(found)) if found > tables::FORMAT => {
            Err(OpenError::NewerFormat { path: path.to_owned(), found, known: tables::FORMAT })
        }
        Ok(Some(_)) => {
            drop(txn);
            Ok(database)
        }
        Ok(None) | Err(_) => Err(OpenError::NotAStore(path.to_owned())),
    }
}

fn open_error(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse(path),
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            OpenError::NotAStore(path)
        }
        DatabaseError::Storage(StorageError::Io(error)) => OpenError::Io { path, error },
        other => OpenError::Damaged { path, reason: other.to_string() },
    }
}
