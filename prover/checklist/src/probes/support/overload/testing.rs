//! Examination of overloaded specimens in tests.

use std::time::Duration;

use crate::finding::{Finding, Verdict};
use crate::lab::{Lab, Pace};
use crate::subject::{Load, Subject};
use crate::testing::{examine_in, get, lab};

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

pub(crate) async fn holds(id: &str, lab: &mut Lab) -> Finding {
    let finding = examine_in(id, lab).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    finding
}

pub(crate) async fn falls_short(id: &str, lab: &mut Lab, of: &str) -> Finding {
    let finding = examine_in(id, lab).await;
    crate::testing::falls_short(&finding, &[of]);
    finding
}
