//! Opening the file, and opening it again after the disk has failed.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, WriteTransaction, backends::InMemoryBackend};

use super::tables;
use crate::store::StoreError;

/// The mocks are served from the replica's table, so redb's cache need not hold them all.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

pub(super) enum Source {
    File(PathBuf),
    Memory,
}

/// Why a store cannot be opened. Each message says what to do; the file is left as it was.
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
    #[error(
        "{} cannot be opened: {error}. Make sure that it is a file in a folder that exists, and that the process may read \
         and write both; or name another file with --store", .path.display()
    )]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{} cannot be made in the folder {}: {reason}. Name a file with --store file:PATH (ECHO_STORE) in a folder that exists and that the \
         process may write to, in a container a mounted one; or write --store memory to forget the mocks at the end",
        .path.display(), .folder.display()
    )]
    Folder { path: PathBuf, folder: PathBuf, reason: String },
    #[error("{} is damaged: {reason}. Restore it from a copy, or name another file with --store", .path.display())]
    Damaged { path: PathBuf, reason: String },
}

/// The open database. redb refuses all work after an I/O error until it is opened anew, which is done
/// at the next use: a disk that was full for a while needs no restart.
pub(super) struct Files {
    source: Source,
    database: Mutex<Option<Arc<Database>>>,
    /// Which store it was at first: another one, restored or new, must not be taken for its continuation.
    id: [u8; 16],
}

impl Files {
    pub(super) fn open(source: Source) -> Result<Self, OpenError> {
        if let Source::File(path) = &source {
            match path.metadata() {
                // As container engines make them for a mount.
                Ok(file) if file.is_file() && file.len() == 0 => {
                    prepare(path, builder().create(path).map_err(|error| open_error(path, error))?)?;
                }
                Ok(_) => {}
                Err(_) => make_file(path)?,
            }
        }
        let (database, id) = open_source(&source)?;
        Ok(Self { source, database: Mutex::new(Some(Arc::new(database))), id })
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| work(&database.begin_read().map_err(failed)?))
    }

    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with(|database| work(database.begin_write().map_err(failed)?))
    }

    /// Does work, and closes the database if that fails. A panic of redb is a failure too: it must not end the writer.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&database)))
            .unwrap_or_else(|_| Err(StoreError("an operation panicked".into())));
        if let (Err(error), Source::File(_)) = (&outcome, &self.source) {
            let mut open = self.database.lock();
            // Somebody else may have closed it, and opened it again, in the meantime.
            if open.as_ref().is_some_and(|open| Arc::ptr_eq(open, &database)) {
                tracing::error!(%error, "the store is closed, to be opened again at the next use");
                *open = None;
            }
        }
        outcome
    }

    fn database(&self) -> Result<Arc<Database>, StoreError> {
        let mut open = self.database.lock();
        if let Some(database) = &*open {
            return Ok(Arc::clone(database));
        }
        let (database, id) = open_source(&self.source).map_err(|error| StoreError(error.to_string()))?;
        if id != self.id {
            return Err(StoreError(
                "the file has been replaced by another store: restart the service to use it".into(),
            ));
        }
        let database = Arc::new(database);
        tracing::info!("the store was opened again after a failure");
        *open = Some(Arc::clone(&database));
        Ok(database)
    }
}

/// redb has one error type for each operation; here they all mean that the store failed.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError(error.into().to_string())
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    // Without it, redb would serve what a damaged file holds, or panic. It takes 0.2 s for 100,000 mocks.
    builder.set_check_integrity_on_open(true);
    builder
}

/// Opens what is there, and says which store it is.
fn open_source(source: &Source) -> Result<(Database, [u8; 16]), OpenError> {
    match source {
        Source::Memory => {
            let path = Path::new("memory");
            let database = builder().create_with_backend(InMemoryBackend::new());
            prepare(path, database.map_err(|error| open_error(path, error))?)
        }
        Source::File(path) => {
            check_is_ours(path)?;
            prepare(path, builder().open(path).map_err(|error| open_error(path, error))?)
        }
    }
}

/// Makes the file under another name and gives it its own when it is complete: a process that is killed on the way leaves
/// nothing that the next one cannot open, and of several that start at once all find the same file.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new().prefix(".echo-").suffix(".new").tempfile_in(folder).map_err(|error| {
        OpenError::Folder {
            path: path.to_owned(),
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            // By its kind, because the error itself names the draft.
            reason: match error.kind() {
                io::ErrorKind::NotFound => "the folder does not exist".into(),
                kind => kind.to_string(),
            },
        }
    })?;
    // For its owner only, whatever the user's mask: mocks may hold credentials.
    draft.as_file().set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
    prepare(path, builder().create(draft.path()).map_err(|error| open_error(path, error))?)?;
    match draft.persist_noclobber(path) {
        Err(failure) if failure.error.kind() != io::ErrorKind::AlreadyExists => Err(io(failure.error)),
        // The name is to survive a loss of power, as the content does.
        Ok(_) | Err(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(io),
    }
}

/// Refuses what is not ours without writing to it, as far as that can be seen: opening a database for writing changes it.
fn check_is_ours(path: &Path) -> Result<(), OpenError> {
    // Here redb does not check what it reads, and may panic: then the integrity check is going to say what is wrong.
    let outcome = catch_unwind(AssertUnwindSafe(|| match builder().open_read_only(path) {
        Ok(database) => check_format(path, &database).map(|_| ()),
        // Not closed properly, empty, damaged, or no database at all: opening it for writing tells.
        Err(_) => Ok(()),
    }));
    match outcome {
        Ok(Err(refusal @ (OpenError::NewerFormat { .. } | OpenError::NotAStore(_)))) => Err(refusal),
        _ => Ok(()),
    }
}

/// Makes the tables of a new file, and checks that those of an old one are ours. Says which store it is.
fn prepare(path: &Path, database: Database) -> Result<(Database, [u8; 16]), OpenError> {
    if check_format(path, &database)?.is_none() {
        tables::create(&database).map_err(|error| open_error(path, error))?;
    }
    let id = database.begin_read().map_err(failed).and_then(|txn| tables::store_id(&txn));
    let id = id.map_err(|error| OpenError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    Ok((database, id))
}

/// The version of the layout, or `None` where there are no tables yet.
fn check_format(path: &Path, database: &impl ReadableDatabase) -> Result<Option<u64>, OpenError> {
    let txn = database.begin_read().map_err(|error| open_error(path, error))?;
    if txn.list_tables().map_err(|error| open_error(path, error))?.next().is_none() {
        return Ok(None);
    }
    match tables::format(&txn) {
        Ok(Some(found)) if found > tables::FORMAT => {
            Err(OpenError::NewerFormat { path: path.to_owned(), found, known: tables::FORMAT })
        }
        Ok(Some(found)) => Ok(Some(found)),
        Ok(None) | Err(_) => Err(OpenError::NotAStore(path.to_owned())),
    }
}

fn open_error(path: &Path, error: impl Into<redb::Error>) -> OpenError {
    let path = path.to_owned();
    match error.into() {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => OpenError::InUse(path),
        redb::Error::Io(error) => match error.kind() {
            io::ErrorKind::InvalidData => OpenError::NotAStore(path),
            io::ErrorKind::UnexpectedEof => OpenError::Damaged { path, reason: "it is cut off".into() },
            _ => OpenError::Io { path, error },
        },
        other => OpenError::Damaged { path, reason: other.to_string() },
    }
}
