//! Digests of the model and of the simulated store, and answers of a store without digests.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use echo_service::{
    domain::Mock,
    store::{Change, Changes, Digest, Version, Write, Written},
};

/// Any hash of id, content and version.
pub fn digest_of(endpoint: &Mock, version: Version) -> Digest {
    let mut hasher = DefaultHasher::new();
    format!("{endpoint:?} {version}").hash(&mut hasher);
    Digest(hasher.finish())
}

pub fn sum(digests: impl IntoIterator<Item = Digest>) -> Digest {
    digests.into_iter().fold(Digest::default(), |mut all, digest| {
        all ^= digest;
        all
    })
}

/// The answer to these writes.
pub fn written(writes: &[Write], version: Version) -> Written {
    let digest = |write: &Write| match write {
        Write::Create(endpoint) | Write::Replace { endpoint, .. } => digest_of(endpoint, version),
        Write::Delete { .. } | Write::Discard { .. } => Digest::default(),
    };
    Written { version, digests: writes.iter().map(digest).collect() }
}

/// The head and the changes, or `None` for a gap.
pub fn plain(changes: Changes) -> Option<(Version, Vec<Change>)> {
    let Changes::Log { head, mut changes, .. } = changes else { return None };
    for change in &mut changes {
        change.digest = Digest::default();
    }
    Some((head, changes))
}
