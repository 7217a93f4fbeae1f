//! JSON:API 1.1 on the wire: media types in both directions, and the document of a request.

use http::{HeaderMap, header};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response, error::ReadBodyError};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::Value;

use super::{
    budget,
    error::{ApiError, Kind, Source},
    json, media_type,
};
use crate::web::{BodyLimits, MEDIA_TYPE};

/// An answer with a JSON:API document.
pub struct JsonApi<T>(pub T);

impl<T: Type> Payload for JsonApi<T> {
    const CONTENT_TYPE: &'static str = MEDIA_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ToJSON> IntoResponse for JsonApi<T> {
    fn into_response(self) -> Response {
        let mut text = self.0.to_json_string();
        text.shrink_to_fit();
        Response::builder().content_type(MEDIA_TYPE).body(text)
    }
}

/// The unread document of a request.
pub struct RequestDocument {
    /// The size that the headers announce, or the error of a document that they rule out. Echo refuses such a document
    /// unread.
    announced: Result<usize, ApiError>,
    body: Body,
    limits: BodyLimits,
}

impl RequestDocument {
    /// Bytes to reserve before the document is read: slightly more than its size, for a longer answer. Documents that
    /// wait for additional room later would wait for each other.
    pub fn room(&self) -> usize {
        match self.announced {
            Ok(bytes) if bytes >= budget::UNIT_BYTES => (bytes + budget::UNIT_BYTES).min(self.limits.bytes),
            _ => 0,
        }
    }

    /// Reads the whole document. Reserve its room first.
    pub async fn read(self) -> Result<Value, ApiError> {
        self.announced?;
        let BodyLimits { bytes, time } = self.limits;
        let read = tokio::time::timeout(time, self.body.into_bytes_limit(bytes)).await;
        let body = read.map_err(|_| ApiError::slow_body(time))?;
        let body = body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => too_large(bytes),
            _ => ApiError::incomplete_body(),
        })?;
        if body.is_empty() {
            let detail = "The request has no body: send a JSON:API document";
            return Err(ApiError::new(Kind::Malformed, detail, Some(Source::pointer(""))));
        }
        json::parse(&body).map_err(|why| {
            ApiError::new(Kind::Malformed, format!("The body is not a JSON document: {why}"), Some(Source::pointer("")))
        })
    }
}

impl<'a> FromRequest<'a> for RequestDocument {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let limits = *request.data::<BodyLimits>().expect("the management app sets the limits");
        let announced = check_headers(request.headers(), limits);
        Ok(Self { announced, body: body.take()?, limits })
    }
}

/// The expected size in bytes.
fn check_headers(headers: &HeaderMap, limits: BodyLimits) -> Result<usize, ApiError> {
    media_type::check_content_type(headers)?;
    media_type::check_content_encoding(headers)?;
    // hyper has already checked the length. A body without a length is chunked.
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > limits.bytes => Err(too_large(limits.bytes)),
        Some(length) => Ok(length),
        None if headers.contains_key(header::TRANSFER_ENCODING) => Ok(limits.bytes),
        None => Ok(0),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Kind::TooLarge, format!("The body is too large: send at most {limit} bytes"), None)
}
