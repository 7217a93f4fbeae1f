//! JSON:API 1.1 on the wire: media types in both directions, and the document of a request.

use bytes::Bytes;
use http::{HeaderMap, header};
use poem::{Body, FromRequest, IntoResponse, Request, RequestBody, Response, error::ReadBodyError};
use poem_openapi::{
    payload::Payload,
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::Value;

use super::{
    budget,
    document::{Attribute as _, Form, Sent},
    error::{ApiError, Kind, Source},
    json,
    media_type::{self, MediaKind},
    schema::EndpointDocument,
};
use crate::{
    domain::Mock,
    web::{BodyLimits, MEDIA_TYPE, routes::Route},
    yaml,
};

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

/// An endpoint in the form of the request. The OpenAPI document gets the plain form from [`super::docs`].
pub struct InForm(pub Form, pub EndpointDocument);

impl Payload for InForm {
    const CONTENT_TYPE: &'static str = JsonApi::<EndpointDocument>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        EndpointDocument::schema_ref()
    }

    fn register(registry: &mut Registry) {
        EndpointDocument::register(registry);
    }
}

impl IntoResponse for InForm {
    fn into_response(self) -> Response {
        match self {
            Self(Form::JsonApi, document) => JsonApi(document).into_response(),
            Self(Form::Plain, document) => {
                Response::builder().content_type("application/json").body(document.into_plain().to_string())
            }
        }
    }
}

/// The mocks of a set as a list in JSON or YAML, without ids. The OpenAPI document gets the schema from
/// [`super::docs`].
pub struct MockList {
    text: String,
    content_type: &'static str,
}

impl MockList {
    pub fn json(mocks: &[Mock]) -> Self {
        let mut text = String::from("[");
        for mock in mocks {
            text.push_str(if text.len() == 1 { "\n" } else { ",\n" });
            text.push_str(&Self::item(mock).to_string());
        }
        text.push_str("\n]\n");
        Self { text, content_type: "application/json" }
    }

    /// Items of a list in YAML make a list when they follow each other.
    pub fn yaml(mocks: &[Mock]) -> Self {
        let items = mocks.iter().map(|mock| yaml::write(&vec![Self::item(mock)].into()));
        Self { text: items.collect(), content_type: "application/yaml" }
    }

    fn item(mock: &Mock) -> Value {
        let mut item = mock.show();
        item.as_object_mut().map(|members| members.shift_remove("set"));
        item
    }
}

impl Payload for MockList {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new("array")))
    }
}

impl IntoResponse for MockList {
    fn into_response(self) -> Response {
        Response::builder().content_type(self.content_type).header(header::VARY, "Accept").body(self.text)
    }
}

/// The unread document of a request.
pub struct RequestDocument {
    /// The size that the headers announce, or the error of a document that they rule out. Echo refuses such a document
    /// unread.
    announced: Result<usize, ApiError>,
    kind: MediaKind,
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

    pub fn is_yaml(&self) -> bool {
        self.kind == MediaKind::Yaml
    }

    /// Bytes to reserve before a document in YAML is read: the memory of its values.
    pub fn yaml_room(&self) -> usize {
        /// For aliases.
        const SPARE_BYTES: usize = 1 << 20;
        let bytes = *self.announced.as_ref().unwrap_or(&0);
        (bytes.saturating_mul(yaml::VALUE_BYTES / 2) + SPARE_BYTES).min(self.limits.bytes)
    }

    /// Reads the document of an endpoint. Reserve its room first.
    pub async fn read_endpoint(self) -> Result<Sent, ApiError> {
        let is_json = self.kind == MediaKind::Json;
        Ok(Sent::new(self.read().await?, is_json))
    }

    /// Reads the whole document. Reserve its room first.
    pub async fn read(self) -> Result<Value, ApiError> {
        json::parse(&self.read_bytes().await?).map_err(|why| {
            ApiError::new(Kind::Malformed, format!("The body is not a JSON document: {why}"), Some(Source::pointer("")))
        })
    }

    /// Reads the text of the document. Reserve its room first.
    pub async fn read_bytes(self) -> Result<Bytes, ApiError> {
        self.announced?;
        let BodyLimits { bytes, time } = self.limits;
        let read = tokio::time::timeout(time, self.body.into_bytes_limit(bytes)).await;
        let body = read.map_err(|_| ApiError::slow_body(time))?;
        let body = body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => too_large(bytes),
            _ => ApiError::incomplete_body(),
        })?;
        if body.is_empty() {
            let detail = "The request has no body: send a JSON document";
            return Err(ApiError::new(Kind::Malformed, detail, Some(Source::pointer(""))));
        }
        Ok(body)
    }
}

impl<'a> FromRequest<'a> for RequestDocument {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let limits = *request.data::<BodyLimits>().expect("the management app sets the limits");
        let takes_yaml = Route::of(request.uri().path()).is_some_and(Route::is_of_set);
        let (headers, kind) = (request.headers(), media_type::check_content_type(request.headers(), takes_yaml));
        let announced = kind.clone().and_then(|_| check_headers(headers, limits));
        Ok(Self { announced, kind: kind.unwrap_or(MediaKind::JsonApi), body: body.take()?, limits })
    }
}

/// The expected size in bytes.
fn check_headers(headers: &HeaderMap, limits: BodyLimits) -> Result<usize, ApiError> {
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
