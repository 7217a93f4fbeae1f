//! Listings. The store reads a page, and the replica returns the page once every replica shows the same mocks.

use super::{Replica, table::Table};
use crate::{
    domain::{EndpointId, Verb},
    store::{Filter, Page, StoreError},
};

/// Maximum number of new choices of a page after deletions of chosen mocks.
const MAX_RETRIES: usize = 3;

impl Replica {
    /// Calls `was_read` with the page as soon as the store returns it, before the wait for other
    /// replicas.
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

    /// Chooses the page from memory: the store reads only the endpoints of the page. As for a miss, a reading of the
    /// log comes first: otherwise the page could lack acknowledged writes.
    async fn list_verb(&self, verb: Verb, mut after: Option<EndpointId>, limit: usize) -> Result<Page, StoreError> {
        if !self.follower.is_alone() || self.follower.loaded().is_err() {
            self.follower.catch_up().await?;
        }
        let mut retries = MAX_RETRIES;
        loop {
            let (ids, more) = self.follower.loaded()?.of_verb(verb, after, limit);
            let (last, chosen) = (ids.last().copied(), ids.len());
            let mut page = self.store.list_verb(verb, ids).await?;
            // A write of several changes may have deleted a mock and created the successor.
            if page.endpoints.len() < chosen && !page.more && retries > 0 {
                retries -= 1;
                self.follower.catch_up_to_all_shown().await?;
                continue;
            }
            after = last;
            page.more |= more;
            // All chosen endpoints may be gone by now: try the next page.
            if !page.endpoints.is_empty() || !page.more {
                return Ok(page);
            }
        }
    }
}
