//! Excerpts of texts from clients, for messages. Such texts may have any length.

use std::borrow::Cow;

/// The beginning of a text, long enough to recognize it.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    beginning(text, 100)
}

/// The text with control and invisible characters escaped. A terminal would obey them, or deceive readers.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => printable.push(c),
            c => printable.extend(c.escape_debug()),
        }
    }
    printable
}

/// The first characters of a text, with `…` if more follow.
pub fn beginning(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
