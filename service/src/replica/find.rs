//! Calls of mocks: answers and reasons.

use tokio::time::Instant;

use super::{
    Replica,
    answer::{PreparedAnswer, Reply},
    table::{Explanation, Found},
};
use crate::{
    domain::{Call, Candidate, Undecided},
    store::StoreError,
};

/// Why no answer was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

impl Replica {
    /// The reply of the first mock that fits a call, or `None`. Includes every write that any replica acknowledged
    /// before the call. Errors: the store does not answer, the mock's record is damaged, or its tests are undecided.
    pub async fn find(&self, call: &Call<'_>) -> Result<Option<Reply>, FindError> {
        let Call { verb, path, .. } = *call;
        // Not from a table that is being loaded.
        if let Ok(table) = self.follower.loaded() {
            if self.follower.is_alone() {
                return Ok(table.find(call)?.answer.map(PreparedAnswer::reply));
            }
            match table.find(call) {
                Ok(Found { answer: Some(answer), is_certain: true }) => {
                    // Read the clock once, and after the lookup (`holds_lease`).
                    let now = Instant::now();
                    if table.unsettled.call_settles(verb, path, now).is_none() && self.follower.holds_lease(now) {
                        return Ok(Some(answer.reply()));
                    }
                }
                // No answer, so an old table does no harm.
                Err(error @ FindError::Undecided(Undecided::NeedsBody)) => return Err(error),
                _ => {}
            }
        }
        self.follower.catch_up().await?;
        let (answer, is_certain, until) = {
            let table = self.follower.loaded()?;
            let Found { answer, is_certain } = table.find(call)?;
            let until = table.unsettled.call_settles(verb, path, Instant::now());
            (answer.map(PreparedAnswer::reply), is_certain, until)
        };
        if !is_certain {
            // Boxed: the future of a frequent call must stay small.
            Box::pin(self.check_claims(call)).await?;
        }
        // No wait for changes that were committed after the call.
        self.follower.settle(until).await;
        Ok(answer)
    }

    /// Explains the answer to a call. Promise and errors: as for [`Self::find`].
    pub async fn explain(&self, call: &Call<'_>) -> Result<Explanation, FindError> {
        self.follower.catch_up_with_others().await?;
        let (explanation, is_certain, until) = {
            let table = self.follower.loaded()?;
            let (explanation, is_certain) = table.explain(call)?;
            (explanation, is_certain, table.unsettled.call_settles(call.verb, call.path, Instant::now()))
        };
        if !is_certain {
            self.check_claims(call).await?;
        }
        self.follower.settle(until).await;
        Ok(explanation)
    }

    /// The mocks that are nearest to a call, for which [`Self::find`] has found no mock.
    pub fn nearest(&self, call: &Call<'_>) -> Vec<Candidate> {
        self.follower.loaded().map_or_else(|_| Vec::new(), |table| table.nearest(call, Instant::now()))
    }
}
