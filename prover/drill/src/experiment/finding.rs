//! The judgement of one hypothesis, and how long a look may take.

use std::time::Duration;

use serde::Serialize;

/// The bound of one look at an answer, a metric, a health document.
pub(super) const LOOK_PATIENCE: Duration = Duration::from_secs(10);

/// The finding on one hypothesis.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The hypothesis.
    pub name: String,
    /// The judgement.
    pub outcome: Judgement,
    /// The evidence for it.
    pub evidence: String,
}

/// The judgement of one hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It held.
    Held,
    /// It did not hold.
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
