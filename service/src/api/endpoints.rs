//! `/endpoints`: create, list, show, change and delete mocks.

use std::sync::{Arc, OnceLock};

use poem::Request;
use poem_openapi::{
    OpenApi, Tags,
    param::{Header, Path, Query},
};

use super::{
    access::{MayRead, MayWrite, may_read},
    budget::{self, reserve},
    conditions::{self, etag},
    document::{self, Form, Rules},
    error::{ApiError, Kind, Source, excerpt},
    jsonapi::{InForm, JsonApi, RequestDocument},
    location::Locations,
    parameters::{MAX_PAGE, Parameters, flag, list_link, read_filter},
    responses::{Changed, Deleted, Listed, New, Shown},
    schema::{EndpointDocument, ListDocument},
    sets::{DeletedAll, DeletionDocument},
};
use crate::{
    domain::EndpointId,
    replica::Replica,
    store::{Filter, Page, StoreError, Stored, Write, WriteError, json_bytes},
};

const DEFAULT_PAGE: usize = 100;
/// A deletion of all endpoints must be said: a client may have lost its filter.
const DELETES_WHAT: &str =
    "Say which endpoints to delete: write either a filter, such as `filter[set]=shop`, or `deleteAll=true`";

#[derive(Tags)]
enum Tag {
    /// Create mocks here, and change, list and delete them.
    Endpoints,
}

/// A handler leaves the id of a new endpoint here, for the log.
#[derive(Clone, Default)]
pub struct Created(pub Arc<OnceLock<EndpointId>>);

pub struct EndpointsApi {
    pub replica: Arc<Replica>,
    pub locations: Locations,
    pub rules: Rules,
}

/// `If-Match` and `If-None-Match` are parameters for the description only: [`conditions`] reads all lines of a field,
/// and poem only the first. `traceparent` is described at one operation only: openapi-python-client 0.29 forgets an
/// import for bodies of two media types, unless the operation has an optional parameter.
#[OpenApi(tag = "Tag::Endpoints")]
impl EndpointsApi {
    /// List endpoints
    ///
    /// In the order of creation. Follow `links.next` for the next page.
    #[oai(path = "/endpoints", method = "get", operation_id = "listEndpoints")]
    #[expect(clippy::too_many_arguments, reason = "each parameter is an argument")]
    async fn list(
        &self,
        _access: MayRead,
        request: &Request,
        /// Maximum number of endpoints on the page.
        #[oai(name = "page[size]")]
        page_size: Query<Option<String>>,
        /// Start after the endpoint with this id.
        #[oai(name = "page[after]")]
        page_after: Query<Option<String>>,
        /// Only endpoints with this verb.
        #[oai(name = "filter[verb]")]
        filter_verb: Query<Option<String>>,
        /// Only endpoints with this path. Percent-encode the path like any value of a query: either all slashes or
        /// none. The path as `attributes.path` shows it works too, with `+` for a plus. Exceptions: encode a path that
        /// contains `&`, `%25`, literal braces (`%7B`), or the escape of a character that a path may hold unescaped
        /// (`%26`, `%2B`, `%3A`).
        #[oai(name = "filter[path]")]
        filter_path: Query<Option<String>>,
        /// Only endpoints of this set.
        #[oai(name = "filter[set]")]
        filter_set: Query<Option<String>>,
    ) -> Result<Listed, ApiError> {
        let mut parameters = Parameters::of(request);
        let size = parameters.read("page[size]", page_size, |text| {
            let size = text.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
            size.ok_or_else(|| format!("`{}` is not a size: write a whole number from 1 to {MAX_PAGE}", excerpt(text)))
        });
        let after = parameters.read("page[after]", page_after, |text| {
            let after = EndpointId::parse(text);
            after.ok_or_else(|| format!("`{}` is not an endpoint's id: use `links.next` unchanged", excerpt(text)))
        });
        let filter = read_filter(request, &mut parameters, filter_verb, filter_path, filter_set);
        parameters.check()?;
        let size = size.unwrap_or(DEFAULT_PAGE);
        reserve(request, budget::LISTING_BYTES).await?;
        // A page may wait for other replicas. Meanwhile it holds room for its own bytes only.
        let shrink = |page: &Page| budget::shrink(request, page.mocks().map(json_bytes).sum());
        let page = self.replica.list(filter.clone(), after, size, shrink).await?;
        let link = |after| list_link(&filter, after, size);
        let next = page.endpoints.last().filter(|_| page.more).map(|last| link(Some(last.endpoint.id)));
        Ok(Listed::Ok(JsonApi(ListDocument::new(&page, link(after), next))))
    }

