//! A mistake in an experiment.

/// What is wrong with an experiment, or with how it is to be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(String);

impl Mistake {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}
