//! Bodies that tests and templates of mocks read, and large bodies that templates make. All bodies at hand together
//! have a bound, so that they cannot fill the memory.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::Semaphore;

use crate::{
    domain::Content,
    web::{
        BodyLimits,
        pool::{Pool, Room, UNIT_BYTES},
        problem::ApiError,
    },
};

/// Maximum size of all bodies at hand. At least four of the largest bodies have room, two of them of one client.
const ALL_BYTES: usize = 16 * 1024 * UNIT_BYTES;

/// The size up to which rendered bodies do not count: the buffers of a connection are as large.
const FREE_BYTES: usize = 32 * UNIT_BYTES;

/// The reader of bodies.
pub struct Uploads {
    limits: BodyLimits,
    pool: Pool<IpAddr>,
}

/// A body in memory.
pub struct Upload {
    bytes: Vec<u8>,
    _room: Room,
}

impl Upload {
    /// The outcome of [`Uploads::read`] as the content of a call.
    pub fn content(read: Option<&Self>) -> Content<'_> {
        read.map_or(Content::TooLarge, |upload| Content::Whole(&upload.bytes))
    }
}

impl Uploads {
    pub fn new(limits: BodyLimits) -> Self {
        Self { limits, pool: Pool::new(ALL_BYTES.max(4 * limits.bytes)) }
    }

    /// Reads a body, or returns `None` for a body beyond the limit. Takes room for the arrived bytes only: a slow
    /// client must not hold up others.
    pub async fn read(&self, body: &mut Incoming, client: IpAddr) -> Result<Option<Upload>, ApiError> {
        let read = tokio::time::timeout(self.limits.time, self.read_all(body, client)).await;
        read.map_err(|_| ApiError::slow_body(self.limits.time))?
    }

    /// A rendered body, in room that is free again after the body is sent.
    pub fn hold(&self, body: Bytes, client: impl Fn() -> IpAddr) -> Result<Bytes, ApiError> {
        struct Held(Bytes, #[expect(dead_code, reason = "the drop gives the room back")] Room);
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        if body.len() <= FREE_BYTES {
            return Ok(body);
        }
        let room = self.take(&self.pool.half_of(client()), body.len() / UNIT_BYTES)?;
        Ok(Bytes::from_owner(Held(body, room)))
    }

    fn take(&self, half: &Arc<Semaphore>, units: usize) -> Result<Room, ApiError> {
        let take = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_many_owned(units as u32);
        let own = take(half).map_err(|_| ApiError::too_much_at_once())?;
        Ok(Room { own, all: take(&self.pool.all).map_err(|_| ApiError::no_room())? })
    }

    async fn read_all(&self, body: &mut Incoming, client: IpAddr) -> Result<Option<Upload>, ApiError> {
        if body.size_hint().lower() > self.limits.bytes as u64 {
            return Ok(None);
        }
        let half = self.pool.half_of(client);
        let (mut bytes, mut room) = (Vec::new(), self.take(&half, 0)?);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ApiError::incomplete_body())?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > self.limits.bytes {
                return Ok(None);
            }
            let units = ((bytes.len() + data.len()) / UNIT_BYTES).saturating_sub(room.all.num_permits());
            room.merge(self.take(&half, units)?);
            bytes.extend_from_slice(&data);
        }
        Ok(Some(Upload { bytes, _room: room }))
    }
}
