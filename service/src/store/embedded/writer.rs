//! The one thread that writes.

use tokio::sync::{mpsc, oneshot};

use super::{
    open::{Files, failed},
    tables::Tables,
};
use crate::store::{StoreError, Version, Write, WriteError};

/// So many writes wait for the disk before writers wait for the queue.
pub(super) const MAX_QUEUED: usize = 1_024;
/// So many share one `fsync` at most, to bound what one transaction holds in memory.
const MAX_BATCH: usize = 256;

pub(super) struct Queued {
    pub write: Write,
    pub reply: oneshot::Sender<Result<Version, WriteError>>,
}

/// Writes until the queue is closed and empty.
pub(super) fn run(files: &Files, mut queue: mpsc::Receiver<Queued>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let (writes, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|q| (q.write, q.reply)).unzip();
        let outcomes = match commit(files, writes) {
            Ok(outcomes) => outcomes,
            Err(error) => replies.iter().map(|_| Err(WriteError::Store(error.clone()))).collect(),
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // A client that has gone away does not undo its write.
            let _ = reply.send(outcome);
        }
    }
}

/// Carries out the writes in one transaction. Each is accepted or refused by itself; if the store fails, all fail.
fn commit(files: &Files, writes: Vec<Write>) -> Result<Vec<Result<Version, WriteError>>, StoreError> {
    files.write(|txn| {
        let mut outcomes = Vec::with_capacity(writes.len());
        {
            let mut tables = Tables::open(&txn)?;
            for write in writes {
                match tables.apply(write) {
                    Err(WriteError::Store(error)) => return Err(error),
                    outcome => outcomes.push(outcome),
                }
            }
        }
        if outcomes.iter().any(Result::is_ok) {
            txn.commit().map_err(failed)?;
        } else {
            txn.abort().map_err(failed)?;
        }
        Ok(outcomes)
    })
}
