#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use proptest::prelude::*;

use super::*;

fn operation(action: Action, (invoked, completed): (u64, u64), outcome: Outcome) -> Operation {
    Operation { process: invoked, action, invoked, completed: Some(completed), outcome }
}

fn write(value: i64, times: (u64, u64)) -> Operation {
    operation(Action::Write { key: "x".into(), value }, times, Outcome::ok())
}

fn saw(value: Option<i64>, times: (u64, u64)) -> Operation {
    operation(Action::Read { key: "x".into() }, times, Outcome::Ok { answer: Answer::Value(value) })
}

#[test]
fn a_read_after_a_write_sees_it_and_one_meanwhile_may() {
    assert_eq!(register(&[write(1, (0, 10)), saw(Some(1), (20, 30))]), Verdict::Holds(2));
    assert!(register(&[write(1, (0, 10)), saw(None, (20, 30))]).is_broken());
    for value in [None, Some(1)] {
        assert_eq!(register(&[write(1, (0, 25)), saw(value, (20, 30))]), Verdict::Holds(2));
    }
    // New, then old again: each read alone would be right.
    let history = [write(1, (0, 100)), saw(Some(1), (10, 20)), saw(None, (30, 40))];
    assert!(register(&history).is_broken());
}

#[test]
fn a_write_that_is_unknown_may_happen_late_or_never() {
    let unknown = operation(Action::Write { key: "x".into(), value: 2 }, (0, 5), Outcome::info("killed"));
    let history = [unknown, saw(None, (10, 20)), saw(Some(2), (30, 40))];
    assert_eq!(register(&history), Verdict::Holds(2));
    assert_eq!(register(&history[..2]), Verdict::Holds(1));
}

#[test]
fn keys_are_judged_each_for_itself() {
    let other = Operation { action: Action::Read { key: "y".into() }, ..saw(None, (20, 30)) };
    assert_eq!(register(&[write(1, (0, 10)), other]), Verdict::Holds(2));
}

#[test]
fn a_counter_example_leaves_out_what_does_not_matter() {
    let mut history: Vec<Operation> = (0..40).map(|n| write(n, (n as u64 * 10, n as u64 * 10 + 5))).collect();
    history.extend((0..40).map(|n| saw(Some(n), (n as u64 * 10 + 6, n as u64 * 10 + 8))));
    history.push(saw(Some(37), (405, 410)));
    history.extend((0..20).map(|n| saw(Some(39), (500 + n * 10, 505 + n * 10))));
    let Verdict::Broken(example) = register(&history) else { panic!("a stale read is wrong") };
    assert!(example.operations.len() <= 3, "{example}");
    assert!(example.operations.contains(&saw(Some(37), (405, 410))), "{example}");
}

#[test]
fn a_search_that_runs_out_of_steps_is_unknown() {
    let entries: Vec<Operation> =
        (0..30).map(|n| write(n, (0, 1_000))).chain([saw(Some(99), (2_000, 2_001))]).collect();
    let entries: Vec<Entry<'_>> = entries.iter().map(|operation| Entry::of(operation).unwrap().1).collect();
    assert_eq!(is_linearizable(&entries, 1_000), None);
}

/// Every order of every choice of operations, without any cleverness.
fn brute_force(history: &[Operation]) -> bool {
    fn extend(left: &[Entry<'_>], held: Option<i64>) -> bool {
        if left.iter().all(|entry| !entry.is_certain()) {
            return true;
        }
        (0..left.len()).any(|index| {
            let entry = left[index];
            let mut rest = left.to_vec();
            rest.remove(index);
            let may_be_next = rest.iter().all(|other| other.latest >= entry.operation.invoked);
            may_be_next && entry.apply(held).is_some_and(|held| extend(&rest, held))
        })
    }
    let entries: Vec<Entry<'_>> = history.iter().filter_map(|operation| Some(Entry::of(operation)?.1)).collect();
    extend(&entries, None)
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let action = prop_oneof![
        Just(Action::Read { key: "x".into() }),
        (0..3_i64).prop_map(|value| Action::Write { key: "x".into(), value }),
        (0..3_i64, 0..3_i64).prop_map(|(expected, value)| Action::CompareAndSet { key: "x".into(), expected, value }),
    ];
    (action, 0..40_u64, 1..15_u64, 0..6_u8, proptest::option::of(0..3_i64)).prop_map(
        |(action, invoked, took, end, value)| {
            let outcome = match (&action, end) {
                (_, 0) => Outcome::info("lost"),
                (_, 1) => Outcome::fail("differs"),
                (Action::Read { .. }, _) => Outcome::Ok { answer: Answer::Value(value) },
                _ => Outcome::ok(),
            };
            operation(action, (invoked, invoked + took), outcome)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_says_what_brute_force_says(history in proptest::collection::vec(any_operation(), 1..7)) {
        let verdict = register(&history);
        prop_assert_eq!(verdict.is_broken(), !brute_force(&history), "{}", verdict);
        if let Verdict::Broken(example) = verdict {
            // A prefix's unknown operations still bear the answers that came after it, so only their choice is compared.
            prop_assert!(example.operations.iter().all(|operation| history.contains(operation)));
        }
    }

    /// A history made by a register that is right is never accused.
    #[test]
    fn a_right_register_is_never_accused(
        steps in proptest::collection::vec((any_operation(), 0..100_u64, 0..100_u64), 1..120),
    ) {
        let mut held = None;
        let mut history = Vec::new();
        for (n, (mut operation, before, after)) in steps.into_iter().enumerate() {
            let at = n as u64 * 30;
            (operation.invoked, operation.completed) = (at.saturating_sub(before), Some(at + after));
            let unknown = matches!(operation.outcome, Outcome::Info { .. });
            match operation.action {
                Action::Read { .. } if !unknown => operation.outcome = Outcome::Ok { answer: Answer::Value(held) },
                Action::Write { value, .. } if !operation.has_failed() => held = Some(value),
                Action::CompareAndSet { expected, value, .. } => {
                    let fits = held == Some(expected);
                    if fits {
                        held = Some(value);
                    }
                    if !unknown {
                        operation.outcome = if fits { Outcome::ok() } else { Outcome::fail("differs") };
                    }
                }
                _ => {}
            }
            history.push(operation);
        }
        prop_assert!(!register(&history).is_broken());
    }
}
