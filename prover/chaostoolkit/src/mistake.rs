//! A mistake in an experiment.

/// Mistake in an experiment, or in the options of its run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mistake(String);

impl Mistake {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}
