//! The outcome of an attribute, and of each of its clauses.

use serde::{Deserialize, Serialize};

/// The outcome of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every clause was seen to hold.
    Holds,
    /// A clause was seen not to hold.
    FallsShort,
    /// A clause could not be seen whole, and none was seen not to hold. Never counted as holding.
    Unknown,
    /// The condition under which it applies is not met, and that was seen or declared.
    NotApplicable,
    /// It does not hold, and a decision accepts this until a date.
    DecidedAgainst,
    /// A person attests it, until a date. Nothing was seen; never counted as holding.
    Attested,
}

/// One clause of the attribute, judged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Judged {
    /// The clause's id.
    pub id: String,
    /// Holds, falls short or unknown.
    pub verdict: Verdict,
}
