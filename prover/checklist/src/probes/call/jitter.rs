//! `call.jitter`: everything periodic is jittered; nothing that many instances do is synchronised.
//!
//! - **Hypothesis**: calls that come by themselves, again and again, do not come at the same time from instances that were started
//!   together.
//! - **Sent**: nothing. The service runs with a double of the prover in the place of each dependency that speaks plain HTTP, and calls
//!   without a request are recorded: of each kind (dependency, method and path) until twelve have come, six where these are clearly jittered, at most 30 s; 12 s where by
//!   then no kind has come twice, as six of it would not come in 30 s. Kinds whose calls come at even intervals are
//!   looked at again in five more starts, until two have come: what an instance does so long after its start, others that are started
//!   with it do at the same time.
//! - **Decides**: of each kind with at least six calls: intervals whose middle half is at least 5 % of the period wide (and 25 ms) are
//!   jittered. Even ones (at most 2 %, or 5 ms) hold when the six starts fall on different parts of the period, counted from each
//!   start, from when it listens and by the clock: no quarter of it has them all. When a tenth has them all, every instance does it at
//!   once: falls short. Values between are unknown, and so is a period of less than 500 ms, which the noise of starts would seem to
//!   spread. No such kind: unknown, as longer periods, and what is no call over HTTP, are not seen.
//! - **Control**: an even beat of keel's own, and the time for which the service waited for a processor that other programs had.
//!   Intervals that are less than twice as wide as these make even ones are unknown, and so are starts that took so differently
//!   long that this alone would spread even intervals.
//!   Dependencies that do not speak plain HTTP are gaps.
//! - **Blast radius**: the service is started up to six times with the prover's doubles in the dependencies' places, and stopped at
//!   the end.
//! - **Bound in time**: 12 s where nothing repeats, else 30 s, and six starts; for even intervals five times two and a half periods (at most 6 s each) more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use keel_drill::double::{Call, Double};

use super::support::double_in_place::{self, percentile};
use crate::clause::call::jitter as clause;
use crate::contention::{self, Contention};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::{Dependencies, Dependency};

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "call.jitter";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The longest that calls are waited for which come by themselves.
const WINDOW: Duration = Duration::from_secs(30);
/// The longest that the second call of some kind is waited for.
const SECOND_CALL: Duration = Duration::from_secs(12);
/// So many of each kind are enough, and fewer than so many show no period.
const ENOUGH: usize = 12;
const FEWEST: usize = 6;
/// The fewest are enough where intervals are scattered by so many times what counts as jittered.
const CLEARLY: f64 = 1.5;
/// Starts after the first.
const STARTS: usize = 5;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// The shortest period whose beginnings are told apart from the noise of starts.
const SHORTEST: Duration = Duration::from_millis(500);
/// The middle half of intervals, for a hundred of the period: from so wide they are jittered, up to so wide even.
const JITTERED: u32 = 5;
const EVEN: u32 = 2;
/// Noise of a busy machine in even intervals; the same for every period.
const NOISE: Duration = Duration::from_millis(25);
const CLOCKS: Duration = Duration::from_millis(5);
/// The part of the period within which all starts lie: above the one they are spread, up to the other they are at once.
const SPREAD: f64 = 0.25;
const AT_ONCE: f64 = 0.1;
/// Starts that differ by more of the period would spread what begins with them.
const STARTS_DIFFER: f64 = 0.1;

/// Examines the running subject; starts it again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = match &lab.subject.dependencies {
        Dependencies::Unsaid => {
            let reason = "its dependencies are not declared: declare [dependencies.NAME] with `env` and `url`; or dependencies = \"none\"";
            return Finding::unknown(ID, reason, Vec::new());
        }
        Dependencies::Declared(declared) if declared.is_empty() => {
            let reason = "dependencies = \"none\" is declared: it calls nothing over a network";
            return Finding::not_applicable(ID, reason, Vec::new());
        }
        Dependencies::Declared(declared) => declared.clone(),
    };
    let (declared, others): (Vec<Dependency>, Vec<Dependency>) =
        declared.into_iter().partition(|one| one.url.scheme() == "http");
    let left_out = others.iter().map(|one| {
        let why = "it does not speak plain HTTP, and calls of other protocols are not told apart";
        Evidence::gap(format!("what is done to {} by itself was not examined: {why}", one.name))
    });
    let left_out: Vec<Evidence> = left_out.collect();
    if declared.is_empty() {
        return Finding::unknown(ID, "no dependency speaks plain HTTP", left_out);
    }
    let finding = judge(lab, declared).await.unwrap_or_else(|finding| finding);
    lab.stop().await;
    finding.also(left_out)
}

