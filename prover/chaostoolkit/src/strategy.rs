//! Strategies of a run: times of the hypothesis checks, times of the rollbacks, and dry runs.

use serde::{Serialize, Serializer};

use super::journal::{Journal, Status};
use crate::value::Map;

/// Options of a run; the defaults are those of the reference.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The times of the hypothesis checks. Default: the experiment's `runtime`.
    pub hypothesis: Option<HypothesisStrategy>,
    /// The condition of the rollbacks. Default: the experiment's `runtime`.
    pub rollbacks: Option<RollbackStrategy>,
    /// Seconds between two checks while the method runs. Default 1.
    pub frequency: Option<f64>,
    /// True to end the method at its first deviation.
    pub fail_fast: bool,
    /// The activities that a dry run leaves out.
    pub dry: Option<Dry>,
    /// Configuration and secrets that override those of the file.
    pub variables: Map,
}

/// Times of the hypothesis checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HypothesisStrategy {
    /// Before the method and after it.
    #[default]
    Default,
    /// Before it only.
    Before,
    /// After it only.
    After,
    /// While it runs only.
    During,
    /// Before it, while it runs, after it.
    Continuously,
    /// Never.
    Skip,
}

/// Condition of the rollbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollbackStrategy {
    /// Unless the run failed or was broken off.
    #[default]
    Default,
    /// In every case.
    Always,
    /// Never.
    Never,
    /// Only if the steady state was lost.
    Deviated,
}

/// Activities that a dry run only walks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dry {
    /// Probes.
    Probes,
    /// Actions.
    Actions,
    /// Both.
    Activities,
    /// Pauses.
    Pause,
}

impl HypothesisStrategy {
    /// The strategy of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "default" => Self::Default,
            "before-method-only" => Self::Before,
            "after-method-only" => Self::After,
            "during-method-only" => Self::During,
            "continuously" | "continously" => Self::Continuously,
            "skip" => Self::Skip,
            _ => return None,
        })
    }

    pub(super) fn before(self) -> bool {
        matches!(self, Self::Default | Self::Before | Self::Continuously)
    }

    pub(super) fn during(self) -> bool {
        matches!(self, Self::During | Self::Continuously)
    }

    pub(super) fn after(self) -> bool {
        matches!(self, Self::Default | Self::After | Self::Continuously)
    }
}

impl RollbackStrategy {
    /// The strategy of that name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "default" => Self::Default,
            "always" => Self::Always,
            "never" => Self::Never,
            "deviated" => Self::Deviated,
            _ => return None,
        })
    }

    pub(super) fn plays(self, journal: &Journal) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Deviated => journal.deviated,
            Self::Default => !matches!(journal.status, Status::Failed | Status::Interrupted),
        }
    }
}

impl Dry {
    /// As the command line says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::Actions => "actions",
            Self::Activities => "activities",
            Self::Pause => "pause",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Probes, Self::Actions, Self::Activities, Self::Pause].into_iter().find(|dry| dry.name() == name)
    }
}

impl Serialize for Dry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
