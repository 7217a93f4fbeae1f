//! YAML as a way to write JSON: the values of JSON, with the place of each.
//!
//! YAML 1.2 contains JSON, so that one reader has the lines of both. Where versions of YAML disagree on a number, the
//! text is a mistake.

use std::{collections::HashMap, fmt, sync::LazyLock};

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span, StrInput};
use regex_lite::Regex;
use serde_json::{Map, Number, Value};
use serde_saphyr::SerializerOptions;

use crate::domain::excerpt;

/// Maximum size of a text, in bytes.
pub const MAX_TEXT_BYTES: usize = 32 << 20;
/// Maximum memory of the values in a text, in bytes. Aliases multiply values.
const MAX_MEMORY: usize = 128 << 20;
/// The memory of a value or a name besides its text, in bytes.
pub const VALUE_BYTES: usize = 64;
/// Maximum depth of nested objects and lists, as in JSON from clients.
const MAX_DEPTH: usize = 128;
/// Maximum number of mistakes in a report.
const MAX_MISTAKES: usize = 50;

/// A place in a text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A mistake in a text. Its detail names the correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    /// JSON pointer (RFC 6901) of the value.
    pub pointer: String,
    pub detail: String,
}

/// The value of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub value: Value,
    mark: Mark,
}

/// The place of a value, or of the name of a member, and the places inside the value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    place: Place,
    inside: Vec<Self>,
}

impl Text {
    /// The place of the value with this JSON pointer, or of the nearest value around it.
    pub fn place(&self, pointer: &str) -> Place {
        let (mut value, mut mark) = (&self.value, &self.mark);
        for name in pointer.split('/').skip(1) {
            let name = name.replace("~1", "/").replace("~0", "~");
            let (next, number) = match value {
                Value::Object(object) => (object.get(&name), object.keys().position(|key| *key == name)),
                Value::Array(list) => {
                    let number = name.parse().ok();
                    (number.and_then(|number: usize| list.get(number)), number)
                }
                _ => break,
            };
            let (Some(next), Some(inside)) = (next, number.and_then(|number| mark.inside.get(number))) else { break };
            (value, mark) = (next, inside);
        }
        mark.place
    }
}

/// Reads a YAML or JSON text with one document. Reports all mistakes in values at once. A mistake in the syntax ends
/// the reading.
pub fn read(text: &str) -> Result<Text, Vec<Mistake>> {
    read_within(text, MAX_MEMORY)
}

/// [`read`] with another maximum for the memory of the values, in bytes. A text without aliases needs at most
/// [`VALUE_BYTES`] for two bytes.
pub fn read_within(text: &str, memory: usize) -> Result<Text, Vec<Mistake>> {
    let mut options = Options::default();
    (options.flow_nesting_limit, options.block_nesting_limit) = (MAX_DEPTH, MAX_DEPTH);
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { parser, anchors: HashMap::new(), memory, pointer: String::new(), mistakes: Vec::new() };
    match reader.document() {
        Ok(read) if reader.mistakes.is_empty() => Ok(read),
        Ok(_) => Err(reader.mistakes),
        Err(last) => Err(reader.mistakes.into_iter().chain([last]).collect()),
    }
}

/// Writes a value, so that [`read`] reads the same value. Texts of several lines become blocks.
pub fn write(value: &Value) -> String {
    let mut options = SerializerOptions::default();
    options.min_fold_chars = usize::MAX;
    serde_saphyr::to_string_with_options(value, options).expect("YAML can hold each JSON value")
}

