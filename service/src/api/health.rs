//! `/-/live` and `/-/ready`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use poem_openapi::{ApiResponse, OpenApi, Tags};

use super::{
    error::ApiError,
    jsonapi::JsonApi,
    schema::{Health, HealthDocument},
};

/// Whether load balancers should send requests here.
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
}

#[derive(ApiResponse)]
enum Live {
    /// The process runs and answers.
    #[oai(status = 200)]
    Ok(JsonApi<HealthDocument>),
}

#[derive(ApiResponse)]
enum Ready {
    /// All mocks are loaded, and requests are welcome.
    #[oai(status = 200)]
    Ok(JsonApi<HealthDocument>),
    /// It is starting or stopping: send requests elsewhere.
    #[oai(status = 503)]
    No(
        JsonApi<super::error::ErrorDocument>,
        /// Seconds.
        #[oai(header = "Retry-After")]
        u32,
    ),
}

fn document(status: &str) -> JsonApi<HealthDocument> {
    JsonApi(HealthDocument { meta: Health { status: status.into() } })
}

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// Is it alive?
    #[expect(clippy::unused_async, reason = "poem-openapi takes async functions only")]
    #[oai(path = "/-/live", method = "get", operation_id = "live")]
    async fn live(&self) -> Live {
        Live::Ok(document("live"))
    }

    /// Is it ready for requests?
    #[expect(clippy::unused_async, reason = "poem-openapi takes async functions only")]
    #[oai(path = "/-/ready", method = "get", operation_id = "ready")]
    async fn ready(&self) -> Ready {
        if self.readiness.get() {
            Ready::Ok(document("ready"))
        } else {
            let error = ApiError::unavailable("It is starting or stopping: send requests elsewhere");
            Ready::No(JsonApi(error.into_document()), 1)
        }
    }
}
