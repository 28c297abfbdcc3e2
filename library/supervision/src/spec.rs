//! Specification of a child, in OTP's terms.

use std::time::Duration;

use crate::restart::RestartRules;

/// Restart condition of a child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// Restarted after every end that was not requested.
    #[default]
    Permanent,
    /// Restarted after a panic; a child that returns has done its work.
    Transient,
    /// Never.
    Temporary,
}

/// A child before it is started: its name, and how it restarts and stops. A name alone is a permanent child with defaults.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChildSpec {
    /// The name in logs and vitals.
    pub name: String,
    /// Restart condition. Default [`Restart::Permanent`].
    pub restart: Restart,
    /// Restart intensity: limits and waits.
    pub rules: RestartRules,
    /// Time to end after its [`Stop`](crate::Stop) is requested, if the stop of the process has as much. Default 5 s, as in OTP.
    pub stop_within: Duration,
}

impl ChildSpec {
    /// Creates a permanent child with the default rules and 5 s to end.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            restart: Restart::default(),
            rules: RestartRules::default(),
            stop_within: Duration::from_secs(5),
        }
    }

    /// Sets when it is restarted.
    #[must_use]
    pub fn restart(self, restart: Restart) -> Self {
        Self { restart, ..self }
    }

    /// Sets how it is restarted.
    #[must_use]
    pub fn rules(self, rules: RestartRules) -> Self {
        Self { rules, ..self }
    }

    /// Sets the time to end after its `Stop` is requested.
    #[must_use]
    pub fn stop_within(self, bound: Duration) -> Self {
        Self { stop_within: bound, ..self }
    }
}

impl From<&str> for ChildSpec {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for ChildSpec {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}
