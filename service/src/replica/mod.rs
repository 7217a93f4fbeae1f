//! What this process knows of the store: every mock in memory, and how far that can be relied on.
//!
//! The table follows the store by its change log, in the log's order (`lease.rs` says when it may be answered from). A write is
//! acknowledged only after this replica has applied it, so that whoever was told sees it.

mod lease;
mod table;

use std::{panic, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Response;
use opentelemetry::trace::FutureExt as _;
use tokio::{select, sync::oneshot, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

pub use self::lease::{Counts, Lease};
use self::{
    lease::Follower,
    table::{PreparedAnswer, Table},
};
use crate::{
    domain::{EndpointId, Verb},
    store::{Change, Filter, Page, Store, StoreError, Stored, Version, Write, WriteError},
};

/// This process's copy of the store, and the way to the store itself.
///
/// Whatever an answer has shown, every later answer of every replica shows: writes and reads of the store both return only
/// after the table has caught up with what they saw, and after no other replica answers with what was there before.
pub struct Replica {
    store: Arc<dyn Store>,
    follower: Arc<Follower>,
    _following: AbortOnDropHandle<()>,
}

impl Replica {
    /// Loads everything from the store. Other processes that write to it have the same `lease`.
    pub async fn load(store: Arc<dyn Store>, lease: Lease) -> Result<Arc<Self>, StoreError> {
        let lease = store.is_shared().then_some(lease);
        let follower = Arc::new(Follower::load(Arc::clone(&store), lease).await?);
        let following = Arc::clone(&follower);
        let following = AbortOnDropHandle::new(tokio::spawn(async move { following.follow().await }));
        Ok(Arc::new(Self { store, follower, _following: following }))
    }

    /// The answer to a request for this verb and canonical path, if there is such a mock. It knows of every write that
    /// was acknowledged before the call, whoever has made it; an error is the store's, which can not be asked.
    pub async fn find(&self, verb: Verb, path: &str) -> Result<Option<Response<Bytes>>, StoreError> {
        {
            let table = self.follower.table.read();
            let answer = table.find(verb, path);
            if self.follower.is_alone() {
                return Ok(answer.map(PreparedAnswer::to_response));
            }
            if let Some(answer) = answer {
                // One reading of the clock, and not before the answer was found.
                let now = Instant::now();
                if table.route_settles(verb, path, now).is_none() && self.follower.holds_lease(now) {
                    return Ok(Some(answer.to_response()));
                }
            }
        }
        self.follower.catch_up().await?;
        let (answer, until) = {
            let table = self.follower.table.read();
            (table.find(verb, path).map(PreparedAnswer::to_response), table.route_settles(verb, path, Instant::now()))
        };
        // What the mock has become meanwhile is settled later, and need not be waited for: it was committed after the call.
        self.follower.settle(until).await;
        Ok(answer)
    }

    /// How many endpoints there are.
    pub fn count(&self) -> usize {
        self.follower.table.read().count()
    }

    /// How old what this replica knows is at most. `None` where nobody else writes.
    pub fn age(&self) -> Option<Duration> {
        self.follower.age()
    }

    pub fn counts(&self) -> &Counts {
        &self.follower.counts
    }

    /// Whether this replica can vouch for what it has. If not, requests are better sent to another one.
    pub fn is_current(&self) -> bool {
        self.follower.is_current()
    }

    pub async fn get(&self, id: EndpointId) -> Result<Option<Stored>, StoreError> {
        let is_known = || self.follower.table.read().has(id);
        if !is_known() {
            self.follower.catch_up().await?;
        }
        let mut found = None;
        // What a reading that began after the call does not know is not there, and the store need not be asked: as with a mock.
        if is_known() {
            found = self.store.get(id).await?;
            let is_applied = |stored: &Stored| self.follower.table.read().applied >= stored.version;
            if !found.as_ref().is_some_and(is_applied) {
                self.follower.catch_up_to_all_shown().await?;
            }
        }
        // Of its route as well: another mock was there before, perhaps.
        let route = found.as_ref().map(|stored| &stored.endpoint.route);
        self.until_settled(|table, now| table.settles(id, route, now)).await;
        Ok(found)
    }

    /// `was_read` is told the page as soon as the store has given it, which may be long before other replicas show it.
    pub async fn list(
        &self,
        filter: Filter,
        after: Option<EndpointId>,
        limit: usize,
        was_read: impl FnOnce(&Page),
    ) -> Result<Page, StoreError> {
        let page = match filter {
            Filter { verb: Some(verb), path: None } => self.list_verb(verb, after, limit).await?,
            filter => self.store.list(filter, after, limit).await?,
        };
        was_read(&page);
        self.follower.catch_up_to_all_shown().await?;
        self.until_settled(Table::all_settles).await;
        Ok(page)
    }

    /// Chooses from memory, so that the store need not read all others. As with what is not found, a reading that began after the call
    /// comes first: what it does not know was not acknowledged.
    async fn list_verb(&self, verb: Verb, mut after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        if !self.follower.is_alone() {
            self.follower.catch_up().await?;
        }
        loop {
            let (ids, more) = self.follower.table.read().of_verb(verb, after, limit);
            after = ids.last().copied();
            let mut page = self.store.list_verb(verb, ids).await?;
            page.more |= more;
            // All that were chosen may be gone meanwhile.
            if !page.endpoints.is_empty() || !page.more {
                return Ok(page);
            }
        }
    }

    /// Writes to the store, and returns when every replica serves what was written.
    ///
    /// A caller that does not wait any longer, because the client has hung up or time is up, does not leave the table behind: what has
    /// been written is applied all the same. But no more is sent to a store that others write to as well. Such a caller may
    /// ask again, and what was not decided by then must not be done after what comes next.
    pub async fn write(self: &Arc<Self>, write: Write) -> Result<Version, WriteError> {
        let replica = Arc::clone(self);
        // Dropped with this call.
        let (_waits, gone) = oneshot::channel::<()>();
        // It stays a part of the trace that it belongs to, and so do the lines that it logs.
        let work =
            tokio::spawn(async move { replica.carry_out(write, gone).await }.with_current_context().in_current_span());
        match work.await {
            Ok(outcome) => outcome,
            Err(failure) => match failure.try_into_panic() {
                // A fault of this request, as if there were no task between. What it has written is in the log.
                Ok(panic) => {
                    _ = self.follower.catch_up().await;
                    panic::resume_unwind(panic)
                }
                Err(_) => Err(StoreError("the service is being stopped".into()).into()),
            },
        }
    }

    async fn carry_out(&self, write: Write, gone: oneshot::Receiver<()>) -> Result<Version, WriteError> {
        let (id, endpoint) = match &write {
            Write::Create(endpoint) | Write::Replace { endpoint, .. } => (endpoint.id, Some(endpoint.clone())),
            Write::Delete { id, .. } => (*id, None),
        };
        let route = endpoint.as_ref().map(|endpoint| endpoint.route.clone());
        let outcome = select! {
            // Each time before the write goes on.
            biased;
            _ = gone, if self.store.is_shared() => Err(StoreError("nobody waits for the write any more".into()).into()),
            outcome = self.store.write(write) => outcome,
        };
        match &outcome {
            Ok(version) => {
                if !self.follower.apply_own(&Change { version: *version, id, endpoint }) {
                    self.follower.catch_up_to(*version).await?;
                }
            }
            // It may have taken effect all the same: the log tells, if it can be read.
            Err(WriteError::Store(_)) => _ = self.follower.catch_up().await,
            // What it was refused for is what somebody has written.
            Err(_) => self.follower.catch_up_to_all_shown().await?,
        }
        self.until_settled(|table, now| table.settles(id, route.as_ref(), now)).await;
        outcome
    }

    /// Waits until no replica answers any longer with what was there before.
    async fn until_settled(&self, when: impl FnOnce(&Table, Instant) -> Option<Instant>) {
        let until = when(&self.follower.table.read(), Instant::now());
        self.follower.settle(until).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use async_trait::async_trait;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        domain::{Endpoint, Headers, MockPath, MockResponse, Route, StatusCode},
        store::{Changes, Snapshot},
    };

    const LEASE: Lease = Lease { term: Duration::from_millis(300), poll: Duration::from_millis(50) };

    /// A store of one mock, which nobody changes. It may fall silent.
    #[derive(Default)]
    struct OneMock {
        is_silent: AtomicBool,
    }

    #[async_trait]
    impl Store for OneMock {
        async fn load(&self) -> Result<Snapshot, StoreError> {
            let route = Route { verb: Verb::Get, path: MockPath::parse("/").unwrap() };
            let headers = Headers::parse(vec![]).unwrap();
            let response = MockResponse::new(StatusCode::parse(200.0).unwrap(), headers, None).unwrap();
            let mock = Endpoint { id: EndpointId::generate(), route, response };
            Ok(Snapshot { head: Version(1), endpoints: vec![mock] })
        }

        async fn changes_since(&self, version: Version) -> Result<Changes, StoreError> {
            if self.is_silent.load(Ordering::Relaxed) {
                future::pending::<()>().await;
            }
            Ok(Changes::Log { head: version, changes: vec![] })
        }

        async fn write(&self, _: Write) -> Result<Version, WriteError> {
            unreachable!("nobody writes")
        }

        async fn get(&self, _: EndpointId) -> Result<Option<Stored>, StoreError> {
            unreachable!("it is only called")
        }

        async fn list(&self, _: Filter, _: Option<EndpointId>, _: usize) -> Result<Page, StoreError> {
            unreachable!("it is only called")
        }

        async fn list_verb(&self, _: Verb, _: Vec<EndpointId>) -> Result<Page, StoreError> {
            unreachable!("it is only called")
        }

        async fn head(&self) -> Result<Version, StoreError> {
            unreachable!("it is only called")
        }

        fn is_shared(&self) -> bool {
            true
        }
    }

    /// A thread may be stopped for any time between one line and the next: here because somebody else has the table.
    #[test]
    fn what_is_looked_up_when_the_lease_is_over_is_not_answered_even_if_it_was_asked_for_before() {
        let (runtime, store) = (Runtime::new().unwrap(), Arc::<OneMock>::default());
        let replica = runtime.block_on(Replica::load(Arc::clone(&store) as Arc<dyn Store>, LEASE)).unwrap();
        let find = || {
            let replica = Arc::clone(&replica);
            runtime.spawn(async move { replica.find(Verb::Get, "/").await })
        };
        // What was loaded is settled by then.
        thread::sleep(2 * LEASE.term);
        assert!(runtime.block_on(find()).unwrap().unwrap().is_some());

        store.is_silent.store(true, Ordering::Relaxed);
        let table = replica.follower.table.write();
        let found = find();
        thread::sleep(2 * LEASE.term);
        drop(table);
        assert!(runtime.block_on(found).unwrap().is_err());
    }
}
