//! Listings. The store reads a page, and the replica returns the page once every replica shows the same mocks.

use super::Replica;
use crate::{
    domain::EndpointId,
    store::{Filter, Page, StoreError},
};

/// Maximum size of a page of a listing by path. A store reads so many endpoints at one point in time.
const MAX_SNAPSHOT: usize = 100;
/// Maximum number of new choices of a page, after chosen mocks were deleted or mocks of the path were created.
const MAX_RETRIES: usize = 8;

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
        let page = self.read_page(&filter, after, limit).await?;
        was_read(&page);
        self.follower.catch_up_to_all_shown().await?;
        self.until_settled(|table, now| table.unsettled.all_settles(now)).await;
        Ok(page)
    }

    /// Other replicas may still show other mocks.
    pub(super) async fn read_page(
        &self,
        filter: &Filter,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        if *filter == Filter::default() {
            self.store.list(after, limit).await
        } else {
            self.list_filtered(filter, after, limit).await
        }
    }

    /// Chooses the page from memory: the store reads only the endpoints of the page. As for a miss, a reading of the
    /// log comes first: otherwise the page could lack acknowledged writes.
    async fn list_filtered(
        &self,
        filter: &Filter,
        mut after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.follower.catch_up_with_others().await?;
        let limit = if filter.path.is_some() { limit.min(MAX_SNAPSHOT) } else { limit };
        let mut retries = MAX_RETRIES;
        loop {
            let (ids, more) = self.follower.loaded()?.choose(filter, after, limit);
            let last = ids.last().copied();
            let mut page = self.store.list_these(filter.clone(), ids.clone()).await?;
            // A write of several changes may have deleted a mock and created the successor.
            let is_short = page.endpoints.len() < ids.len() && !page.more;
            // A listing of a path is a snapshot.
            if is_short || filter.path.is_some() {
                self.follower.catch_up_to_all_shown().await?;
                let is_outdated = self.follower.loaded()?.choose(filter, after, limit).0 != ids;
                if is_outdated && retries > 0 {
                    retries -= 1;
                    continue;
                }
                if is_outdated && filter.path.is_some() {
                    return Err(StoreError::Unavailable("the mocks of the path keep changing".into()));
                }
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
