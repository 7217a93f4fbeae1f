//! The mock and its parts: newtypes with parsing constructors, so that every value is valid.
//!
//! This module does not depend on HTTP servers, stores or AWS.

mod advice;
mod candidate;
mod canonical;
mod excerpt;
mod mock;
mod path;
mod response;
mod route;
mod set;
mod shape;
mod sought;
mod verb;
mod when;

pub use candidate::{Candidate, Failure};
pub use canonical::{IS_PATH_BYTE, canonical};
pub use excerpt::{beginning, excerpt, printable};
pub use mock::{EndpointId, Mock};
pub use path::{MAX_PATH_BYTES, MockPath, PathError};
pub use response::*;
pub use route::{MAX_PRIORITY, Priority, PriorityError, Route};
pub use set::{MAX_SET_NAME, SetName, SetNameError};
pub use shape::Shape;
pub use verb::{Verb, VerbError};
pub use when::{
    Call, Content, MAX_JSON_VALUES, MAX_READ_BYTES, MAX_TESTS, MAX_WHEN_BYTES, Part, Trial, Undecided, When, WhenError,
};
