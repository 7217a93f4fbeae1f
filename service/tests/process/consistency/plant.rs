//! Planted faults of the simulated store.

use std::{collections::BTreeMap, ops::Range};

use echo_service::{
    domain::{Mock, Priority, When},
    store::{Counter, TurnError},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::store::model::Model;

/// The planted fault of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    Nothing,
    /// A reading may return a log from before the reading began.
    StaleLog,
    /// Some writes are acknowledged and forgotten.
    LostWrites,
    /// A moving mock leaves its old route before it reaches the new one.
    MovesInHalves,
    /// Several changes become separate writes, one after the other.
    EntriesInParts,
    /// A raise does not look at the processes.
    BlindRaise,
    /// A raise changes the format, and is no write.
    RaiseOutsideLog,
    /// A write is refused for the format that its process has seen last.
    CachedRefusal,
    /// Some loads lack an item.
    OldLoad,
    /// A part of the log counts as the whole log.
    PartAsLog,
    /// Some replicas learn of no mock with parameters.
    ForgottenShape,
    /// Some replicas give the mocks of others another priority.
    OtherOrder,
    /// Some replicas take a mock with one test for a mock with many.
    OtherCount,
    /// A process gives a mock with tests an id without a look at the ids of others.
    OwnIds,
    /// The second turn is given to several calls.
    TurnTwice,
    /// A process reserves several turns at once.
    BlockOfTurns,
    /// A request for a turn is sent again if its answer is lost.
    RetriedTurn,
    /// A write of a set does not see other writes of the set.
    UnguardedSets,
}

impl Plant {
    /// Takes the next turn of a mock, by the way with these reserved turns.
    pub fn take_turn(
        self,
        model: &mut Model,
        counter: &Counter,
        block: &Mutex<BTreeMap<String, Range<u64>>>,
    ) -> Result<u64, TurnError> {
        let taken = model.turns(counter)?;
        if self == Self::BlockOfTurns {
            let mut blocks = block.lock();
            let block = blocks.entry(counter.series.to_string()).or_default();
            if block.is_empty() {
                *block = *taken + 1..*taken + 3;
                *taken += 2;
            }
            return Ok(block.next().expect("it is not empty"));
        }
        let is_given_before = self == Self::TurnTwice && *taken == 2;
        *taken += u64::from(!is_given_before);
        Ok(*taken)
    }

    /// An endpoint as a replica sees it. `None` if the replica does not see the endpoint. Only odd replicas misread.
    pub fn misread(self, mut endpoint: Mock, is_odd: bool) -> Option<Mock> {
        match self {
            Self::ForgottenShape if is_odd && endpoint.route.path.shape().is_some() => return None,
            Self::OtherOrder if is_odd && endpoint.route.priority.get() > 0 => {
                endpoint.route.priority = Priority::parse(-1).unwrap();
            }
            Self::OtherCount if is_odd && endpoint.route.when.len() == 1 => {
                // All of these hold.
                let mut when = endpoint.route.when.show();
                when["cookies"] = json!({"one": {"absent": true}, "other": {"absent": true}});
                endpoint.route.when = When::parse(&when).unwrap();
            }
            _ => {}
        }
        Some(endpoint)
    }
}
