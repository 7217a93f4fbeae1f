//! What this process knows of the store: every mock in memory, as a prepared answer.
//!
//! The table follows the store by its change log, in the log's order. Finding a mock costs one hash lookup, however many
//! there are. A write is acknowledged only after this replica has applied it, so that whoever was told sees it.

use std::{
    collections::HashMap,
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use opentelemetry::trace::FutureExt as _;
use parking_lot::RwLock;
use smallvec::SmallVec;
use tokio::sync::Mutex;
use tracing::Instrument as _;

use crate::{
    domain::{Body, Endpoint, EndpointId, Verb},
    store::{Change, Changes, Filter, Page, Store, StoreError, Stored, Version, Write, WriteError},
};

/// How long to wait before the log is read again, after it could not be.
const RETRY: Duration = Duration::from_millis(100);

/// A mock's answer, parsed once when the mock was made. It lies in the table itself, and what it points to lies together:
/// with many mocks, to find and to send one costs as few cache misses as can be.
#[derive(Debug)]
struct PreparedAnswer {
    id: EndpointId,
    status: StatusCode,
    /// Most answers have one field, `Content-Type`.
    headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    body: Bytes,
}

impl PreparedAnswer {
    /// The answer, and the path that it is found by.
    fn new(endpoint: &Endpoint) -> (Bytes, Self) {
        let path = endpoint.route.path.as_str();
        let response = &endpoint.response;
        let body = response.body().map_or("", Body::as_str);
        let values = response.headers().iter().map(|(_, value)| value);
        // One piece of memory, of which all the others are parts.
        let mut text = Bytes::from([path, body].into_iter().chain(values).collect::<Vec<_>>().concat());
        let path = text.split_to(path.len());
        let body = text.split_to(body.len());
        let field = |(name, value): (&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("the domain admits tokens only");
            let value = HeaderValue::from_maybe_shared(text.split_to(value.len()));
            (name, value.expect("the domain admits field values only"))
        };
        let answer = Self {
            id: endpoint.id,
            status: StatusCode::from_u16(response.code().get()).expect("the domain admits 200 to 599 only"),
            headers: response.headers().iter().map(field).collect(),
            body,
        };
        (path, answer)
    }

    /// The answer as HTTP sends it. Its bytes are shared, not copied.
    fn to_response(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        *response.headers_mut() = headers;
        response
    }
}

/// Every mock, by verb and path, and the way back from an id to its route.
#[derive(Default)]
struct Table {
    answers: [HashMap<Bytes, PreparedAnswer>; Verb::ALL.len()],
    routes: HashMap<EndpointId, (Verb, Bytes)>,
}

impl Table {
    fn put(&mut self, endpoint: &Endpoint) {
        self.remove(endpoint.id);
        let verb = endpoint.route.verb;
        let (path, answer) = PreparedAnswer::new(endpoint);
        self.routes.insert(endpoint.id, (verb, path.clone()));
        let answers = &mut self.answers[verb as usize];
        // A map keeps the key that it has, which would keep the memory of the answer before.
        answers.remove(&path);
        answers.insert(path, answer);
    }

    fn remove(&mut self, id: EndpointId) {
        if let Some((verb, path)) = self.routes.remove(&id) {
            let answers = &mut self.answers[verb as usize];
            // Changes show the latest state, so another endpoint may hold the route already.
            if answers.get(&path).is_some_and(|answer| answer.id == id) {
                answers.remove(&path);
            }
        }
    }
}

/// How far the table has followed the log.
#[derive(Default)]
struct Progress {
    /// Up to where the log is applied.
    applied: Version,
    /// The last reading of the log, for all who have waited for one.
    last: Option<Reading>,
}

struct Reading {
    started: Instant,
    outcome: Result<(), StoreError>,
}

/// This process's copy of the store, and the way to the store itself.
///
/// Whatever an answer has shown, the table serves: writes and reads of the store both return only after the table
/// has caught up with what they saw. Where other processes write too, each request to a mock reads the log first.
pub struct Replica {
    store: Arc<dyn Store>,
    table: RwLock<Table>,
    /// Held while the log is read, so that those who wait share one reading.
    progress: Mutex<Progress>,
    /// Whether a task is at work that tries to catch up until it can.
    is_catching_up: AtomicBool,
}

impl Replica {
    /// Loads everything from the store.
    pub async fn load(store: Arc<dyn Store>) -> Result<Arc<Self>, StoreError> {
        let replica = Self {
            store,
            table: RwLock::default(),
            progress: Mutex::default(),
            is_catching_up: AtomicBool::new(false),
        };
        replica.reload(&mut replica.progress.lock().await.applied).await?;
        Ok(Arc::new(replica))
    }

    /// The answer to a request for this verb and canonical path, if there is such a mock. It knows of every write that
    /// was acknowledged before the call, whoever has made it; an error is the store's, which can not be asked.
    pub async fn find(&self, verb: Verb, path: &str) -> Result<Option<Response<Bytes>>, StoreError> {
        if self.store.is_shared() {
            self.catch_up().await?;
        }
        Ok(self.table.read().answers[verb as usize].get(path.as_bytes()).map(PreparedAnswer::to_response))
    }

    /// How many endpoints there are.
    pub fn count(&self) -> usize {
        self.table.read().routes.len()
    }

    pub async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        let found = self.store.get(id).await?;
        self.catch_up().await?;
        Ok(found)
    }

    pub async fn list(&self, filter: Filter, after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        let page = self.store.list(filter, after, limit).await?;
        self.catch_up().await?;
        Ok(page)
    }

    /// Writes to the store, and returns when this replica serves what was written.
    ///
    /// Goes on when the caller does not wait any longer: a client that hangs up must not leave the table behind.
    pub async fn write(self: &Arc<Self>, write: Write) -> Result<Version, WriteError> {
        let replica = Arc::clone(self);
        let work = async move {
            let outcome = replica.store.write(write).await;
            let caught_up = match &outcome {
                Ok(version) => replica.catch_up_to(*version).await,
                // It may have taken effect all the same: the log tells.
                Err(WriteError::Store(_)) => replica.catch_up().await,
                Err(_) => Ok(()),
            };
            if let Err(error) = caught_up {
                replica.catch_up_later();
                return outcome.and(Err(WriteError::Store(error)));
            }
            outcome
        };
        // It stays a part of the trace that it belongs to, and so do the lines that it logs.
        let work = tokio::spawn(work.with_current_context().in_current_span());
        let failure = match work.await {
            Ok(outcome) => return outcome,
            Err(failure) => failure,
        };
        match failure.try_into_panic() {
            Ok(panic) => {
                self.catch_up_later();
                // A fault of this request, as if there were no task between.
                panic::resume_unwind(panic)
            }
            Err(_) => Err(WriteError::Store(StoreError("the service is being stopped".into()))),
        }
    }

    /// Applies all that is in the log at the time of the call. Those who call while the log is being read share the next
    /// reading: that one starts after all of them have called.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let called = Instant::now();
        let mut progress = self.progress.lock().await;
        match &progress.last {
            Some(reading) if reading.started > called => reading.outcome.clone(),
            _ => self.follow(&mut progress).await,
        }
    }

    /// Applies the log, unless somebody else has done so up to `version`: of many writers, few read it.
    async fn catch_up_to(&self, version: Version) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        if progress.applied < version { self.follow(&mut progress).await } else { Ok(()) }
    }

    async fn follow(&self, progress: &mut Progress) -> Result<(), StoreError> {
        let started = Instant::now();
        let outcome = self.read_log(&mut progress.applied).await;
        let was_failing = progress.last.as_ref().is_some_and(|last| last.outcome.is_err());
        match &outcome {
            Err(error) if !was_failing => tracing::error!(%error, "the change log can not be read"),
            Ok(()) if was_failing => tracing::info!("the change log can be read again"),
            _ => {}
        }
        progress.last = Some(Reading { started, outcome: outcome.clone() });
        outcome
    }

    async fn read_log(&self, applied: &mut Version) -> Result<(), StoreError> {
        match self.store.changes_since(*applied).await? {
            Changes::Gap => self.reload(applied).await,
            Changes::Log { head, changes } => {
                // An idle log must not stop those who serve.
                if !changes.is_empty() {
                    let mut table = self.table.write();
                    for Change { id, endpoint, .. } in changes {
                        match endpoint {
                            Some(endpoint) => table.put(&endpoint),
                            None => table.remove(id),
                        }
                    }
                }
                *applied = head;
                Ok(())
            }
        }
    }

    /// Tries to catch up until it can: in one task, however many writes have met a store that is away.
    fn catch_up_later(self: &Arc<Self>) {
        if self.is_catching_up.swap(true, Ordering::AcqRel) {
            return;
        }
        let replica = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                // Whoever calls from here on may have seen more than this reading is going to.
                replica.is_catching_up.store(false, Ordering::Release);
                if replica.catch_up().await.is_ok() {
                    return;
                }
                if replica.is_catching_up.swap(true, Ordering::AcqRel) {
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        });
    }

    async fn reload(&self, applied: &mut Version) -> Result<(), StoreError> {
        let snapshot = self.store.load().await?;
        let mut table = Table::default();
        table.routes.reserve(snapshot.endpoints.len());
        for endpoint in &snapshot.endpoints {
            table.put(endpoint);
        }
        *self.table.write() = table;
        *applied = snapshot.head;
        Ok(())
    }
}
