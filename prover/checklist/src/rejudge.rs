//! Judges the evidence of an old report again, under the catalogue of this version. Nothing is started.
//!
//! Findings that cannot be judged again stay as they were, and are listed: attestations and decisions, as their file is not part of a
//! report; and findings of a version that stored no evidence for them.

use std::collections::BTreeSet;
use std::time::Duration;

use keel_catalogue::Catalogue;

use crate::contradiction;
use crate::evidence::Evidence;
use crate::finding::{Finding, Verdict};
use crate::report::{Examined, Report, SCHEMA, word};

/// An old report judged again, and what changed.
#[derive(Debug)]
pub struct Rejudged {
    /// The new report.
    pub report: Report,
    /// The changes, a sentence each; empty if there are none.
    pub changes: Vec<String>,
    /// The findings that could not be judged again, a sentence each.
    pub kept: Vec<String>,
}

/// Reads a report that `keel check --json` wrote.
///
/// # Errors
/// A description of the mistake, and the remedy.
pub fn read(text: &str) -> Result<Report, String> {
    let json: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| format!("it is not JSON ({error}): give the file that `keel check --json FILE` wrote"))?;
    match json.get("schema").and_then(serde_json::Value::as_u64) {
        Some(schema) if schema == u64::from(SCHEMA) => {}
        Some(schema) => {
            return Err(format!(
                "it is a report of schema {schema}, and this version reads schema {SCHEMA} alone, in which evidence is about \
                 clauses: make a new one with `keel check --json FILE`"
            ));
        }
        None => {
            return Err(
                "it has no `schema`, so it is no report: give the file that `keel check --json FILE` wrote".to_owned()
            );
        }
    }
    serde_json::from_value(json).map_err(|error| format!("it is not a whole report of schema {SCHEMA}: {error}"))
}

/// Judges a report again under the catalogue of this version.
pub fn judge(mut old: Report) -> Rejudged {
    judge_under(Catalogue::embedded(), &mut old)
}

