//! Templates of answers: the body, strings inside JSON, and values of header fields.

mod code;
mod language;
mod request;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use self::{
    code::{Code, Mistake, is_template},
    language::{Guard, MAX_STEPS},
    request::Parts,
};
use super::{Headers, MAX_HEADER_BYTES, Payload};
use crate::domain::{Call, Content, Undecided};

/// Maximum size of a rendered content, in bytes.
pub const MAX_RENDERED_BYTES: usize = 1024 * 1024;
/// The memory of a compiled text without its code, in bytes.
const CODE_BYTES: usize = 16 * 1024;
/// The memory of the code for each byte inside tags.
const TAG_BYTES: usize = 48;

/// A compiled template: values of header fields, and a content.
pub struct Template {
    /// All fields of each name that has a template.
    headers: Vec<(HeaderName, Field)>,
    content: Option<Text>,
}

enum Field {
    Fixed(HeaderValue),
    Template(Text),
}

/// A compiled text, made from one or several texts of a mock.
struct Text {
    code: Code,
    pieces: Vec<Piece>,
}

/// A text of a mock inside a compiled text.
struct Piece {
    begin: usize,
    place: Place,
    text: Box<str>,
}

/// The place of a text in a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Body,
    /// With the JSON pointer inside.
    Json(String),
    Header(String),
}

/// A mistake in a template of a mock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template has a mistake in line {line}, column {column}: {detail}")]
pub struct TemplateError {
    pub place: Place,
    pub line: usize,
    pub column: usize,
    pub detail: String,
}

/// Why a template has no result for a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("the template of `{}` failed in line {}, column {}: {}", .0.place, .0.line, .0.column, .0.detail)]
    Failed(#[from] TemplateError),
    #[error("the template needs the body of the request, and the body is larger than the limit: send a smaller body")]
    BodyTooLarge,
    #[error("the content from the template has more than {MAX_RENDERED_BYTES} bytes: shorten the template")]
    TooLarge,
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// The result for a call.
#[derive(Debug)]
pub struct Rendered {
    /// Instead of the response's fields with these names.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Instead of the response's content, if the content is a template.
    pub body: Option<Bytes>,
}

impl Template {
    /// Compiles all templates of a response, and reports all mistakes.
    pub fn compile(headers: &Headers, payload: Option<&Payload>) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        let is_named = |name: &str| headers.iter().any(|(other, value)| other == name && is_template(value));
        let mut fields = Vec::new();
        for (name, value) in headers.iter().filter(|(name, _)| is_named(name)) {
            let field = if is_template(value) {
                match Text::single(value, Place::Header(name.to_owned())) {
                    Ok(text) => Field::Template(text),
                    Err(error) => {
                        errors.push(error);
                        continue;
                    }
                }
            } else {
                Field::Fixed(HeaderValue::from_bytes(value.as_bytes()).expect("the domain admits field values only"))
            };
            fields.push((HeaderName::from_bytes(name.as_bytes()).expect("the domain admits tokens only"), field));
        }
        let content = match payload {
            Some(Payload::Body(body)) => Some(Text::single(body.as_str(), Place::Body).map_err(|error| vec![error])),
            Some(Payload::Json(json)) => Some(Text::json(&json.value())),
            Some(Payload::Base64(_)) | None => None,
        };
        let content = content.transpose().unwrap_or_else(|mistakes| {
            errors.extend(mistakes);
            None
        });
        if errors.is_empty() { Ok(Self { headers: fields, content }) } else { Err(errors) }
    }

    fn texts(&self) -> impl Iterator<Item = &Text> {
        let fields = self.headers.iter().filter_map(|(_, field)| match field {
            Field::Template(text) => Some(text),
            Field::Fixed(_) => None,
        });
        fields.chain(&self.content)
    }

    fn parts(&self) -> Parts {
        self.texts().fold(Parts::default(), |parts, text| parts.with(text.code.parts))
    }

    /// Whether the template uses the body of a request.
    pub fn needs_body(&self) -> bool {
        self.parts().need_body()
    }

    /// Renders the template for a call, whose path fits `pattern`.
    pub fn render(&self, call: &Call<'_>, pattern: &str) -> Result<Rendered, RenderError> {
        if self.needs_body() && matches!(call.body, Some(Content::TooLarge)) {
            return Err(RenderError::BodyTooLarge);
        }
        let (root, mut left) = (self.parts().root(call, pattern)?, MAX_STEPS);
        let mut header_bytes = 0;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, field) in &self.headers {
            let value = match field {
                Field::Fixed(value) => value.clone(),
                Field::Template(text) => {
                    let value = text.render(&root, &mut left)?;
                    header_bytes += value.len();
                    if header_bytes > MAX_HEADER_BYTES {
                        let detail = format!("the header values have more than {MAX_HEADER_BYTES} bytes");
                        return Err(text.failed(0, detail));
                    }
                    HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|_| {
                        text.failed(0, "the value has a control character, such as CR, LF or NUL".into())
                    })?
                }
            };
            headers.push((name.clone(), value));
        }
        let body = self.content.as_ref().map(|text| text.render(&root, &mut left)).transpose()?;
        if body.as_ref().is_some_and(|body| body.len() > MAX_RENDERED_BYTES) {
            return Err(RenderError::TooLarge);
        }
        Ok(Rendered { headers, body: body.map(Into::into) })
    }

    /// An estimate of the memory of the compiled templates of a response, in bytes.
    pub fn bytes(headers: &Headers, payload: Option<&Payload>) -> usize {
        let of = |text: &str| {
            let tags = text.split("{{").flat_map(|text| text.split("{%")).skip(1);
            let tags = tags.map(|tag| tag.find("}}").or_else(|| tag.find("%}")).unwrap_or(tag.len()) + 2);
            CODE_BYTES + 3 * text.len() + TAG_BYTES * tags.sum::<usize>()
        };
        let fields = headers.iter().filter(|(_, value)| is_template(value)).map(|(_, value)| of(value));
        let content = payload.filter(|payload| !matches!(payload, Payload::Base64(_)));
        fields.sum::<usize>() + content.map_or(0, |payload| of(payload.text()))
    }
}

