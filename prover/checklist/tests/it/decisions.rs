//! Decisions of people: skips, attestations, expiry, and the report of every mistake. Today is given, never the clock's.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::PathBuf;

use keel_checklist::clause::border::shed::{EARLY_REFUSAL, GOODPUT, REFUSAL, RETRY_AFTER};
use keel_checklist::decision::{Attestation, Day, Decisions};
use keel_checklist::finding::{Finding, Verdict};
use proptest::prelude::*;

const TEXT: &str = r#"
[[decision]]
id = "border.shed"
kind = "skip"
owner = "ops@example.org"
reason = "one client"
expires = "2027-03-01"

[[decision]]
id = "plan.capacity"
kind = "attest"
owner = "ops@example.org"
date = "2026-11-01"
statement = "200 a second"
link = "plan.md#capacity"
expires = "2027-03-01"
"#;

const LAST_DAY: &str = "2027-03-01";
const DAY_AFTER: &str = "2027-03-02";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn decisions() -> Decisions {
    Decisions::parse("decisions.toml", TEXT, PathBuf::from("/nowhere")).unwrap()
}

/// A finding on `border.shed` with this verdict, as a probe comes to it.
fn found(verdict: Verdict) -> Finding {
    let all = || [REFUSAL, RETRY_AFTER, EARLY_REFUSAL, GOODPUT].map(|clause| clause.holds("seen"));
    match verdict {
        Verdict::Holds => Finding::judge("border.shed", all().into()),
        Verdict::FallsShort => Finding::judge("border.shed", vec![GOODPUT.contradicts("seen")]),
        Verdict::Unknown => Finding::judge("border.shed", vec![GOODPUT.gap("seen")]),
        other => {
            assert_eq!(other, Verdict::NotApplicable);
            Finding::not_applicable("border.shed", "seen", Vec::new())
        }
    }
}

/// Returns the mistakes of `TEXT` with one thing changed.
fn told(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from:?} is in the text");
    Decisions::parse("decisions.toml", &TEXT.replacen(from, to, 1), PathBuf::new()).unwrap_err().to_string()
}

#[test]
fn a_skip_counts_to_its_last_day_and_falls_short_after_it() {
    let after = |verdict, today| decisions().apply(found(verdict), day(today)).verdict();
    for seen in [Verdict::FallsShort, Verdict::Unknown] {
        assert_eq!(after(seen, LAST_DAY), Verdict::DecidedAgainst);
        assert_eq!(after(seen, DAY_AFTER), Verdict::FallsShort);
    }
}

#[test]
fn a_skip_never_hides_what_holds_or_does_not_apply() {
    for seen in [Verdict::Holds, Verdict::NotApplicable] {
        for today in [LAST_DAY, DAY_AFTER] {
            assert_eq!(decisions().apply(found(seen), day(today)), found(seen));
        }
    }
}

#[test]
fn a_skipped_finding_names_owner_reason_expiry_and_evidence() {
    let finding = decisions().apply(found(Verdict::FallsShort), day(LAST_DAY));
    let text = format!("{finding:?}");
    for words in ["ops@example.org", "one client", "2027-03-01", "seen"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let expired = decisions().apply(found(Verdict::FallsShort), day(DAY_AFTER)).summary().to_owned();
    assert!(expired.contains("expired on 2027-03-01") && expired.contains("ops@example.org"), "{expired}");
}

#[test]
fn an_attestation_counts_to_its_last_day() {
    assert!(matches!(decisions().attested("plan.capacity", day(LAST_DAY)), Attestation::Current(_)));
    assert!(matches!(decisions().attested("plan.capacity", day(DAY_AFTER)), Attestation::Expired(_)));
    assert_eq!(decisions().attested("plan.cost", day(LAST_DAY)), Attestation::Missing);
    assert_eq!(decisions().attested("border.shed", day(LAST_DAY)), Attestation::Missing, "a skip attests nothing");
}

#[test]
fn an_attestation_is_a_finding_and_a_missing_one_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let decisions = Decisions::parse("decisions.toml", TEXT, folder.path().to_owned()).unwrap();
    let gone = decisions.attest("plan.capacity", day(LAST_DAY));
    assert_eq!(gone.verdict(), Verdict::FallsShort);
    assert!(gone.summary().contains("plan.md"), "{}", gone.summary());

    std::fs::write(folder.path().join("plan.md"), "# capacity").unwrap();
    assert_eq!(decisions.attest("plan.capacity", day(LAST_DAY)).verdict(), Verdict::Attested);
    assert_eq!(decisions.attest("plan.capacity", day(DAY_AFTER)).verdict(), Verdict::FallsShort);
    let missing = decisions.attest("plan.cost", day(LAST_DAY));
    assert_eq!(missing.verdict(), Verdict::Unknown);
    assert!(missing.summary().contains("keel explain plan.cost"), "{}", missing.summary());
}

#[test]
fn every_mistake_is_reported_with_its_line_and_the_remedy() {
    for (from, to, words) in [
        (
            "border.shed",
            "border.shad",
            "decisions.toml:3: no attribute is called \"border.shad\": did you mean border.shed",
        ),
        ("\"skip\"", "\"ignore\"", "decisions.toml:4: kind = \"ignore\": expected \"skip\""),
        ("owner = \"ops@example.org\"\n", "", "decisions.toml:2: the decision on border.shed has no owner"),
        ("owner = \"ops@example.org\"", "owner = \" \"", "decisions.toml:5: the decision on border.shed has no owner"),
        ("reason = \"one client\"\n", "", "has no reason"),
        (
            "2027-03-01",
            "next March",
            "decisions.toml:7: expires = \"next March\" is no day: expected such as 2027-03-01",
        ),
        ("2027-03-01", "2027-02-30", "no day of the calendar"),
        ("date = \"2026-11-01\"\n", "", "decisions.toml:9: the decision on plan.capacity has no date"),
        ("2026-11-01", "2028-01-01", "before its date"),
        ("plan.capacity", "border.limits", "border.limits cannot be attested, because a probe can examine it"),
        ("plan.capacity", "border.shed", "there is a decision on border.shed above"),
        ("expires", "expiry", "decisions.toml:7: unknown field `expiry`: did you mean `expires`?"),
        ("[[decision]]", "[[decision]", "decisions.toml:2"),
    ] {
        let told = told(from, to);
        assert!(told.contains(words), "{to}: {told}");
    }
}

#[test]
fn all_mistakes_are_reported_together() {
    let text = TEXT.replace("2027-03-01", "soon").replace("ops@example.org", "");
    let mistakes = Decisions::parse("decisions.toml", &text, PathBuf::new()).unwrap_err();
    assert_eq!(mistakes.iter().count(), 4, "{mistakes}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Decisions::load(&PathBuf::from("/nowhere/decisions.toml")).unwrap_err().to_string();
    assert!(told.starts_with("/nowhere/decisions.toml: "), "{told}");
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Verdict::Holds, Verdict::FallsShort, Verdict::Unknown, Verdict::NotApplicable])
}

proptest! {
    #[test]
    fn no_decision_makes_anything_hold_that_was_not_seen_to(
        verdict in any_verdict(),
        (year, month, dom) in (2020_u16..2040, 1_u8..=12, 1_u8..=28),
    ) {
        let today = day(&format!("{year}-{month:02}-{dom:02}"));
        let after = decisions().apply(found(verdict), today).verdict();
        prop_assert_eq!(after == Verdict::Holds, verdict == Verdict::Holds);
    }
}
