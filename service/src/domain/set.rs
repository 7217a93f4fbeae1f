//! The name of a set of mocks.

use std::{fmt, sync::Arc};

use super::excerpt;

/// Maximum length of a name.
pub const MAX_SET_NAME: usize = 100;

/// The name of a set: its mocks are written, listed and deleted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName(Arc<str>);

/// Why a text is not a [`SetName`]. The message names the correction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a set: write 1 to {MAX_SET_NAME} letters, digits, `.`, `_` and `-`, and begin with a letter or digit"
)]
pub struct SetNameError(String);

impl SetName {
    /// No name is a dot segment of a URL.
    pub fn parse(text: &str) -> Result<Self, SetNameError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let is_name = begins && text.len() <= MAX_SET_NAME && text.bytes().all(is_legal);
        if is_name { Ok(Self(text.into())) } else { Err(SetNameError(excerpt(text).into())) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "x".repeat(MAX_SET_NAME);
        for good in ["a", "7", "shop", "team-a_v1.2", "A.", &longest] {
            assert_eq!(SetName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "-a", "_a", "a b", "a/b", "\u{e4}", "a%", &format!("{longest}x")] {
            let message = SetName::parse(bad).unwrap_err().to_string();
            assert!(message.contains("begin with a letter or digit"), "{bad}: {message}");
        }
    }
}
