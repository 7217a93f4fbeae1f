//! Planted faults of the simulated store.

use echo_service::domain::{Mock, Priority, When};
use serde_json::json;

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
}

impl Plant {
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
