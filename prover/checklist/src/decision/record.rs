//! One decision.

use crate::calendar::Day;

/// Kind of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// Postpones the attribute until a day.
    Skip,
    /// The attribute is held, by people.
    Attest,
}

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The attribute.
    pub id: String,
    /// The kind.
    pub kind: DecisionKind,
    /// The responsible person or team.
    pub owner: String,
    /// The reason of a skip, or the statement of an attestation.
    pub reason: String,
    /// The day of the decision; required for an attestation.
    pub date: Option<Day>,
    /// The last day on which it counts.
    pub expires: Day,
    /// A link to more: a file beside the decisions, or a URL.
    pub link: Option<String>,
}

impl Decision {
    /// Returns true up to and including the last day.
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
