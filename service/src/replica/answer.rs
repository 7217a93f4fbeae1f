//! Mocks as prepared answers, and their order.

use std::{cmp::Reverse, iter, mem, sync::Arc};

use bytes::Bytes;

use super::response::{InTurn, More, PreparedResponse, Reply};
use crate::{
    domain::{EndpointId, Failure, Mock, Priority, Shape, Then, Trial, Undecided, When},
    store::Counter,
};

/// A mock's answer, built when the mock is created. All parts lie together: with many mocks, a call costs few cache
/// misses.
#[derive(Debug)]
pub(super) struct PreparedAnswer {
    pub id: EndpointId,
    response: PreparedResponse,
    pub priority: Priority,
    /// Boxed: most mocks have neither tests nor effects nor templates.
    extra: Option<Box<Extra>>,
    /// The mock at the same place that comes next.
    next: Option<Box<Self>>,
}

/// The tests of a mock, its path for the values of parameters, effects and template, and its responses in turn.
#[derive(Debug)]
struct Extra {
    when: When,
    path: Box<str>,
    more: More,
    turns: Option<Arc<InTurn>>,
}

/// The reply of a mock, or the turns that have it.
pub(super) enum Hit {
    Reply(Reply),
    InTurn(Arc<InTurn>),
}

/// The place of a mock in the order of mocks that fit a request: the least rank comes first. Of mocks with the same
/// number of tests, the last created one has the greatest id.
pub(super) type Rank<'a> = (Reverse<Priority>, Option<&'a Shape>, bool, Reverse<usize>, Reverse<EndpointId>);

pub(super) fn rank(priority: Priority, shape: Option<&Shape>, is_any: bool, tests: usize, id: EndpointId) -> Rank<'_> {
    (Reverse(priority), shape, is_any, Reverse(tests), Reverse(id))
}

impl PreparedAnswer {
    /// The answer, and the path as key.
    pub(super) fn new(endpoint: &Mock) -> (Bytes, Self) {
        let Mock { id, route, response, turns, .. } = endpoint;
        let (path, when) = (route.path.as_str(), &route.when);
        let (key, prepared) = PreparedResponse::new(path, response);
        // Turns have their own.
        let more = if turns.is_none() { More::of(response, path) } else { More::default() };
        let turns = turns.as_ref().map(|turns| {
            let counter = Counter { id: *id, claim: route.claim(), series: turns.series };
            Arc::new(InTurn::new(counter, turns.order(), endpoint.responses(), path))
        });
        let has_extra = !when.is_empty() || !more.is_empty() || turns.is_some();
        let extra = has_extra.then(|| Box::new(Extra { when: when.clone(), path: path.into(), more, turns }));
        (key, Self { id: *id, response: prepared, priority: route.priority, extra, next: None })
    }

    /// This mock, and those after it.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |answer| answer.next.as_deref())
    }

    pub(super) fn when(&self) -> Option<&When> {
        self.extra.as_ref().map(|extra| &extra.when).filter(|when| !when.is_empty())
    }

    /// Whether the mock may not answer a request that fits by verb and path.
    pub(super) fn is_conditional(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| !extra.when.is_empty() || extra.is_over())
    }

    /// Whether all tests hold, and a turn may be left.
    pub(super) fn holds(&self, trial: &Trial<'_>) -> Result<bool, Undecided> {
        let Some(extra) = &self.extra else { return Ok(true) };
        Ok(!extra.is_over() && extra.when.holds(trial, &extra.path)?)
    }

    /// The first test that does not hold, or the end of the turns.
    pub(super) fn failure(&self, trial: &Trial<'_>) -> Result<Option<Failure>, Undecided> {
        let Some(extra) = &self.extra else { return Ok(None) };
        if extra.is_over() {
            let expected = Some(Then::None.as_str().into());
            return Ok(Some(Failure { place: vec!["then".into()], expected, found: vec![] }));
        }
        extra.when.failure(trial, &extra.path)
    }

    /// The rank for a path of this shape.
    pub(super) fn rank<'a>(&self, shape: Option<&'a Shape>, is_any: bool) -> Rank<'a> {
        rank(self.priority, shape, is_any, self.when().map_or(0, When::len), self.id)
    }

    pub(super) fn hit(&self) -> Hit {
        match &self.extra {
            None => Hit::Reply(self.response.reply(More::default())),
            Some(extra) => match &extra.turns {
                None => Hit::Reply(self.response.reply(extra.more.clone())),
                Some(turns) => turns.rest().map_or_else(|| Hit::InTurn(Arc::clone(turns)), Hit::Reply),
            },
        }
    }

    /// The turns, if they may be over and this process does not know.
    pub(super) fn may_be_over(&self) -> Option<Arc<InTurn>> {
        let turns = self.extra.as_ref()?.turns.as_ref()?;
        turns.may_be_over().then(|| Arc::clone(turns))
    }
}

impl Extra {
    fn is_over(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.is_over())
    }
}

/// Adds a mock to the mocks at its place.
pub(super) fn add(mut first: &mut Box<PreparedAnswer>, mut added: Box<PreparedAnswer>) {
    while first.rank(None, false) < added.rank(None, false) {
        match first.next {
            Some(ref mut next) => first = next,
            None => return first.next = Some(added),
        }
    }
    mem::swap(first, &mut added);
    first.next = Some(added);
}

/// Removes a mock from the mocks at its place.
pub(super) fn without(mut answer: Box<PreparedAnswer>, id: EndpointId) -> Option<Box<PreparedAnswer>> {
    if answer.id == id {
        return answer.next;
    }
    answer.next = answer.next.and_then(|next| without(next, id));
    Some(answer)
}
