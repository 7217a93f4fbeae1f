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

use super::{failed, tables};
use crate::store::{
    StoreError,
    format::{Format, NEWEST},
};

/// The mocks are served from the replica's table, so redb's cache need not hold them all.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

pub(super) enum Source {
    File(PathBuf),
    Memory,
}

/// A store cannot be opened. Each message says how to continue. The file stays unchanged.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is in use by another process: stop that one, or name another file with --store", .0.display())]
    InUse(PathBuf),
    #[error("{} is not an Echo store: move it away, or name another file with --store", .0.display())]
    NotAStore(PathBuf),
    #[error(
        "{} was written by a newer Echo (format {found}; this one knows up to {NEWEST}): use that version, or name another \
         file with --store", .path.display()
    )]
    NewerFormat { path: PathBuf, found: u64 },
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

/// The open database. After an I/O error redb refuses all work until it is opened again. The next
/// use does so: after a full disk no restart is needed.
pub(super) struct Files {
    source: Source,
    database: Mutex<Option<Arc<Database>>>,
    /// The store's id at the start. A restored or new file has another id and must not continue
    /// this store.
    id: [u8; 16],
}

impl Files {
    pub(super) fn open(source: Source) -> Result<Self, OpenError> {
        if let Source::File(path) = &source {
            match path.metadata() {
                // An empty file: container engines create it for a mount.
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

    /// Does work, and closes the database after a failure. A panic of redb counts as a failure: it
    /// must not end the writer.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&database)))
            .unwrap_or_else(|_| Err(StoreError::Unavailable("an operation panicked".into())));
        // Opening again does not repair a damaged record.
        if let (Err(error @ StoreError::Unavailable(_)), Source::File(_)) = (&outcome, &self.source) {
            let mut open = self.database.lock();
            // Another thread may have opened the file again meanwhile.
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
        let (database, id) = open_source(&self.source).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if id != self.id {
            return Err(StoreError::Unavailable(
                "the file has been replaced by another store: restart the service to use it".into(),
            ));
        }
        let database = Arc::new(database);
        tracing::info!("the store was opened again after a failure");
        *open = Some(Arc::clone(&database));
        Ok(database)
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    // Without the check, redb would serve data of a damaged file, or panic. Costs 0.2 s for 100,000
    // mocks.
    builder.set_check_integrity_on_open(true);
    builder
}

/// Opens an existing source, and returns the store's id.
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

/// Creates the file under another name, and renames the complete file. So a killed process leaves
/// no file that cannot be opened, and processes that start together find the same file.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::Builder::new().prefix(".echo-").suffix(".new").tempfile_in(folder).map_err(|error| {
        OpenError::Folder {
            path: path.to_owned(),
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            // The kind only: the error's text names the draft.
            reason: match error.kind() {
                io::ErrorKind::NotFound => "the folder does not exist".into(),
                kind => kind.to_string(),
            },
        }
    })?;
    // Readable by the owner only, with any umask: mocks may hold credentials.
    draft.as_file().set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
    prepare(path, builder().create(draft.path()).map_err(|error| open_error(path, error))?)?;
    match draft.persist_noclobber(path) {
        Err(failure) if failure.error.kind() != io::ErrorKind::AlreadyExists => Err(io(failure.error)),
        // The name, like the content, has to survive a loss of power.
        Ok(_) | Err(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(io),
    }
}

/// Refuses foreign files without writing to them, as far as possible: opening a database for
/// writing changes it.
fn check_is_ours(path: &Path) -> Result<(), OpenError> {
    // A read-only open is unchecked, and redb may panic. The integrity check then names the damage.
    let outcome = catch_unwind(AssertUnwindSafe(|| match builder().open_read_only(path) {
        Ok(database) => check_format(path, &database).map(|_| ()),
        // Not closed properly, empty, damaged, or no database: the open for writing finds out.
        Err(_) => Ok(()),
    }));
    match outcome {
        Ok(Err(refusal @ (OpenError::NewerFormat { .. } | OpenError::NotAStore(_)))) => Err(refusal),
        _ => Ok(()),
    }
}

/// Creates the tables of a new file, or checks the tables of an old file. Returns the store's id.
fn prepare(path: &Path, database: Database) -> Result<(Database, [u8; 16]), OpenError> {
    if check_format(path, &database)?.is_none() {
        tables::create(&database).map_err(|error| open_error(path, error))?;
    }
    let id = database.begin_read().map_err(failed).and_then(|txn| tables::store_id(&txn));
    let id = id.map_err(|error| OpenError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    Ok((database, id))
}

/// The format of a file. `None` before it has tables.
fn check_format(path: &Path, database: &impl ReadableDatabase) -> Result<Option<Format>, OpenError> {
    let txn = database.begin_read().map_err(|error| open_error(path, error))?;
    if txn.list_tables().map_err(|error| open_error(path, error))?.next().is_none() {
        return Ok(None);
    }
    match tables::format(&txn) {
        Ok(Some(found)) if !found.can_be_read() => {
            Err(OpenError::NewerFormat { path: path.to_owned(), found: found.needed })
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
