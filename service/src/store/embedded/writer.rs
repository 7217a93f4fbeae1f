//! The writing thread.

use tokio::sync::{mpsc, oneshot};

use super::{apply::Tables, failed, open::Files};
use crate::store::{StoreError, Version, Write, WriteError};

/// Queue capacity. With a full queue, `write` waits.
pub(super) const MAX_QUEUED: usize = 1_024;
/// Maximum number of writes with one `fsync`, to bound the memory of a transaction.
const MAX_BATCH: usize = 256;

pub(super) struct Queued {
    pub writes: Vec<Write>,
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
        let (batch, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|q| (q.writes, q.reply)).unzip();
        let outcomes = match commit(files, batch) {
            Ok(outcomes) => outcomes,
            Err(error) => replies.iter().map(|_| Err(WriteError::Store(error.clone()))).collect(),
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // The client may have hung up. Its write stands.
            let _ = reply.send(outcome);
        }
    }
}

/// Carries out the writes in one transaction. Each is accepted or refused separately, also for a
/// damaged record. If the store fails, all fail.
fn commit(files: &Files, batch: Vec<Vec<Write>>) -> Result<Vec<Result<Version, WriteError>>, StoreError> {
    files.write(|txn| {
        let mut outcomes = Vec::with_capacity(batch.len());
        let raised = {
            let mut tables = Tables::open(&txn)?;
            for writes in batch {
                match tables.apply(writes) {
                    Err(WriteError::Store(error @ StoreError::Unavailable(_))) => return Err(error),
                    outcome => outcomes.push(outcome),
                }
            }
            tables.raised
        };
        if outcomes.iter().any(Result::is_ok) {
            txn.commit().map_err(failed)?;
            if let Some(format) = raised {
                tracing::info!(format, "the file is raised: older versions of Echo cannot open it any more");
            }
        } else {
            txn.abort().map_err(failed)?;
        }
        Ok(outcomes)
    })
}
