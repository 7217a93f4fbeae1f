//! Responses of mocks in HTTP's types, alone and in turn.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use smallvec::SmallVec;

use crate::{
    domain::{Call, Effects, MockResponse, Order, Payload, RenderError, Rendered, Template, TemplateError, Turn},
    store::Counter,
};

/// A response, built when its mock is created.
#[derive(Debug)]
pub(super) struct PreparedResponse {
    status: StatusCode,
    /// One inline: most answers have only `Content-Type`.
    headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    body: Bytes,
}

/// The parts of a response that few mocks have.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
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

/// The response to a call in HTTP's types, and the rest that the call needs.
#[derive(Debug)]
pub struct Reply {
    pub response: Response<Bytes>,
    pub effects: Option<Arc<Effects>>,
    pub template: Option<Arc<PreparedTemplate>>,
}

/// The responses of a mock in turn.
#[derive(Debug)]
pub(super) struct InTurn {
    pub counter: Counter,
    order: Order,
    responses: Vec<(PreparedResponse, More)>,
    /// The answer to all further calls, once a turn has shown it: a response, or none.
    rest: OnceLock<Option<usize>>,
}

impl PreparedResponse {
    /// The response, and the key, which shares its memory.
    pub(super) fn new(key: &str, response: &MockResponse) -> (Bytes, Self) {
        let body = response.payload().map_or(&b""[..], Payload::bytes);
        let values = response.headers().iter().map(|(_, value)| value.as_bytes());
        // A single allocation; key, body and values are slices.
        let mut text = Bytes::from([key.as_bytes(), body].into_iter().chain(values).collect::<Vec<_>>().concat());
        let key = text.split_to(key.len());
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
        (key, Self { status, headers, body })
    }

    /// The bytes are shared, not copied.
    pub(super) fn reply(&self, More { effects, template }: More) -> Reply {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        *response.headers_mut() = headers;
        Reply { response, effects, template }
    }
}

impl More {
    /// `path` is the mock's path.
    pub(super) fn of(response: &MockResponse, path: &str) -> Self {
        let effects = response.effects();
        let template = response.template().map(|compiled| {
            let compiled = compiled.map_err(|mut errors| errors.swap_remove(0));
            Arc::new(PreparedTemplate { compiled, path: path.into() })
        });
        Self { effects: (!effects.is_empty()).then(|| Arc::new(effects.clone())), template }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_none() && self.template.is_none()
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

impl InTurn {
    pub(super) fn new<'a>(
        counter: Counter,
        order: Order,
        responses: impl Iterator<Item = &'a MockResponse>,
        path: &str,
    ) -> Self {
        let prepared = |response| (PreparedResponse::new("", response).1, More::of(response, path));
        Self { counter, order, responses: responses.map(prepared).collect(), rest: OnceLock::new() }
    }

    /// The reply to the `n`-th call, from 1. `None`: the mock does not answer any more.
    pub(super) fn reply(&self, n: u64) -> Option<Reply> {
        let which = match self.order.turn(n) {
            Turn::Response(which) => Some(which),
            Turn::Last(which) => *self.rest.get_or_init(|| Some(which)),
            Turn::Over => *self.rest.get_or_init(|| None),
        };
        which.map(|which| self.reply_of(which))
    }

    /// The reply to all further calls, if this process knows it.
    pub(super) fn rest(&self) -> Option<Reply> {
        self.rest.get().copied().flatten().map(|which| self.reply_of(which))
    }

    pub(super) fn is_over(&self) -> bool {
        self.rest.get() == Some(&None)
    }

    /// Whether the turns may end without this process.
    pub(super) fn may_be_over(&self) -> bool {
        self.rest.get().is_none() && self.order.ends()
    }

    fn reply_of(&self, which: usize) -> Reply {
        let (response, more) = &self.responses[which];
        response.reply(more.clone())
    }
}
