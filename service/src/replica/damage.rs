//! Mocks with damaged records.

use std::{collections::BTreeSet, mem};

use parking_lot::Mutex;

use super::{FindError, Replica};
use crate::domain::{Call, EndpointId, MockPath, Route, Verb};

/// The routes of a reading. A cancelled reading puts the routes back, because other calls wait for the claims.
struct Taken<'a> {
    sought: &'a Mutex<BTreeSet<Route>>,
    routes: BTreeSet<Route>,
}

impl<'a> Taken<'a> {
    fn new(sought: &'a Mutex<BTreeSet<Route>>) -> Self {
        Self { sought, routes: mem::take(&mut *sought.lock()) }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.sought.lock().append(&mut self.routes);
    }
}

impl Replica {
    /// Refuses a call if a plain mock claims the request, and the mock's record is damaged and does not show the route.
    /// A plain mock has no parameters, tests and priority. The claims for all waiting calls are read at once: a flood
    /// of misses must not become a flood of reads. The table keeps the found claims.
    pub(super) async fn check_claims(&self, call: &Call<'_>) -> Result<(), FindError> {
        let Ok(own) = MockPath::parse(call.path) else { return Ok(()) };
        self.sought.lock().extend([call.verb, Verb::Any].map(|verb| Route::new(verb, own.clone())));
        let read = async {
            let mut taken = Taken::new(&self.sought);
            let holders = self.store.holders(&taken.routes).await;
            taken.routes.clear();
            for (route, id) in holders? {
                self.follower.table.write().found(id, route);
            }
            Ok(())
        };
        self.follower.once_for_all(&self.follower.claims, read).await?;
        self.follower.loaded()?.find(call).map(|_| ())
    }

    /// The number of endpoints with a damaged record.
    pub fn count_damaged(&self) -> usize {
        self.follower.table.read().count_damaged()
    }

    /// The route of an endpoint with a damaged record, if the route is known.
    pub fn damaged_route(&self, id: EndpointId) -> Option<Route> {
        self.follower.table.read().damaged_route(id)
    }
}
