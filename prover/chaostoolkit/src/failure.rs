//! Why an activity brought nothing.

/// Why an activity brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It failed, as activities do: a timeout, a refused connection.
    Activity(String),
    /// The experiment itself is wrong, in a way that shows only now: it ends here.
    Fatal(String),
}

impl Failure {
    pub(super) fn fatal(what: impl Into<String>) -> Self {
        Self::Fatal(what.into())
    }
}