async fn judge(lab: &mut Lab, declared: Vec<Dependency>) -> Result<Finding, Finding> {
    let mut places = Vec::new();
    for one in declared {
        let double = double_in_place::double_of(ID, &one).await?;
        places.push((one, double));
    }
    let second_call = lab.pace.of(SECOND_CALL);
    let enough = |watched: Duration, kinds: &Kinds| {
        let enough = all_came(&places, kinds) && kinds.values().all(|times| suffice(times));
        enough || watched >= second_call && kinds.values().all(|times| times.len() < 2)
    };
    let first = Run::watch(lab, &places, lab.pace.of(WINDOW), enough).await?;
    let kinds: Vec<(String, Intervals)> = first
        .kinds
        .iter()
        .filter(|(_, times)| times.len() >= FEWEST)
        .map(|(kind, times)| (kind.clone(), Intervals::of(times)))
        .collect();
    let mut runs = vec![first];
    let even: Vec<&(String, Intervals)> = kinds.iter().filter(|(_, one)| one.are_even()).collect();
    if let Some(longest) = even.iter().map(|(_, one)| one.period).max() {
        let twice = |_: Duration, kinds: &Kinds| {
            even.iter().all(|(kind, _)| kinds.get(kind).is_some_and(|times| times.len() >= 2))
        };
        for _ in 0..STARTS {
            runs.push(Run::watch(lab, &places, longest * 5 / 2, twice).await?);
        }
    }
    let judged = kinds.iter().map(|(kind, intervals)| judge_kind(kind, intervals, &runs));
    let pieces = judged.flat_map(|(good, what)| {
        [clause::JITTERED.maybe(good, what.clone()), clause::UNSYNCHRONISED.maybe(good, what)]
    });
    let evidence: Vec<Evidence> = pieces.collect();
    if evidence.is_empty() {
        let reason = format!(
            "fewer than {FEWEST} calls of a kind came to {} by themselves within {:.0?}: what is done less often, or \
             is no call over HTTP, is not seen",
            places.iter().map(|(one, _)| one.name.as_str()).collect::<Vec<_>>().join(", "),
            runs[0].watched
        );
        return Ok(Finding::unknown(ID, reason, vec![Evidence::note(runs[0].told())]));
    }
    Ok(Finding::judge(ID, evidence))
}

