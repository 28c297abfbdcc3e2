//! `call.jitter`: everything periodic is jittered; nothing that many instances do is synchronised.
//!
//! - **Hypothesis**: calls that come by themselves, again and again, do not come at the same time from instances that were started
//!   together.
//! - **Sent**: nothing. The service runs with the prover's double in a dependency's place, and calls that nobody's request causes are
//!   taken down: of each kind (method and path) until twelve have come, at most 30 s. Kinds whose calls come at even intervals are
//!   looked at again in five more starts, until two have come: what an instance does so long after its start, others that are started
//!   with it do at the same time.
//! - **Decides**: of each kind with at least six calls: intervals whose middle half is at least 5 % of the period wide (and 25 ms) are
//!   jittered. Even ones (at most 2 %, or 5 ms) hold when the six starts fall on different parts of the period, counted from each
//!   start and by the clock: no quarter of it has them all. When a tenth has them all, every instance does it at once: falls short.
//!   What lies between is unknown, and so is a period of less than 500 ms, which the noise of starts would seem to spread. No such
//!   kind: unknown, as longer periods, and what is no call over HTTP, are not seen.
//! - **Blast radius**: the service is started up to six times with the prover's double in the dependency's place, and stopped at
//!   the end.
//! - **Bound in time**: 30 s and six starts; for even intervals five times two and a half periods (at most 6 s each) more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use keel_drill::double::{Call, Double};

use super::watched::{self, percentile};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::subject::{Dependencies, Dependency};

const ID: &str = "call.jitter";
/// The longest that calls are waited for which come by themselves.
const WINDOW: Duration = Duration::from_secs(30);
/// So many of each kind are enough, and fewer than so many show no period.
const ENOUGH: usize = 12;
const FEWEST: usize = 6;
/// Starts after the first.
const STARTS: usize = 5;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The shortest period whose beginnings are told apart from the noise of starts.
const SHORTEST: Duration = Duration::from_millis(500);
/// The middle half of intervals, for a hundred of the period: from so wide they are jittered, up to so wide even.
const JITTERED: u32 = 5;
const EVEN: u32 = 2;
/// The same whatever the period: what a busy machine makes of even intervals.
const NOISE: Duration = Duration::from_millis(25);
const CLOCKS: Duration = Duration::from_millis(5);
/// The part of the period within which all starts lie: above the one they are spread, up to the other they are at once.
const SPREAD: f64 = 0.25;
const AT_ONCE: f64 = 0.1;

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = match &lab.subject.dependencies {
        Dependencies::Unsaid => {
            let reason = "nobody said what it calls: declare [dependencies.NAME] with `env` and `url`; or dependencies = \"none\"";
            return Finding::unknown(ID, reason, Vec::new());
        }
        Dependencies::Declared(declared) if declared.is_empty() => {
            let reason = "dependencies = \"none\" is declared: it calls nothing over a network";
            return Finding::not_applicable(ID, reason, Vec::new());
        }
        Dependencies::Declared(declared) => declared.iter().find(|one| one.url.scheme() == "http").cloned(),
    };
    let Some(declared) = declared else {
        let reason = "no dependency speaks plain HTTP: calls of other protocols are not told apart";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let finding = judge(lab, &declared).await.unwrap_or_else(|finding| finding);
    lab.stop().await;
    finding
}

async fn judge(lab: &mut Lab, declared: &Dependency) -> Result<Finding, Finding> {
    let name = &declared.name;
    let double = watched::double_of(ID, declared).await?;
    let first = Run::watch(lab, declared, &double, |kinds| kinds.values().all(|times| times.len() >= ENOUGH)).await?;
    let kinds: Vec<(String, Intervals)> = first
        .kinds
        .iter()
        .filter(|(_, times)| times.len() >= FEWEST)
        .map(|(kind, times)| (kind.clone(), Intervals::of(times)))
        .collect();
    let mut runs = vec![first];
    if let Some(longest) = kinds.iter().map(|(_, one)| one).filter(|one| one.are_even()).map(|one| one.period).max() {
        let until = |kinds: &Kinds| kinds.values().all(|times| times.len() >= 2);
        for _ in 0..STARTS {
            runs.push(Run::watch_for(lab, declared, &double, longest * 5 / 2, until).await?);
        }
    }
    let evidence: Vec<Evidence> = kinds.iter().map(|(kind, intervals)| judge_kind(kind, intervals, &runs)).collect();
    if evidence.is_empty() {
        let reason = format!(
            "fewer than {FEWEST} calls of a kind came to {name} by themselves within {:?}: what is done less often, or \
             is no call over HTTP, is not seen",
            lab.pace.of(WINDOW)
        );
        return Ok(Finding::unknown(ID, reason, vec![Evidence::note(runs[0].told())]));
    }
    let undecided: Vec<&str> =
        evidence.iter().filter(|piece| piece.good.is_none()).map(|piece| piece.what.as_str()).collect();
    if evidence.iter().all(|piece| piece.good != Some(false)) && !undecided.is_empty() {
        return Ok(Finding::unknown(ID, undecided.join("; "), evidence));
    }
    let summary = evidence.iter().map(|piece| piece.what.as_str()).collect::<Vec<_>>().join("; ");
    Ok(Finding::judge(ID, summary, evidence))
}

