//! `/-/explain`: the reason for the answer to a call.

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
    /// The reason for the answer to a call.
    Explain,
}

#[derive(ApiResponse)]
enum Explained {
    /// The answering mock, and all candidates.
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
    /// Lists the candidates for a call in Echo's order: mocks with a fitting verb and path. A candidate shows the first
    /// failing test. Echo calls no mock.
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
            FindError::Store(error) | FindError::Turn(error) => error.into(),
            FindError::Undecided(why) => Self::undecided(why),
        }
    }
}
