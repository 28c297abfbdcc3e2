//! What a probe found, with evidence that a person can check.

use keel_wire::http::Exchange;
use serde::Serialize;

/// The outcome of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What the attribute says was seen.
    Holds,
    /// Something was seen that contradicts it.
    FallsShort,
    /// It could not be seen either way. Never counted as holding.
    Unknown,
    /// The condition under which it applies is not met, and that was seen or declared.
    NotApplicable,
    /// It does not hold, and somebody decided so until a date.
    DecidedAgainst,
}

/// One thing that was done, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// What was tried or read, as a sentence.
    pub what: String,
    /// What was sent, when something was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// What came back, when something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came_back: Option<String>,
    /// Whether this piece speaks for the attribute; none when it is only a figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<bool>,
}

/// What a probe found about one attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The attribute's id.
    pub id: String,
    /// The outcome.
    pub verdict: Verdict,
    /// The reason, as one sentence with the figure that decided.
    pub summary: String,
    /// What a person can check.
    pub evidence: Vec<Evidence>,
}

impl Evidence {
    /// A fact that was seen.
    pub fn saw(good: bool, what: impl Into<String>) -> Self {
        Self { what: what.into(), good: Some(good), ..Self::default() }
    }

    /// A figure or circumstance that decides nothing by itself.
    pub fn note(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// An exchange, with what was expected of it as a sentence.
    pub fn exchange(good: bool, what: impl Into<String>, exchange: &Exchange) -> Self {
        Self { what: what.into(), sent: Some(exchange.sent()), came_back: Some(exchange.came_back()), good: Some(good) }
    }
}

impl Finding {
    /// A finding.
    pub fn new(id: &str, verdict: Verdict, summary: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        Self { id: id.to_owned(), verdict, summary: summary.into(), evidence }
    }

    /// Holds when no piece of evidence speaks against it (and at least one speaks for it), falls short otherwise;
    /// unknown when no piece speaks either way.
    pub fn judge(id: &str, summary_when_it_holds: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        let against: Vec<&str> =
            evidence.iter().filter(|piece| piece.good == Some(false)).map(|piece| piece.what.as_str()).collect();
        if !against.is_empty() {
            let summary = against.join("; ");
            return Self::new(id, Verdict::FallsShort, summary, evidence);
        }
        if evidence.iter().any(|piece| piece.good == Some(true)) {
            return Self::new(id, Verdict::Holds, summary_when_it_holds, evidence);
        }
        Self::new(id, Verdict::Unknown, "nothing was seen that speaks either way", evidence)
    }

    /// It could not be seen; the reason says what to declare or change so that it can.
    pub fn unknown(id: &str, reason: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        Self::new(id, Verdict::Unknown, reason, evidence)
    }

    /// The attribute's condition is not met.
    pub fn not_applicable(id: &str, reason: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        Self::new(id, Verdict::NotApplicable, reason, evidence)
    }
}
