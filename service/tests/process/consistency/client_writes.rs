//! The ways in which a client can change mocks.

use std::sync::Arc;

use echo_service::{
    domain::{Endpoint, EndpointId, MockPath},
    replica::Replica,
    store::{Write, WriteError},
};

use super::history::{Kind, Outcome};
use crate::store::text_response;

/// PATCH or DELETE, as the API carries them out. The path is the new one of a moved mock.
pub async fn change(replica: &Arc<Replica>, id: EndpointId, kind: Kind, path: &str, body: &str) -> Outcome {
    loop {
        let stored = match replica.get(id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Outcome::Refused,
            Err(_) => return Outcome::Unknown,
        };
        let (Endpoint { mut route, .. }, expected) = (stored.endpoint, stored.version);
        if kind == Kind::Move {
            route.path = MockPath::parse(path).unwrap();
        }
        let write = match kind {
            Kind::Delete => Write::Delete { id, expected },
            _ => Write::Replace { endpoint: Endpoint { id, route, response: text_response(body) }, expected },
        };
        match replica.write(write).await {
            Ok(_) => return Outcome::Done,
            Err(WriteError::Taken { .. }) => return Outcome::Refused,
            Err(WriteError::Changed | WriteError::Missing) => {}
            Err(_) => return Outcome::Unknown,
        }
    }
}

/// The store has a format without several changes at once.
#[derive(Debug, PartialEq)]
pub struct NotYet;

/// Deletes a mock and creates another one, at once.
pub async fn renew(replica: &Arc<Replica>, id: EndpointId, new: Endpoint) -> Result<Outcome, NotYet> {
    loop {
        let expected = match replica.get(id).await {
            Ok(Some(stored)) => stored.version,
            Ok(None) => return Ok(Outcome::Refused),
            Err(_) => return Ok(Outcome::Unknown),
        };
        match replica.write_all(vec![Write::Create(new.clone()), Write::Delete { id, expected }]).await {
            Ok(_) => return Ok(Outcome::Done),
            Err(WriteError::NeedsFormat(_)) => return Err(NotYet),
            Err(WriteError::Taken { .. }) => return Ok(Outcome::Refused),
            Err(WriteError::Changed | WriteError::Missing) => {}
            Err(_) => return Ok(Outcome::Unknown),
        }
    }
}
