//! The list of a write of a set, and the steps from the set to the list.

use std::collections::HashMap;

use super::{ItemError, Outcome, SetError};
use crate::{
    domain::{EndpointId, Mock, Route, SetName},
    replica::table::MAX_MOCKS,
    store::{Version, Write, WriteError, check_size},
};

/// The list of a write.
pub(super) struct List {
    pub mocks: Vec<Mock>,
    /// The places of the mocks by [`Route::claim`].
    pub places: HashMap<String, usize>,
    /// Of each mock: whether this write has created it (`true`) or changed it (`false`), if either.
    pub written: Vec<Option<bool>>,
    pub deleted: Vec<(EndpointId, Route)>,
}

/// A change on the way to the list.
pub(super) enum Step {
    Delete(EndpointId, Version, Route),
    Replace(usize, Version),
    Create(usize),
}

impl List {
    /// Checks all rules that concern the list alone.
    pub(super) fn of(name: &SetName, mut mocks: Vec<Mock>) -> Result<Self, SetError> {
        let (mut places, mut wrong) = (HashMap::with_capacity(mocks.len()), Vec::new());
        let mut at_path = HashMap::new();
        for (place, mock) in mocks.iter_mut().enumerate() {
            mock.set = Some(name.clone());
            let first = *places.entry(mock.route.claim()).or_insert(place);
            if first != place {
                wrong.push((place, ItemError::Twice { route: mock.route.clone(), first }));
            }
            let Route { verb, path, .. } = &mock.route;
            let there: &mut usize = at_path.entry((*verb, path.without_names().to_string())).or_default();
            *there += 1;
            if *there > MAX_MOCKS {
                let refusal = WriteError::TooManyMocks { verb: *verb, path: path.clone(), max: MAX_MOCKS };
                wrong.push((place, ItemError::Refused(refusal)));
            }
            if let Err(error) = check_size(mock) {
                wrong.push((place, ItemError::Refused(error)));
            }
        }
        if !wrong.is_empty() {
            return Err(SetError::Items(wrong));
        }
        Ok(Self { written: vec![None; mocks.len()], mocks, places, deleted: Vec::new() })
    }

    pub(super) fn write(&self, step: &Step) -> Write {
        match step {
            Step::Delete(id, expected, _) => Write::Delete { id: *id, expected: *expected },
            Step::Replace(place, version) => {
                Write::Replace { endpoint: self.mocks[*place].clone(), expected: *version }
            }
            Step::Create(place) => Write::Create(self.mocks[*place].clone()),
        }
    }

    pub(super) fn note(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Delete(id, _, route) => self.deleted.push((*id, route.clone())),
                Step::Create(place) => self.written[*place] = Some(true),
                Step::Replace(place, _) => _ = self.written[*place].get_or_insert(false),
            }
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        let mut outcome = Outcome { deleted: self.deleted, ..Outcome::default() };
        for (mock, written) in self.mocks.into_iter().zip(self.written) {
            let list = match written {
                Some(true) => &mut outcome.created,
                Some(false) => &mut outcome.changed,
                None => &mut outcome.unchanged,
            };
            list.push((mock.id, mock.route));
        }
        outcome
    }
}
