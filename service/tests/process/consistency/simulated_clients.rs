//! The clients of simulated histories.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use echo_service::{
    domain::{EndpointId, SetName},
    replica::Replica,
    store::{StoreError, Stored},
};
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use tokio::time::sleep;

use super::{
    client_reads::{body_of, called_in_turn, explained, listed, listed_with_others},
    client_sets::{list, put, routes, set_of, shown},
    client_writes::{Ids, change, create, new_mock, renew},
    history::{Kind, Operation, Outcome, Recorder},
    routes::{full_request, overlapping, plain, request, tested, text},
};

pub const REPLICAS: usize = 3;
/// The number of each client's requests.
const REQUESTS: usize = 10;
const GROUPS: usize = 2;
/// Kinds of questions.
pub const CALL: u8 = 0;
const EXPLAIN: u8 = 3;
pub const LISTING_OF_VERB: u8 = 12;
const CREATE: u8 = 5;
const PATCH: u8 = 7;
const RENEW: u8 = 13;
const RAISE: u8 = 14;
const PUT: u8 = 15;
const SHOW: u8 = 16;
const JOIN: u8 = 17;

/// The requests of clients.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    All,
    /// Only creations of new plain mocks, and questions of this kind: a hit cannot be wrong.
    Misses(u8),
    /// Only creations of mocks that hide each other, and calls: nothing else replaces an answer.
    Hiding,
    /// The same, where all mocks have one path and fit all calls.
    HidingByTests,
    /// Only creations and changes of mocks with turns, and calls.
    Turns,
    /// Writes of sets beside single writes.
    Sets,
    /// Only writes of sets, and questions.
    SetsAlone,
}

/// Turns of mocks.
pub const TURNS: [&str; 4] = ["2 last", "3 repeat", "3 none", "1 none"];

impl Requests {
    /// The kind of the next request, and the number of its group.
    fn next(self, random: &mut StdRng, mocks: usize) -> (u8, usize) {
        let (kind, group) = (random.random_range(0..15), random.random_range(0..GROUPS));
        match self {
            Self::All => (kind, group),
            Self::Misses(question) => (if kind < 10 { question } else { CREATE }, mocks / 3),
            Self::Hiding | Self::HidingByTests => {
                let kind = match kind {
                    0..7 => CALL,
                    7..10 => EXPLAIN,
                    _ => CREATE,
                };
                (kind, mocks / 6)
            }
            Self::Sets => {
                let kinds = [PUT, PUT, PUT, SHOW, SHOW, CALL, CALL, CALL, PATCH, JOIN, 9, CREATE, CREATE, CREATE, 4];
                (kinds[usize::from(kind)], group)
            }
            Self::SetsAlone => ([PUT, SHOW, CALL, CALL, CALL][usize::from(kind % 5)], 0),
            Self::Turns => {
                let kind = match kind {
                    0..10 => CALL,
                    10 => EXPLAIN,
                    11 => PATCH,
                    _ => CREATE,
                };
                (kind, group)
            }
        }
    }
}

impl Requests {
    /// The route of a new or moved mock, and a request.
    fn routes(self, group: usize, random: &mut StdRng) -> (String, String) {
        match self {
            Self::Misses(_) => (plain(group), full_request(group)),
            Self::HidingByTests => (tested(&plain(group), random), full_request(group)),
            Self::Turns if random.random_bool(0.5) => (plain(group), full_request(group)),
            Self::Turns => (format!("GET /{group}/{{x}}"), full_request(group)),
            Self::Sets | Self::SetsAlone => (routes(group)[random.random_range(0..4)].clone(), full_request(group)),
            _ => (overlapping(group, random), request(group, random)),
        }
    }

    /// The turns of a mock, if any.
    fn turns(self, random: &mut StdRng) -> &'static str {
        let has_turns = match self {
            Self::All => random.random_bool(0.2),
            requests => requests == Self::Turns,
        };
        if has_turns { TURNS[random.random_range(0..TURNS.len())] } else { "" }
    }
}

/// The shared state of a run's clients.
pub struct World {
    pub requests: Requests,
    /// Of the replicas.
    pub ids: [Ids; REPLICAS],
    pub replicas: Mutex<Vec<Arc<Replica>>>,
    /// The attempted creations: id, name, route.
    pub mocks: Mutex<Vec<(EndpointId, String, String)>>,
    pub recorder: Recorder,
    /// The order of events.
    pub clock: AtomicU64,
    /// When a raise was first acknowledged.
    pub raised: AtomicU64,
    /// Refusals of a format by calls that began after that.
    pub late_refusals: AtomicU64,
    /// Divergences of replicas that were replaced.
    pub diverged: AtomicU64,
}

impl World {
    /// The kind of the next request, its group, and a mock.
    fn choose(&self, random: &mut StdRng) -> (u8, usize, Option<(EndpointId, String, String)>) {
        let mocks = self.mocks.lock();
        let (kind, group) = self.requests.next(random, mocks.len());
        // Recent mocks: most others are deleted.
        let newest = mocks.len().saturating_sub(3);
        (kind, group, (!mocks.is_empty()).then(|| mocks[random.random_range(newest..mocks.len())].clone()))
    }

    async fn raise(&self, replica: &Replica) {
        if replica.raise(None, false).await.is_ok() {
            self.raised.fetch_min(self.tick(), Ordering::Relaxed);
        }
    }

    /// The name of the mock that answers a request.
    async fn explain(&self, replica: &Replica, request: &str) -> Result<String, StoreError> {
        let answers = explained(replica, request).await?;
        let mocks = self.mocks.lock();
        let name = |id| mocks.iter().find(|(other, ..)| *other == id).expect("a created mock").1.clone();
        Ok(answers.map_or_else(String::new, name))
    }

