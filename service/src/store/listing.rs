//! Listings: filters, and pages of a bounded size.

use super::{StoreError, Stored};
use crate::domain::{Mock, MockPath, MockResponse, Payload, Route, SetName, Verb};

/// Maximum size of a page of a listing as JSON, in bytes, to bound the memory.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// The endpoints of a listing: all endpoints with the given verb, path and set, if any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub verb: Option<Verb>,
    pub path: Option<MockPath>,
    pub set: Option<SetName>,
}

impl Filter {
    pub fn matches(&self, endpoint: &Mock) -> bool {
        let Route { verb, path, .. } = &endpoint.route;
        self.verb.is_none_or(|only| only == *verb)
            && self.path.as_ref().is_none_or(|only| only == path)
            && self.set.as_ref().is_none_or(|only| endpoint.set.as_ref() == Some(only))
    }
}

/// A part of a listing, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub endpoints: Vec<Stored>,
    /// Whether more endpoints follow.
    pub more: bool,
}

impl Page {
    pub fn mocks(&self) -> impl Iterator<Item = &Mock> {
        self.endpoints.iter().map(|stored| &stored.endpoint)
    }

    /// The first page of `endpoints`, in the order of ids: at most `limit`, fewer if they are large, and at least one.
    /// Leaves out damaged records.
    pub(super) fn of(
        endpoints: impl IntoIterator<Item = Result<Stored, StoreError>>,
        limit: usize,
    ) -> Result<Self, StoreError> {
        let mut filling = Filling::new(limit);
        for endpoint in endpoints.into_iter().filter_map(readable) {
            if !filling.add(endpoint?) {
                break;
            }
        }
        Ok(filling.page)
    }
}

/// Leaves out damaged records: a damaged record must not fail a listing. Replicas report damaged records at each load.
pub(super) fn readable<T>(read: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
    (!matches!(read, Err(StoreError::Damaged(_)))).then_some(read)
}

/// An unfinished page.
pub(super) struct Filling {
    pub page: Page,
    limit: usize,
    bytes: usize,
}

impl Filling {
    pub(super) fn new(limit: usize) -> Self {
        Self { page: Page { endpoints: Vec::new(), more: false }, limit, bytes: 0 }
    }

    /// Adds the next endpoint, or returns false: the page is full.
    pub(super) fn add(&mut self, stored: Stored) -> bool {
        let Page { endpoints, more } = &mut self.page;
        self.bytes += json_bytes(&stored.endpoint);
        *more = endpoints.len() == self.limit || !endpoints.is_empty() && self.bytes > MAX_PAGE_BYTES;
        if !*more {
            endpoints.push(stored);
        }
        !*more
    }
}

/// Size of an endpoint in an answer of the API, in bytes, with escapes.
pub fn json_bytes(endpoint: &Mock) -> usize {
    /// Everything except path, tests and responses.
    const FIXED_BYTES: usize = 128;
    /// Everything of a response except headers, content and effects.
    const RESPONSE_BYTES: usize = 48;
    /// The longest delay and fault, and the mark of a template.
    const EFFECTS_BYTES: usize = 96;
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\t' | b'\n' | b'\r' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    };
    let text = |text: &str| text.bytes().map(escaped).sum::<usize>();
    let of_response = |response: &MockResponse| {
        let headers = response.headers().iter().map(|(name, value)| name.len() + text(value) + 6).sum::<usize>();
        let payload = response.payload().map_or(0, |payload| match payload {
            Payload::Body(body) => text(body.as_str()),
            Payload::Json(_) | Payload::Base64(_) => payload.text().len(),
        });
        let effects = if response.effects().is_empty() && !response.is_template() { 0 } else { EFFECTS_BYTES };
        RESPONSE_BYTES + headers + payload + effects
    };
    let Mock { route, .. } = endpoint;
    let responses = endpoint.responses().map(of_response).sum::<usize>();
    let set = endpoint.set.as_ref().map_or(0, |set| set.as_str().len() + 10);
    FIXED_BYTES + route.path.as_str().len() + route.when.as_str().len() + set + responses
}
