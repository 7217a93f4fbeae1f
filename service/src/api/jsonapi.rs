//! JSON:API 1.1 on the wire: media types in both directions, and the document of a request.

use std::{marker::PhantomData, time::Duration};

use http::{HeaderMap, header};
use poem::{Body, IntoResponse, Request, RequestBody, Response, error::ReadBodyError};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::Value;

use super::{
    budget,
    error::{ApiError, Kind, Source},
    json, media_type,
};

/// <https://jsonapi.org/format/1.1/#content-negotiation>
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// An answer that is a JSON:API document.
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

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub bytes: usize,
    pub time: Duration,
}

/// The document that a request holds, not read yet.
///
/// `T` is its schema in the OpenAPI document.
pub struct RequestDocument<T> {
    /// How many bytes the headers let expect: a document that they rule out is refused without a look at it.
    announced: Result<usize, ApiError>,
    body: Body,
    limits: BodyLimits,
    schema: PhantomData<fn() -> T>,
}

impl<T> RequestDocument<T> {
    /// How many bytes to reserve before it is read: a little more than it has, because its answer may be longer, and documents
    /// that wait for more room would wait for each other.
    pub fn room(&self) -> usize {
        match self.announced {
            Ok(bytes) if bytes >= budget::UNIT => (bytes + budget::UNIT).min(self.limits.bytes),
            _ => 0,
        }
    }

    /// Reads it whole. Its room is reserved before.
    pub async fn read(self) -> Result<Value, ApiError> {
        self.announced?;
        let BodyLimits { bytes, time } = self.limits;
        let slow = || {
            let detail = format!("The body did not arrive within {} s: send it faster", time.as_secs());
            ApiError::new(Kind::Timeout, detail, None)
        };
        let body = tokio::time::timeout(time, self.body.into_bytes_limit(bytes)).await.map_err(|_| slow())?;
        let body = body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => too_large(bytes),
            _ => ApiError::new(
                Kind::Malformed,
                "The body did not arrive whole: send all that the headers announce",
                None,
            ),
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

impl<'a, T: Type> ApiExtractor<'a> for RequestDocument<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let media = |content_type| MetaMediaType { content_type, schema: T::schema_ref() };
        Some(MetaRequest {
            description: None,
            content: vec![media(MEDIA_TYPE), media("application/json")],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let limits = *request.data::<BodyLimits>().expect("the management app sets the limits");
        let announced = check_headers(request.headers(), limits);
        Ok(Self { announced, body: body.take()?, limits, schema: PhantomData })
    }
}

/// How many bytes to expect.
fn check_headers(headers: &HeaderMap, limits: BodyLimits) -> Result<usize, ApiError> {
    media_type::check_content_type(headers)?;
    media_type::check_content_encoding(headers)?;
    // hyper has read the length already: it is a number. Without one, a body comes in chunks.
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) if length > limits.bytes => Err(too_large(limits.bytes)),
        Some(length) => Ok(length),
        None if headers.contains_key(header::TRANSFER_ENCODING) => Ok(limits.bytes),
        None => Ok(0),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Kind::TooLarge, format!("The body is larger than {limit} bytes, which are allowed"), None)
}
