//! The reason why a plan is refused.

/// The mistake in a plan, or the reason why it may not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PlanError(pub(crate) String);
