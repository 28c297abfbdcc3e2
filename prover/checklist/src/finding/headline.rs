//! The summary of a finding, computed from its evidence.

use crate::evidence::{Bearing, Evidence};
use crate::verdict::{Judged, Verdict};

/// The most characters of a summary.
pub(super) const LONGEST: usize = 100;

/// The piece that decided: the first against; for what holds the first experiment with a control, else the first with a figure,
/// and never a declaration; for what does not apply the declaration that says so; for what is unknown the count of clauses that
/// were seen, and the first gap.
pub(super) fn of(verdict: Verdict, clauses: &[Judged], evidence: &[Evidence]) -> String {
    let pieces = |bearing: Bearing| evidence.iter().filter(move |piece| piece.bearing() == bearing);
    let decided = match verdict {
        Verdict::FallsShort => pieces(Bearing::Against).next(),
        Verdict::Holds => {
            let figure = |piece: &&Evidence| piece.what.contains(|letter: char| letter.is_ascii_digit());
            let seen = || pieces(Bearing::For).filter(|piece| !piece.is_void());
            let experiment = seen().find(|piece| piece.control().is_some());
            experiment.or_else(|| seen().find(figure)).or_else(|| seen().next())
        }
        Verdict::NotApplicable => pieces(Bearing::For).next(),
        _ => {
            let whole = pieces(Bearing::Gap).find(|piece| piece.clause().is_none());
            let gap = whole.or_else(|| pieces(Bearing::Gap).next());
            let (seen, all) = seen(clauses);
            let told = gap.map_or_else(String::new, |piece| match piece.clause() {
                Some(clause) => format!("; {clause}: {}", piece.what),
                None => format!(": {}", piece.what),
            });
            return cut(&format!("{seen} of {all} clauses seen{told}"));
        }
    };
    decided.map_or_else(String::new, |piece| cut(&piece.what))
}

/// Returns the number of clauses that hold, and the number of all clauses.
pub(super) fn seen(clauses: &[Judged]) -> (usize, usize) {
    (clauses.iter().filter(|clause| clause.verdict == Verdict::Holds).count(), clauses.len())
}

/// The first words of a text, as many as fit.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let first: String = text.chars().take(LONGEST - 1).collect();
    let words = first.rfind(' ').map_or(first.as_str(), |at| &first[..at]);
    format!("{}\u{2026}", words.trim_end_matches([',', ';', ':', ' ']))
}
