//! The answers to failures and refusals of the store.

use super::{ApiError, Kind, Source};
use crate::{
    api::document::capitalized,
    store::{StoreError, WriteError},
};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Loading) {
            return Self::loading();
        }
        if matches!(error, StoreError::Damaged(_)) {
            // The load has logged the record as an error. Errors roll a deployment back, and clients must not be able
            // to do that.
            tracing::warn!(%error, "a damaged record was asked for");
            return Self::damaged();
        }
        tracing::error!(%error, "the store failed");
        Self::store_away()
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Taken { route, holder } => Self::taken(&route, holder),
            WriteError::Missing => Self::new(Kind::NotFound, "The endpoint was deleted in the meantime", None),
            WriteError::Changed => Self::changed(),
            WriteError::Store(error) => error.into(),
            WriteError::Full { .. } => Self::new(Kind::Full, capitalized(&error.to_string()), None),
            WriteError::NeedsFormat(_) => Self::new(Kind::Conflict, capitalized(&error.to_string()), None),
            WriteError::TooLarge { .. } | WriteError::TooMany { .. } | WriteError::ReplacesTooMuch { .. } => {
                Self::new(Kind::TooLarge, capitalized(&error.to_string()), Some(Source::pointer("/data/attributes")))
            }
        }
    }
}
