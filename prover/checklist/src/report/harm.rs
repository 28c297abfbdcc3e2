//! The order of findings in the views: by verdict, then by harm.
//!
//! The catalogue states no severity of an attribute, so harm is that of its chapter: the loss of data or of the whole service
//! first, then exposure to clients and dependencies, then blindness, then shortcomings in how it is built and planned.

use super::content::{Examined, Report};
use crate::finding::Verdict;

/// The verdicts, the most urgent first.
pub(super) const VERDICTS: [Verdict; 6] = [
    Verdict::FallsShort,
    Verdict::Unknown,
    Verdict::Attested,
    Verdict::Holds,
    Verdict::DecidedAgainst,
    Verdict::NotApplicable,
];

/// The chapters, the most harmful first.
const CHAPTERS: [&str; 12] =
    ["life", "data", "access", "call", "border", "privacy", "web", "see", "ship", "prove", "ratchet", "plan"];

/// The findings of each verdict that there is, the most urgent verdict first and the most harmful finding first.
pub(super) fn by_harm(report: &Report) -> Vec<(Verdict, Vec<&Examined>)> {
    let harm = |examined: &&Examined| {
        CHAPTERS.iter().position(|chapter| *chapter == examined.chapter).unwrap_or(CHAPTERS.len())
    };
    let group = |verdict: Verdict| {
        let mut group: Vec<&Examined> =
            report.findings.iter().filter(|examined| examined.finding.verdict() == verdict).collect();
        // Stable: within a chapter the catalogue's order stays.
        group.sort_by_key(harm);
        (!group.is_empty()).then_some((verdict, group))
    };
    VERDICTS.into_iter().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use keel_catalogue::Catalogue;

    use super::*;
    use crate::report::sample;

    #[test]
    fn every_chapter_has_its_place() {
        let known: BTreeSet<&str> =
            Catalogue::embedded().chapters.iter().map(|chapter| chapter.chapter.as_str()).collect();
        assert_eq!(known, BTreeSet::from(CHAPTERS));
    }

    #[test]
    fn findings_that_fall_short_come_first_and_the_most_harmful_of_them_before() {
        let mut report = sample::report();
        report.findings.push(sample::examined("life.kill", Verdict::FallsShort));
        let ordered = by_harm(&report);
        let ids: Vec<&str> =
            ordered.iter().flat_map(|(_, group)| group).map(|examined| examined.finding.id()).collect();
        assert_eq!(ids[..3], ["life.kill", "border.problem", "life.start"]);
        assert_eq!(ids.len(), report.findings.len());
    }
}