fn judge_kind(kind: &str, intervals: &Intervals, runs: &[Run]) -> (Option<bool>, String) {
    let Intervals { period, width } = *intervals;
    let told = format!("{kind} comes by itself every {period:.1?}, the middle half of intervals {width:.1?} wide");
    let events = runs.first().and_then(|run| run.kinds.get(kind)).map_or(0, Vec::len);
    let noise = runs.first().map(|run| run.contention).filter(|contention| !contention.is_scattered(width, events));
    let busy = || noise.map_or_else(String::new, |contention| format!(": {}", contention.told(events)));
    if intervals.are_jittered() {
        return if noise.is_some() { (None, told + &busy()) } else { (Some(true), told) };
    }
    if !intervals.are_even() {
        return (None, if noise.is_some() { told + &busy() } else { told + ": neither even nor clearly jittered" });
    }
    if period < SHORTEST {
        return (None, format!("{told}: even, but too short to see whether starts spread it"));
    }
    let since = |origin: &dyn Fn(&Run) -> Instant| -> Vec<Duration> {
        let first = |run: &Run| Some(run.kinds.get(kind)?.first()?.saturating_duration_since(origin(run)));
        runs.iter().filter_map(first).collect()
    };
    let (from_start, by_clock) = (since(&|run| run.started), since(&|_| runs[0].started));
    let from_listening = since(&|run| run.started + run.listening);
    if from_start.len() <= STARTS {
        return (None, format!("{told}: even, but not seen in each of {} starts", STARTS + 1));
    }
    let since_start = arc(&from_start, period).min(arc(&from_listening, period));
    let (starts, by_clock) = (from_start.len(), arc(&by_clock, period));
    let what = format!(
        "{told}; {starts} starts have it within {:.0} % of the period, counted from the start, and {:.0} % by the clock",
        since_start * 100.0,
        by_clock * 100.0
    );
    let least = since_start.min(by_clock);
    let listening = || runs.iter().map(|run| run.listening);
    let differ = listening().max().unwrap_or_default() - listening().min().unwrap_or_default();
    if least > AT_ONCE && differ > period.mul_f64(STARTS_DIFFER) {
        let what =
            format!("{what}: starts differ by {differ:.1?}, which may spread it, or the machine was too busy to tell");
        return (None, what);
    }
    let good = if least <= AT_ONCE { Some(false) } else { (least > SPREAD).then_some(true) };
    (good, what)
}

/// Returns true if these calls of one kind show whether they are jittered.
fn suffice(times: &[Instant]) -> bool {
    times.len() >= ENOUGH || times.len() >= FEWEST && Intervals::of(times).are_clearly_jittered()
}

/// Times of calls, by method, path and dependency.
type Kinds = BTreeMap<String, Vec<Instant>>;

/// Returns true once each dependency got a call of some kind.
fn all_came(places: &[(Dependency, Double)], kinds: &Kinds) -> bool {
    places.iter().all(|(one, _)| kinds.keys().any(|kind| kind.ends_with(&format!(" of {}", one.name))))
}

/// One start of the subject, and the calls that came by themselves.
struct Run {
    started: Instant,
    /// From then until it listened.
    listening: Duration,
    /// From then until no more calls were waited for.
    watched: Duration,
    kinds: Kinds,
    contention: Contention,
}

impl Run {
    /// Starts it and watches until the calls suffice, at most so long; what readiness costs is not looked at.
    async fn watch(
        lab: &mut Lab,
        places: &[(Dependency, Double)],
        limit: Duration,
        until: impl Fn(Duration, &Kinds) -> bool,
    ) -> Result<Self, Finding> {
        let replaced: Vec<(&Dependency, &Double)> = places.iter().map(|(one, double)| (one, double)).collect();
        let listening = double_in_place::start_with(ID, lab, &replaced).await?.listening;
        let started = lab.process().started();
        let contention = contention::Watch::begin(lab);
        for (_, double) in places {
            double.take_calls();
        }
        let ready = Instant::now();
        let mut kinds = Kinds::new();
        while ready.elapsed() < limit && !until(ready.elapsed(), &kinds) {
            tokio::time::sleep(LOOK).await;
            for (declared, double) in places {
                for Call { method, path, at, .. } in double.take_calls() {
                    let path = path.split('?').next().unwrap_or_default();
                    kinds.entry(format!("{method} {path} of {}", declared.name)).or_default().push(at);
                }
            }
        }
        Ok(Self { started, listening, watched: ready.elapsed(), kinds, contention: contention.end() })
    }

    fn told(&self) -> String {
        if self.kinds.is_empty() {
            return "no call came by itself".to_owned();
        }
        let told = self.kinds.iter().map(|(kind, times)| format!("{kind} {} times", times.len()));
        format!("by themselves came {}", told.collect::<Vec<_>>().join(", "))
    }
}

/// Intervals between calls of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intervals {
    /// One of them on average.
    period: Duration,
    /// The width of the middle half of them.
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

    fn are_clearly_jittered(&self) -> bool {
        self.width.div_f64(CLEARLY) >= NOISE.max(self.period * JITTERED / 100)
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
