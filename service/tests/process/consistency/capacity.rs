//! The capacity of a partition key of DynamoDB.

use tokio::time::Instant;

/// Read and write units of a partition key in a second.
pub const READS: f64 = 3_000.0;
pub const WRITES: f64 = 1_000.0;

/// The units of a partition key. They add up for a second. A request is granted as long as some are left, because
/// DynamoDB knows the size of a query only afterwards.
pub struct Bucket {
    rate: f64,
    pub left: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(rate: f64) -> Self {
        Self { rate, left: rate, at: Instant::now() }
    }

    pub fn is_empty(&mut self) -> bool {
        let now = Instant::now();
        self.left = (self.left + self.rate * (now - self.at).as_secs_f64()).min(self.rate);
        self.at = now;
        self.left <= 0.0
    }
}

pub const fn reads(bytes: usize) -> usize {
    bytes.div_ceil(4_096)
}

/// A transaction costs twice as much.
pub const fn writes(bytes: usize) -> usize {
    2 * bytes.div_ceil(1_024)
}