impl Text {
    fn single(text: &str, place: Place) -> Result<Self, TemplateError> {
        let code = compile(text, &place)?;
        Ok(Self { code, pieces: vec![Piece { begin: 0, place, text: text.into() }] })
    }

    /// Compiles the JSON text as one template. Each template in it is checked alone before, so that all mistakes are
    /// found, and no template reaches beyond its string.
    fn json(value: &Value) -> Result<Self, Vec<TemplateError>> {
        let (mut text, mut pieces, mut errors) = (String::new(), Vec::new(), Vec::new());
        write_json(value, String::new(), &mut text, &mut pieces, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let code = Code::compile(&text, Guard::Own).map_err(|mistake| vec![error(&pieces, mistake)])?;
        Ok(Self { code, pieces })
    }

    fn render(&self, root: &minijinja::Value, left: &mut u64) -> Result<String, RenderError> {
        let rendered = self.code.render(root.clone(), left);
        rendered.map_err(|Mistake { offset, detail }| self.failed(offset, detail))
    }

    fn failed(&self, offset: usize, detail: String) -> RenderError {
        error(&self.pieces, Mistake { offset, detail }).into()
    }
}

/// As the end of a JSON pointer.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Json(pointer) => write!(f, "json{pointer}"),
            Self::Header(name) => write!(f, "headers/{name}"),
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts().flat_map(|text| &text.pieces).map(|piece| &piece.place)).finish()
    }
}

fn compile(text: &str, place: &Place) -> Result<Code, TemplateError> {
    Code::compile(text, Guard::Given)
        .map_err(|mistake| error(&[Piece { begin: 0, place: place.clone(), text: text.into() }], mistake))
}

/// The mistake in the terms of the text that holds it.
fn error(pieces: &[Piece], Mistake { offset, detail }: Mistake) -> TemplateError {
    let piece = pieces.iter().rev().find(|piece| piece.begin <= offset).or(pieces.first());
    let Some(Piece { begin, place, text }) = piece else {
        return TemplateError { place: Place::Json(String::new()), line: 1, column: 1, detail };
    };
    let before = text.get(..offset.saturating_sub(*begin)).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    TemplateError { place: place.clone(), line: before.split('\n').count(), column: line.chars().count() + 1, detail }
}

/// Writes JSON as the text of a template that renders to JSON.
fn write_json(value: &Value, at: String, to: &mut String, pieces: &mut Vec<Piece>, errors: &mut Vec<TemplateError>) {
    match value {
        Value::Array(items) => {
            let mut begin = '[';
            for (index, item) in items.iter().enumerate() {
                to.push(begin);
                write_json(item, format!("{at}/{index}"), to, pieces, errors);
                begin = ',';
            }
            to.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            let mut begin = '{';
            for (name, member) in members {
                to.push(begin);
                to.push_str(&literal(name));
                to.push(':');
                let name = name.replace('~', "~0").replace('/', "~1");
                write_json(member, format!("{at}/{name}"), to, pieces, errors);
                begin = ',';
            }
            to.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        Value::String(text) if is_template(text) => {
            let place = Place::Json(at);
            let filter = match compile(text, &place) {
                Ok(code) if code.is_json => "as_json",
                Ok(_) => "as_text",
                Err(error) => return errors.push(error),
            };
            to.extend(["{% filter ", filter, " %}"]);
            pieces.push(Piece { begin: to.len(), place, text: text.as_str().into() });
            to.push_str(text);
            to.push_str("{% endfilter %}");
        }
        Value::String(text) => to.push_str(&literal(text)),
        _ => to.push_str(&value.to_string()),
    }
}

/// A string as JSON that is no template.
fn literal(text: &str) -> String {
    let json = Value::from(text).to_string();
    if is_template(&json) { json.replace('{', "\\u007b") } else { json }
}
