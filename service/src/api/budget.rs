//! Bounds the bytes that management holds at once: incoming documents, answers in preparation, and answers that clients
//! have not read yet.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use poem::{Body, Request, Response, error::ResponseError};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{access::Caller, error::ApiError};
pub use crate::web::pool::UNIT_BYTES;
use crate::web::pool::{Pool, Room};

/// For all reading requests.
const READERS_BYTES: usize = 16 * 1024 * UNIT_BYTES;
/// For all writing requests. Both budgets grow to four times the largest document, if that is more.
const WRITERS_BYTES: usize = 8 * 1024 * UNIT_BYTES;
/// The bytes that a listing takes while it is read and assembled.
pub const LISTING_BYTES: usize = 1024 * UNIT_BYTES;
/// The same for a single endpoint, as long as its size is unknown.
pub const ENDPOINT_BYTES: usize = 512 * UNIT_BYTES;
/// Maximum time a request waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_secs(2);

/// The free bytes. Writes have a pool of their own, so that readers cannot delay a writer.
pub struct Budget {
    reads: Pool<Caller>,
    writes: Pool<Caller>,
    sets: Pool<Caller>,
}

/// The part of the budget for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareKind {
    Read,
    Write,
    /// A request or answer with a whole set.
    Set,
}

/// The part of the budget that one request holds.
#[derive(Clone)]
pub struct Share {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
    held: Arc<Mutex<Option<Room>>>,
}

impl Budget {
    /// `max_document` and `max_set` are the sizes of the largest document and of the largest set, in bytes. A client
    /// may have one such set in flight, and all clients together two.
    pub fn new(max_document: usize, max_set: usize) -> Self {
        let pool = |bytes: usize| Pool::new(bytes.max(4 * max_document));
        Self { reads: pool(READERS_BYTES), writes: pool(WRITERS_BYTES), sets: Pool::new(2 * max_set) }
    }

    /// An empty share.
    pub fn share(&self, kind: ShareKind, caller: Caller) -> Share {
        let pool = match kind {
            ShareKind::Read => &self.reads,
            ShareKind::Write => &self.writes,
            ShareKind::Set => &self.sets,
        };
        Share { own: pool.half_of(caller), all: Arc::clone(&pool.all), held: Arc::default() }
    }
}

/// Reserves exactly this many bytes, or refuses the request.
pub async fn reserve(request: &Request, bytes: usize) -> Result<(), ApiError> {
    share_of(request).reserve(bytes).await
}

/// Returns all bytes above this number.
pub fn shrink(request: &Request, bytes: usize) {
    share_of(request).shrink(bytes / UNIT_BYTES);
}

fn share_of(request: &Request) -> &Share {
    request.data().expect("the management app gives each request its share")
}

impl Share {
    /// Returns all units above this number to the pools. The result is the number of missing units.
    fn shrink(&self, units: usize) -> usize {
        let mut held = self.held.lock();
        let has = held.as_ref().map_or(0, |room| room.all.num_permits());
        if let Some(room) = &mut *held {
            let more = has.saturating_sub(units);
            drop((room.all.split(more), room.own.split(more)));
        }
        units.saturating_sub(has)
    }

    /// Reserves exactly this many bytes.
    async fn reserve(&self, bytes: usize) -> Result<(), ApiError> {
        let missing = self.shrink(bytes / UNIT_BYTES);
        if missing > 0 {
            let until = Instant::now() + ROOM_TIMEOUT;
            let room = |of: &Arc<Semaphore>| timeout_at(until, Arc::clone(of).acquire_many_owned(missing as u32));
            // The caller's half first: in the queue of the pool, no request waits for another request of the same
            // caller.
            let own = room(&self.own).await.map_err(|_| ApiError::too_much_at_once())?.expect("it is never closed");
            let all = room(&self.all).await.map_err(|_| ApiError::no_room())?.expect("it is never closed");
            match &mut *self.held.lock() {
                Some(held) => held.merge(Room { own, all }),
                none => *none = Some(Room { own, all }),
            }
        }
        Ok(())
    }

    /// Charges the answer's bytes until the answer is sent or dropped. Without room, Echo refuses an answer, unless the
    /// answer reports a completed operation.
    pub async fn charge(self, mut response: Response) -> Response {
        let body = response.take_body().into_bytes().await.expect("the answers of management are bytes at hand");
        let is_refused = self.reserve(body.len()).await.err().filter(|_| !response.status().is_success());
        if let Some(refusal) = is_refused {
            return refusal.as_response();
        }
        // The room belongs to the bytes: hyper drops a body before all of its bytes are sent.
        let charged = Charged { body, _held: self.held.lock().take() };
        response.set_body(Body::from_bytes(Bytes::from_owner(charged)));
        response
    }
}