    /// Create an endpoint
    ///
    /// From the answer on, every replica knows the mock. `Location` is the URL of the mock, or the path of the
    /// endpoint if the mock has parameters.
    #[oai(path = "/endpoints", method = "post", operation_id = "createEndpoint")]
    async fn create(
        &self,
        _access: MayWrite,
        request: &Request,
        /// The trace of the client (W3C Trace Context). With a collector, the request becomes part of this trace.
        #[oai(name = "traceparent")]
        _traceparent: Header<Option<String>>,
        body: RequestDocument,
    ) -> Result<New, ApiError> {
        Parameters::of(request).check()?;
        reserve(request, body.room()).await?;
        let sent = body.read_endpoint().await?;
        let in_form = |refusal| in_form(sent.form, refusal);
        let mut endpoint = document::read_new(&sent, self.rules).map_err(in_form)?;
        if !endpoint.route.when.is_empty() {
            endpoint.id = self.replica.next_id().await?;
        }
        reserve(request, json_bytes(&endpoint)).await?;
        let version = self.replica.write(Write::Create(endpoint.clone())).await;
        let version = version.map_err(|error| in_form(refused(request, error)))?;
        _ = request.data::<Created>().map(|Created(id)| id.set(endpoint.id));
        let path = &endpoint.route.path;
        let location = match path.shape() {
            None => self.locations.of(request, path),
            Some(_) => format!("/endpoints/{}", endpoint.id),
        };
        let document = InForm(sent.form, EndpointDocument::of_new(&endpoint));
        Ok(New::Ok(document, location, etag(version.epoch(), version)))
    }

    /// Delete endpoints
    ///
    /// Deletes all endpoints that match the filters during the whole request. After the answer, no replica serves their
    /// mocks. Up to 32 deletions take effect at one moment.
    #[oai(path = "/endpoints", method = "delete", operation_id = "deleteEndpoints")]
    async fn delete_all(
        &self,
        _access: MayWrite,
        request: &Request,
        /// Delete all endpoints. Without a filter, this parameter is required.
        #[oai(name = "deleteAll")]
        delete_all: Query<Option<String>>,
        /// Only endpoints with this verb.
        #[oai(name = "filter[verb]")]
        filter_verb: Query<Option<String>>,
        /// Only endpoints with this path, as in the listing.
        #[oai(name = "filter[path]")]
        filter_path: Query<Option<String>>,
        /// Only endpoints of this set.
        #[oai(name = "filter[set]")]
        filter_set: Query<Option<String>>,
    ) -> Result<DeletedAll, ApiError> {
        let mut parameters = Parameters::of(request);
        let is_for_all = parameters.read("deleteAll", delete_all, flag).unwrap_or(false);
        let filter = read_filter(request, &mut parameters, filter_verb, filter_path, filter_set);
        parameters.check()?;
        conditions::refuse(request.headers())?;
        if is_for_all != (filter == Filter::default()) {
            return Err(ApiError::new(Kind::BadParameter, DELETES_WHAT, Some(Source::parameter("deleteAll"))));
        }
        reserve(request, budget::LISTING_BYTES).await?;
        let deleted = self.replica.delete_all(&filter).await?;
        Ok(DeletedAll::Ok(JsonApi(DeletionDocument::new(deleted))))
    }

    /// Show an endpoint
    ///
    /// `ETag` is the version of the endpoint. With `If-None-Match`, the answer is 304 while the version is current.
    #[oai(path = "/endpoints/:id", method = "get", operation_id = "showEndpoint")]
    async fn show(
        &self,
        _access: MayRead,
        request: &Request,
        /// The id of the endpoint, from the server.
        id: Path<String>,
        /// Show the endpoint only if its ETag is in this list.
        #[oai(name = "If-Match")]
        _if_match: Header<Option<String>>,
        /// Answer 304 if the endpoint's ETag is in this list.
        #[oai(name = "If-None-Match")]
        _if_none_match: Header<Option<String>>,
    ) -> Result<Shown, ApiError> {
        Parameters::of(request).check()?;
        let Stored { endpoint, version } = self.find(request, &id, 0).await?;
        let tag = etag(self.replica.epoch(), version);
        if conditions::check_read(request.headers(), &tag)? {
            return Ok(Shown::NotModified(tag));
        }
        reserve(request, json_bytes(&endpoint)).await?;
        Ok(Shown::Ok(JsonApi((&endpoint).into()), tag))
    }

