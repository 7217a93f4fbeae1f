//! `/-/store/raise` and `/-/store/adopt`: the format of the store, and the digest of a table.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{ApiResponse, OpenApi, Tags, param::Query};

use super::{
    access::MayWrite,
    error::{ApiError, Kind, Source, capitalized, excerpt},
    jsonapi::JsonApi,
    parameters::{Parameters, flag},
    schema::{AdoptDocument, Adoption, RaiseDocument},
};
use crate::{
    replica::Replica,
    store::{AdoptError, RaiseError},
};

#[derive(Tags)]
enum Tag {
    /// For operators, after a deployment.
    Store,
}

#[derive(ApiResponse)]
enum Raised {
    /// The store is in the format. With `dry_run`: the store is in the format, or can be raised.
    #[oai(status = 200)]
    Ok(JsonApi<RaiseDocument>),
}

#[derive(ApiResponse)]
enum Adopted {
    /// The digest of the table is the digest of the loaded endpoints.
    #[oai(status = 200)]
    Ok(JsonApi<AdoptDocument>),
}

pub struct StoreApi {
    pub replica: Arc<Replica>,
}

#[OpenApi(tag = "Tag::Store")]
impl StoreApi {
    /// Raise the store
    ///
    /// After the answer, every process accepts members of the format. Versions that do not know the format cannot start
    /// on the store any more. While a live process does not know the format, the answer is 409.
    #[oai(path = "/-/store/raise", method = "post", operation_id = "raiseStore")]
    async fn raise(
        &self,
        _access: MayWrite,
        request: &Request,
        /// The format. The default is the newest that the service knows.
        to_format: Query<Option<String>>,
        /// Change nothing, and describe the raise.
        dry_run: Query<Option<String>>,
    ) -> Result<Raised, ApiError> {
        let mut parameters = Parameters::of(request);
        let to = parameters.read("to_format", to_format, |text| {
            text.parse().map_err(|_| format!("`{}` is not a format: write a whole number", excerpt(text)))
        });
        let is_dry = parameters.read("dry_run", dry_run, flag);
        parameters.check()?;
        let raise = self.replica.raise(to, is_dry.unwrap_or(false)).await?;
        Ok(Raised::Ok(JsonApi(raise.into())))
    }

    /// Adopt the content of the table
    ///
    /// For a table that differs from its digest, after an edit by hand or a restored backup. The replica loads the
    /// table, and the digest of the loaded endpoints becomes the digest of the table. A store in a file or in memory
    /// has no digest: the answer is 409.
    #[oai(path = "/-/store/adopt", method = "post", operation_id = "adoptStore")]
    async fn adopt(&self, _access: MayWrite, request: &Request) -> Result<Adopted, ApiError> {
        Parameters::of(request).check()?;
        let (version, endpoints) = self.replica.adopt().await?;
        let meta = Adoption { version: version.0, endpoints: endpoints as u64 };
        Ok(Adopted::Ok(JsonApi(AdoptDocument { meta })))
    }
}

impl From<RaiseError> for ApiError {
    fn from(error: RaiseError) -> Self {
        let detail = capitalized(&error.to_string());
        match error {
            RaiseError::Unknown => Self::new(Kind::BadParameter, detail, Some(Source::parameter("to_format"))),
            RaiseError::Lacking { .. } => Self::new(Kind::Conflict, detail, None),
            RaiseError::Store(error) => error.into(),
        }
    }
}

impl From<AdoptError> for ApiError {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::NotShared => Self::new(Kind::Conflict, capitalized(&error.to_string()), None),
            AdoptError::Unfinished => Self::unavailable(&capitalized(&error.to_string())),
            AdoptError::Write(error) => error.into(),
        }
    }
}