struct Charged {
    body: Bytes,
    _held: Option<Room>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};

    use super::*;

    const MAX_DOCUMENT: usize = 2 * 1024 * UNIT_BYTES;

    fn budget() -> Budget {
        Budget::new(MAX_DOCUMENT, MAX_DOCUMENT)
    }

    fn share(budget: &Budget, method: &Method, key: &str) -> Share {
        budget.share(if method.is_safe() { ShareKind::Read } else { ShareKind::Write }, Caller::Key(key.into()))
    }

    fn left(pool: &Pool<Caller>) -> usize {
        pool.all.available_permits() * UNIT_BYTES
    }

    async fn charged(budget: &Budget, key: &str, status: StatusCode, bytes: usize) -> Response {
        let response = Response::builder().status(status).body(vec![b'x'; bytes]);
        share(budget, &Method::POST, key).charge(response).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_until_its_last_byte_is_gone() {
        let budget = budget();
        let left = || left(&budget.reads);
        let share = share(&budget, &Method::GET, "a");
        share.reserve(LISTING_BYTES).await.unwrap();
        assert_eq!(left(), READERS_BYTES - LISTING_BYTES);
        let answer = share.clone().charge(Response::from(vec![b'x'; 1024 * UNIT_BYTES])).await;
        assert_eq!(left(), READERS_BYTES - 1024 * UNIT_BYTES);
        assert_eq!(share.own.available_permits() * UNIT_BYTES, READERS_BYTES / 2 - 1024 * UNIT_BYTES);
        // Like hyper: the body is gone, and its bytes wait to be sent.
        let mut bytes = answer.into_body().into_bytes().await.unwrap();
        drop(bytes.split_to(1000 * UNIT_BYTES));
        assert_eq!(left(), READERS_BYTES - 1024 * UNIT_BYTES);
        drop(bytes);
        assert_eq!(left(), READERS_BYTES);
        assert_eq!(share.own.available_permits() * UNIT_BYTES, READERS_BYTES / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_only_what_was_done_and_what_is_small_is_told() {
        let budget = budget();
        let mut unread = Vec::new();
        for (fills, key) in [("a", "a"), ("b", "c")] {
            unread.push(charged(&budget, fills, StatusCode::OK, WRITERS_BYTES / 2).await);
            assert!(share(&budget, &Method::POST, key).reserve(UNIT_BYTES).await.is_err());
            for (status, bytes, expected) in [
                (StatusCode::CREATED, 2 * UNIT_BYTES, StatusCode::CREATED),
                (StatusCode::BAD_REQUEST, 2 * UNIT_BYTES, StatusCode::SERVICE_UNAVAILABLE),
                (StatusCode::BAD_REQUEST, UNIT_BYTES - 1, StatusCode::BAD_REQUEST),
            ] {
                assert_eq!(charged(&budget, key, status, bytes).await.status(), expected, "{key} {status} {bytes}");
            }
        }
        drop(unread);
        assert_eq!(left(&budget.writes), WRITERS_BYTES);
        assert!(share(&budget, &Method::POST, "a").reserve(WRITERS_BYTES / 2).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn readers_that_wait_do_not_hold_up_writes() {
        let budget = budget();
        let held = ["a", "b"].map(|key| share(&budget, &Method::GET, key));
        for share in &held {
            share.reserve(READERS_BYTES / 2).await.unwrap();
        }
        let listing = share(&budget, &Method::GET, "c");
        let waits = tokio::spawn(async move { listing.reserve(LISTING_BYTES).await });
        tokio::task::yield_now().await;
        let started = Instant::now();
        for method in [Method::POST, Method::PATCH, Method::DELETE] {
            share(&budget, &method, "c").reserve(ENDPOINT_BYTES).await.unwrap();
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert!(waits.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_waits_for_their_own_requests_does_not_hold_up_others() {
        let budget = budget();
        let unread = share(&budget, &Method::GET, "a");
        unread.reserve(READERS_BYTES / 2).await.unwrap();
        let listing = share(&budget, &Method::GET, "a");
        let waits = tokio::spawn(async move { listing.reserve(LISTING_BYTES).await });
        tokio::task::yield_now().await;
        let started = Instant::now();
        let others = share(&budget, &Method::GET, "b");
        others.reserve(READERS_BYTES / 2).await.unwrap();
        assert_eq!(started.elapsed(), Duration::ZERO);
        drop(unread);
        assert!(waits.await.unwrap().is_ok(), "a caller waits for their own requests as for others'");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_is_forgotten_after_their_last_byte() {
        let budget = budget();
        let callers = || budget.writes.clients();
        let unread = charged(&budget, "a", StatusCode::OK, 2 * UNIT_BYTES).await;
        for key in ["b", "c", "d"] {
            drop(share(&budget, &Method::POST, key));
        }
        assert_eq!(callers(), 2, "the one with an unread answer, and the last one");
        drop(unread);
        drop(share(&budget, &Method::POST, "e"));
        assert_eq!(callers(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_has_room_for_one_of_the_largest_sets_and_all_callers_for_two() {
        let budget = budget();
        let share = |key: &str| budget.share(ShareKind::Set, Caller::Key(key.into()));
        let largest = ["a", "b"].map(share);
        for set in &largest {
            set.reserve(MAX_DOCUMENT).await.unwrap();
        }
        for caller in ["a", "c"] {
            assert!(share(caller).reserve(UNIT_BYTES).await.is_err(), "{caller}");
        }
        drop(largest);
        share("a").reserve(MAX_DOCUMENT).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_has_room_for_two_of_the_largest_documents_that_are_allowed() {
        for max_document in [UNIT_BYTES, MAX_DOCUMENT, 1 << 30] {
            let budget = Budget::new(max_document, max_document);
            let documents = [(); 2].map(|()| share(&budget, &Method::POST, "a"));
            for document in &documents {
                document.reserve(max_document).await.unwrap();
            }
            drop(documents);
            share(&budget, &Method::PATCH, "a").reserve(max_document + ENDPOINT_BYTES).await.unwrap();
        }
    }
}
