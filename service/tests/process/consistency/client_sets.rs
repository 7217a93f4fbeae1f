//! Writes and reads of whole sets by simulated clients.

use std::sync::Arc;

use echo_service::{
    domain::{EndpointId, SetName},
    replica::{Replica, SetError},
    store::{StoreError, WriteError},
};
use rand::{Rng, rngs::StdRng};

use super::{
    client_reads::body_of,
    client_writes::{NotYet, mock},
    history::{Item, Outcome},
    routes::route,
};

/// The name of the set of a route's group.
pub fn set_of(route: &str) -> String {
    format!("set-{}", route.split('/').nth(1).expect("a group"))
}

/// Routes of the mocks of sets. All of them fit the full request of the group.
pub fn routes(group: usize) -> [String; 4] {
    ["GET {}/a", "GET {}/{x}", "ANY {}/a", "ANY {}/{*x} 1"].map(|form| form.replacen("{}", &format!("/{group}"), 1))
}

/// A list of some routes. An empty list deletes the set.
pub fn list(group: usize, name: &str, random: &mut StdRng) -> Vec<Item> {
    let chosen = routes(group).into_iter().filter(|_| random.random_bool(0.4)).enumerate();
    chosen.map(|(number, route)| Item { route, value: format!("{name}.{number}") }).collect()
}

/// PUT, as the API carries it out. Returns the ids and items of new mocks, too.
pub async fn put(
    replica: &Arc<Replica>,
    set: &str,
    list: &[Item],
) -> Result<(Outcome, Vec<(EndpointId, Item)>), NotYet> {
    let mocks = list.iter().map(|item| mock(EndpointId::generate(), route(&item.route), &item.value, ""));
    let outcome = match replica.put_set(&SetName::parse(set).unwrap(), mocks.collect(), false).await {
        Ok(outcome) => {
            let item = |claim: String| list.iter().find(|item| route(&item.route).claim() == claim).unwrap().clone();
            let created = outcome.created.into_iter().map(|(id, route)| (id, item(route.claim())));
            return Ok((Outcome::Done, created.collect()));
        }
        Err(SetError::Items(_)) => Outcome::Refused,
        Err(SetError::Write(WriteError::NeedsFormat(_))) => return Err(NotYet),
        Err(SetError::Write(_)) => Outcome::Unknown,
    };
    Ok((outcome, Vec::new()))
}

/// The sorted values of a set.
pub async fn shown(replica: &Replica, set: &str) -> Result<String, StoreError> {
    let mocks = replica.get_set(&SetName::parse(set).unwrap()).await?;
    let mut values: Vec<_> = mocks.iter().map(|mock| body_of(Some(mock))).collect();
    values.sort_unstable();
    Ok(values.join(","))
}
