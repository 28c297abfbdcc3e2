//! Groups of equal failures, bounded, with the decision which failure gets a report.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use tokio::time::Instant;

/// The most groups.
pub const MAX_GROUPS: usize = 256;
/// The most reports of a group: its first one, and the last ones.
pub const MAX_REPORTS: usize = 3;
/// The most reports that are made in a second, of all groups together.
pub const MAX_REPORTS_A_SECOND: u32 = 20;
/// The shortest time between two reports of a group.
pub(super) const BETWEEN_REPORTS: Duration = Duration::from_secs(60);

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) groups: HashMap<String, Group>,
    pub(super) sums: Sums,
    /// The begin of a second, and the reports in it.
    second: Option<(Instant, u32)>,
}

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) failures: u64,
    pub(super) reports: u64,
    /// Failures without a report of their own.
    pub(super) without_report: u64,
    /// Groups that gave way to others.
    pub(super) replaced: u64,
}

/// Failures of one fingerprint.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) identity: Arc<Identity>,
    pub(super) count: u64,
    pub(super) first: SystemTime,
    pub(super) last: SystemTime,
    last_seen: Instant,
    last_reported: Option<Instant>,
    /// The oldest first.
    pub(super) reports: VecDeque<Arc<Json>>,
}

/// The common part of a group's failures, and the message of the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) fingerprint: String,
    pub(super) work: &'static str,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) message: String,
}

/// Locks the groups: counters and lists of whole reports, which a panic of the thread that held the lock leaves as they were.
pub(super) fn lock(groups: &Mutex<Groups>) -> MutexGuard<'_, Groups> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Groups {
    /// Counts a failure; true when a report of it is to be made.
    pub(super) fn count(&mut self, fingerprint: &str, identity: impl FnOnce() -> Identity, now: Instant) -> bool {
        self.sums.failures += 1;
        let at = SystemTime::now();
        if !self.groups.contains_key(fingerprint) {
            self.make_room();
            let identity = Arc::new(identity());
            let group = Group {
                identity,
                count: 0,
                first: at,
                last: at,
                last_seen: now,
                last_reported: None,
                reports: VecDeque::new(),
            };
            self.groups.insert(fingerprint.to_owned(), group);
        }
        let has_turn = self.has_turn(now);
        let Some(group) = self.groups.get_mut(fingerprint) else { return false };
        group.count += 1;
        (group.last, group.last_seen) = (at, now);
        let is_due = group.last_reported.is_none_or(|last| now.duration_since(last) >= BETWEEN_REPORTS);
        if !is_due || !has_turn {
            self.sums.without_report += 1;
            return false;
        }
        group.last_reported = Some(now);
        self.sums.reports += 1;
        if let Some((_, reports)) = &mut self.second {
            *reports += 1;
        }
        true
    }

    /// Keeps a report, in the place of the second oldest where there are too many.
    pub(super) fn keep(&mut self, fingerprint: &str, report: Arc<Json>) {
        let Some(group) = self.groups.get_mut(fingerprint) else { return };
        if group.reports.len() == MAX_REPORTS {
            group.reports.remove(1);
        }
        group.reports.push_back(report);
    }

    /// True when the bound of all groups leaves room for another report.
    fn has_turn(&mut self, now: Instant) -> bool {
        let (begin, reports) = self.second.get_or_insert((now, 0));
        if now.duration_since(*begin) >= Duration::from_secs(1) {
            (*begin, *reports) = (now, 0);
        }
        *reports < MAX_REPORTS_A_SECOND
    }

    fn make_room(&mut self) {
        if self.groups.len() < MAX_GROUPS {
            return;
        }
        let oldest = self.groups.iter().min_by_key(|(_, group)| group.last_seen).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.groups.remove(&oldest);
            self.sums.replaced += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(fingerprint: &str) -> Identity {
        Identity {
            fingerprint: fingerprint.to_owned(),
            work: "request",
            name: "/".to_owned(),
            method: "GET".to_owned(),
            kind: "kind".to_owned(),
            place: String::new(),
            message: "message".to_owned(),
        }
    }

    fn count(groups: &mut Groups, fingerprint: &str, now: Instant) -> bool {
        let is_due = groups.count(fingerprint, || identity(fingerprint), now);
        if is_due {
            let number = groups.groups[fingerprint].count;
            groups.keep(fingerprint, Arc::new(Json::from(number)));
        }
        is_due
    }

    #[test]
    fn the_first_failure_is_reported_at_once_and_further_ones_once_a_minute() {
        let (mut groups, start) = (Groups::default(), Instant::now());
        let reported: Vec<u64> =
            (0..300).filter(|second| count(&mut groups, "a", start + Duration::from_secs(*second))).collect();
        assert_eq!(reported, [0, 60, 120, 180, 240]);
        let group = &groups.groups["a"];
        let kept: Vec<u64> = group.reports.iter().filter_map(|report| report.as_u64()).collect();
        assert_eq!((group.count, kept), (300, vec![1, 181, 241]), "the first one and the last ones");
        assert_eq!(groups.sums, Sums { failures: 300, reports: 5, without_report: 295, replaced: 0 });
    }

    #[test]
    fn a_further_group_replaces_the_one_that_has_been_silent_longest() {
        let (mut groups, start) = (Groups::default(), Instant::now());
        let at = |second: u64| start + Duration::from_secs(second);
        for number in 0..MAX_GROUPS as u64 {
            count(&mut groups, &number.to_string(), at(number));
        }
        count(&mut groups, "0", at(1000));
        count(&mut groups, "new", at(1001));
        assert_eq!((groups.groups.len(), groups.sums.replaced), (MAX_GROUPS, 1));
        let has = |fingerprint: &str| groups.groups.contains_key(fingerprint);
        assert!(has("0") && !has("1") && has("2") && has("new"));
    }

    #[test]
    fn many_new_groups_at_once_are_counted_and_get_few_reports() {
        let (mut groups, now) = (Groups::default(), Instant::now());
        let reported = (0..1000).filter(|number| count(&mut groups, &number.to_string(), now)).count();
        assert_eq!(reported, MAX_REPORTS_A_SECOND as usize);
        assert!(count(&mut groups, "later", now + Duration::from_secs(1)));
    }
}
