//! Profiles of a run: the whole examination, or a part of it that ends within three minutes.

use std::time::Duration;

use crate::finding::Finding;
use crate::lab::drip::{Drip, Fate, Part};

/// No probe of the quick profile takes longer.
const QUICK_PROBE: Duration = Duration::from_secs(40);
/// No probe of the quick profile begins later, and the one under way is broken off then: what is left of three minutes is for the
/// start and the stop of the service.
const QUICK_RUN: Duration = Duration::from_secs(165);
/// Probes that the quick profile leaves out: long loads, waits for slow events, and calls that are observed one by one.
const LEFT_OUT: &[&str] = &[
    "border.shed",
    "border.backpressure",
    "border.criticality",
    "border.bulkhead",
    "border.slow-clients",
    "border.deadline",
    "call.deadline",
    "call.retry",
    "call.retry-budget",
    "call.breaker",
    "call.breaker-manual",
    "call.bulkhead",
    "call.cpu-bulkhead",
    "call.balance",
    "call.discovery",
    "call.hedge",
    "call.jitter",
    "prove.stress",
    "prove.soak",
    "prove.attack",
    "life.manager",
    "life.steady",
    "ratchet.jobs",
];

/// Extent of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Everything.
    #[default]
    Full,
    /// The probes that fit into three minutes. The others are reported as unknown.
    Quick,
}

impl Profile {
    /// Returns true if it leaves out the probe of this attribute.
    pub fn leaves_out(self, id: &str) -> bool {
        self == Self::Quick && LEFT_OUT.contains(&id)
    }

    /// The bound of a probe that begins when so much of the run is over; none when none begins any more.
    pub(super) fn bound(self, bound: Duration, over: Duration) -> Option<Duration> {
        match self {
            Self::Full => Some(bound),
            Self::Quick => {
                // Whole seconds, as the bound is told to people.
                let left = QUICK_RUN.checked_sub(over)?.as_secs();
                (left > 0).then(|| bound.min(QUICK_PROBE).min(Duration::from_secs(left)))
            }
        }
    }

    /// The slow heads and bodies of which it waits for no end; none when it waits.
    pub(super) fn unwatched(self) -> Option<Vec<Drip>> {
        let slow = |part, name: &str| {
            let fate = Fate::NotJudged("left out by --profile quick".to_owned());
            Drip { part, name: name.to_owned(), fate, control: None, sent: None }
        };
        let both = || vec![slow(Part::Head, "a slow head"), slow(Part::Body, "a slow body")];
        (self == Self::Quick).then(both)
    }

    /// The finding on an attribute that it leaves out.
    pub(super) fn unexamined(self, id: &str) -> Finding {
        let reason = match self.leaves_out(id) {
            true => "left out by --profile quick: run keel without it".to_owned(),
            false => format!("left out by --profile quick: its {QUICK_RUN:?} were over; run keel without it"),
        };
        Finding::unknown(id, reason, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;
    use crate::probe::PROBE_BOUND;
    use crate::probes;

    #[test]
    fn attributes_that_the_quick_profile_leaves_out_have_a_probe_and_are_unknown() {
        for id in LEFT_OUT {
            assert!(probes::all().iter().any(|probe| probe.id == *id), "{id} has no probe");
            assert!(!Profile::Full.leaves_out(id), "{id}");
            let finding = Profile::Quick.unexamined(id);
            assert_eq!(finding.verdict(), Verdict::Unknown, "{id}");
            assert!(finding.summary().contains("left out by --profile quick"), "{finding:#?}");
        }
    }

    #[test]
    fn no_probe_of_the_quick_profile_ends_later_than_the_run_may() {
        let bound = |over| Profile::Quick.bound(PROBE_BOUND, Duration::from_secs(over));
        assert_eq!(bound(0), Some(QUICK_PROBE));
        assert_eq!(bound(160), Some(Duration::from_secs(5)));
        assert_eq!(bound(165), None);
        assert_eq!(Profile::Full.bound(PROBE_BOUND, Duration::from_secs(1000)), Some(PROBE_BOUND));
    }
}