fn judge_under(catalogue: &Catalogue, old: &mut Report) -> Rejudged {
    let (mut changes, mut kept, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for examined in &old.findings {
        let (id, was) = (examined.finding.id(), examined.finding.verdict());
        let Some(attribute) = catalogue.get(id) else {
            let near = catalogue.near(id);
            let now =
                if near.is_empty() { String::new() } else { format!("; it may be called {} now", near.join(" or ")) };
            changes.push(format!("{id} ({}) is not in this version's catalogue, so it is left out{now}", word(was)));
            continue;
        };
        if matches!(was, Verdict::Attested | Verdict::DecidedAgainst) {
            let why = "decisions are not part of a report";
            kept.push(format!("{id} stays {}: {why}; run `keel check` to apply them again", word(was)));
            findings.push((examined.finding.clone(), examined));
            continue;
        }
        let clauses: BTreeSet<String> = attribute.clauses().iter().map(|clause| clause.id.clone()).collect();
        let known: BTreeSet<String> = examined.finding.clauses().iter().map(|judged| judged.id.clone()).collect();
        let (evidence, dropped) = kept_evidence(&examined.finding, &clauses, &old.contradictions);
        changes.extend(dropped.iter().map(|clause| {
            format!("{id}: clause {clause} is not in this version's catalogue; its evidence is dropped")
        }));
        let added: Vec<&String> = clauses.difference(&known).filter(|_| !known.is_empty()).collect();
        let mut evidence = evidence;
        for clause in &added {
            changes.push(format!("{id}: clause {clause} was added since; nothing was seen of it"));
            evidence.push(Evidence::about_own(
                clause,
                crate::evidence::Bearing::Gap,
                format!("not examined by keel {}, which collected the evidence", old.keel),
            ));
        }
        let finding = match was {
            // What does not apply as every clause is void was judged from evidence, and is again.
            Verdict::NotApplicable if examined.finding.clauses().is_empty() => {
                Finding::not_applicable(id, examined.finding.summary().to_owned(), evidence)
            }
            _ => Finding::judge(id, evidence),
        };
        findings.push((finding, examined));
    }
    let contradictions = contradiction::resolve(findings.iter_mut().map(|(finding, _)| finding).collect());
    let mut report = Report { contradictions, findings: Vec::new(), ..old.clone() };
    for (finding, examined) in findings {
        let (was, is) = (examined.finding.verdict(), finding.verdict());
        if was != is {
            let id = finding.id();
            changes.push(format!("{id}: {} before, {} now: {}", word(was), word(is), finding.summary()));
        }
        let script = examined.script.clone().filter(|_| is == Verdict::FallsShort || is == Verdict::DecidedAgainst);
        let took = Duration::try_from_secs_f64(examined.took_seconds).unwrap_or_default();
        report.findings.push(Examined { script, ..Examined::new(catalogue, finding, took) });
    }
    report.evidence_by = Some(old.evidence_by.clone().unwrap_or_else(|| old.keel.clone()));
    report.keel = env!("CARGO_PKG_VERSION").to_owned();
    report.catalogue = catalogue.attributes().count();
    // The run took as long as it took; whether unknown counts as falling short is for whoever runs keel again.
    report.close(Duration::try_from_secs_f64(old.took_seconds).unwrap_or_default());
    Rejudged { report, changes, kept }
}

/// The evidence about clauses that there still are, and the clauses that are gone. What was only said of contradictions is left
/// out, as they are looked for again.
fn kept_evidence(
    finding: &Finding,
    clauses: &BTreeSet<String>,
    contradictions: &[String],
) -> (Vec<Evidence>, BTreeSet<String>) {
    let mut dropped = BTreeSet::new();
    let kept = finding.evidence().iter().filter(|piece| match piece.clause() {
        Some(clause) if !clauses.contains(clause) => {
            dropped.insert(clause.to_owned());
            false
        }
        Some(_) => true,
        None => !contradictions.contains(&piece.what),
    });
    (kept.cloned().collect(), dropped)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::report::{FORMATS, Look};
    use crate::subject::{Flags, Subject};

    fn report(findings: Vec<Finding>) -> Report {
        let flags = Flags { run: "run".to_owned(), url: "http://127.0.0.1:1".to_owned(), ..Flags::default() };
        let mut report = Report::new(&Subject::from_flags(flags).unwrap(), "2026-11-21T05:02:03Z".to_owned());
        let catalogue = Catalogue::embedded();
        report.findings =
            findings.into_iter().map(|finding| Examined::new(catalogue, finding, Duration::from_millis(500))).collect();
        report.close(Duration::from_secs(2));
        report
    }

    fn robots(so: bool) -> Finding {
        use crate::clause::web::robots::{RULES, SERVED};
        Finding::judge("web.robots", vec![SERVED.holds("served 1"), RULES.saw(so, "2 rules")])
    }

    fn stored(report: &Report) -> Report {
        let json = FORMATS.iter().find(|format| format.name == "json").unwrap();
        read(&(json.render)(report, Look::default())).unwrap()
    }

    /// The same report with another text in the place of some.
    fn altered(report: &Report, was: &str, is: &str) -> Report {
        let json = serde_json::to_string(report).unwrap();
        assert!(json.contains(was), "{json}");
        read(&json.replace(was, is)).unwrap()
    }

    #[test]
    fn a_stored_report_is_judged_as_it_was() {
        let old = report(vec![robots(true), Finding::unknown("life.start", "why", Vec::new())]);
        let new = judge(stored(&old));
        assert!(new.changes.is_empty() && new.kept.is_empty(), "{new:?}");
        assert_eq!(new.report.score, old.score);
        assert_eq!(new.report.findings[0].finding, old.findings[0].finding);
        assert_eq!(new.report.evidence_by, Some(old.keel));
    }

    #[test]
    fn evidence_against_that_was_changed_to_evidence_for_is_judged_anew() {
        let old = report(vec![robots(false)]);
        let new = judge(altered(&old, r#""bearing":"against""#, r#""bearing":"for""#));
        assert_eq!(new.report.findings[0].finding.verdict(), Verdict::Holds);
        assert!(new.changes[0].contains("falls short before, holds now"), "{:?}", new.changes);
        assert_eq!(new.report.exit_code, 0);
    }

    #[test]
    fn a_clause_that_is_gone_is_dropped_and_one_that_was_added_is_a_gap() {
        let old = report(vec![robots(true)]);
        let new = judge(altered(&old, r#""rules""#, r#""laws""#));
        assert_eq!(new.report.findings[0].finding.verdict(), Verdict::Unknown);
        let told = new.changes.join("\n");
        assert!(told.contains("clause laws is not in this version's catalogue"), "{told}");
        assert!(told.contains("clause rules was added since"), "{told}");
        assert!(told.contains("holds before, unknown now"), "{told}");
    }

    #[test]
    fn an_attribute_that_is_not_known_any_more_is_said_with_what_it_may_be_called_now() {
        let old = report(vec![robots(true)]);
        let new = judge(altered(&old, r#""web.robots""#, r#""web.robot""#));
        assert!(new.report.findings.is_empty());
        assert!(new.changes[0].contains("it may be called web.robots"), "{:?}", new.changes);
    }

    #[test]
    fn findings_that_contradict_each_other_still_do_and_it_is_said_once() {
        use crate::clause::{call, web};
        let fact = "a form of a foreign page is refused";
        let evidence = vec![web::robots::SERVED.holds("served").fact(fact, true), web::robots::RULES.holds("1 rule")];
        let mut findings = [
            Finding::judge("web.robots", evidence),
            Finding::judge("call.hedge", vec![call::hedge::BUDGET.contradicts("too many").fact(fact, false)]),
        ];
        let told = contradiction::resolve(findings.iter_mut().collect());
        let mut old = report(findings.to_vec());
        old.contradictions = told;
        let new = judge(stored(&old));
        assert_eq!(new.report.findings[0].finding.verdict(), Verdict::Unknown);
        assert_eq!(new.report.findings[0].finding.evidence().len(), old.findings[0].finding.evidence().len());
        assert!(new.changes.is_empty(), "{:?}", new.changes);
    }

    #[test]
    fn an_attestation_is_kept_and_listed() {
        let old = report(vec![Finding::with_verdict("plan.debt", Verdict::Attested, "by ops", Vec::new())]);
        let new = judge(stored(&old));
        assert_eq!(new.report.findings[0].finding.verdict(), Verdict::Attested);
        assert!(new.kept[0].starts_with("plan.debt stays attested"), "{:?}", new.kept);
    }

    #[test]
    fn another_schema_is_refused_with_the_remedy() {
        for (text, word) in [
            ("{", "not JSON"),
            ("{}", "no `schema`"),
            (r#"{"schema":1}"#, "schema 1"),
            (r#"{"schema":2}"#, "not a whole"),
        ] {
            assert!(read(text).unwrap_err().contains(word), "{text}");
        }
    }
}
