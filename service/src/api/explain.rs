//! `/-/explain`: why a call gets its answer.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{ApiResponse, OpenApi, Tags};

use super::{
    access::MayRead,
    budget::{self, reserve},
    document::{IsReserved, SentCall},
    error::ApiError,
    jsonapi::{JsonApi, RequestDocument},
    parameters::Parameters,
    schema::ExplanationDocument,
};
use crate::replica::{FindError, Replica};

#[derive(Tags)]
enum Tag {
    /// Why a call gets its answer.
    Explain,
}

#[derive(ApiResponse)]
enum Explained {
    /// The mock that answers the call, and the mocks that may answer it.
    #[oai(status = 200)]
    Ok(JsonApi<ExplanationDocument>),
}

pub struct ExplainApi {
    pub replica: Arc<Replica>,
    pub is_reserved: IsReserved,
}

#[OpenApi(tag = "Tag::Explain")]
impl ExplainApi {
    /// Explain a call
    ///
    /// Lists the mocks whose verb and path fit a call, in the order in which Echo tries them. Each has its first test
    /// that does not hold. No mock is called.
    #[oai(path = "/-/explain", method = "post", operation_id = "explainCall")]
    async fn explain(&self, _access: MayRead, request: &Request, body: RequestDocument) -> Result<Explained, ApiError> {
        Parameters::of(request).check()?;
        reserve(request, body.room() + budget::ENDPOINT_BYTES).await?;
        let call = SentCall::read(&body.read().await?, self.is_reserved)?;
        Ok(Explained::Ok(JsonApi(self.replica.explain(&call.call()).await?.into())))
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Store(error) => error.into(),
            FindError::Undecided(why) => Self::undecided(why),
        }
    }
}
