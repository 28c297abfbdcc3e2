//! Exactly-once effects: what was acknowledged has happened once, what was refused has not, the rest at most once.
//!
//! The end-to-end argument's test (Saltzer, Reed, Clark 1984): not what the parts promise, but what is seen at the receiver.

use std::collections::HashMap;

use super::verdict::Verdict;
use crate::history::operation::{Action, Answer, Operation, Outcome};

/// Judges every [`Action::Counts`] that was answered, against all effects and transfers of the history.
///
/// Unknown when nothing was counted.
pub fn effects(history: &[Operation]) -> Verdict {
    let asked: HashMap<&str, &Operation> =
        history.iter().filter_map(|operation| Some((key(operation)?, operation))).collect();
    let mut judged = 0;
    for count in history {
        let Outcome::Ok { answer: Answer::Counts(counts) } = &count.outcome else { continue };
        for (key, times) in counts.iter().filter(|(_, times)| **times > 0) {
            let Some(operation) = asked.get(key.as_str()).filter(|asked| asked.invoked <= count.latest()) else {
                return Verdict::broken(format!("{key} happened without a request"), [count]);
            };
            if operation.has_failed() {
                return Verdict::broken(format!("{key} was refused and has happened"), [*operation, count]);
            }
            if *times > 1 {
                return Verdict::broken(
                    format!("{key} was asked for once and has happened {times} times"),
                    [*operation, count],
                );
            }
        }
        for (key, operation) in &asked {
            let before = operation.is_ok() && operation.latest() < count.invoked;
            if before && counts.get(*key).is_none_or(|times| *times == 0) {
                return Verdict::broken(format!("{key} was acknowledged and has not happened"), [*operation, count]);
            }
        }
        judged += asked.len();
    }
    match judged {
        0 => Verdict::Unknown(
            "nothing was asked for and counted: record `effect` or `transfer`, and `counts`".to_owned(),
        ),
        _ => Verdict::Holds(judged),
    }
}

fn key(operation: &Operation) -> Option<&str> {
    match &operation.action {
        Action::Effect { key } => Some(key),
        Action::Transfer { id, .. } => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(outcome: Outcome) -> Operation {
        Operation { process: 0, action: Action::Effect { key: "k".into() }, invoked: 10, completed: Some(20), outcome }
    }

    fn judge(outcome: Outcome, invoked: u64, times: u64) -> Verdict {
        let answer = Answer::Counts([("k".to_owned(), times)].into());
        let outcome_of_count = Outcome::Ok { answer };
        let completed = Some(invoked + 5);
        let count = Operation { process: 1, action: Action::Counts, invoked, completed, outcome: outcome_of_count };
        effects(&[effect(outcome), count])
    }

    #[test]
    fn acknowledged_is_once_refused_is_never_and_unknown_at_most_once() {
        let refused = || Outcome::fail("no");
        let unknown = || Outcome::info("lost");
        for (outcome, holds_with) in [(Outcome::ok(), 1..=1), (refused(), 0..=0), (unknown(), 0..=1)] {
            for times in 0..3 {
                let verdict = judge(outcome.clone(), 30, times);
                assert_eq!(verdict.is_broken(), !holds_with.contains(&times), "{outcome:?} {times}: {verdict}");
            }
        }
    }

    #[test]
    fn effects_that_overlap_the_count_may_be_missing_and_unrequested_ones_are_wrong() {
        assert!(!judge(Outcome::ok(), 15, 0).is_broken());
        assert!(judge(Outcome::ok(), 15, 2).is_broken());
        assert!(judge(Outcome::ok(), 1, 1).is_broken(), "it was counted before anybody asked for it");
    }

    #[test]
    fn nothing_counted_is_unknown() {
        assert!(matches!(effects(&[effect(Outcome::ok())]), Verdict::Unknown(_)));
    }
}
