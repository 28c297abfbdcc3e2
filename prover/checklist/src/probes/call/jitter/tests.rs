//! `call.jitter` on its specimens.

use tokio::join;

use super::*;
use crate::finding::Verdict;
use crate::probes::call::testing::{also_taxes, examine};
use crate::subject::{Dependencies, Subject};
use crate::testing::{examine_declared, is_unless_busy, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn periodic_calls_must_be_jittered() {
    let (jittered, even) = join!(examine("call.jitter", "periodic-jittered"), examine("call.jitter", "periodic-even"));
    is_unless_busy(&jittered, Verdict::Holds);
    is_unless_busy(&even, Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_to_each_dependency_are_observed() {
    let also_taxes = |subject: &mut Subject| {
        also_taxes(subject);
        subject.requests.retain(|spec| spec.path != "/tax");
    };
    let finding = examine_declared("call.jitter", "periodic-split", also_taxes).await;
    is_unless_busy(&finding, Verdict::FallsShort);
    mentions(&finding, "of taxes");
    mentions(&finding, "of prices");
}

/// Its short twin is a unit test of the probe, on starts that were taken down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn calls_by_the_clock_are_synchronised_too() {
    let finding = examine("call.jitter", "periodic-clock").await;
    is_unless_busy(&finding, Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_periodic_calls_shows_no_jitter() {
    let finding = examine("call.jitter", "call-good").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "by themselves");
    let none = |subject: &mut Subject| subject.dependencies = Dependencies::Declared(Vec::new());
    assert_eq!(examine_declared("call.jitter", "call-good", none).await.verdict(), Verdict::NotApplicable);
    assert_eq!(examine_declared("call.jitter", "call-good", |_| {}).await.verdict(), Verdict::Unknown);
}

const SECOND: Duration = Duration::from_secs(1);

fn intervals(milliseconds: impl IntoIterator<Item = u64>) -> Intervals {
    let mut at = Instant::now();
    let times: Vec<Instant> = std::iter::once(at)
        .chain(milliseconds.into_iter().map(|gap| {
            at += Duration::from_millis(gap);
            at
        }))
        .collect();
    Intervals::of(&times)
}

#[test]
fn even_intervals_are_even_although_one_of_them_was_late() {
    let even = intervals([1000, 1003, 999, 1001, 1400, 601, 1000]);
    assert!(even.are_even() && !even.are_jittered(), "{even:?}");
    assert!(even.period.abs_diff(SECOND) < Duration::from_millis(2), "{even:?}");
}

#[test]
fn intervals_of_plus_or_minus_a_tenth_are_jittered() {
    let jittered = intervals([900, 1080, 1010, 950, 1100, 990, 1040, 920]);
    assert!(jittered.are_jittered() && !jittered.are_even(), "{jittered:?}");
}

#[test]
fn six_calls_suffice_only_where_they_are_clearly_jittered() {
    let begun = Instant::now();
    let times = |gaps: &[u64]| {
        let mut at = begun;
        let next = gaps.iter().map(|gap| {
            at += Duration::from_millis(*gap);
            at
        });
        std::iter::once(begun).chain(next).collect::<Vec<Instant>>()
    };
    assert!(suffice(&times(&[800, 1200, 900, 1100, 1000])));
    assert!(!suffice(&times(&[800, 1200, 900, 1100])), "five");
    assert!(suffice(&times(&[950, 1050, 980, 1020, 960, 1040, 1000])), "by half more than what counts as jittered");
    assert!(!suffice(&times(&[960, 1040, 985, 1015, 970, 1030, 1000])), "by a little more: twelve");
    assert!(!suffice(&times(&[1000; 10])));
    assert!(suffice(&times(&[1000; 11])));
}

#[test]
fn the_noise_of_a_busy_machine_in_even_intervals_is_not_jitter() {
    let noisy = intervals([100, 115, 90, 108, 97, 112, 88]);
    assert!(!noisy.are_jittered(), "{noisy:?}");
}

/// Returns the judgement on one kind that comes each second, first so many milliseconds after each start; starts are 3.3 s apart.
fn judged(period: Duration, firsts: &[u64]) -> Option<bool> {
    judged_after(period, firsts, |_| Duration::from_millis(50))
}

/// The same where each start, by its number, took so long until it listened.
fn judged_after(period: Duration, firsts: &[u64], listening: impl Fn(u32) -> Duration) -> Option<bool> {
    let begun = Instant::now();
    let runs: Vec<Run> = (0..)
        .zip(firsts)
        .map(|(number, first)| {
            let started = begun + Duration::from_millis(3300) * number;
            let kinds = Kinds::from([("GET /".to_owned(), vec![started + Duration::from_millis(*first)])]);
            Run { started, listening: listening(number), watched: SECOND, kinds, contention: Contention::default() }
        })
        .collect();
    judge_kind("GET /", &Intervals { period, width: Duration::ZERO }, &runs).0
}

#[test]
fn even_intervals_that_begin_anywhere_are_spread() {
    assert_eq!(judged(SECOND, &[100, 420, 900, 1710, 1030, 560]), Some(true));
}

#[test]
fn even_intervals_that_begin_with_the_start_or_with_the_clock_are_not_spread() {
    assert_eq!(judged(SECOND, &[300, 310, 290, 1305, 305, 301]), Some(false));
    assert_eq!(judged(SECOND, &[1000, 700, 400, 100, 800, 500]), Some(false));
    assert_eq!(judged(SECOND, &[300, 310, 290, 460, 305, 301]), None, "neither at once nor spread");
}

#[test]
fn intervals_that_are_too_short_or_missing_in_a_start_are_not_judged() {
    assert_eq!(judged(SECOND, &[300, 310, 290, 1305, 305]), None);
    assert_eq!(judged(SECOND / 10, &[300, 310, 290, 1305, 305, 301]), None);
}

#[test]
fn the_arc_is_the_shortest_also_where_the_period_ends() {
    let at = |milliseconds: &[u64]| {
        let times: Vec<Duration> = milliseconds.iter().map(|at| Duration::from_millis(*at)).collect();
        (arc(&times, SECOND) * 1000.0).round() as u64
    };
    assert_eq!(at(&[100, 1150, 2120]), 50);
    assert_eq!(at(&[980, 1010, 2030, 3990]), 50);
    assert_eq!(at(&[0, 250, 500, 750]), 750);
    assert_eq!(at(&[0, 1000, 2000]), 0);
    assert_eq!(at(&[400]), 0);
}

#[test]
fn wide_intervals_are_jittered_only_beyond_what_the_machine_makes_of_even_ones() {
    let begun = Instant::now();
    let kinds = Kinds::from([("GET /".to_owned(), (0..12).map(|second| begun + SECOND * second).collect())]);
    let with = |contention| {
        let run = Run { started: begun, listening: Duration::ZERO, watched: SECOND, kinds: kinds.clone(), contention };
        judge_kind("GET /", &Intervals { period: SECOND, width: Duration::from_millis(80) }, &[run])
    };
    assert_eq!(with(Contention::default()).0, Some(true));
    let (good, told) = with(Contention { waited: Duration::ZERO, scatter: Duration::from_millis(45) });
    assert_eq!(good, None);
    assert!(told.contains("too busy"), "{told}");
    assert_eq!(with(Contention { waited: SECOND, scatter: Duration::ZERO }).0, None, "each waited for 83 ms");
}

#[test]
fn starts_that_take_differently_long_are_no_spread() {
    let firsts = [100, 420, 900, 1710, 1030, 560];
    assert_eq!(judged_after(SECOND, &firsts, |number| SECOND / 5 * number), None);
    let with_listening = [200, 400, 600, 800, 1000, 1200];
    let at_once = judged_after(SECOND, &with_listening, |number| SECOND / 5 * number);
    assert_eq!(at_once, Some(false), "each begins 200 ms after it listens");
}
