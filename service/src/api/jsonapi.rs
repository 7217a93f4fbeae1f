//! JSON:API 1.1 on the wire: media types in both directions, and the document of a request.

use std::{marker::PhantomData, time::Duration};

use http::{HeaderMap, header};
use mime::Mime;
use poem::{Body, IntoResponse, Request, RequestBody, Response, error::ReadBodyError};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};
use serde_json::Value;

use super::{
    error::{ApiError, Kind, Source},
    json,
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

/// The document that a request holds, not read yet: what can be refused without the body is refused before.
///
/// `T` is its schema in the OpenAPI document.
pub struct RequestDocument<T> {
    content_type: Option<String>,
    body: Body,
    limits: BodyLimits,
    schema: PhantomData<fn() -> T>,
}

impl<T> RequestDocument<T> {
    pub async fn read(self) -> Result<Value, ApiError> {
        check_content_type(self.content_type.as_deref())?;
        let BodyLimits { bytes, time } = self.limits;
        let slow = || {
            let detail = format!("The body did not arrive within {} s: send it faster", time.as_secs());
            ApiError::new(Kind::Timeout, detail, None)
        };
        let body = tokio::time::timeout(time, self.body.into_bytes_limit(bytes)).await.map_err(|_| slow())?;
        let body = body.map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => {
                ApiError::new(Kind::TooLarge, format!("The body is larger than {bytes} bytes, which are allowed"), None)
            }
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
        Ok(Self {
            content_type: request.header(header::CONTENT_TYPE).map(ToOwned::to_owned),
            body: body.take()?,
            limits: *request.data::<BodyLimits>().expect("the management app sets the limits"),
            schema: PhantomData,
        })
    }
}

/// `application/vnd.api+json` without parameters other than `profile` (Echo supports no extension), or
/// `application/json` in UTF-8.
fn check_content_type(value: Option<&str>) -> Result<(), ApiError> {
    let good = value.and_then(|value| value.parse::<Mime>().ok()).is_some_and(|mime| match mime.essence_str() {
        MEDIA_TYPE => mime.params().all(|(name, _)| name == "profile"),
        "application/json" => mime.params().all(|(name, value)| name != mime::CHARSET || value == mime::UTF_8),
        _ => false,
    });
    if good {
        return Ok(());
    }
    let given =
        value.map_or_else(|| "There is no `Content-Type`".into(), |value| format!("`{value}` is not supported"));
    let detail = format!("{given}: send `Content-Type: {MEDIA_TYPE}` without parameters, or `application/json`");
    Err(ApiError::new(Kind::UnsupportedMediaType, detail, Some(Source::header("Content-Type"))))
}

/// Refuses a request whose `Accept` names JSON:API only with parameters that Echo does not know.
/// Whoever accepts something else altogether gets JSON:API all the same.
pub fn check_accept(headers: &HeaderMap) -> Result<(), ApiError> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let entries = values.flat_map(|value| value.split(',')).filter_map(|entry| entry.trim().parse::<Mime>().ok());
    let mut json_api = entries.filter(|mime| mime.essence_str() == MEDIA_TYPE).peekable();
    let known = |mime: Mime| mime.params().all(|(name, _)| name == "profile" || name == "q");
    if json_api.peek().is_none() || json_api.any(known) {
        return Ok(());
    }
    let detail =
        format!("`Accept` allows {MEDIA_TYPE} only with parameters that are not supported: add it without parameters");
    Err(ApiError::new(Kind::NotAcceptable, detail, Some(Source::header("Accept"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for good in [
            "application/vnd.api+json",
            "application/vnd.api+json; profile=\"https://example.com/p\"",
            "Application/JSON",
            "application/json; charset=UTF-8",
        ] {
            assert!(check_content_type(Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "application/vnd.api+json; charset=utf-8",
            "application/vnd.api+json; ext=\"https://example.com/e\"",
            "application/json; charset=latin1",
            "application/hal+json",
            "text/plain",
            "nonsense",
            "",
        ] {
            assert!(check_content_type(Some(bad)).is_err(), "{bad}");
        }
        assert!(check_content_type(None).is_err());
    }

    #[test]
    fn accept() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, value.parse().unwrap());
            check_accept(&headers).is_ok()
        };
        assert!(check("*/*") && check("text/html") && check("application/vnd.api+json;q=0.5"));
        assert!(check("application/vnd.api+json; ext=\"x\", application/vnd.api+json"));
        assert!(check("application/vnd.api+json; profile=\"x\""));
        assert!(!check("application/vnd.api+json; charset=utf-8"));
        assert!(!check("application/vnd.api+json; ext=\"x\", application/vnd.api+json; a=b, */*"));
        assert!(check_accept(&HeaderMap::new()).is_ok());
    }
}
