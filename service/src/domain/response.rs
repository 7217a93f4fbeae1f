//! The answer of a mock.

mod delay;
mod fault;
mod headers;
mod payload;
mod template;
mod turns;

pub use delay::{Delay, DelayError};
pub use fault::{Fault, FaultError};
pub use headers::{HeaderError, Headers, MAX_HEADER_BYTES, MAX_HEADERS};
pub use payload::{Base64, Base64Error, Body, Json, MAX_BODY_BYTES, Payload};
pub use template::{MAX_RENDERED_BYTES, Place, RenderError, Rendered, Template, TemplateError};
pub use turns::{MAX_RESPONSES, MAX_TIMES, Order, Series, Then, Times, Turn, Turns};

/// The least and the greatest final status code. 1xx codes are interim (RFC 9110 section 15.2).
pub const MIN_CODE: u16 = 200;
pub const MAX_CODE: u16 = 599;

/// A final status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCode(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusCodeError {
    #[error("{0} is an interim code, and an answer needs a final code: write a code from {MIN_CODE} to {MAX_CODE}")]
    Interim(u16),
    #[error("{0} is not a status code: write a whole number from {MIN_CODE} to {MAX_CODE}")]
    OutOfRange(u16),
}

impl StatusCode {
    pub const fn parse(code: u16) -> Result<Self, StatusCodeError> {
        match code {
            MIN_CODE..=MAX_CODE => Ok(Self(code)),
            100..MIN_CODE => Err(StatusCodeError::Interim(code)),
            _ => Err(StatusCodeError::OutOfRange(code)),
        }
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: answers with these codes have no content.
    pub const fn forbids_body(self) -> bool {
        matches!(self.0, 204 | 205 | 304)
    }
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockResponse {
    code: StatusCode,
    headers: Headers,
    payload: Option<Payload>,
    is_template: bool,
    effects: Effects,
}

/// Effects at the time of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    pub delay: Option<Delay>,
    pub fault: Option<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an answer with code {0} has no body: leave the content out (null clears an existing one), or use another code"
)]
pub struct PayloadForbidden(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` sends nothing of an answer: leave the content out (null clears an existing one), or write `truncate`")]
pub struct FaultForbidden(Fault);

impl MockResponse {
    pub fn new(code: StatusCode, headers: Headers, payload: Option<Payload>) -> Result<Self, PayloadForbidden> {
        if payload.is_some() && code.forbids_body() {
            return Err(PayloadForbidden(code.get()));
        }
        Ok(Self { code, headers, payload, is_template: false, effects: Effects::default() })
    }

    /// Makes the content and the header values templates, or not. [`Self::template`] finds mistakes in them.
    #[must_use]
    pub fn with_template(mut self, is_template: bool) -> Self {
        self.is_template = is_template;
        self
    }

    #[must_use]
    pub fn with_delay(mut self, delay: Option<Delay>) -> Self {
        self.effects.delay = delay;
        self
    }

    /// Only a truncated answer has a content.
    pub fn with_fault(mut self, fault: Option<Fault>) -> Result<Self, FaultForbidden> {
        if let Some(fault) = fault.filter(|fault| *fault != Fault::Truncate && self.payload.is_some()) {
            return Err(FaultForbidden(fault));
        }
        self.effects.fault = fault;
        Ok(self)
    }

    pub const fn code(&self) -> StatusCode {
        self.code
    }

    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    pub const fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    pub const fn is_template(&self) -> bool {
        self.is_template
    }

    /// The compiled template. `None` for a response that is sent as it is.
    pub fn template(&self) -> Option<Result<Template, Vec<TemplateError>>> {
        self.is_template.then(|| Template::compile(&self.headers, self.payload.as_ref()))
    }

    /// An estimate of the memory of the compiled template, in bytes.
    pub fn template_bytes(&self) -> usize {
        if self.is_template { Template::bytes(&self.headers, self.payload.as_ref()) } else { 0 }
    }

    pub const fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Whether stores had responses like this one from the first format on.
    pub fn is_plain(&self) -> bool {
        let is_sent_as_it_is = self.effects.is_empty() && !self.is_template;
        is_sent_as_it_is && !self.headers.has_lists() && matches!(self.payload, None | Some(Payload::Body(_)))
    }
}

impl Effects {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for good in [200, 204, 418, 599] {
            assert_eq!(StatusCode::parse(good).unwrap().get(), good);
        }
        assert_eq!(StatusCode::parse(101), Err(StatusCodeError::Interim(101)));
        for bad in [0, 99, 600, u16::MAX] {
            assert_eq!(StatusCode::parse(bad), Err(StatusCodeError::OutOfRange(bad)));
        }
    }

    #[test]
    fn some_codes_have_no_content() {
        for code in [204, 205, 304] {
            let code = StatusCode::parse(code).unwrap();
            let body = Some(Payload::Body(Body::parse(String::new()).unwrap()));
            assert!(MockResponse::new(code, Headers::default(), None).is_ok());
            assert_eq!(MockResponse::new(code, Headers::default(), body), Err(PayloadForbidden(code.get())));
        }
    }

    #[test]
    fn only_a_truncated_answer_has_a_content() {
        let response =
            |payload| MockResponse::new(StatusCode::parse(200).unwrap(), Headers::default(), payload).unwrap();
        let body = || Some(Payload::Body(Body::parse(String::new()).unwrap()));
        for fault in Fault::ALL {
            assert!(response(None).with_fault(Some(fault)).is_ok());
            assert_eq!(response(body()).with_fault(Some(fault)).is_ok(), fault == Fault::Truncate);
        }
        assert!(response(body()).with_fault(None).unwrap().effects().is_empty());
    }
}
