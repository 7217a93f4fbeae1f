//! Digests, by which a replica notices that it holds other mocks than the table.

use std::ops::BitXorAssign;

/// The digest of a stored endpoint: 64 bits of a hash of its id and of all its members. Or the digest of all endpoints:
/// the digests of each, combined by XOR in any order. Without endpoints it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest(pub u64);

impl BitXorAssign for Digest {
    /// Adds the digest of an endpoint, or takes it away again.
    fn bitxor_assign(&mut self, other: Self) {
        self.0 ^= other.0;
    }
}

/// Why a digest was not adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error("only a table of DynamoDB has a digest: a store in a file or in memory has one process, and needs none")]
    NotShared,
    #[error("the adoption goes on: repeat the request for its result")]
    Unfinished,
    #[error(transparent)]
    Write(#[from] super::WriteError),
}