/// A value with an anchor, for aliases.
struct Anchored {
    value: Value,
    memory: usize,
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchored>,
    /// The memory that is left for values, in bytes.
    memory: usize,
    /// The JSON pointer of the current value.
    pointer: String,
    mistakes: Vec<Mistake>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Text, Mistake> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, span) => {
                    return Err(self.mistake(span.start, "The text is empty: write a list of mocks"));
                }
                (event, span) => {
                    let (value, mark) = self.value(event, span)?;
                    self.expect_end()?;
                    return Ok(Text { value, mark });
                }
            }
        }
    }

    /// Refuses another document.
    fn expect_end(&mut self) -> Result<(), Mistake> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), span) => {
                    return Err(
                        self.mistake(span.start, "A second document begins here: write one list, without `---`")
                    );
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Mistake> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let why = error.info();
                let hint = if why.contains("tab") { ": indent with spaces" } else { "" };
                Err(self.mistake(*error.marker(), format!("The text is not YAML: {why}{hint}")))
            }
            None => Err(self.mistake(Marker::new(0, 1, 0), "The text ends in the middle of a value")),
        }
    }

    fn mistake(&self, at: Marker, detail: impl Into<String>) -> Mistake {
        Mistake { place: place(at), pointer: self.pointer.clone(), detail: detail.into() }
    }

    /// Notes a mistake, and goes on to find others.
    fn note(&mut self, at: Marker, detail: impl Into<String>) -> Result<(), Mistake> {
        let mistake = self.mistake(at, detail);
        if self.mistakes.len() + 1 == MAX_MISTAKES {
            return Err(mistake);
        }
        self.mistakes.push(mistake);
        Ok(())
    }

    fn take(&mut self, memory: usize, at: Marker) -> Result<(), Mistake> {
        let detail = "The values take too much memory: use fewer aliases, or several sets";
        self.memory = self.memory.checked_sub(memory).ok_or_else(|| self.mistake(at, detail))?;
        Ok(())
    }

    /// The value that begins with an event.
    fn value(&mut self, event: Event<'t>, span: Span) -> Result<(Value, Mark), Mistake> {
        let (at, before) = (span.start, self.memory);
        if event.tag().is_some() {
            self.note(at, "Tags such as `!!str` are not supported: leave the tag out, and quote texts")?;
        }
        let (mut inside, anchor) = (Vec::new(), event.anchor_id());
        let value = match event {
            Event::Scalar(text, style, ..) => {
                self.take(VALUE_BYTES + text.len(), at)?;
                let plain = if style == ScalarStyle::Plain { plain(&text) } else { Ok(text.into_owned().into()) };
                match plain {
                    Ok(value) => value,
                    Err(why) => self.note(at, why).map(|()| Value::Null)?,
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(Anchored { value, memory }) => {
                    let (value, memory) = (value.clone(), *memory);
                    self.take(memory, at)?;
                    value
                }
                None => return Err(self.mistake(at, "The alias stands inside of its own anchor: write the value out")),
            },
            Event::SequenceStart(..) => {
                self.take(VALUE_BYTES, at)?;
                self.list(&mut inside)?
            }
            _ => {
                self.take(VALUE_BYTES, at)?;
                self.object(&mut inside)?
            }
        };
        if let Some(anchor) = anchor {
            let memory = before - self.memory;
            self.take(memory, at)?;
            self.anchors.insert(anchor, Anchored { value: value.clone(), memory });
        }
        Ok((value, Mark { place: place(at), inside }))
    }

    fn list(&mut self, inside: &mut Vec<Mark>) -> Result<Value, Mistake> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(list.into());
            }
            let (value, mark) = self.within(&list.len().to_string(), event, span)?;
            list.push(value);
            inside.push(mark);
        }
    }

    fn object(&mut self, inside: &mut Vec<Mark>) -> Result<Value, Mistake> {
        let mut object = Map::new();
        loop {
            let (name, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(object.into()),
                (Event::Scalar(name, style, 0, None), span) => {
                    if name == "<<" && style == ScalarStyle::Plain {
                        self.note(span.start, "Merge keys (`<<`) are not supported: write the members out")?;
                    }
                    (name, span.start)
                }
                (_, span) => {
                    let detail = "The name of a member has to be a text without anchor, alias or tag: write a text";
                    return Err(self.mistake(span.start, detail));
                }
            };
            self.take(VALUE_BYTES + name.len(), at)?;
            let (event, span) = self.next()?;
            let (value, mark) = self.within(&name, event, span)?;
            if object.contains_key(&*name) {
                self.note(at, format!("`{}` is given twice: keep one", excerpt(&name)))?;
                continue;
            }
            object.insert(name.into_owned(), value);
            inside.push(Mark { place: place(at), ..mark });
        }
    }

    /// A value inside of another one, by its name or number.
    fn within(&mut self, name: &str, event: Event<'t>, span: Span) -> Result<(Value, Mark), Mistake> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&excerpt(name).replace('~', "~0").replace('/', "~1"));
        let read = self.value(event, span)?;
        self.pointer.truncate(length);
        Ok(read)
    }
}

fn place(at: Marker) -> Place {
    Place { line: at.line() as u32, column: at.col() as u32 + 1 }
}

/// The value of a text without quotes, by the core schema of YAML 1.2. Names such as `yes` and `no` are texts.
fn plain(text: &str) -> Result<Value, String> {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?i)[-+]?(0[box][0-9a-f_]+|([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9_]+)(e[-+]?[0-9]+)?|\.inf|\.nan)$")
            .expect("it compiles")
    });
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(true.into()),
        "false" | "False" | "FALSE" => Ok(false.into()),
        _ => match serde_json::from_str::<Number>(text) {
            Ok(number) => Ok(number.into()),
            Err(_) if NUMBER.is_match(text) => {
                let text = excerpt(text);
                Err(format!(
                    "`{text}` is another number in other versions of YAML: write it as in JSON, or quote a text"
                ))
            }
            Err(_) => Ok(text.into()),
        },
    }
}

#[cfg(test)]
mod tests;
