//! Calls of mocks: answers and reasons.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Replica,
    answer::{Hit, PreparedAnswer},
    response::{InTurn, Reply},
    table::{Explanation, Found},
};
use crate::{
    domain::{Call, Candidate, Undecided},
    store::{StoreError, TurnError},
};

/// Why no answer was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// A turn of the mock may be lost.
    #[error(transparent)]
    Turn(StoreError),
}

/// Maximum number of lookups for a call of mocks with turns: each further one follows a change, or the end of turns.
const MAX_LOOKUPS: usize = 300;

impl Replica {
    /// The reply of the first mock that fits a call, or `None`. Includes every write that any replica acknowledged
    /// before the call. If the mock has turns, takes the next one. Errors: the store does not answer, the mock's record
    /// is damaged, or its tests are undecided.
    pub async fn find(&self, call: &Call<'_>) -> Result<Option<Reply>, FindError> {
        match self.look_up(call).await? {
            None => Ok(None),
            Some(Hit::Reply(reply)) => Ok(Some(reply)),
            // Boxed: the future of a frequent call must stay small.
            Some(Hit::InTurn(turns)) => Box::pin(self.take_turn(call, turns)).await,
        }
    }

    /// Takes the next turn of a mock that has just been looked up. The call takes effect when the store counts the
    /// turn, or at the moment of a change of the mock, whichever is first: the lookup was before this moment.
    async fn take_turn(&self, call: &Call<'_>, mut turns: Arc<InTurn>) -> Result<Option<Reply>, FindError> {
        for _ in 0..MAX_LOOKUPS {
            match self.follower.store.take_turn(&turns.counter).await {
                Ok(turn) => {
                    if let Some(reply) = turns.reply(turn) {
                        return Ok(Some(reply));
                    }
                }
                Err(TurnError::Changed) => self.follower.catch_up().await?,
                Err(TurnError::Store(error)) => return Err(FindError::Turn(error)),
            }
            turns = match self.look_up(call).await? {
                None => return Ok(None),
                Some(Hit::Reply(reply)) => return Ok(Some(reply)),
                Some(Hit::InTurn(turns)) => turns,
            };
        }
        Err(StoreError::Unavailable("the mock changes all the time".into()).into())
    }

    async fn look_up(&self, call: &Call<'_>) -> Result<Option<Hit>, FindError> {
        let Call { verb, path, .. } = *call;
        // Not from a table that is being loaded.
        if let Ok(table) = self.follower.loaded() {
            if self.follower.is_alone() {
                return Ok(table.find(call)?.answer.map(PreparedAnswer::hit));
            }
            match table.find(call) {
                Ok(Found { answer: Some(answer), is_certain: true }) => {
                    // Read the clock once, and after the lookup (`holds_lease`).
                    let now = Instant::now();
                    if table.unsettled.call_settles(verb, path, now).is_none() && self.follower.holds_lease(now) {
                        return Ok(Some(answer.hit()));
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
            (answer.map(PreparedAnswer::hit), is_certain, until)
        };
        if !is_certain {
            // Boxed: the future of a frequent call must stay small.
            Box::pin(self.check_claims(call)).await?;
        }
        // No wait for changes that were committed after the call.
        self.follower.settle(until).await;
        Ok(answer)
    }

    /// Explains the answer to a call. Takes no turn. Promise and errors: as for [`Self::find`].
    pub async fn explain(&self, call: &Call<'_>) -> Result<Explanation, FindError> {
        self.follower.catch_up_with_others().await?;
        let (mut explanation, is_certain, mut until) = self.explain_now(call)?;
        if !is_certain {
            self.check_claims(call).await?;
        }
        for _ in 0..MAX_LOOKUPS {
            let Some(turns) = explanation.may_be_over.take() else { break };
            match self.follower.store.turns_taken(&turns.counter).await {
                Ok(taken) if turns.reply(taken + 1).is_some() => break,
                Ok(_) => {}
                Err(TurnError::Changed) => self.follower.catch_up().await?,
                Err(TurnError::Store(error)) => return Err(error.into()),
            }
            (explanation, _, until) = self.explain_now(call)?;
        }
        self.follower.settle(until).await;
        Ok(explanation)
    }

    fn explain_now(&self, call: &Call<'_>) -> Result<(Explanation, bool, Option<Instant>), FindError> {
        let table = self.follower.loaded()?;
        let (explanation, is_certain) = table.explain(call)?;
        Ok((explanation, is_certain, table.unsettled.call_settles(call.verb, call.path, Instant::now())))
    }

    /// The mocks that are nearest to a call, for which [`Self::find`] has found no mock.
    pub fn nearest(&self, call: &Call<'_>) -> Vec<Candidate> {
        self.follower.loaded().map_or_else(|_| Vec::new(), |table| table.nearest(call, Instant::now()))
    }
}
