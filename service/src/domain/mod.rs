//! The mock and its parts: newtypes with parsing constructors, so that every value is valid.
//!
//! This module does not depend on HTTP servers, stores or AWS.

mod endpoint;
mod excerpt;
mod path;
mod response;
mod sought;
mod verb;

pub use endpoint::{Endpoint, EndpointId, Route};
pub use excerpt::{beginning, excerpt};
pub use path::{IS_PATH_BYTE, MAX_PATH_BYTES, MockPath, PathError, canonical};
pub use response::*;
pub use verb::{Verb, VerbError};
