//! The history of a store.

use std::fmt;

use super::Digest;

/// A point in the history of a store: the number of accepted writes, from 0. A restored table leaps to the next epoch:
/// no version is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The number of bits below the epoch.
    const EPOCH: u32 = 32;

    /// The epoch: 0 until a table is restored.
    pub const fn epoch(self) -> u64 {
        self.0 >> Self::EPOCH
    }

    #[cfg(feature = "dynamodb")]
    pub(super) const fn first_of(epoch: u64) -> Self {
        Self(epoch << Self::EPOCH)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An accepted write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub version: Version,
    /// The new digest of each endpoint, as in [`Change`](super::Change).
    pub digests: Vec<Digest>,
}
