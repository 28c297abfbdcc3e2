//! The reasons why a fault was not injected.

use super::journal::JournalError;
use super::kind::Fault;

/// The reason why a fault was not injected. Nothing is left of it then.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It makes no sense as it was said.
    #[error("{0}")]
    Mistaken(String),
    /// It cannot be done here.
    #[error("{what} cannot be done here: {why}")]
    Unavailable {
        /// The fault's name.
        what: &'static str,
        /// Why, and what to do.
        why: String,
    },
    /// It was tried, failed, and was undone.
    #[error("{what} failed: {why}")]
    Failed {
        /// The fault's name.
        what: &'static str,
        /// The attempt, and its failure.
        why: String,
    },
    /// Its undo could not be written down, so it was not tried.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Fault {
    pub(super) fn mistaken(&self, why: impl std::fmt::Display) -> FaultError {
        FaultError::Mistaken(format!("{}: {why}", self.name()))
    }

    pub(super) fn unavailable(&self, why: impl std::fmt::Display) -> FaultError {
        FaultError::Unavailable { what: self.name(), why: why.to_string() }
    }
}
