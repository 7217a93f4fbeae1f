//! Parts of texts that clients send, which may be as long as they like, for messages about them.

use std::borrow::Cow;

/// The beginning of a text, long enough to know it again.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    beginning(text, 100)
}

/// The first characters of a text, and a sign where more follow.
pub fn beginning(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
