//! Starts whose processes waited for a CPU: a busy machine is why they are slow or fail.

use std::time::Duration;

use crate::clause::Clause;
use crate::finding::Evidence;
use crate::lab::Lab;

/// The reason why a time of which processes waited so long says nothing.
pub(super) fn too_busy(waited: Duration) -> String {
    format!("its processes waited {waited:.1?} of that for a CPU: examine it on a machine that is less busy")
}

/// Judges a start that failed; one whose processes waited for a CPU for half of its time says nothing.
pub(super) fn not_started(lab: &Lab, clause: Clause, what: String) -> Evidence {
    judge(clause, what, lab.start_was_starved().then_some(lab.starved))
}

/// The same, with the wait that is the reason, if there is one.
pub(super) fn judge(clause: Clause, what: String, waited: Option<Duration>) -> Evidence {
    match waited {
        None => clause.contradicts(what),
        Some(waited) => clause.gap(format!("{what}; {}", too_busy(waited))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clause::life::start::AGAIN;
    use crate::finding::Bearing;

    #[test]
    fn a_failed_start_whose_processes_waited_for_a_cpu_says_nothing() {
        assert_eq!(judge(AGAIN, "it does not start".to_owned(), None).bearing(), Bearing::Against);
        let busy = judge(AGAIN, "it does not start".to_owned(), Some(Duration::from_secs(9)));
        assert_eq!(busy.bearing(), Bearing::Gap);
        assert!(busy.what.contains("waited 9.0s of that for a CPU"), "{}", busy.what);
    }
}
