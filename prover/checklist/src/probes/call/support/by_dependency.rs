//! Examines one dependency after the other within the time of a probe, and joins what was found about each.

use std::time::{Duration, Instant};

use crate::finding::{Evidence, Finding, Verdict};
use crate::lab::Lab;

/// No dependency is begun later, and the one under examination is broken off: less than a probe has in all, so that what was
/// found before is not lost.
const IN_ALL: Duration = Duration::from_secs(110);
/// Time between the last observation and the end of the probe: its verdict must come before it is broken off.
const RESERVE: Duration = Duration::from_secs(5);

/// The time that is left for further dependencies.
pub(crate) struct Timetable {
    begun: Instant,
    in_all: Duration,
    longest: Duration,
    /// Time spent when [`Timetable::has`] was asked last.
    asked: Duration,
}

impl Timetable {
    /// Begins now, and ends before the probe under way is broken off.
    pub(crate) fn begin(lab: &Lab) -> Self {
        let begun = Instant::now();
        let until = lab.until.map(|until| until.saturating_duration_since(begun).saturating_sub(RESERVE));
        let in_all = until.map_or(IN_ALL, |left| left.min(IN_ALL));
        Self { begun, in_all, longest: Duration::ZERO, asked: Duration::ZERO }
    }

    /// Returns the time that is left for one more, if the longest so far would fit in.
    pub(crate) fn left(&self) -> Option<Duration> {
        Self::left_after(self.in_all, self.begun.elapsed(), self.longest)
    }

    /// Returns true if one more, which takes at most this time, is to be begun. Where the probe has less time than usual, the longest so
    /// far must fit in: few take as long as they may.
    pub(crate) fn has(&mut self, needed: Duration) -> bool {
        let spent = self.begun.elapsed();
        self.longest = self.longest.max(spent.saturating_sub(self.asked));
        self.asked = spent;
        self.fits(spent, needed)
    }

    fn fits(&self, spent: Duration, needed: Duration) -> bool {
        spent + needed <= IN_ALL && spent + needed.min(self.longest) <= self.in_all
    }

    fn left_after(in_all: Duration, spent: Duration, longest: Duration) -> Option<Duration> {
        in_all.checked_sub(spent).filter(|left| *left > longest)
    }

    /// Counts one that was begun then.
    pub(crate) fn count(&mut self, since: Instant) {
        self.longest = self.longest.max(since.elapsed());
    }
}

/// The gap of a dependency for which no time was left.
pub(crate) fn no_time_for(name: &str) -> Evidence {
    Evidence::gap(format!("calls to {name} were not examined: the time of this probe was over"))
}

/// The finding about all dependencies: each piece says whose it is. What does not apply to one dependency says nothing of the
/// others; it applies to none when that was seen of all of them, and none was left out.
pub(crate) fn join(id: &str, mut findings: Vec<(String, Finding)>, left_out: Vec<Evidence>) -> Finding {
    let alone = findings.len() == 1 && left_out.iter().all(Evidence::is_note);
    if alone && let Some((_, finding)) = findings.pop() {
        return finding.also(left_out);
    }
    let applies = |(_, finding): &(String, Finding)| finding.verdict() != Verdict::NotApplicable;
    let mut evidence = Vec::new();
    for (name, finding) in findings.iter().filter(|found| !applies(found)) {
        evidence.push(Evidence::note(format!("{name}: it does not apply, as {}", finding.summary())));
    }
    if !findings.iter().any(applies) && left_out.iter().all(Evidence::is_note) {
        let reasons: Vec<String> = findings.iter().map(|(name, one)| format!("{name}: {}", one.summary())).collect();
        evidence.extend(left_out);
        return Finding::not_applicable(id, reasons.join("; "), evidence);
    }
    for (name, finding) in findings.iter().filter(|found| applies(found)) {
        evidence.extend(finding.evidence().iter().map(|piece| of(name, piece)));
    }
    evidence.extend(left_out);
    Finding::judge(id, evidence)
}

