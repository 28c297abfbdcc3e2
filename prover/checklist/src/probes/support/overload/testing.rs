//! Examination of overloaded specimens in tests.

use std::time::Duration;

use crate::finding::Verdict;
use crate::lab::{Lab, Pace};
use crate::subject::{Load, Subject};
use crate::testing::{examine_in, falls_short_unless_busy, get, is_unless_busy, lab, mentions, was_busy};

/// Its work, and a load near what it does, so that its capacity is soon found.
pub(crate) fn works(subject: &mut Subject) {
    subject.load = Some(Load { rate: 100.0, peak: 100.0, p99: Duration::from_millis(400), errors: 0.0 });
    subject.requests = vec![get("/work")];
}

/// Pace of the probes on overloaded specimens, whose work is as much quicker.
pub(crate) const PACE: Pace = Pace::part(0.4);

pub(crate) async fn working(name: &str) -> Lab {
    let mut lab = lab(name, works).await;
    lab.pace = PACE;
    lab
}

/// It holds, and pieces of evidence have these words; or the machine was too busy to tell.
pub(crate) async fn holds(id: &str, lab: &mut Lab, words: &[&str]) {
    let finding = examine_in(id, lab).await;
    is_unless_busy(&finding, Verdict::Holds);
    if !was_busy(&finding) {
        words.iter().for_each(|word| mentions(&finding, word));
    }
}

/// It falls short of this; or the machine was too busy to tell.
pub(crate) async fn falls_short(id: &str, lab: &mut Lab, of: &[&str]) {
    falls_short_unless_busy(&examine_in(id, lab).await, of);
}
