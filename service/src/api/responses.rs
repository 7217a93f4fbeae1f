//! The successful answers of each operation on endpoints, for handlers and for the OpenAPI document.

use poem_openapi::ApiResponse;

use super::{
    jsonapi::{InForm, JsonApi},
    schema::{EndpointDocument, ListDocument},
};

#[derive(ApiResponse)]
pub enum Listed {
    /// A page of endpoints, in the order of their ids.
    #[oai(status = 200)]
    Ok(JsonApi<ListDocument>),
}

#[derive(ApiResponse)]
pub enum New {
    /// The new endpoint. Every replica knows the mock from now on.
    #[oai(status = 201)]
    Ok(
        InForm,
        /// The URL of the mock. With parameters in the path: the path of the endpoint.
        #[oai(header = "Location")]
        String,
        /// The version of the endpoint, for `If-Match` and `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub enum Shown {
    /// The endpoint.
    #[oai(status = 200)]
    Ok(
        JsonApi<EndpointDocument>,
        /// The version of the endpoint, for `If-Match` and `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// The endpoint still has a version in `If-None-Match`: the client's copy is current.
    #[oai(status = 304)]
    NotModified(
        /// The version of the endpoint.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub enum Changed {
    /// The changed endpoint. Every replica serves it from now on.
    #[oai(status = 200)]
    Ok(
        InForm,
        /// The new version of the endpoint, for `If-Match` and `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
    /// The endpoint is changed. The key does not have the scope `read`, so that the answer does not show the endpoint.
    #[oai(status = 204)]
    Unseen(
        /// The new version of the endpoint, for `If-Match` and `If-None-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub enum Deleted {
    /// The endpoint is deleted on every replica.
    #[oai(status = 204)]
    Ok,
}
