//! The writing thread.

use tokio::sync::{mpsc, oneshot};

use super::{apply::Tables, failed, open::Files};
use crate::store::{Counter, StoreError, TurnError, Untouched, Version, Write, WriteError};

/// Queue capacity. With a full queue, `write` waits.
pub(super) const MAX_QUEUED: usize = 1_024;
/// Maximum number of writes with one `fsync`, to bound the memory of a transaction.
const MAX_BATCH: usize = 256;

/// Work for the writing thread, and the receiver of its outcome.
pub(super) enum Queued {
    Write(Vec<Write>, Option<Untouched>, oneshot::Sender<Result<Version, WriteError>>),
    Turn(Counter, oneshot::Sender<Result<u64, TurnError>>),
}

/// An outcome on its way to the receiver. The client may have hung up; its write stands.
enum Done {
    Write(Result<Version, WriteError>, oneshot::Sender<Result<Version, WriteError>>),
    Turn(Result<u64, TurnError>, oneshot::Sender<Result<u64, TurnError>>),
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
        let mut done = Vec::with_capacity(batch.len());
        let failure = commit(files, batch, &mut done).err();
        for done in done {
            match (done, failure.clone()) {
                (Done::Write(outcome, reply), None) => _ = reply.send(outcome),
                (Done::Turn(outcome, reply), None) => _ = reply.send(outcome),
                (Done::Write(_, reply), Some(failure)) => _ = reply.send(Err(failure.into())),
                (Done::Turn(_, reply), Some(failure)) => _ = reply.send(Err(failure.into())),
            }
        }
    }
}

/// Carries out the work in one transaction. Each part is accepted or refused separately, also for a damaged record. If
/// the store fails, all parts fail.
fn commit(files: &Files, batch: Vec<Queued>, done: &mut Vec<Done>) -> Result<(), StoreError> {
    files.write(|txn| {
        let (mut has_changed, mut failure) = (false, None);
        let raised = {
            let mut tables = Tables::open(&txn)?;
            for work in batch {
                done.push(match work {
                    Queued::Write(writes, untouched, reply) => {
                        let outcome = tables.apply(writes, untouched.as_ref());
                        has_changed |= outcome.is_ok();
                        if let Err(WriteError::Store(error @ StoreError::Unavailable(_))) = &outcome {
                            failure.get_or_insert_with(|| error.clone());
                        }
                        Done::Write(outcome, reply)
                    }
                    Queued::Turn(counter, reply) => {
                        let outcome = tables.take_turn(&counter);
                        has_changed |= outcome.is_ok();
                        if let Err(TurnError::Store(error @ StoreError::Unavailable(_))) = &outcome {
                            failure.get_or_insert_with(|| error.clone());
                        }
                        Done::Turn(outcome, reply)
                    }
                });
            }
            tables.raised
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        if !has_changed {
            return txn.abort().map_err(failed);
        }
        txn.commit().map_err(failed)?;
        if let Some(format) = raised {
            tracing::info!(format, "the file is raised: older versions of Echo cannot open it any more");
        }
        Ok(())
    })
}
