//! Subjects of objectives: a route, a dependency, or a kind of job.

use std::time::Duration;

/// The events that an objective counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Answers of a route.
    Route {
        /// The method; none: every method.
        method: Option<String>,
        /// The route's pattern.
        pattern: String,
    },
    /// Calls to a dependency, by its name.
    Dependency(String),
    /// Attempts of jobs of this kind.
    Job(String),
}

impl Subject {
    /// A route, by its method and its pattern, as in `POST /transfers`.
    pub(super) fn route(text: &str) -> Self {
        match text.split_once(' ') {
            Some((method, pattern)) => {
                Self::Route { method: Some(method.to_owned()), pattern: pattern.trim().to_owned() }
            }
            None => Self::Route { method: None, pattern: text.to_owned() },
        }
    }

    /// Checks that it can exist.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_method = |method: &String| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        match self {
            Self::Route { method, pattern } if !pattern.starts_with('/') || !method.iter().all(is_method) => {
                Err("expected a method and a path, as in \"POST /transfers\"".to_owned())
            }
            Self::Dependency(name) | Self::Job(name) if name.is_empty() => Err("its name is empty".to_owned()),
            _ => Ok(()),
        }
    }

    /// The subject for people: the method and the route, `dependency NAME` or `job KIND`.
    pub fn place(&self) -> String {
        match self {
            Self::Route { method: Some(method), pattern } => format!("{method} {pattern}"),
            Self::Route { method: None, pattern } => pattern.clone(),
            Self::Dependency(name) => format!("dependency {name}"),
            Self::Job(kind) => format!("job {kind}"),
        }
    }

    /// A sentence about the share of events that do not fail.
    pub(super) fn succeeds(&self, percent: &str) -> String {
        match self {
            Self::Route { .. } => format!("{percent} of {} are answered below 500", self.place()),
            Self::Dependency(name) => format!("{percent} of calls to {name} are answered below 500"),
            Self::Job(kind) => format!("{percent} of attempts of {kind} jobs succeed"),
        }
    }

    /// A sentence about the share of events that end within a time.
    pub(super) fn ends_within(&self, percent: &str, within: Duration) -> String {
        match self {
            Self::Route { .. } => format!("{percent} of {} are answered within {within:?}", self.place()),
            Self::Dependency(name) => format!("{percent} of calls to {name} are answered within {within:?}"),
            Self::Job(kind) => format!("{percent} of {kind} jobs are done within {within:?} after they were due"),
        }
    }

    /// A sentence about the effect of failures, for a playbook.
    pub(crate) fn fails(&self) -> String {
        match self {
            Self::Route { .. } => format!("Requests to {} fail with a status of 500 or above.", self.place()),
            Self::Dependency(name) => format!("Calls to {name} fail; users see what depends on them."),
            Self::Job(kind) => format!("Attempts of {kind} jobs fail; their effect is late or missing."),
        }
    }

    /// A sentence about the effect of lateness, for a playbook.
    pub(crate) fn is_late(&self, within: Duration) -> String {
        match self {
            Self::Route { .. } => format!("Answers of {} take longer than {within:?}.", self.place()),
            Self::Dependency(name) => format!("Calls to {name} take longer than {within:?}."),
            Self::Job(kind) => format!("The effect of {kind} jobs comes later than {within:?} after they were due."),
        }
    }
}
