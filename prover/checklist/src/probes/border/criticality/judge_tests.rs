//! The judges of `border.criticality` on outcomes without a server.

use super::order::{self, judge};
use super::shares;
use crate::finding::Bearing;
use crate::probes::support::overload::shares::tests::outcome;
use crate::probes::support::overload::side_by_side::Outcome;
use crate::subject::Criticality;

const WELL: usize = 100;

fn class(class: Criticality, peace: usize, held: usize) -> order::Seen {
    order::Seen { class, peace: outcome(peace, peace), held: outcome(held, held) }
}

/// The bearing of critical and sheddable requests of which so many of a hundred were in time.
fn order_of(critical: usize, sheddable: usize) -> Bearing {
    let (critical, sheddable) =
        (class(Criticality::Critical, WELL, critical), class(Criticality::Sheddable, WELL, sheddable));
    judge(critical, sheddable, outcome(WELL, WELL), 200.0).bearing()
}

#[test]
fn critical_requests_must_be_served_while_sheddable_ones_are_refused() {
    assert_eq!(order_of(100, 30), Bearing::For);
    assert_eq!(order_of(50, 50), Bearing::Against, "they are refused as often");
    assert_eq!(order_of(20, 60), Bearing::Against);
    assert_eq!(order_of(80, 30), Bearing::Gap);
}

#[test]
fn an_order_without_overload_or_without_peace_says_nothing() {
    assert_eq!(order_of(100, 90), Bearing::Gap, "it was no overload");
    let (critical, sheddable) = (class(Criticality::Critical, WELL, 20), class(Criticality::Sheddable, WELL, 60));
    let alone = |alone| judge(critical, sheddable, outcome(alone, alone), 200.0).bearing();
    assert_eq!((alone(WELL), alone(60)), (Bearing::Against, Bearing::Gap), "critical requests alone are too much");
    for (one, other) in [(50, WELL), (WELL, 50)] {
        let seen = (class(Criticality::Critical, one, 20), class(Criticality::Sheddable, other, 60));
        assert_eq!(judge(seen.0, seen.1, outcome(WELL, WELL), 200.0).bearing(), Bearing::Gap);
    }
}

fn one_client(others: Outcome, wild: Outcome) -> shares::Seen {
    shares::Seen { claim: None, alone: outcome(WELL, WELL), others, wild, identified: false }
}

#[test]
fn others_must_be_served_beside_a_client_that_sends_too_much() {
    let bearing = |others, wild| shares::judge(&one_client(outcome(others, others), outcome(wild, wild))).bearing();
    assert_eq!(bearing(100, 30), Bearing::For);
    assert_eq!(bearing(50, 50), Bearing::Against);
    assert_eq!(bearing(80, 30), Bearing::Gap);
    assert_eq!(bearing(100, 95), Bearing::Gap, "it did not send too much");
}

#[test]
fn clients_with_one_credential_may_be_one_client() {
    let seen = |identified, others: usize| {
        let seen = shares::Seen { identified, ..one_client(outcome(others, others), outcome(30, 30)) };
        shares::judge(&seen).bearing()
    };
    assert_eq!((seen(false, 50), seen(true, 50)), (Bearing::Against, Bearing::Gap));
    assert_eq!(seen(true, 100), Bearing::For, "they were told apart all the same");
}

#[test]
fn others_that_are_not_served_alone_say_nothing_of_the_one_client() {
    let seen = shares::Seen { alone: outcome(60, 60), ..one_client(outcome(50, 50), outcome(30, 30)) };
    assert_eq!(shares::judge(&seen).bearing(), Bearing::Gap);
    let claim = Some("criticality: critical".to_owned());
    let claimed = shares::judge(&shares::Seen { claim, ..one_client(outcome(50, 50), outcome(30, 30)) });
    assert!(claimed.is_against() && claimed.what.contains("that says criticality: critical"), "{claimed:?}");
}
