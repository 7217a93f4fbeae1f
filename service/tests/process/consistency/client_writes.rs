//! The ways in which a client can change mocks.

use std::{sync::Arc, time::Duration};

use echo_service::{
    domain::{EndpointId, Mock, Route, Series, SetName, Then, Times, Turns},
    replica::Replica,
    store::{StoreError, Write, WriteError},
};

use super::{
    history::{Kind, Outcome},
    routes::route,
};
use crate::store::text_response;

/// The store's format does not allow the write yet.
#[derive(Debug, PartialEq)]
pub struct NotYet;

/// A process chooses ids by its own time of day.
#[derive(Clone, Copy)]
pub struct Ids {
    /// How far the time of day is ahead.
    pub ahead: Duration,
    /// The planted fault: the process does not look at the ids of other mocks.
    pub are_own: bool,
}

/// A new mock, as the API makes it: if the mock has tests, its id is the greatest.
pub async fn new_mock(replica: &Replica, text: &str, body: &str, turns: &str, ids: Ids) -> Result<Mock, StoreError> {
    let route = route(text);
    let mut id = later(EndpointId::generate(), ids.ahead);
    if !route.when.is_empty() && !ids.are_own {
        id = id.max(replica.next_id().await?);
    }
    Ok(mock(id, route, body, turns))
}

/// A mock with a response, or with turns such as `3 last`. The body of a turn ends with its number.
pub fn mock(id: EndpointId, route: Route, body: &str, turns: &str) -> Mock {
    let Some((count, then)) = turns.split_once(' ') else {
        return Mock { id, route, response: text_response(body), turns: None, set: None };
    };
    let mut responses = (1..=count.parse().unwrap()).map(|turn: u32| text_response(&format!("{body}#{turn}")));
    let response = responses.next().expect("at least one");
    let more = responses.map(|response| (response, Times::ONCE)).collect();
    let turns = Turns { times: Times::ONCE, more, then: Then::parse(then).unwrap(), series: Series::begin() };
    Mock { id, route, response, turns: Some(turns), set: None }
}

/// The id of a later time. An id begins with its time in milliseconds.
fn later(id: EndpointId, ahead: Duration) -> EndpointId {
    let text = id.to_string();
    let time = u64::from_str_radix(&text.replace('-', "")[..12], 16).unwrap() + ahead.as_millis() as u64;
    let time = format!("{time:012x}");
    EndpointId::parse(&format!("{}-{}{}", &time[..8], &time[8..], &text[13..])).unwrap()
}

/// POST, as the API carries it out.
pub async fn create(replica: &Arc<Replica>, new: Mock) -> Result<Outcome, NotYet> {
    match replica.write(Write::Create(new)).await {
        Ok(_) => Ok(Outcome::Done),
        Err(WriteError::NeedsFormat(_)) => Err(NotYet),
        Err(WriteError::Taken { .. }) => Ok(Outcome::Refused),
        Err(_) => Ok(Outcome::Unknown),
    }
}

/// PATCH or DELETE, as the API carries them out. `to` is the new route of a moved mock, or the new set.
pub async fn change(
    replica: &Arc<Replica>,
    id: EndpointId,
    kind: Kind,
    to: &str,
    body: &str,
    turns: &str,
) -> Result<Outcome, NotYet> {
    loop {
        let stored = match replica.get(id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Outcome::Refused),
            Err(_) => return Ok(Outcome::Unknown),
        };
        let (Mock { mut route, mut set, .. }, expected) = (stored.endpoint, stored.version);
        match kind {
            Kind::Move => route = self::route(to),
            Kind::Join => set = SetName::parse(to).ok(),
            _ => {}
        }
        let write = match kind {
            Kind::Delete => Write::Delete { id, expected },
            _ => Write::Replace { endpoint: Mock { set, ..mock(id, route, body, turns) }, expected },
        };
        match replica.write(write).await {
            Ok(_) => return Ok(Outcome::Done),
            Err(WriteError::NeedsFormat(_)) => return Err(NotYet),
            Err(WriteError::Taken { .. }) => return Ok(Outcome::Refused),
            Err(WriteError::Changed | WriteError::Missing) => {}
            Err(_) => return Ok(Outcome::Unknown),
        }
    }
}

/// Deletes a mock and creates another one, at once.
pub async fn renew(replica: &Arc<Replica>, id: EndpointId, new: Mock) -> Result<Outcome, NotYet> {
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
