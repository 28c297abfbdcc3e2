//! One decision.

use crate::calendar::Day;

/// What a decision does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// The attribute is not held, for now.
    Skip,
    /// The attribute is held, by people.
    Attest,
}

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The attribute.
    pub id: String,
    /// What it does.
    pub kind: DecisionKind,
    /// Who answers for it.
    pub owner: String,
    /// Why, or what was decided.
    pub reason: String,
    /// When it was made; always said of an attestation.
    pub date: Option<Day>,
    /// The last day on which it counts.
    pub expires: Day,
    /// Where more is written: a file beside the decisions, or a URL.
    pub link: Option<String>,
}

impl Decision {
    /// Whether it still counts: its last day does.
    pub fn is_current(&self, today: Day) -> bool {
        today <= self.expires
    }

    /// The whole decision, as a sentence.
    pub(super) fn told(&self) -> String {
        let (owner, reason) = (&self.owner, &self.reason);
        let made = self.date.map_or_else(String::new, |date| format!(" on {date}"));
        let link = self.link.as_deref().map_or_else(String::new, |link| format!(" ({link})"));
        format!("decided{made} by {owner}, until {}: {reason}{link}", self.expires)
    }
}