fn of(name: &str, piece: &Evidence) -> Evidence {
    let mut piece = piece.clone();
    if !piece.what.contains(name) {
        piece.what = format!("{name}: {}", piece.what);
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clause::Clause;
    use crate::clause::call::{breaker_manual as clause, retry_budget};
    use crate::control::Control;

    const ID: &str = "call.breaker-manual";

    fn seen(clause: Clause) -> Evidence {
        let control = Control::seen(true, "one call in peace", "").map_err(|failed| failed.what);
        clause.holds("seen").by(&control.unwrap_or_else(|what| panic!("{what}")))
    }

    fn whole() -> Finding {
        Finding::judge(ID, [clause::TRIP, clause::RELEASE, clause::AUDIT].map(seen).to_vec())
    }

    fn named(names: &[&str], finding: impl Fn() -> Finding) -> Vec<(String, Finding)> {
        names.iter().map(|name| ((*name).to_owned(), finding())).collect()
    }

    #[test]
    fn all_of_several_dependencies_must_hold() {
        assert_eq!(join(ID, named(&["a", "b"], whole), Vec::new()).verdict(), Verdict::Holds);
        let mut found = named(&["a"], whole);
        found.push(("bare".to_owned(), Finding::judge(ID, vec![clause::TRIP.contradicts("calls went on")])));
        let finding = join(ID, found, Vec::new());
        assert_eq!(finding.verdict(), Verdict::FallsShort);
        assert_eq!(finding.summary(), "bare: calls went on");
    }

    #[test]
    fn a_clause_that_was_not_seen_of_one_of_them_is_not_seen() {
        let mut found = named(&["a"], whole);
        found.push(("b".to_owned(), Finding::judge(ID, vec![seen(clause::TRIP)])));
        let finding = join(ID, found, Vec::new());
        assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
        assert_eq!(finding.verdict_on(clause::TRIP), Some(Verdict::Holds));
        assert_eq!(finding.verdict_on(clause::RELEASE), Some(Verdict::Unknown));
    }

    #[test]
    fn one_that_was_left_out_is_a_gap_of_all() {
        let finding = join(ID, named(&["a"], whole), vec![no_time_for("b")]);
        assert_eq!(finding.verdict(), Verdict::Unknown);
        assert!(finding.summary().contains("calls to b"), "{}", finding.summary());
    }

    #[test]
    fn dependencies_that_do_not_apply_do_not_count_unless_one_was_left_out() {
        const ID: &str = "call.retry-budget";
        let none = || Finding::not_applicable(ID, "nothing is repeated", Vec::new());
        assert_eq!(join(ID, named(&["a", "b"], none), Vec::new()).verdict(), Verdict::NotApplicable);
        assert_eq!(join(ID, named(&["a"], none), vec![no_time_for("b")]).verdict(), Verdict::Unknown);
        let mut found = named(&["a"], none);
        found.push(("b".to_owned(), Finding::judge(ID, vec![seen(retry_budget::BUDGET)])));
        assert_eq!(join(ID, found, Vec::new()).verdict(), Verdict::Holds);
    }

    #[test]
    fn one_more_is_begun_when_the_longest_so_far_would_fit_in() {
        let (spent, half) = (IN_ALL / 2, IN_ALL / 2);
        assert_eq!(Timetable::left_after(IN_ALL, spent, half - Duration::from_secs(1)), Some(half));
        assert_eq!(Timetable::left_after(IN_ALL, spent, half), None);
        assert_eq!(Timetable::left_after(IN_ALL, IN_ALL, Duration::ZERO), None);
    }

    #[test]
    fn a_shorter_probe_begins_one_more_when_the_longest_so_far_would_fit_in() {
        let seconds = Duration::from_secs;
        let fits = |in_all, longest, spent, needed| {
            let (begun, asked) = (Instant::now(), Duration::ZERO);
            Timetable { begun, in_all, longest: seconds(longest), asked }.fits(seconds(spent), seconds(needed))
        };
        assert!(fits(seconds(30), 2, 10, 41), "it may take 41 s, and the longest took 2 s");
        assert!(!fits(seconds(30), 20, 20, 41), "another one of 20 s would be broken off");
        assert!(fits(seconds(30), 20, 20, 10), "it takes at most 10 s");
        assert!(fits(IN_ALL, 20, 60, 50));
        assert!(!fits(IN_ALL, 20, 61, 50), "with all its time, a probe begins what surely ends in time");
    }
}
