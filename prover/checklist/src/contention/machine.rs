//! The share of the machine that other programs used while a probe ran: on a busy machine a service is slow that is not.

use std::collections::BTreeMap;
use std::fs;

use super::processors::Processors;
use crate::clause::Clause;
use crate::clause::prove::attack;
use crate::finding::Finding;

/// Attributes that are judged by throughput or latency under a load of keel's, and only these clauses of them when
/// any are named.
const TIMED: &[(&str, &[Clause])] = &[
    ("border.shed", &[]),
    ("border.backpressure", &[]),
    ("border.bulkhead", &[]),
    ("border.criticality", &[]),
    ("call.balance", &[]),
    ("call.bulkhead", &[]),
    ("call.cpu-bulkhead", &[]),
    ("call.hedge", &[]),
    ("prove.load", &[]),
    ("prove.stress", &[]),
    ("prove.attack", &[attack::FLOODS, attack::SLOW_CLIENTS]),
];
/// From this share on the others may be why something was late.
const TOO_BUSY: f64 = 0.25;
/// Ticks of all processors below which an interval says nothing.
const LEAST: u64 = 50;

/// The processors' ticks so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    processors: Processors,
    /// Of keel and of what it started.
    ours: u64,
}

impl Machine {
    /// The ticks by now; none where the system does not tell them.
    pub(crate) fn now() -> Option<Self> {
        Some(Self { processors: Processors::now()?, ours: ours()? })
    }

    /// The share of all processors that others have used since then; none when that is too short a time.
    pub(crate) fn used_by_others(self, since: Self) -> Option<f64> {
        let (now, before) = (self.processors, since.processors);
        let total = now.all.checked_sub(before.all).filter(|total| *total >= LEAST)?;
        let busy = now.busy.saturating_sub(before.busy);
        let others = busy.saturating_sub(self.ours.saturating_sub(since.ours));
        Some(others as f64 / total as f64)
    }
}

/// The finding, unless the others may be why it falls short: then that is a gap.
pub(crate) fn in_light_of(finding: Finding, others: Option<f64>) -> Finding {
    let timed = TIMED.iter().find(|(id, _)| *id == finding.id());
    match others.filter(|others| *others > TOO_BUSY).zip(timed) {
        None => finding,
        Some((others, (_, clauses))) => {
            let reason = format!(
                "other programs used {:.0} % of the machine meanwhile; examine it when nothing else runs; it was seen that",
                100.0 * others
            );
            finding.doubted(clauses, &reason)
        }
    }
}

/// Ticks of this process, of its descendants, and of those that have ended and were waited for.
fn ours() -> Option<u64> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has ended meanwhile is counted by its parent.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        processes.extend(process(&stat).map(|found| (pid, found)));
    }
    let own = std::process::id();
    let descends = |mut pid: u32| {
        // No chain of parents is longer than all processes.
        for _ in 0..processes.len() {
            if pid == own {
                return true;
            }
            match processes.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    Some(processes.iter().filter(|(pid, _)| descends(**pid)).map(|(_, (_, ticks))| ticks).sum())
}

/// A process's parent and its ticks, with those of the children that it has waited for.
fn process(stat: &str) -> Option<(u32, u64)> {
    // The name before it may have spaces and brackets.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((fields.get(1)?.parse().ok()?, ticks))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::clause::border::shed::GOODPUT;
    use crate::finding::Verdict;

    #[test]
    fn only_the_share_of_other_programs_counts_as_busy() {
        let machine = |all, busy, ours| Machine { processors: Processors { busy, all, count: 2 }, ours };
        let (begun, ended) = (machine(1000, 500, 100), machine(2000, 1100, 300));
        assert_eq!(ended.used_by_others(begun), Some(0.4));
        let soon = machine(1049, 549, 300);
        assert_eq!(soon.used_by_others(begun), None, "too short a time");
    }

    #[test]
    fn a_service_that_is_slow_on_a_busy_machine_does_not_fall_short() {
        let slow = || Finding::judge("border.shed", vec![GOODPUT.contradicts("it answers few")]);
        for others in [None, Some(0.25)] {
            assert_eq!(in_light_of(slow(), others).verdict(), Verdict::FallsShort, "{others:?}");
        }
        let doubted = in_light_of(slow(), Some(0.26));
        assert_eq!(doubted.verdict(), Verdict::Unknown);
        assert!(doubted.summary().contains("other programs used 26 %"), "{doubted:#?}");
        let attacked = |clause: Clause| {
            let finding = Finding::judge("prove.attack", vec![clause.contradicts("it fell")]);
            in_light_of(finding, Some(0.9)).verdict()
        };
        assert_eq!(attacked(attack::FLOODS), Verdict::Unknown);
        assert_eq!(attacked(attack::SMUGGLING), Verdict::FallsShort, "no load makes it so");
        let other = Finding::unknown("web.robots", "not timed", Vec::new());
        assert_eq!(in_light_of(other.clone(), Some(0.9)), other);
    }

    #[test]
    fn the_ticks_of_this_process_are_read() {
        assert_eq!(process("7 (a b) c) S 3 1 1 0 -1 0 0 0 0 0 5 6 7 8 20").unwrap(), (3, 26));
        let now = Machine::now().unwrap();
        assert!(now.processors.all > now.ours, "{now:?}");
    }
}
