//! Mocks as prepared answers, and their order.

use std::{cmp::Reverse, iter, mem, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use smallvec::SmallVec;

use crate::domain::{
    Call, Effects, EndpointId, Failure, Mock, Payload, Priority, RenderError, Rendered, Shape, Template, TemplateError,
    Trial, Undecided, When,
};

/// A mock's answer, built when the mock is created. All parts lie together: with many mocks, a call costs few cache
/// misses.
#[derive(Debug)]
pub(super) struct PreparedAnswer {
    pub id: EndpointId,
    response: PreparedResponse,
    pub priority: Priority,
    /// Boxed: most mocks have neither tests nor effects nor templates.
    extra: Option<Box<Extra>>,
    /// The mock at the same place that comes next.
    next: Option<Box<Self>>,
}

#[derive(Debug)]
struct PreparedResponse {
    status: StatusCode,
    /// One inline: most answers have only `Content-Type`.
    headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    body: Bytes,
}

/// The tests, effects and template of a mock, and its path for the values of parameters.
#[derive(Debug)]
struct Extra {
    when: When,
    path: Box<str>,
    effects: Option<Arc<Effects>>,
    template: Option<Arc<PreparedTemplate>>,
}

/// The template of a mock, to be rendered after the table is unlocked.
#[derive(Debug)]
pub struct PreparedTemplate {
    /// Another version of Echo may have accepted a template that this version refuses.
    compiled: Result<Template, TemplateError>,
    path: Box<str>,
}

/// The response of a mock in HTTP's types, and the rest that a call needs.
#[derive(Debug)]
pub struct Reply {
    pub response: Response<Bytes>,
    pub effects: Option<Arc<Effects>>,
    pub template: Option<Arc<PreparedTemplate>>,
}

/// The place of a mock in the order of mocks that fit a request: the least rank comes first. Of mocks with the same
/// number of tests, the last created one has the greatest id.
pub(super) type Rank<'a> = (Reverse<Priority>, Option<&'a Shape>, bool, Reverse<usize>, Reverse<EndpointId>);

pub(super) fn rank(priority: Priority, shape: Option<&Shape>, is_any: bool, tests: usize, id: EndpointId) -> Rank<'_> {
    (Reverse(priority), shape, is_any, Reverse(tests), Reverse(id))
}

impl PreparedAnswer {
    /// The answer, and the path as key.
    pub(super) fn new(endpoint: &Mock) -> (Bytes, Self) {
        let Mock { id, route, response } = endpoint;
        let (path, when) = (route.path.as_str(), &route.when);
        let body = response.payload().map_or(&b""[..], Payload::bytes);
        let values = response.headers().iter().map(|(_, value)| value.as_bytes());
        // A single allocation; path, body and values are slices.
        let mut text = Bytes::from([path.as_bytes(), body].into_iter().chain(values).collect::<Vec<_>>().concat());
        let path = text.split_to(path.len());
        let body = text.split_to(body.len());
        let field = |(name, value): (&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("the domain admits tokens only");
            let value = HeaderValue::from_maybe_shared(text.split_to(value.len()));
            (name, value.expect("the domain admits field values only"))
        };
        let mut headers: SmallVec<_> = response.headers().iter().map(field).collect();
        if matches!(response.payload(), Some(Payload::Json(_))) && !response.headers().has(&CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let status = StatusCode::from_u16(response.code().get()).expect("the domain admits 200 to 599 only");
        let effects = Some(response.effects()).filter(|effects| !effects.is_empty());
        let template = response.template().map(|compiled| PreparedTemplate {
            compiled: compiled.map_err(|mut errors| errors.swap_remove(0)),
            path: route.path.as_str().into(),
        });
        let is_plain = when.is_empty() && effects.is_none() && template.is_none();
        let extra = || Extra {
            when: when.clone(),
            path: route.path.as_str().into(),
            effects: effects.map(|effects| Arc::new(effects.clone())),
            template: template.map(Arc::new),
        };
        let answer = Self {
            id: *id,
            response: PreparedResponse { status, headers, body },
            priority: route.priority,
            extra: (!is_plain).then(|| Box::new(extra())),
            next: None,
        };
        (path, answer)
    }

    /// This mock, and those after it.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |answer| answer.next.as_deref())
    }

    pub(super) fn when(&self) -> Option<&When> {
        self.extra.as_ref().map(|extra| &extra.when).filter(|when| !when.is_empty())
    }

    /// Whether all tests hold.
    pub(super) fn holds(&self, trial: &Trial<'_>) -> Result<bool, Undecided> {
        self.extra.as_ref().map_or(Ok(true), |extra| extra.when.holds(trial, &extra.path))
    }

    /// The first test that does not hold.
    pub(super) fn failure(&self, trial: &Trial<'_>) -> Result<Option<Failure>, Undecided> {
        self.extra.as_ref().map_or(Ok(None), |extra| extra.when.failure(trial, &extra.path))
    }

    /// The rank for a path of this shape.
    pub(super) fn rank<'a>(&self, shape: Option<&'a Shape>, is_any: bool) -> Rank<'a> {
        rank(self.priority, shape, is_any, self.when().map_or(0, When::len), self.id)
    }

    pub(super) fn reply(&self) -> Reply {
        let response = self.response.to_http();
        match &self.extra {
            Some(extra) => Reply { response, effects: extra.effects.clone(), template: extra.template.clone() },
            None => Reply { response, effects: None, template: None },
        }
    }
}

impl PreparedTemplate {
    /// Whether the template uses the body of a request.
    pub fn needs_body(&self) -> bool {
        self.compiled.as_ref().is_ok_and(Template::needs_body)
    }

    pub fn render(&self, call: &Call<'_>) -> Result<Rendered, RenderError> {
        let template = self.compiled.as_ref().map_err(Clone::clone)?;
        template.render(call, &self.path)
    }
}

impl PreparedResponse {
    /// The bytes are shared, not copied.
    fn to_http(&self) -> Response<Bytes> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        *response.headers_mut() = headers;
        response
    }
}

/// Adds a mock to the mocks at its place.
pub(super) fn add(mut first: &mut Box<PreparedAnswer>, mut added: Box<PreparedAnswer>) {
    while first.rank(None, false) < added.rank(None, false) {
        match first.next {
            Some(ref mut next) => first = next,
            None => return first.next = Some(added),
        }
    }
    mem::swap(first, &mut added);
    first.next = Some(added);
}

/// Removes a mock from the mocks at its place.
pub(super) fn without(mut answer: Box<PreparedAnswer>, id: EndpointId) -> Option<Box<PreparedAnswer>> {
    if answer.id == id {
        return answer.next;
    }
    answer.next = answer.next.and_then(|next| without(next, id));
    Some(answer)
}
