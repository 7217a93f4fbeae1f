//! `/-/live` and `/-/ready`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use poem_openapi::{ApiResponse, OpenApi, Tags};

use crate::replica::Replica;

use super::{
    error::ApiError,
    jsonapi::JsonApi,
    schema::{Health, HealthDocument},
};

/// Whether load balancers should send requests to this process.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Tags)]
enum Tag {
    /// For load balancers and orchestrators. No key is needed.
    Health,
}

pub struct HealthApi {
    pub readiness: Readiness,
    pub replica: Arc<Replica>,
}

#[derive(ApiResponse)]
enum Live {
    /// The process runs and answers.
    #[oai(status = 200)]
    Ok(JsonApi<HealthDocument>),
}

#[derive(ApiResponse)]
enum Ready {
    /// All mocks are loaded. Send requests.
    #[oai(status = 200)]
    Ok(JsonApi<HealthDocument>),
    /// The process is starting or stopping, or cannot read its store. Send requests elsewhere.
    #[oai(status = 503)]
    No(
        JsonApi<super::error::ErrorDocument>,
        /// Seconds to wait before the next try.
        #[oai(header = "Retry-After")]
        u32,
    ),
}

fn document(status: &str) -> JsonApi<HealthDocument> {
    JsonApi(HealthDocument { meta: Health { status: status.into() } })
}

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// Liveness
    ///
    /// Answers 200 as long as the process serves requests. Restart a process that does not answer.
    #[expect(clippy::unused_async, reason = "poem-openapi takes async functions only")]
    #[oai(path = "/-/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Live {
        Live::Ok(document("live"))
    }

    /// Readiness
    ///
    /// Answers 200 while the process may receive requests, and 503 while it loads all mocks, stops, or cannot read its
    /// store. During the load, the detail of the error has the number of mocks so far.
    #[expect(clippy::unused_async, reason = "poem-openapi takes async functions only")]
    #[oai(path = "/-/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Ready {
        let why = match (self.readiness.get(), self.replica.is_current()) {
            (true, true) => return Ready::Ok(document("ready")),
            (true, false) => "This process cannot read the store: send requests elsewhere".into(),
            (false, _) if !self.replica.has_started() => {
                format!("This process has loaded {} mocks so far: send requests elsewhere", self.replica.count())
            }
            (false, _) => "This process is stopping: send requests elsewhere".into(),
        };
        Ready::No(JsonApi(ApiError::unavailable(&why).into_document()), 1)
    }
}
