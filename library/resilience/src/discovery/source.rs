//! A source of instances.

use crate::balance::Instance;

/// Says where a dependency's instances are.
pub trait Discover<T>: Send {
    /// Waits until there is something new to say: the instances, or why they could not be found out. Cancel-safe: what was not
    /// said is said the next time.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Instance<T>>, Unknown>> + Send;
}

/// The instances could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the instances of {what} are not known anew, the last ones stay: {why}")]
pub struct Unknown {
    /// Source and name that were queried.
    pub what: String,
    /// Problem, and what to do.
    pub why: String,
}
