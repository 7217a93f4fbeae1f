//! Responses in turn.

use std::{fmt, iter};

use uuid::Uuid;

use super::MockResponse;
use crate::domain::excerpt;

/// Maximum number of responses of a mock.
pub const MAX_RESPONSES: usize = 32;
/// Maximum number of calls that a response answers before the next one.
pub const MAX_TIMES: u32 = 1_000_000;

/// The answers after the last turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Then {
    /// The last response answers all further calls.
    #[default]
    Last,
    /// The turns begin again.
    Repeat,
    /// The mock fits no further calls.
    None,
}

/// A number of calls from 1 to [`MAX_TIMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times(u32);

/// The name of the count of a mock's turns. Each write of the mock begins another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series(Uuid);

/// The turns of a mock: its response, and further responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turns {
    /// How many calls the first response answers.
    pub times: Times,
    pub more: Vec<(MockResponse, Times)>,
    pub then: Then,
    pub series: Series,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a number of calls: write a whole number from 1 to {MAX_TIMES}")]
pub struct TimesError(i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is unknown: write `last`, `repeat` or `none`")]
pub struct ThenError(String);

impl Then {
    pub const ALL: [Self; 3] = [Self::Last, Self::Repeat, Self::None];

    pub fn parse(text: &str) -> Result<Self, ThenError> {
        let known = Self::ALL.into_iter().find(|then| then.as_str() == text);
        known.ok_or_else(|| ThenError(excerpt(text).into()))
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Repeat => "repeat",
            Self::None => "none",
        }
    }
}

impl Times {
    pub const ONCE: Self = Self(1);

    pub fn parse(times: i64) -> Result<Self, TimesError> {
        match u32::try_from(times) {
            Ok(times @ 1..=MAX_TIMES) => Ok(Self(times)),
            _ => Err(TimesError(times)),
        }
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Series {
    pub fn begin() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The order of turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    times: Box<[Times]>,
    then: Then,
}

/// The response of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The number of a response, from 0.
    Response(usize),
    /// The same, for this turn and all later turns.
    Last(usize),
    /// The mock fits this call and all later calls no more.
    Over,
}

impl Turns {
    pub fn order(&self) -> Order {
        let times = iter::once(self.times).chain(self.more.iter().map(|(_, times)| *times)).collect();
        Order { times, then: self.then }
    }
}

impl Order {
    /// Whether the mock does not answer after the last turn.
    pub fn ends(&self) -> bool {
        self.then == Then::None
    }

    /// The response of the `n`-th call, from 1.
    pub fn turn(&self, n: u64) -> Turn {
        let all: u64 = self.times.iter().map(|times| u64::from(times.0)).sum();
        let mut before = match self.then {
            Then::Last if n >= all => return Turn::Last(self.times.len() - 1),
            Then::None if n > all => return Turn::Over,
            _ => (n - 1) % all,
        };
        let is_past = |times: &&Times| {
            let is_past = before >= u64::from(times.0);
            before = before.saturating_sub(times.0.into());
            is_past
        };
        Turn::Response(self.times.iter().take_while(is_past).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Headers, StatusCode};

    fn turns(times: [i64; 3], then: Then) -> Turns {
        let response = MockResponse::new(StatusCode::parse(200).unwrap(), Headers::default(), None).unwrap();
        let [first, second, third] = times.map(|times| Times::parse(times).unwrap());
        Turns { times: first, more: vec![(response.clone(), second), (response, third)], then, series: Series::begin() }
    }

    #[test]
    fn each_response_answers_its_calls_and_then_comes_the_rest() {
        let all = |then| (1..=8).map(|n| turns([2, 1, 3], then).order().turn(n)).collect::<Vec<_>>();
        let once = [0, 0, 1, 2, 2].map(Turn::Response);
        assert_eq!(all(Then::Last), [&once[..], &[Turn::Last(2); 3]].concat());
        assert_eq!(all(Then::Repeat), [&once[..], &[2, 0, 0].map(Turn::Response)].concat());
        assert_eq!(all(Then::None), [&once[..], &[Turn::Response(2), Turn::Over, Turn::Over]].concat());
    }

    #[test]
    fn times_are_from_1_to_a_million() {
        for (times, is_right) in
            [(0, false), (1, true), (1_000_000, true), (1_000_001, false), (-1, false), (i64::MAX, false)]
        {
            assert_eq!(Times::parse(times).is_ok(), is_right, "{times}");
        }
    }
}
