use keel_catalogue::Catalogue;
use proptest::prelude::*;

use super::*;
use crate::clause::border::shed::{EARLY_REFUSAL, GOODPUT, REFUSAL, RETRY_AFTER};
use crate::clause::{ALL, Clause};
use crate::control::Control;

const ID: &str = "border.shed";
const CLAUSES: [Clause; 4] = [REFUSAL, RETRY_AFTER, EARLY_REFUSAL, GOODPUT];

fn all_hold() -> Vec<Evidence> {
    CLAUSES.map(|clause| clause.holds("it was seen")).into()
}

fn piece(clause: usize, bearing: Bearing) -> Evidence {
    match bearing {
        Bearing::For => CLAUSES[clause].holds("for"),
        Bearing::Against => CLAUSES[clause].contradicts("against"),
        Bearing::Gap => CLAUSES[clause].gap("gap"),
        Bearing::Figure => CLAUSES[clause].figure("figure"),
    }
}

fn any_piece() -> impl Strategy<Value = Evidence> {
    let bearings = vec![Bearing::For, Bearing::Against, Bearing::Gap, Bearing::Figure];
    let whole = prop_oneof![Just(Evidence::note("note")), Just(Evidence::of_all(Bearing::Gap, "broken off"))];
    prop_oneof![8 => (0..4_usize, prop::sample::select(bearings)).prop_map(|(at, bearing)| piece(at, bearing)), 1 => whole]
}

fn any_evidence() -> impl Strategy<Value = Vec<Evidence>> {
    prop_oneof![
        prop::collection::vec(any_piece(), 0..12),
        prop::collection::vec(any_piece(), 0..3).prop_map(|more| all_hold().into_iter().chain(more).collect()),
    ]
}

/// The better the higher.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::FallsShort => 0,
        Verdict::Unknown => 1,
        Verdict::Holds => 2,
        other => panic!("{other:?} is nothing that evidence leads to"),
    }
}

fn judged(evidence: Vec<Evidence>) -> Verdict {
    Finding::judge(ID, evidence).verdict()
}

#[test]
fn it_holds_when_every_clause_was_seen_to() {
    let finding = Finding::judge(ID, all_hold());
    assert_eq!((finding.verdict(), finding.seen()), (Verdict::Holds, (4, 4)));
}

#[test]
fn a_clause_without_evidence_is_counted_and_reported_as_a_gap() {
    for missing in CLAUSES {
        let evidence = all_hold().into_iter().filter(|piece| piece.clause() != Some(missing.id())).collect();
        let finding = Finding::judge(ID, evidence);
        assert_eq!((finding.verdict(), finding.seen()), (Verdict::Unknown, (3, 4)));
        let told: Vec<&str> = finding.pieces(Bearing::Gap).filter_map(Evidence::clause).collect();
        assert_eq!(told, [missing.id()]);
        assert!(finding.summary().starts_with("3 of 4 clauses seen"), "{}", finding.summary());
    }
}

#[test]
fn a_clause_that_was_seen_in_part_is_not_seen() {
    let mut evidence = all_hold();
    evidence.push(GOODPUT.gap("with one dependency of two: declare which request uses the other"));
    let finding = Finding::judge(ID, evidence);
    assert_eq!((finding.verdict(), finding.seen()), (Verdict::Unknown, (3, 4)));
    assert!(finding.summary().contains("goodput: with one dependency"), "{}", finding.summary());
}

#[test]
fn the_summary_is_what_decided_and_short() {
    let mut evidence = all_hold();
    evidence.push(REFUSAL.holds("812 of 900 were refused"));
    assert_eq!(Finding::judge(ID, evidence.clone()).summary(), "812 of 900 were refused", "the one with a figure");
    evidence.push(GOODPUT.contradicts(format!("{} was too little", "a word, ".repeat(40))));
    evidence.push(GOODPUT.contradicts("second"));
    let summary = Finding::judge(ID, evidence).summary().to_owned();
    assert!(summary.starts_with("a word, a word") && summary.ends_with('\u{2026}'), "{summary}");
    assert!(summary.chars().count() <= MAX_SUMMARY, "{summary}");
}

#[test]
fn an_attribute_of_which_only_declarations_speak_is_not_applicable() {
    let finding = Finding::judge(ID, CLAUSES.map(|clause| clause.is_void("load = \"none\"")).into());
    assert_eq!(finding.verdict(), Verdict::NotApplicable);
    assert_eq!(finding.summary(), "load = \"none\" is declared, so there is nothing to see");
    assert_eq!(finding.clone().also(vec![GOODPUT.contradicts("it fell")]).verdict(), Verdict::FallsShort);
    let json = serde_json::to_string(&finding).expect("a finding can be written");
    let read: Finding = serde_json::from_str(&json).expect("and read");
    assert_eq!(read, Finding::judge(ID, read.evidence().to_vec()), "a report that is read again says the same");
}

