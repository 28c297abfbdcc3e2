//! Verdicts and evidence as people read them in the views.

use crate::finding::{Bearing, Evidence, Verdict};

/// A verdict as people read it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::FallsShort => "falls short",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "not applicable",
        Verdict::DecidedAgainst => "decided against",
        Verdict::Attested => "attested",
    }
}

/// The mark of a piece of evidence in the views.
pub(super) fn mark(bearing: Bearing) -> &'static str {
    match bearing {
        Bearing::For => "+",
        Bearing::Against => "-",
        Bearing::Gap => "?",
        Bearing::Figure => "\u{b7}",
    }
}

/// Returns the text of a piece of evidence, after its clause, with its control.
pub(super) fn told(piece: &Evidence) -> String {
    let clause = piece.clause().map_or_else(String::new, |clause| format!("{clause}: "));
    let control = piece.control().map_or_else(String::new, |control| format!(" (control: {control})"));
    format!("{clause}{}{control}", piece.what)
}