    pub fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

/// Sends a client's requests, and records the answers.
pub async fn ask(client: usize, world: &World, mut random: StdRng) {
    for number in 0..REQUESTS {
        sleep(Duration::from_micros(random.random_range(0..60_000))).await;
        let which = random.random_range(0..REPLICAS);
        let replica = &Arc::clone(&world.replicas.lock()[which]);
        let (kind, group, known) = world.choose(&mut random);
        let (to, request) = world.requests.routes(group, &mut random);
        let value = format!("{client}.{number}");
        let turns = world.requests.turns(&mut random);
        let may_join = world.requests == Requests::Sets && (kind == CREATE || kind == JOIN);
        let joined = if kind == JOIN { known.as_ref().map_or(&*to, |(.., was_at)| was_at) } else { &to };
        let set = if may_join && random.random_bool(0.5) { set_of(joined) } else { String::new() };
        let new = async || {
            let mut new = new_mock(replica, &to, &value, turns, world.ids[which]).await?;
            new.set = SetName::parse(&set).ok();
            world.mocks.lock().push((new.id, value.clone(), to.clone()));
            Ok::<_, StoreError>(new)
        };
        let call = world.tick();
        if kind == RAISE {
            world.raise(replica).await;
            continue;
        }
        if [PUT, SHOW].contains(&kind) {
            ask_of_set(client, world, replica, kind, (group, to, &value), &mut random).await;
            continue;
        }
        let mut id = None;
        let (kind, route, mock, value, outcome) = match (kind, known) {
            (EXPLAIN, _) => {
                let Ok(name) = world.explain(replica, &request).await else { continue };
                (Kind::Explain, format!("GET {request}"), name, String::new(), Ok(Outcome::Done))
            }
            (CALL..EXPLAIN, _) => {
                let Ok(body) = called_in_turn(replica, &request).await else { continue };
                let outcome = if body.is_some() { Outcome::Done } else { Outcome::Unknown };
                (Kind::Call, format!("GET {request}"), String::new(), body.unwrap_or_default(), Ok(outcome))
            }
            (4 | LISTING_OF_VERB, _) => {
                let read = if kind == 4 { listed(replica, &to).await } else { listed_with_others(replica, &to).await };
                let Ok(body) = read else { continue };
                (Kind::Read, to, String::new(), body, Ok(Outcome::Done))
            }
            (10, Some((id, mock, was_at))) => match replica.get(id).await {
                Ok(Some(Stored { endpoint, .. })) => {
                    (Kind::Read, text(&endpoint.route), String::new(), body_of(Some(&endpoint)), Ok(Outcome::Done))
                }
                // A change of a missing mock is refused in the same way.
                Ok(None) => (Kind::Patch, was_at, mock, String::new(), Ok(Outcome::Refused)),
                Err(_) => continue,
            },
            (RENEW, Some((old, mock, _))) => {
                let Ok(new) = new().await else { continue };
                id = Some(new.id);
                let outcome = renew(replica, old, new).await;
                (Kind::Renew, to, mock, value, outcome)
            }
            (PATCH..10 | 11 | JOIN, Some((id, mock, was_at))) => {
                let (kind, route) = match kind {
                    11 => (Kind::Move, to),
                    JOIN => (Kind::Join, was_at),
                    9 => (Kind::Delete, was_at),
                    _ => (Kind::Patch, was_at),
                };
                let value = if kind == Kind::Delete { String::new() } else { value };
                let outcome =
                    change(replica, id, kind, if kind == Kind::Join { &set } else { &route }, &value, turns).await;
                (kind, route, mock, value, outcome)
            }
            _ => {
                let Ok(new) = new().await else { continue };
                id = Some(new.id);
                let outcome = create(replica, new).await;
                (Kind::Create, to, value.clone(), value, outcome)
            }
        };
        let Ok(outcome) = outcome else {
            let is_late = call > world.raised.load(Ordering::Relaxed);
            world.late_refusals.fetch_add(u64::from(is_late), Ordering::Relaxed);
            continue;
        };
        let is_write = !matches!(kind, Kind::Call | Kind::Explain | Kind::Read | Kind::Delete);
        let turns = if is_write { turns.to_owned() } else { String::new() };
        let (id, r#return) = (id.map_or_else(String::new, |id| id.to_string()), world.tick());
        world.recorder.record(Operation {
            client,
            route,
            kind,
            mock,
            value,
            turns,
            set,
            list: Vec::new(),
            id,
            outcome,
            call,
            r#return,
        });
    }
}

/// Writes or shows the set of a group.
async fn ask_of_set(
    client: usize,
    world: &World,
    replica: &Arc<Replica>,
    kind: u8,
    (group, route, name): (usize, String, &str),
    random: &mut StdRng,
) {
    let (call, set) = (world.tick(), set_of(&route));
    let list = if kind == PUT { list(group, name, random) } else { Vec::new() };
    let (kind, value, outcome) = if kind == PUT {
        let Ok((outcome, created)) = put(replica, &set, &list).await else { return };
        world.mocks.lock().extend(created.into_iter().map(|(id, item)| (id, item.value, item.route)));
        (Kind::Put, String::new(), outcome)
    } else {
        let Ok(values) = shown(replica, &set).await else { return };
        (Kind::Show, values, Outcome::Done)
    };
    let ([mock, turns, id], r#return) = (Default::default(), world.tick());
    world.recorder.record(Operation {
        client,
        route,
        kind,
        mock,
        value,
        turns,
        set,
        list,
        id,
        outcome,
        call,
        r#return,
    });
}
