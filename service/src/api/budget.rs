//! How many bytes of answers there may be at once: those that are put together, and those that clients have not read yet.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use poem::{Body, Request, Response, error::ResponseError};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::ApiError;

/// What is counted is KiB: an answer of less is free, because connections are bounded.
const UNIT: usize = 1024;
/// Of all answers together.
const TOTAL: usize = 16 * 1024 * UNIT;
/// What a listing takes while it is read and put together.
pub const LISTING: usize = 4 * 1024 * UNIT;
/// The same for a single endpoint, before it is known how large it is.
pub const ENDPOINT: usize = 512 * UNIT;
/// For how long a request waits for others to be read.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bytes that are left.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOTAL / UNIT)))
    }
}

/// What one request has of the budget.
#[derive(Clone)]
pub struct Share {
    budget: Budget,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Budget {
    /// Nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), held: Arc::default() }
    }
}

/// Has room for an answer of so many bytes from now on, or refuses the request.
pub async fn reserve(request: &Request, bytes: usize) -> Result<(), ApiError> {
    share_of(request).reserve(bytes).await
}

/// Gives back what is more than so many bytes.
pub fn shrink(request: &Request, bytes: usize) {
    share_of(request).shrink(bytes / UNIT);
}

fn share_of(request: &Request) -> &Share {
    request.data().expect("the management app gives each request its share")
}

impl Share {
    /// Gives back what is more than so many units, and returns how many are missing.
    fn shrink(&self, units: usize) -> usize {
        let mut held = self.held.lock();
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        drop(held.as_mut().and_then(|held| held.split(has.saturating_sub(units))));
        units.saturating_sub(has)
    }

    /// Has room for so many bytes, no more and no less.
    async fn reserve(&self, bytes: usize) -> Result<(), ApiError> {
        let missing = self.shrink(bytes / UNIT);
        if missing > 0 {
            let more = Arc::clone(&self.budget.0).acquire_many_owned(missing as u32);
            let more = timeout(PATIENCE, more).await.map_err(|_| ApiError::answers_unread())?;
            let more = more.expect("it is never closed");
            match &mut *self.held.lock() {
                Some(held) => held.merge(more),
                none => *none = Some(more),
            }
        }
        Ok(())
    }

    /// The answer, which gives its bytes back when it was sent or dropped. One for which there is no room is refused,
    /// unless it tells of something that was done.
    pub async fn charge(self, mut response: Response) -> Response {
        let body = response.take_body().into_bytes().await.expect("the answers of management are bytes at hand");
        let is_refused = self.reserve(body.len()).await.err().filter(|_| !response.status().is_success());
        if let Some(refusal) = is_refused {
            return refusal.as_response();
        }
        // The permit goes with the bytes, because hyper drops a body before it has sent what was in it.
        let charged = Charged { body, _held: self.held.lock().take() };
        response.set_body(Body::from_bytes(Bytes::from_owner(charged)));
        response
    }
}

struct Charged {
    body: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    async fn charged(budget: &Budget, status: StatusCode, bytes: usize) -> Response {
        budget.share().charge(Response::builder().status(status).body(vec![b'x'; bytes])).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_until_its_last_byte_is_gone() {
        let budget = Budget::default();
        let left = || budget.0.available_permits() * UNIT;
        let share = budget.share();
        share.reserve(LISTING).await.unwrap();
        assert_eq!(left(), TOTAL - LISTING);
        let answer = share.charge(Response::from(vec![b'x'; 1024 * UNIT])).await;
        assert_eq!(left(), TOTAL - 1024 * UNIT);
        // As hyper does: the body is gone, and its bytes wait to be sent.
        let mut bytes = answer.into_body().into_bytes().await.unwrap();
        drop(bytes.split_to(1000 * UNIT));
        assert_eq!(left(), TOTAL - 1024 * UNIT);
        drop(bytes);
        assert_eq!(left(), TOTAL);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_only_what_was_done_and_what_is_small_is_told() {
        let budget = Budget::default();
        let all = charged(&budget, StatusCode::OK, TOTAL).await;
        assert!(budget.share().reserve(UNIT).await.is_err());
        for (status, bytes, expected) in [
            (StatusCode::CREATED, 2 * UNIT, StatusCode::CREATED),
            (StatusCode::BAD_REQUEST, 2 * UNIT, StatusCode::SERVICE_UNAVAILABLE),
            (StatusCode::BAD_REQUEST, UNIT - 1, StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(charged(&budget, status, bytes).await.status(), expected, "{status} {bytes}");
        }
        drop(all);
        assert!(budget.share().reserve(TOTAL).await.is_ok());
    }
}