    /// Change an endpoint
    ///
    /// Absent members keep their values. The members of `response` merge; `headers`, `json` and `delay` are replaced as
    /// a whole. Null clears an optional member.
    #[oai(path = "/endpoints/:id", method = "patch", operation_id = "changeEndpoint")]
    async fn change(
        &self,
        _access: MayWrite,
        /// The id of the endpoint, from the server.
        id: Path<String>,
        /// Change the endpoint only if its ETag is in this list.
        #[oai(name = "If-Match")]
        _if_match: Header<Option<String>>,
        /// Change the endpoint only if its ETag is not in this list.
        #[oai(name = "If-None-Match")]
        _if_none_match: Header<Option<String>>,
        request: &Request,
        body: RequestDocument,
    ) -> Result<Changed, ApiError> {
        Parameters::of(request).check()?;
        let mut current = self.find(request, &id, body.room()).await?;
        let check = |version| conditions::check_write(request.headers(), &etag(self.replica.epoch(), version));
        check(current.version)?;
        let sent = body.read_endpoint().await?;
        let in_form = |refusal| in_form(sent.form, refusal);
        // Concurrent changes compete: one succeeds in each round. The deadline of the request ends the loop.
        loop {
            let endpoint = document::read_changes(&sent, &current.endpoint, self.rules).map_err(in_form)?;
            reserve(request, json_bytes(&endpoint)).await?;
            let write = Write::Replace { endpoint: endpoint.clone(), expected: current.version };
            match self.replica.write(write).await {
                Ok(version) if may_read(request) => {
                    return Ok(Changed::Ok(InForm(sent.form, (&endpoint).into()), etag(version.epoch(), version)));
                }
                Ok(version) => return Ok(Changed::Unseen(etag(version.epoch(), version))),
                Err(WriteError::Changed | WriteError::Missing) => {
                    current = self.find(request, &id, 0).await?;
                }
                Err(error) => return Err(in_form(refused(request, error))),
            }
            check(current.version)?;
        }
    }

    /// Delete an endpoint
    ///
    /// After the answer, no replica serves the mock.
    #[oai(path = "/endpoints/:id", method = "delete", operation_id = "deleteEndpoint")]
    async fn delete(
        &self,
        _access: MayWrite,
        /// The id of the endpoint, from the server.
        id: Path<String>,
        /// Delete the endpoint only if its ETag is in this list.
        #[oai(name = "If-Match")]
        _if_match: Header<Option<String>>,
        /// Delete the endpoint only if its ETag is not in this list.
        #[oai(name = "If-None-Match")]
        _if_none_match: Header<Option<String>>,
        request: &Request,
    ) -> Result<Deleted, ApiError> {
        Parameters::of(request).check()?;
        reserve(request, budget::ENDPOINT_BYTES).await?;
        let missing = || ApiError::endpoint_not_found(&id);
        let id = EndpointId::parse(&id).ok_or_else(missing)?;
        // The claim shows damage that the record does not show.
        let mut has_other_claim = false;
        loop {
            let write = match self.replica.get(id).await {
                Ok(Some(Stored { version, .. })) if !has_other_claim => {
                    conditions::check_write(request.headers(), &etag(self.replica.epoch(), version))?;
                    Write::Delete { id, expected: version }
                }
                Ok(None) => return Err(missing()),
                // Without a version, no condition can be checked.
                Ok(Some(_)) | Err(StoreError::Damaged(_)) if conditions::are_absent(request.headers()) => {
                    Write::Discard { id, route: self.replica.damaged_route(id) }
                }
                Ok(Some(_)) => return Err(ApiError::damaged()),
                Err(error) => return Err(error.into()),
            };
            // From here on only the id is needed, and the settling takes time.
            budget::shrink(request, 0);
            match self.replica.write(write).await {
                Ok(_) => return Ok(Deleted::Ok),
                Err(WriteError::Changed | WriteError::Missing) => has_other_claim = false,
                Err(WriteError::Store(StoreError::Damaged(_))) if !has_other_claim => has_other_claim = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl EndpointsApi {
    /// Reads an endpoint. Reserves room for the endpoint and for `beside` more bytes.
    async fn find(&self, request: &Request, id: &str, beside: usize) -> Result<Stored, ApiError> {
        reserve(request, budget::ENDPOINT_BYTES + beside).await?;
        let missing = || ApiError::endpoint_not_found(id);
        let id = EndpointId::parse(id).ok_or_else(missing)?;
        self.replica.get(id).await?.ok_or_else(missing)
    }
}

/// The refusal of a write. A key without the scope `read` does not learn the holder of a route.
fn refused(request: &Request, error: WriteError) -> ApiError {
    match error {
        WriteError::Taken { .. } if !may_read(request) => ApiError::taken_by_another(),
        error => error.into(),
    }
}

/// The refusal of a document in this form.
fn in_form(form: Form, refusal: ApiError) -> ApiError {
    if form == Form::Plain { refusal.without_envelope() } else { refusal }
}
