//! Compares the findings of one report that speak of the same fact: two that say the opposite cannot both be right, so neither
//! holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;

/// Ids of attributes, by the fact that they state and whether they say that it is so.
type Statements = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// Makes every finding *unknown* that holds and states a fact which another one denies, and returns a sentence for each such
/// fact. A finding that falls short stays as it is.
pub fn resolve(mut findings: Vec<&mut Finding>) -> Vec<String> {
    let mut statements = Statements::new();
    for finding in &findings {
        for fact in finding.evidence().iter().filter_map(|piece| piece.stated()) {
            let (so, not_so) = statements.entry(fact.key.clone()).or_default();
            if fact.is_so { so } else { not_so }.insert(finding.id().to_owned());
        }
    }
    let mut told = Vec::new();
    for (fact, (so, not_so)) in statements.into_iter().filter(|(_, (so, not_so))| !so.is_empty() && !not_so.is_empty())
    {
        let sentence = format!("{} and {} contradict each other: {fact}", words(&so), words(&not_so));
        for finding in findings.iter_mut().filter(|finding| so.contains(finding.id()) || not_so.contains(finding.id()))
        {
            finding.contradict(&sentence);
        }
        told.push(sentence);
    }
    told
}

fn words(ids: &BTreeSet<String>) -> String {
    ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clause::{call, web};
    use crate::finding::Verdict;

    const FACT: &str = "a form of a foreign page is refused";

    fn holding(so: bool) -> Finding {
        let evidence =
            vec![web::robots::SERVED.holds("served").fact(FACT, so), web::robots::RULES.holds("1 group of rules")];
        Finding::judge("web.robots", evidence)
    }

    fn short(so: bool) -> Finding {
        Finding::judge("call.hedge", vec![call::hedge::BUDGET.contradicts("too many").fact(FACT, so)])
    }

    #[test]
    fn contradicting_findings_do_not_hold_and_are_reported() {
        let (mut one, mut other) = (holding(true), short(false));
        let told = resolve(vec![&mut one, &mut other]);
        assert_eq!(told, [format!("web.robots and call.hedge contradict each other: {FACT}")]);
        assert_eq!((one.verdict(), other.verdict()), (Verdict::Unknown, Verdict::FallsShort));
        assert!(one.summary().contains("contradict"), "{}", one.summary());
    }

    #[test]
    fn findings_that_agree_stay_as_they_are() {
        let (mut one, mut other) = (holding(true), short(true));
        assert!(resolve(vec![&mut one, &mut other]).is_empty());
        assert_eq!(one.verdict(), Verdict::Holds);
    }
}
