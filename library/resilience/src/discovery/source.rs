//! A source of instances.

use crate::balance::Instance;

/// A source of a dependency's instances.
pub trait Discover<T>: Send {
    /// Waits for a change: the new instances, or the reason why they could not be found. Cancel-safe: a change that was not returned is returned
    /// the next time.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Instance<T>>, Unknown>> + Send;
}

/// The instances could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot update the instances of {what}, the last ones stay: {why}")]
pub struct Unknown {
    /// Source and name that were queried.
    pub what: String,
    /// Problem, and what to do.
    pub why: String,
}
