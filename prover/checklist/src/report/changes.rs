//! The changes between two reports.

use serde::{Deserialize, Serialize};

use super::words::word;
use crate::finding::Verdict;

/// The differences between an earlier report and this one, for the attributes that this one has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Changes {
    /// The file of the earlier report.
    pub baseline: String,
    /// The beginning of the earlier examination: RFC 3339, UTC.
    pub started: String,
    /// The attributes that fall short and did not.
    pub newly_short: Vec<Change>,
    /// The attributes that fell short and were seen to hold.
    pub mended: Vec<Change>,
    /// The attributes that are unknown and were not.
    pub newly_unknown: Vec<Change>,
    /// All other changes of a verdict.
    pub other: Vec<Change>,
}

/// The change of one verdict.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Change {
    /// The attribute's id.
    pub id: String,
    /// The verdict of the earlier report; none when it does not have the attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Verdict>,
    /// The verdict of this one.
    pub now: Verdict,
}

impl Changes {
    /// The kinds of changes, each with its title, the most urgent first.
    pub(super) fn parts(&self) -> [(&'static str, &[Change]); 4] {
        [
            ("newly falls short", &self.newly_short),
            ("newly unknown", &self.newly_unknown),
            ("mended", &self.mended),
            ("changed otherwise", &self.other),
        ]
    }

    /// A sentence with the counts.
    pub(super) fn summary(&self) -> String {
        format!(
            "Since {} ({}): {} newly fall short, {} newly unknown, {} mended, {} changed otherwise",
            self.baseline,
            self.started,
            self.newly_short.len(),
            self.newly_unknown.len(),
            self.mended.len(),
            self.other.len()
        )
    }
}

impl Change {
    /// The id with both verdicts, such as `border.limits: holds, now falls short`.
    pub(super) fn told(&self) -> String {
        let before = self.before.map_or("not examined", word);
        format!("{}: {before}, now {}", self.id, word(self.now))
    }
}
