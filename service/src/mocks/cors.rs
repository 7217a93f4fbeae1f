//! Cross-origin resource sharing (<https://fetch.spec.whatwg.org/#http-cors-protocol>): pages of other origins may call
//! mocks.

use ::url::Url;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
    request::Parts,
};

use crate::web::url;

/// The origins whose pages may read the answers of mocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// All origins, without credentials: browsers refuse the two together.
    Any,
    /// These origins, with credentials.
    Origins(Vec<HeaderValue>),
}

impl Cors {
    /// Parses `any`, or origins with commas between them. Errors name the correction.
    pub fn parse(text: &str) -> Result<Self, String> {
        let origin = |text: &str| {
            let url = url::parse(text, &["http", "https"]).ok().and_then(|_| Url::parse(text).ok());
            let Some(origin) = url.map(|url| url.origin().ascii_serialization()) else {
                return Err("this is no list of origins: write `any`, or origins such as `http://localhost:3000`, \
                            separated by commas"
                    .to_owned());
            };
            let as_sent = HeaderValue::from_str(&origin).ok().filter(|_| origin == text);
            as_sent.ok_or_else(|| format!("`{text}` is not an origin as browsers send it: write `{origin}`"))
        };
        match text {
            "any" => Ok(Self::Any),
            list => list.split(',').map(|text| origin(text.trim())).collect::<Result<_, _>>().map(Self::Origins),
        }
    }

    /// Allows a call's origin to read the answer, unless the answer has CORS fields of its own.
    pub(super) fn allow(&self, call: &HeaderMap, answer: &mut HeaderMap) {
        let Some(origin) = call.get(ORIGIN) else { return };
        let names: Vec<_> = answer.keys().map(|name| name.as_str().to_owned()).collect();
        if names.iter().any(|name| name.starts_with("access-control-")) {
            return;
        }
        match self {
            Self::Any => _ = answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
            Self::Origins(origins) => {
                if !answer.get_all(VARY).iter().any(|varies| varies == "Origin") {
                    answer.append(VARY, HeaderValue::from_static("Origin"));
                }
                if !origins.contains(origin) {
                    return;
                }
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
        if let Some(names) = HeaderValue::try_from(names.join(", ")).ok().filter(|names| !names.is_empty()) {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
        }
    }

    /// Echo's answer to a preflight: the method and the header fields that the page wants.
    pub(super) fn preflight(&self, call: &HeaderMap) -> Response<Bytes> {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        self.allow(call, answer);
        if answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            for (wanted, allowed) in [
                (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
                (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
            ] {
                answer.extend(call.get(wanted).map(|value| (allowed, value.clone())));
            }
        }
        response
    }
}

/// Whether a browser asks before it sends a call.
pub(super) fn is_preflight(head: &Parts) -> bool {
    let has = |name| head.headers.contains_key(name);
    head.method == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        let listed = |text: &str| match Cors::parse(text) {
            Ok(Cors::Origins(origins)) => origins.len(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(Cors::parse("any"), Ok(Cors::Any));
        assert_eq!(listed("http://localhost:3000"), 1);
        assert_eq!(listed("https://app.example, http://[::1]:5173"), 2);
        for (text, correction) in [
            ("http://localhost:3000/", "write `http://localhost:3000`"),
            ("https://app.example:443", "write `https://app.example`"),
            ("HTTPS://App.Example/cart?x=1", "write `https://app.example`"),
            ("http://a,https://b/", "write `https://b`"),
            ("", "write `any`, or origins"),
            ("*", "write `any`, or origins"),
            ("Any", "write `any`, or origins"),
            ("null", "write `any`, or origins"),
            ("localhost:3000", "write `any`, or origins"),
            ("http://a,,http://b", "write `any`, or origins"),
            ("http://name:secret@a", "write `any`, or origins"),
            ("ftp://a", "write `any`, or origins"),
        ] {
            let why = Cors::parse(text).unwrap_err();
            assert!(why.contains(correction) && !why.contains("secret"), "{text}: {why}");
        }
    }
}
