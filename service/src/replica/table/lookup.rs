//! The order of mocks: lookups, and writes that change the answers of lookups.

use std::{cmp::Reverse, sync::Arc};

use smallvec::SmallVec;
use tokio::time::Instant;

use super::Table;
use crate::{
    domain::{Call, Candidate, EndpointId, Failure, Priority, Trial, Undecided, Verb},
    replica::{
        FindError,
        answer::{PreparedAnswer, Rank, rank},
        index::Place,
        response::InTurn,
    },
    store::StoreError,
};

/// Maximum number of mocks in an explanation.
const MAX_CANDIDATES: usize = 50;
/// Maximum number of nearest mocks of a request.
const MAX_NEAREST: usize = 3;

/// The reason for the answer to a request.
#[derive(Debug)]
pub struct Explanation {
    /// The mock that answers.
    pub answers: Option<EndpointId>,
    /// The first mocks that fit by verb and path, in order, and the mock that answers.
    pub candidates: Vec<Candidate>,
    /// Whether more mocks fit by verb and path.
    pub more: bool,
    /// The turns of the mock that answers, if another process may have taken the last one.
    pub(in crate::replica) may_be_over: Option<Arc<InTurn>>,
}

/// The result of a lookup.
pub(in crate::replica) struct Found<'a> {
    pub answer: Option<&'a PreparedAnswer>,
    /// Whether no damaged mock with an unknown route, and without parameters and priority, can come first.
    pub is_certain: bool,
}

impl Table {
    /// The first mock that fits a request by verb, path and tests. An error: the record of this mock is damaged, or its
    /// tests cannot be decided.
    pub(in crate::replica) fn find(&self, call: &Call<'_>) -> Result<Found<'_>, FindError> {
        let trial = Trial::new(call);
        let firsts = self.answers.fitting(call.verb, call.path);
        let first =
            firsts.map(|(shape, is_any, first)| (first.rank(shape, is_any), &**first)).min_by_key(|(rank, _)| *rank);
        let found = match first {
            Some((_, answer)) if answer.is_conditional() => self.first_that_holds(&trial, call)?,
            found => found,
        };
        let mut is_certain = true;
        if !self.damaged.is_empty() {
            let found = found.map(|(rank, _)| rank);
            for (damaged, route) in self.damaged.values().filter_map(|damaged| Some((damaged, damaged.route.as_ref()?)))
            {
                let (shape, is_any) = (route.path.shape(), route.verb == Verb::Any);
                let rank = rank(route.priority, shape.as_ref(), is_any, route.when.len(), damaged.id);
                let comes_first = route.fits(call.verb, call.path) && found.is_none_or(|found| rank <= found);
                if comes_first && route.when.holds(&trial, route.path.as_str())? {
                    return Err(StoreError::Damaged(format!("the record of the mock of {route} is damaged")).into());
                }
            }
            // A plain mock comes after all mocks with this rank.
            let is_plain = found.is_some_and(|(priority, shape, is_any, ..)| {
                (priority, shape, is_any) <= (Reverse(Priority::default()), None, false)
            });
            is_certain = is_plain || self.damaged.values().all(|damaged| damaged.route.is_some());
        }
        Ok(Found { answer: found.map(|(_, answer)| answer), is_certain })
    }

    fn first_that_holds(
        &self,
        trial: &Trial<'_>,
        call: &Call<'_>,
    ) -> Result<Option<(Rank<'_>, &PreparedAnswer)>, Undecided> {
        for (rank, answer) in self.in_order(call) {
            if answer.holds(trial)? {
                return Ok(Some((rank, answer)));
            }
        }
        Ok(None)
    }

    /// The mocks that fit by verb and path.
    fn in_order(&self, call: &Call<'_>) -> SmallVec<[(Rank<'_>, &PreparedAnswer); 16]> {
        let fitting = self.answers.fitting(call.verb, call.path);
        let all =
            fitting.flat_map(|(shape, is_any, first)| first.chain().map(move |one| (one.rank(shape, is_any), one)));
        let mut all: SmallVec<_> = all.collect();
        all.sort_unstable_by_key(|(rank, _)| *rank);
        all
    }

    /// Errors: as for [`Self::find`].
    pub(in crate::replica) fn explain(&self, call: &Call<'_>) -> Result<(Explanation, bool), FindError> {
        let (trial, all) = (Trial::new(call), self.in_order(call));
        let (mut answers, mut may_be_over, mut candidates) = (None, None, Vec::new());
        for (_, answer) in &all {
            let is_tried = answers.is_none();
            let failure = if is_tried { answer.failure(&trial)? } else { None };
            let is_answer = is_tried && failure.is_none();
            if is_answer {
                (answers, may_be_over) = (Some(answer.id), answer.may_be_over());
            }
            if candidates.len() < MAX_CANDIDATES || is_answer {
                candidates.extend(self.candidate(answer, failure));
            }
        }
        let more = all.len() > candidates.len();
        Ok((Explanation { answers, candidates, more, may_be_over }, self.find(call)?.is_certain))
    }

    fn candidate(&self, answer: &PreparedAnswer, failure: Option<Failure>) -> Option<Candidate> {
        let (verb, known) = self.known(answer.id)?;
        let path = str::from_utf8(&known.path).ok()?.to_owned();
        Some(Candidate { id: answer.id, verb, path, priority: answer.priority, failure })
    }

    /// The mocks that are nearest to a request without a mock. Leaves out unsettled mocks: a later answer of another
    /// replica must not show an earlier state.
    pub(in crate::replica) fn nearest(&self, call: &Call<'_>, now: Instant) -> Vec<Candidate> {
        let trial = Trial::new(call);
        let fitting =
            self.in_order(call).into_iter().map_while(|(_, answer)| Some((answer, answer.failure(&trial).ok()?)));
        let similar = self.answers.near(call.verb, call.path).into_iter().map(|first| (&**first, None));
        let mut nearest: Vec<Candidate> = Vec::new();
        for (answer, failure) in fitting.chain(similar) {
            let is_settled = |route| self.unsettled.settles(answer.id, Some(&route), now).is_none();
            let is_new = nearest.iter().all(|other| other.id != answer.id);
            if is_new && self.damaged_route(answer.id).is_some_and(is_settled) {
                nearest.extend(self.candidate(answer, failure));
            }
            if nearest.len() == MAX_NEAREST {
                break;
            }
        }
        nearest
    }

    /// Whether a new mock may come before a mock of other replicas. May say yes too often for a mock of many requests.
    /// Other replicas may serve a mock with a record that is damaged here.
    pub(super) fn may_hide(&self, place: &Place, new: &PreparedAnswer) -> bool {
        if !self.damaged.is_empty() {
            return true;
        }
        let Some((verb, path)) = place.request() else {
            return new.priority > Priority::default() || self.below_default > 0 || self.answers.may_hide(place);
        };
        let own = new.rank(None, false);
        self.answers
            .fitting(verb, path)
            .any(|(shape, is_any, first)| first.chain().any(|other| own <= other.rank(shape, is_any)))
    }
}