fn judge_kind(kind: &str, intervals: &Intervals, runs: &[Run]) -> Evidence {
    let Intervals { period, width } = *intervals;
    let told = format!("{kind} comes by itself every {period:.1?}, the middle half of intervals {width:.1?} wide");
    if intervals.are_jittered() {
        return Evidence::saw(true, told);
    }
    if !intervals.are_even() {
        return Evidence::note(format!("{told}: neither even nor clearly jittered"));
    }
    if period < SHORTEST {
        return Evidence::note(format!("{told}: even, but too short to see whether starts spread it"));
    }
    let since = |origin: &dyn Fn(&Run) -> Instant| -> Vec<Duration> {
        let first = |run: &Run| Some(run.kinds.get(kind)?.first()?.saturating_duration_since(origin(run)));
        runs.iter().filter_map(first).collect()
    };
    let (from_start, by_clock) = (since(&|run| run.started), since(&|_| runs[0].started));
    if from_start.len() <= STARTS {
        return Evidence::note(format!("{told}: even, but not seen in each of {} starts", STARTS + 1));
    }
    let (since_start, by_clock) = (arc(&from_start, period), arc(&by_clock, period));
    let what = format!(
        "{told}; {} starts have it within {:.0} % of the period, counted from the start, and {:.0} % by the clock",
        from_start.len(),
        since_start * 100.0,
        by_clock * 100.0
    );
    let least = since_start.min(by_clock);
    let good = if least <= AT_ONCE { Some(false) } else { (least > SPREAD).then_some(true) };
    Evidence { good, ..Evidence::note(what) }
}

/// When calls came, by method and path.
type Kinds = BTreeMap<String, Vec<Instant>>;

/// One start of the subject, and the calls that came by themselves.
struct Run {
    started: Instant,
    kinds: Kinds,
}

impl Run {
    async fn watch(
        lab: &mut Lab,
        declared: &Dependency,
        double: &Double,
        until: impl Fn(&Kinds) -> bool,
    ) -> Result<Self, Finding> {
        Self::watch_for(lab, declared, double, lab.pace.of(WINDOW), until).await
    }

    /// Starts it and watches until the calls suffice, at most so long; what readiness costs is not looked at.
    async fn watch_for(
        lab: &mut Lab,
        declared: &Dependency,
        double: &Double,
        limit: Duration,
        until: impl Fn(&Kinds) -> bool,
    ) -> Result<Self, Finding> {
        watched::start_with(ID, lab, declared, double).await?;
        let started = lab.process().started();
        double.take_calls();
        let ready = Instant::now();
        let mut kinds = Kinds::new();
        while ready.elapsed() < limit && (kinds.is_empty() || !until(&kinds)) {
            tokio::time::sleep(LOOK).await;
            for Call { method, path, at, .. } in double.take_calls() {
                let path = path.split('?').next().unwrap_or_default();
                kinds.entry(format!("{method} {path}")).or_default().push(at);
            }
        }
        Ok(Self { started, kinds })
    }

    fn told(&self) -> String {
        if self.kinds.is_empty() {
            return "no call came by itself".to_owned();
        }
        let told = self.kinds.iter().map(|(kind, times)| format!("{kind} {} times", times.len()));
        format!("by themselves came {}", told.collect::<Vec<_>>().join(", "))
    }
}

/// How far apart calls of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intervals {
    /// One of them on average.
    period: Duration,
    /// How wide the middle half of them is.
    width: Duration,
}

