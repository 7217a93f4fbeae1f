//! `/-/sets`: write, read and delete sets of mocks as a whole. Deletions of many mocks, too.

mod schema;

use std::sync::Arc;

use poem::Request;
use poem_openapi::{
    ApiResponse, OpenApi, Tags,
    param::{Path, Query},
};
use tokio::task::spawn_blocking;

pub use self::schema::DeletionDocument;
use self::schema::{SetDocument, SetsDocument};
use super::{
    access::{MayRead, MayWrite, may_read},
    budget::{self, reserve},
    conditions,
    document::{self, Rules},
    error::{ApiError, Kind},
    jsonapi::{JsonApi, MockList, RequestDocument},
    media_type::accepts_yaml,
    parameters::{Parameters, flag},
};
use crate::{
    domain::{Mock, SetName},
    replica::Replica,
    yaml::Text,
};

/// Maximum number of sets in a listing.
const MAX_SETS: usize = 10_000;

#[derive(Tags)]
enum Tag {
    /// Write many mocks at once, as a set.
    Sets,
}

#[derive(ApiResponse)]
enum Listed {
    /// The names of all sets.
    #[oai(status = 200)]
    Ok(JsonApi<SetsDocument>),
}

#[derive(ApiResponse)]
enum Shown {
    /// The mocks of the set, in the order of creation. In YAML for `Accept: application/yaml`.
    #[oai(status = 200)]
    Ok(MockList),
}

#[derive(ApiResponse)]
enum Written {
    /// The set has exactly the mocks of the list, on every replica. With `dryRun`: the differences.
    #[oai(status = 200)]
    Ok(JsonApi<SetDocument>),
}

#[derive(ApiResponse)]
pub enum DeletedAll {
    /// The number of deleted endpoints. No replica serves their mocks.
    #[oai(status = 200)]
    Ok(JsonApi<DeletionDocument>),
}

pub struct SetsApi {
    pub replica: Arc<Replica>,
    pub rules: Rules,
    /// Maximum size of a list in bytes.
    pub max_bytes: usize,
}

#[OpenApi(tag = "Tag::Sets")]
impl SetsApi {
    /// List sets
    ///
    /// A set exists as long as it has mocks.
    #[oai(path = "/-/sets", method = "get", operation_id = "listSets")]
    async fn list(&self, _access: MayRead, request: &Request) -> Result<Listed, ApiError> {
        Parameters::of(request).check()?;
        reserve(request, budget::LISTING_BYTES).await?;
        let (sets, more) = self.replica.list_sets(MAX_SETS).await?;
        Ok(Listed::Ok(JsonApi(SetsDocument::new(sets, more))))
    }

    /// Show a set
    ///
    /// The list, whole and without ids, as PUT takes it.
    #[oai(path = "/-/sets/:name", method = "get", operation_id = "showSet")]
    async fn show(
        &self,
        _access: MayRead,
        request: &Request,
        /// The name of the set.
        name: Path<String>,
    ) -> Result<Shown, ApiError> {
        Parameters::of(request).check()?;
        let missing = || ApiError::set_not_found(&name);
        let set = SetName::parse(&name).map_err(|_| missing())?;
        let bytes = usize::try_from(self.replica.set_bytes(&set)).unwrap_or(usize::MAX);
        if bytes > self.max_bytes {
            return Err(ApiError::set_too_large(self.max_bytes));
        }
        reserve(request, bytes).await?;
        match self.replica.get_set(&set).await? {
            mocks if mocks.is_empty() => Err(missing()),
            mocks if accepts_yaml(request.headers()) => Ok(Shown::Ok(MockList::yaml(&mocks))),
            mocks => Ok(Shown::Ok(MockList::json(&mocks))),
        }
    }

    /// Write a set
    ///
    /// Makes the list the set: creates, changes and deletes mocks of this set only. The whole list is checked first. Up
    /// to 32 changes take effect at one moment; more changes take several writes. Repeating a failed request is safe.
    /// The list may also be `application/yaml`.
    #[oai(path = "/-/sets/:name", method = "put", operation_id = "writeSet")]
    async fn write(
        &self,
        _access: MayWrite,
        /// The name of the set: letters, digits, `.`, `_` and `-`.
        name: Path<String>,
        request: &Request,
        /// Change nothing, and list the differences.
        #[oai(name = "dryRun")]
        dry_run: Query<Option<String>>,
        body: RequestDocument,
    ) -> Result<Written, ApiError> {
        let mut parameters = Parameters::of(request);
        let is_dry = parameters.read("dryRun", dry_run, flag);
        parameters.check()?;
        conditions::refuse(request.headers())?;
        let name = SetName::parse(&name).map_err(|why| ApiError::new(Kind::Invalid, why.to_string(), None))?;
        let (mocks, text) = self.read_list(request, body, name.clone()).await?;
        let outcome = self.replica.put_set(&name, mocks, is_dry.unwrap_or(false)).await;
        let outcome = outcome.map_err(|error| {
            let error = ApiError::unwritten_set(error, may_read(request));
            text.iter().fold(error, document::located)
        })?;
        Ok(Written::Ok(JsonApi(SetDocument::new(&outcome, may_read(request)))))
    }

    /// Delete a set
    ///
    /// After the answer, no replica serves a mock of the set.
    #[oai(path = "/-/sets/:name", method = "delete", operation_id = "deleteSet")]
    async fn delete(
        &self,
        _access: MayWrite,
        request: &Request,
        /// The name of the set.
        name: Path<String>,
    ) -> Result<DeletedAll, ApiError> {
        Parameters::of(request).check()?;
        conditions::refuse(request.headers())?;
        let missing = || ApiError::set_not_found(&name);
        let set = SetName::parse(&name).map_err(|_| missing())?;
        let outcome = self.replica.put_set(&set, Vec::new(), false).await;
        match outcome.map_err(|error| ApiError::unwritten_set(error, false))?.deleted.len() {
            0 => Err(missing()),
            deleted => Ok(DeletedAll::Ok(JsonApi(DeletionDocument::new(deleted)))),
        }
    }
}

impl SetsApi {
    /// The mocks of a list, and the text of a list in YAML.
    async fn read_list(
        &self,
        request: &Request,
        body: RequestDocument,
        name: SetName,
    ) -> Result<(Vec<Mock>, Option<Text>), ApiError> {
        if !body.is_yaml() {
            reserve(request, body.room()).await?;
            return Ok((document::read_set(&body.read_bytes().await?, &name, self.rules)?, None));
        }
        let (room, rules) = (body.yaml_room(), self.rules);
        reserve(request, room).await?;
        let text = body.read_bytes().await?;
        let read = spawn_blocking(move || document::read_yaml_set(&text, room, &name, rules));
        let (mocks, text) = read.await.expect("the reading does not panic")?;
        Ok((mocks, Some(text)))
    }
}
