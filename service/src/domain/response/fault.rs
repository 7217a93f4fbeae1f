//! Broken answers.

use std::fmt;

use crate::domain::excerpt;

/// A way to break an answer and its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is reset (RST), and nothing of the answer is sent.
    Reset,
    /// The connection ends, and nothing of the answer is sent.
    Close,
    /// Bytes that are not HTTP instead of the answer; then the connection ends.
    Garbage,
    /// The head and half of the content, or half of the head of an answer without content; then the connection ends.
    Truncate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fault: write `reset`, `close`, `garbage` or `truncate`")]
pub struct FaultError(String);

impl Fault {
    pub const ALL: [Self; 4] = [Self::Reset, Self::Close, Self::Garbage, Self::Truncate];

    pub fn parse(text: &str) -> Result<Self, FaultError> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == text).ok_or_else(|| FaultError(excerpt(text).into()))
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Garbage => "garbage",
            Self::Truncate => "truncate",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for fault in Fault::ALL {
            assert_eq!(Fault::parse(fault.as_str()), Ok(fault));
        }
        for wrong in ["", "Reset", "drop"] {
            assert!(Fault::parse(wrong).unwrap_err().to_string().contains("`truncate`"));
        }
    }
}
