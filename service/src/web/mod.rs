//! The ground of both listeners: error documents, client addresses, rates, limits of bodies, URLs, and the paths of
//! management.

pub mod client;
pub mod document;
pub mod page;
pub mod pool;
pub mod problem;
pub mod rate;
pub mod routes;
pub mod url;

use std::time::Duration;

/// <https://jsonapi.org/format/1.1/#content-negotiation>
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Maximum size of a body, and maximum time to receive it.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub bytes: usize,
    pub time: Duration,
}
