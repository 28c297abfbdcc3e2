//! The judgement of one specimen.

use std::time::Duration;

use crate::finding::{Finding, Verdict};
use crate::specimen::Specimen;

/// Result of one case.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The probe's attribute.
    pub id: &'static str,
    /// The specimen.
    pub specimen: Specimen,
    /// The finding of the probe, or the reason why it could not be run.
    pub found: Result<Finding, String>,
    /// The duration.
    pub took: Duration,
    /// True for the second try: the first one found something else.
    pub again: bool,
}

/// Returns the kind of a specimen: sound, wrong, a liar, or another.
pub fn kind(specimen: &Specimen) -> &'static str {
    match specimen.verdict {
        _ if specimen.is_liar => "liar",
        Some(Verdict::Holds) => "sound",
        Some(Verdict::Unknown) if !specimen.unseen.is_empty() => "sound",
        Some(Verdict::FallsShort) => "wrong",
        _ => "other",
    }
}

impl Judged {
    /// Returns true if the probe found the expected verdict.
    pub fn is_right(&self) -> bool {
        self.found.as_ref().is_ok_and(|finding| Some(finding.verdict()) == self.specimen.verdict)
    }
}