#[test]
fn the_summary_of_what_holds_is_an_experiment_and_no_declaration() {
    let mut evidence: Vec<Evidence> = CLAUSES[1..].iter().map(|clause| clause.is_void("load = \"none\"")).collect();
    evidence.push(REFUSAL.holds("it was seen"));
    let finding = Finding::judge(ID, evidence);
    assert_eq!((finding.verdict(), finding.summary()), (Verdict::Holds, "it was seen"));
}

#[test]
fn unknown_for_a_reason_is_unknown_for_any_evidence() {
    let finding = Finding::unknown(ID, "nothing answers: declare requests", all_hold());
    assert_eq!((finding.verdict(), finding.seen()), (Verdict::Unknown, (0, 4)));
    assert_eq!(finding.summary(), "0 of 4 clauses seen: nothing answers: declare requests");
}

#[test]
fn no_reason_hides_what_was_seen_not_to_hold() {
    let against = || vec![GOODPUT.contradicts("it fell to 3 requests a second")];
    assert_eq!(Finding::unknown(ID, "the rest was not tried", against()).verdict(), Verdict::FallsShort);
    assert_eq!(Finding::not_applicable(ID, "no load", against()).verdict(), Verdict::FallsShort);
}

#[test]
fn an_attribute_that_is_not_in_the_catalogue_never_holds() {
    assert_eq!(Finding::judge("border.nothing", vec![Evidence::note("seen")]).verdict(), Verdict::Unknown);
}

#[test]
#[should_panic(expected = "border.shed is judged by evidence about its own clauses")]
fn evidence_about_another_attribute_is_a_mistake_of_the_probe() {
    let _ = Finding::judge(ID, vec![crate::clause::border::limits::SIZE.holds("seen")]);
}

#[test]
fn an_experiment_without_its_control_is_a_gap() {
    let mut with_control = ALL.iter().filter_map(|clause| {
        let row = Catalogue::embedded().get(clause.attribute())?;
        let is_experiment = row.clauses().iter().any(|known| known.id == clause.id() && known.control.is_some());
        is_experiment.then_some(*clause)
    });
    let Some(clause) = with_control.next() else { return };
    let of = |finding: &Finding| {
        finding.clauses().iter().find(|judged| judged.id == clause.id()).map(|judged| judged.verdict)
    };
    let bare = Finding::judge(clause.attribute(), vec![clause.holds("seen")]);
    assert_eq!(of(&bare), Some(Verdict::Unknown));
    let control = Control::seen(true, "the same in peace", "").unwrap_or_else(|_| unreachable!());
    let controlled = Finding::judge(clause.attribute(), vec![clause.holds("seen").by(&control)]);
    assert_eq!(of(&controlled), Some(Verdict::Holds));
}

proptest! {
    #[test]
    fn adding_a_gap_never_improves(evidence in any_evidence(), at in 0..4_usize) {
        let before = judged(evidence.clone());
        let mut more = evidence;
        more.push(piece(at, Bearing::Gap));
        prop_assert!(rank(judged(more.clone())) <= rank(before));
        prop_assert_ne!(judged(more), Verdict::Holds);
    }

    #[test]
    fn adding_a_piece_against_makes_it_fall_short(evidence in any_evidence(), at in 0..4_usize, place in 0..12_usize) {
        let mut more = evidence;
        more.insert(place.min(more.len()), piece(at, Bearing::Against));
        prop_assert_eq!(judged(more), Verdict::FallsShort);
    }

    #[test]
    fn adding_a_figure_changes_nothing(evidence in any_evidence(), at in 0..4_usize) {
        let before = judged(evidence.clone());
        let mut more = evidence;
        more.push(piece(at, Bearing::Figure));
        prop_assert_eq!(judged(more), before);
    }

    #[test]
    fn the_order_of_evidence_does_not_matter(
        (evidence, shuffled) in any_evidence().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle()))
    ) {
        let (one, other) = (Finding::judge(ID, evidence), Finding::judge(ID, shuffled));
        prop_assert_eq!((one.verdict(), one.clauses()), (other.verdict(), other.clauses()));
    }

    #[test]
    fn it_holds_only_with_a_piece_for_every_clause_and_neither_gap_nor_against(evidence in any_evidence()) {
        let has = |clause: Clause| evidence.iter().any(|piece| {
            piece.clause() == Some(clause.id()) && piece.bearing() == Bearing::For
        });
        let spoiled = evidence.iter().any(|piece| matches!(piece.bearing(), Bearing::Gap | Bearing::Against));
        let expected = CLAUSES.into_iter().all(has) && !spoiled;
        prop_assert_eq!(judged(evidence.clone()) == Verdict::Holds, expected);
    }

    #[test]
    fn judging_again_changes_nothing(evidence in any_evidence()) {
        let once = Finding::judge(ID, evidence);
        let again = Finding::judge(ID, once.evidence().to_vec());
        prop_assert_eq!(once, again);
    }
}
