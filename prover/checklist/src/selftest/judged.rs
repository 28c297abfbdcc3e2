//! The judgement of one specimen.

use std::time::Duration;

use crate::finding::{Finding, Verdict};
use crate::specimen::Specimen;

/// What became of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The probe's attribute.
    pub id: &'static str,
    /// The specimen.
    pub specimen: Specimen,
    /// What the probe found; a reason when it could not be run.
    pub found: Result<Finding, String>,
    /// How long it took.
    pub took: Duration,
    /// Whether it is the second try: the first one found something else.
    pub again: bool,
}

/// What a specimen is: sound, wrong, a liar, or another.
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
    /// Whether the probe found what it should.
    pub fn is_right(&self) -> bool {
        self.found.as_ref().is_ok_and(|finding| Some(finding.verdict()) == self.specimen.verdict)
    }
}
