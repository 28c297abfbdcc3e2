//! The judgement of one hypothesis, and how long a look may take.

use std::time::Duration;

use serde::Serialize;

/// The bound of one look at an answer, a metric, a health document.
pub(super) const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// What is said of one hypothesis.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The hypothesis.
    pub name: String,
    /// Whether it held.
    pub outcome: Judgement,
    /// What was seen.
    pub evidence: String,
}

/// Whether a hypothesis held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It did.
    Held,
    /// It did not.
    FellShort,
    /// Too little was seen.
    Unknown,
}

impl Finding {
    pub(super) fn new(name: &str, outcome: Judgement, evidence: impl Into<String>) -> Self {
        Self { name: name.to_owned(), outcome, evidence: evidence.into() }
    }
}

/// A judgement, and the evidence for it.
pub(super) type Judged = (Judgement, String);
