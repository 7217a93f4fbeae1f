//! Bodies that tests of mocks read. All bodies at hand together have a bound, so that uploads cannot fill the memory.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::web::{BodyLimits, problem::ApiError};

/// The unit of the bound.
const UNIT_BYTES: usize = 1024;
/// Maximum size of all bodies at hand. At least four of the largest bodies have room.
const ALL_BYTES: usize = 16 * 1024 * UNIT_BYTES;

/// The reader of bodies.
pub struct Uploads {
    limits: BodyLimits,
    room: Arc<Semaphore>,
}

/// A body in memory.
pub struct Upload {
    pub bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl Uploads {
    pub fn new(limits: BodyLimits) -> Self {
        Self { limits, room: Arc::new(Semaphore::new(ALL_BYTES.max(4 * limits.bytes) / UNIT_BYTES)) }
    }

    /// Reads a body, or returns `None` for a body beyond the limit. Takes room for the arrived bytes only: a slow
    /// client must not hold up others.
    pub async fn read(&self, body: &mut Incoming) -> Result<Option<Upload>, ApiError> {
        let read = tokio::time::timeout(self.limits.time, self.read_all(body)).await;
        read.map_err(|_| ApiError::slow_body(self.limits.time))?
    }

    async fn read_all(&self, body: &mut Incoming) -> Result<Option<Upload>, ApiError> {
        if body.size_hint().lower() > self.limits.bytes as u64 {
            return Ok(None);
        }
        let take = |units: usize| {
            let taken = Arc::clone(&self.room).try_acquire_many_owned(units as u32);
            taken.map_err(|_: TryAcquireError| ApiError::no_room())
        };
        let (mut bytes, mut room) = (Vec::new(), take(0)?);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::incomplete_body())?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.bytes {
                return Ok(None);
            }
            room.merge(take(((bytes.len() + data.len()) / UNIT_BYTES).saturating_sub(room.num_permits()))?);
            bytes.extend_from_slice(&data);
        }
        Ok(Some(Upload { bytes, _room: room }))
    }
}
