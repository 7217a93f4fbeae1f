//! `echo-service wait`: waits until Echo is ready.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use http::Method;

use super::management::Management;
use crate::config::Wait;

/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(100);

pub fn run(Wait { timeout, url }: &Wait) -> Result<String, String> {
    let deadline = Instant::now() + *timeout;
    let mut management = Management::new(url, None)?;
    loop {
        // A server that accepts connections and says nothing must not take longer.
        management.limit(deadline.saturating_duration_since(Instant::now()).max(PAUSE));
        let why = match management.ask(Method::GET, "/-/ready", &[], None) {
            Ok(document) if document["meta"]["status"] == "ready" => return Ok(format!("{url} is ready\n")),
            Ok(_) => management.other(200).to_string(),
            Err(failure) => failure.to_string(),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let timeout = humantime::format_duration(*timeout);
            return Err(format!("not ready after {timeout}: {why}; a longer --timeout waits longer"));
        }
        sleep(PAUSE.min(left));
    }
}