impl Intervals {
    fn of(times: &[Instant]) -> Self {
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])).collect();
        let width = percentile(gaps.clone(), 75).saturating_sub(percentile(gaps.clone(), 25));
        let middle = percentile(gaps, 50);
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Self { period: middle, width } };
        // Over all of them, as an error in one would add up until the last start; one that was left out counts for two.
        let all = last.saturating_duration_since(*first);
        let periods = (all.as_secs_f64() / middle.as_secs_f64().max(f64::MIN_POSITIVE)).round().max(1.0);
        Self { period: all.div_f64(periods), width }
    }

    fn are_jittered(&self) -> bool {
        self.width >= NOISE.max(self.period * JITTERED / 100)
    }

    fn are_even(&self) -> bool {
        self.width <= CLOCKS.max(self.period * EVEN / 100)
    }
}

/// The shortest part of the period within which all these times lie, when each is taken modulo the period.
fn arc(times: &[Duration], period: Duration) -> f64 {
    let period = period.as_secs_f64();
    let mut phases: Vec<f64> = times.iter().map(|time| (time.as_secs_f64() / period).fract()).collect();
    phases.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (phases.first(), phases.last()) else { return 0.0 };
    // The widest gap between two neighbours on the circle is what the shortest arc leaves out.
    let around = 1.0 - (last - first);
    let widest = phases.windows(2).map(|pair| pair[1] - pair[0]).fold(around, f64::max);
    1.0 - widest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn intervals(milliseconds: impl IntoIterator<Item = u64>) -> Intervals {
        let mut at = Instant::now();
        let times: Vec<Instant> = std::iter::once(at)
            .chain(milliseconds.into_iter().map(|gap| {
                at += Duration::from_millis(gap);
                at
            }))
            .collect();
        Intervals::of(&times)
    }

    #[test]
    fn even_intervals_are_even_although_one_of_them_was_late() {
        let even = intervals([1000, 1003, 999, 1001, 1400, 601, 1000]);
        assert!(even.are_even() && !even.are_jittered(), "{even:?}");
        assert!(even.period.abs_diff(SECOND) < Duration::from_millis(2), "{even:?}");
    }

    #[test]
    fn intervals_of_plus_or_minus_a_tenth_are_jittered() {
        let jittered = intervals([900, 1080, 1010, 950, 1100, 990, 1040, 920]);
        assert!(jittered.are_jittered() && !jittered.are_even(), "{jittered:?}");
    }

    #[test]
    fn what_a_busy_machine_makes_of_even_intervals_is_not_jitter() {
        let noisy = intervals([100, 115, 90, 108, 97, 112, 88]);
        assert!(!noisy.are_jittered(), "{noisy:?}");
    }

    /// What is said of one kind that comes each second, first so many milliseconds after each start; starts are 3.3 s apart.
    fn judged(period: Duration, firsts: &[u64]) -> Option<bool> {
        let begun = Instant::now();
        let runs: Vec<Run> = (0..)
            .zip(firsts)
            .map(|(number, first)| {
                let started = begun + Duration::from_millis(3300) * number;
                Run {
                    started,
                    kinds: Kinds::from([("GET /".to_owned(), vec![started + Duration::from_millis(*first)])]),
                }
            })
            .collect();
        judge_kind("GET /", &Intervals { period, width: Duration::ZERO }, &runs).good
    }

    #[test]
    fn even_intervals_that_begin_anywhere_are_spread() {
        assert_eq!(judged(SECOND, &[100, 420, 900, 1710, 1030, 560]), Some(true));
    }

    #[test]
    fn even_intervals_that_begin_with_the_start_or_with_the_clock_are_not_spread() {
        assert_eq!(judged(SECOND, &[300, 310, 290, 1305, 305, 301]), Some(false));
        assert_eq!(judged(SECOND, &[1000, 700, 400, 100, 800, 500]), Some(false));
        assert_eq!(judged(SECOND, &[300, 310, 290, 460, 305, 301]), None, "neither at once nor spread");
    }

    #[test]
    fn what_was_not_seen_in_each_start_or_is_too_short_is_not_judged() {
        assert_eq!(judged(SECOND, &[300, 310, 290, 1305, 305]), None);
        assert_eq!(judged(SECOND / 10, &[300, 310, 290, 1305, 305, 301]), None);
    }

    #[test]
    fn the_arc_is_the_shortest_also_where_the_period_ends() {
        let at = |milliseconds: &[u64]| {
            let times: Vec<Duration> = milliseconds.iter().map(|at| Duration::from_millis(*at)).collect();
            (arc(&times, SECOND) * 1000.0).round() as u64
        };
        assert_eq!(at(&[100, 1150, 2120]), 50);
        assert_eq!(at(&[980, 1010, 2030, 3990]), 50);
        assert_eq!(at(&[0, 250, 500, 750]), 750);
        assert_eq!(at(&[0, 1000, 2000]), 0);
        assert_eq!(at(&[400]), 0);
    }
}
