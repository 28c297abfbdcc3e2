//! Chapter `plan` is judged by what people attest, and by its date.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::PathBuf;

use keel_checklist::decision::{Day, Decisions};
use keel_checklist::examination::{Examination, PROBE_BOUND, Profile, Selection};
use keel_checklist::finding::{Finding, Verdict};
use keel_checklist::subject::{Flags, Subject};

const TEXT: &str = r#"
[[decision]]
id = "plan.cost"
kind = "attest"
owner = "ops@example.org"
date = "2026-11-01"
statement = "0.2 cents a transfer"
expires = "2027-03-01"

[[decision]]
id = "plan.debt"
kind = "attest"
owner = "ops@example.org"
date = "2026-11-01"
statement = "the register is kept"
link = "no-such-file.md"
expires = "2027-03-01"

[[decision]]
id = "plan.decisions"
kind = "attest"
owner = "ops@example.org"
date = "2026-11-01"
statement = "docs/adr"
expires = "2027-03-01"
"#;

/// Every finding on the rows of chapter `plan` on a day. Nothing is started: the chapter has no probes.
async fn findings(text: &str, today: &str) -> Vec<Finding> {
    let examination = Examination {
        probes: keel_checklist::probes::all(),
        selection: Selection { chapter: Some("plan".to_owned()), ..Selection::default() },
        decisions: Decisions::parse("decisions.toml", text, PathBuf::from("/nowhere")).unwrap(),
        today: Day::parse(today).unwrap(),
        bound: PROBE_BOUND,
        profile: Profile::Full,
    };
    let flags = Flags { run: "true".to_owned(), url: "http://127.0.0.1:1".to_owned(), ..Flags::default() };
    let never = std::future::pending();
    let report = examination.run(Subject::from_flags(flags).unwrap(), |_| {}, never).await.unwrap();
    report.findings.into_iter().map(|examined| examined.finding).collect()
}

async fn verdict(id: &str, today: &str) -> Verdict {
    findings(TEXT, today).await.iter().find(|finding| finding.id() == id).unwrap().verdict()
}

#[tokio::test]
async fn an_attestation_counts_to_its_last_day_and_falls_short_after_it() {
    assert_eq!(verdict("plan.cost", "2027-03-01").await, Verdict::Attested);
    assert_eq!(verdict("plan.cost", "2027-03-02").await, Verdict::FallsShort);
}

#[tokio::test]
async fn a_link_that_leads_nowhere_falls_short() {
    assert_eq!(verdict("plan.debt", "2026-12-01").await, Verdict::FallsShort);
}

#[tokio::test]
async fn an_attestation_of_a_provable_attribute_is_reported_as_not_observed() {
    let findings = findings(TEXT, "2026-12-01").await;
    let decisions = findings.iter().find(|finding| finding.id() == "plan.decisions").unwrap();
    assert_eq!(decisions.verdict(), Verdict::Attested);
    assert!(decisions.evidence().iter().any(|piece| piece.what.contains("no probe")), "{decisions:#?}");
}

#[tokio::test]
async fn every_row_that_people_hold_is_listed_and_unknown_without_an_attestation() {
    for text in [TEXT, ""] {
        let findings = findings(text, "2026-12-01").await;
        assert_eq!(findings.len(), 15, "all rows of the chapter that can be attested");
        let attested = |id: &str| text.contains(id);
        for finding in findings.iter().filter(|finding| !attested(finding.id())) {
            assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        }
    }
}
