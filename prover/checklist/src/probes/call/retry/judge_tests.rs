//! The judges of `call.retry` on pauses between calls without a server.

use super::*;
use crate::clause::Clause;
use crate::finding::Bearing;

const QUIET: Contention = Contention { waited: Duration::ZERO, scatter: Duration::ZERO };

/// The bearings of clauses that pauses of these milliseconds decide, of one request each.
fn bearings(chains: &[&[u64]], contention: Contention) -> Vec<(String, Bearing)> {
    let chains: Vec<Vec<Duration>> =
        chains.iter().map(|chain| chain.iter().map(|pause| Duration::from_millis(*pause)).collect()).collect();
    let told = |piece: &Evidence| (piece.clause().unwrap_or_default().to_owned(), piece.bearing());
    pauses(&chains, contention).iter().map(told).collect()
}

fn named(expected: &[(Clause, Bearing)]) -> Vec<(String, Bearing)> {
    expected.iter().map(|(clause, bearing)| (clause.id().to_owned(), *bearing)).collect()
}

const JITTERED: [&[u64]; 8] =
    [&[80, 200], &[120, 180], &[90, 260], &[110, 220], &[70, 240], &[130, 210], &[100, 190], &[95, 230]];

#[test]
fn pauses_that_grow_and_differ_hold() {
    use Bearing::For;
    let expected = named(&[(clause::DEADLINE, For), (clause::JITTER, For), (clause::BACKOFF, For)]);
    assert_eq!(bearings(&JITTERED, QUIET), expected);
}

#[test]
fn pauses_that_are_alike_or_missing_fall_short() {
    use Bearing::{Against, For, Gap};
    let even = named(&[(clause::DEADLINE, For), (clause::JITTER, Against), (clause::BACKOFF, For)]);
    assert_eq!(bearings(&[&[100, 200][..]; 8], QUIET), even);
    let at_once = named(&[(clause::DEADLINE, For), (clause::BACKOFF, Against)]);
    assert_eq!(bearings(&[&[0, 0][..]; 8], QUIET), at_once);
    let few = named(&[(clause::DEADLINE, For), (clause::BACKOFF, Gap)]);
    assert_eq!(bearings(&[&[100], &[100], &[], &[]], QUIET), few);
}

#[test]
fn repeats_without_end_fall_short() {
    let most = [&[100; MOST_ATTEMPTS - 1][..]; 8];
    let more = [&[100; MOST_ATTEMPTS][..]; 8];
    assert_eq!(bearings(&most, QUIET)[0].1, Bearing::For);
    assert_eq!(bearings(&more, QUIET)[0].1, Bearing::Against);
}

#[test]
fn a_busy_machine_is_no_jitter() {
    let busy = Contention { scatter: Duration::from_millis(40), ..QUIET };
    assert_eq!(bearings(&JITTERED, busy)[1].1, Bearing::Gap);
}

#[test]
fn a_repeat_comes_no_sooner_than_retry_after_says() {
    let bearing =
        |gaps: &[u64]| told_when(&gaps.iter().map(|gap| Duration::from_millis(*gap)).collect::<Vec<_>>()).bearing();
    assert_eq!(bearing(&[]), Bearing::For);
    assert_eq!(bearing(&[1000]), Bearing::For);
    assert_eq!(bearing(&[900]), Bearing::Against);
}
