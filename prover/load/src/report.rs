//! The report of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

pub use crate::latencies::{Latencies, QUANTILES};
use crate::latencies::{histogram, word};
use crate::outcome::Outcome;

/// The version of [`Report::json`]'s form.
pub const VERSION: u32 = 1;
/// The report of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target of the load.
    pub target: String,
    /// The seed of the run.
    pub seed: u64,
    /// The time within which an answer counts as goodput, where the plan has one.
    pub objective: Option<Duration>,
    /// The length of the profile.
    pub planned: Duration,
    /// From the start to the last outcome.
    pub took: Duration,
    /// Arrivals that the schedule came to.
    pub intended: u64,
    /// Requests that were sent; the rest of the intended were not.
    pub sent: u64,
    /// Attempts, retries included.
    pub attempts: u64,
    /// Why what came was no answer, and how often.
    pub broken: Vec<(&'static str, u64)>,
    /// By kind, in the plan's order: its name, and a row for each outcome that was seen.
    pub kinds: Vec<(String, Vec<Row>)>,
    /// The lag between arrivals and their sending. The wait for a free connection that follows is part of their latency.
    pub lag: Latencies,
    /// The lag above which an arrival was late.
    pub allowed_lag: Duration,
    /// Second by second, by when outcomes were known.
    pub seconds: Vec<Second>,
    /// The latencies of each second.
    pub(super) intervals: Vec<Interval>,
    /// The validity: whether the generator kept its schedule.
    pub validity: Validity,
    /// True if the run was ended before its profile was.
    pub ended_early: bool,
}

/// Validity of a run: whether the generator kept its schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Validity {
    /// It did.
    Valid,
    /// It fell behind: the figures are not those of the load that was asked for.
    Behind {
        /// The share of arrivals to which it came later than it was allowed to.
        late: f64,
        /// The latest.
        worst: Duration,
    },
}

/// One outcome of one kind of request.
#[derive(Clone, Debug)]
pub struct Row {
    /// The outcome.
    pub outcome: Outcome,
    /// The number of requests.
    pub count: u64,
    /// The latency from the intended send time to the end of the answer.
    pub latency: Latencies,
    /// From the sending itself.
    pub service: Latencies,
}

/// One second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Arrivals that were due in it.
    pub intended: u64,
    /// Outcomes that were known in it.
    pub done: u64,
    /// Those that were expected.
    pub expected: u64,
    /// Half of the latencies are within.
    pub p50: Option<Duration>,
    /// 99 of 100 are within.
    pub p99: Option<Duration>,
    /// The longest.
    pub max: Option<Duration>,
}

/// The latencies of one second, small: most of a histogram is zeros.
#[derive(Clone, Debug)]
pub(super) struct Interval {
    pub(super) second: u64,
    /// Values and how often they were seen.
    counts: Vec<(u64, u64)>,
}

/// All outcomes of one kind, or of all.
#[derive(Debug)]
pub struct Summary<'a>(Vec<&'a Row>);

/// Figures of a run, or of a part of it.
#[derive(Clone, Copy, Debug)]
pub struct Figures<'a> {
    /// The rows of each kind of request, in the order of the plan.
    pub kinds: &'a [(String, Vec<Row>)],
    pub(super) lasts: Duration,
    pub(super) objective: Option<Duration>,
}

/// Counts one request.
pub(super) fn count(rows: &mut Vec<Row>, outcome: Outcome, latency: Duration, service: Duration) {
    let at = rows.iter().position(|row| row.outcome == outcome).unwrap_or_else(|| {
        rows.push(Row::new(outcome));
        rows.len() - 1
    });
    rows[at].count += 1;
    if outcome != Outcome::NotSent {
        rows[at].latency.record(latency);
        rows[at].service.record(service);
    }
}

impl Interval {
    pub(super) fn encode(second: u64, latencies: &Histogram<u64>) -> Self {
        let counts = latencies.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
        Self { second, counts: counts.collect() }
    }

    pub(super) fn histogram(&self) -> Histogram<u64> {
        let mut all = histogram();
        for (value, count) in &self.counts {
            // It grows as it must.
            let _ = all.record_n(*value, *count);
        }
        all
    }
}

impl Row {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self { outcome, count: 0, latency: Latencies::default(), service: Latencies::default() }
    }
}

impl Summary<'_> {
    /// Those that ended so.
    #[must_use]
    pub fn only(self, outcome: Outcome) -> Self {
        Self(self.0.into_iter().filter(|row| row.outcome == outcome).collect())
    }

    /// Returns the number of completed requests.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|row| row.count).sum()
    }

    /// Returns the number of requests with this outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0.iter().filter(|row| row.outcome == outcome).map(|row| row.count).sum()
    }

    /// Returns the number of requests with the expected outcome.
    pub fn expected(&self) -> u64 {
        self.of(Outcome::Expected)
    }

    /// Returns the number of requests with the expected outcome, within the objective if there is one.
    fn good(&self, objective: Option<Duration>) -> u64 {
        let expected = self.0.iter().filter(|row| row.outcome == Outcome::Expected);
        expected.map(|row| objective.map_or(row.count, |bound| row.latency.within(bound))).sum()
    }

    /// The share that did not end as expected; 0 when there were none.
    pub fn errors(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => (count - self.expected()) as f64 / count as f64,
        }
    }

    /// Returns all latencies from the intended send time, of every outcome but unsent requests.
    pub fn latency(&self) -> Latencies {
        let mut all = Latencies::default();
        self.0.iter().for_each(|row| all.add(&row.latency));
        all
    }

    /// Latencies from the intended time of those that ended as expected.
    pub fn expected_latency(&self) -> Latencies {
        let mut all = Latencies::default();
        self.0.iter().filter(|row| row.outcome == Outcome::Expected).for_each(|row| all.add(&row.latency));
        all
    }

    /// Every time from the sending itself.
    pub fn service(&self) -> Latencies {
        let mut all = Latencies::default();
        self.0.iter().for_each(|row| all.add(&row.service));
        all
    }

    /// Outcomes and how often they were seen, the most frequent first.
    pub fn outcomes(&self) -> Vec<(Outcome, u64)> {
        let mut outcomes: Vec<(Outcome, u64)> = Vec::new();
        for row in &self.0 {
            match outcomes.iter_mut().find(|(outcome, _)| *outcome == row.outcome) {
                Some((_, count)) => *count += row.count,
                None => outcomes.push((row.outcome, row.count)),
            }
        }
        outcomes.sort_by_key(|(outcome, count)| (std::cmp::Reverse(*count), *outcome));
        outcomes
    }

    fn json(&self) -> Value {
        let outcomes = self.outcomes().into_iter().map(|(outcome, count)| (outcome.word(), count.into()));
        json!({
            "count": self.count(),
            "expected": self.expected(),
            "errors": self.errors(),
            "outcomes": outcomes.collect::<serde_json::Map<_, _>>(),
            "latency_ms": self.latency().json(),
            "expected_latency_ms": self.expected_latency().json(),
            "service_ms": self.service().json(),
        })
    }
}

impl<'a> Figures<'a> {
    /// All kinds together.
    pub fn total(&self) -> Summary<'a> {
        Summary(self.kinds.iter().flat_map(|(_, rows)| rows).collect())
    }

    /// One kind by its name.
    pub fn kind(&self, name: &str) -> Option<Summary<'a>> {
        let found = self.kinds.iter().filter(|(other, _)| other == name).flat_map(|(_, rows)| rows).collect();
        self.kinds.iter().any(|(other, _)| other == name).then_some(Summary(found))
    }

    /// Expected answers a second; with an objective, those within it.
    pub fn goodput(&self) -> f64 {
        per_second(self.total().good(self.objective), self.lasts)
    }

    /// Requests sent a second.
    pub fn rate(&self) -> f64 {
        let total = self.total();
        per_second(total.count() - total.of(Outcome::NotSent), self.lasts)
    }

    /// The figures as JSON: `total`, and `kinds` by name; durations are in milliseconds.
    pub fn json(&self) -> Value {
        let kinds = self.kinds.iter().map(|(name, rows)| (name.clone(), Summary(rows.iter().collect()).json()));
        json!({ "total": self.total().json(), "kinds": kinds.collect::<serde_json::Map<_, _>>() })
    }
}

impl Validity {
    /// Returns the fault of the run for people, or `None` if it is valid.
    pub fn told(&self, allowed_lag: Duration) -> Option<String> {
        let Self::Behind { late, worst } = self else { return None };
        Some(format!(
            "the generator fell behind its schedule: it came to {:.1} % of arrivals more than {} late, the latest {}: \
             send less, or from a machine with more processors",
            late * 100.0,
            milliseconds(allowed_lag),
            milliseconds(*worst)
        ))
    }
}

impl Report {
    /// Returns the figures of the whole run, over the length of its profile.
    pub fn figures(&self) -> Figures<'_> {
        Figures { kinds: &self.kinds, lasts: self.length(), objective: self.objective }
    }

    /// All kinds together.
    pub fn total(&self) -> Summary<'_> {
        self.figures().total()
    }

    /// One kind by its name.
    pub fn kind(&self, name: &str) -> Option<Summary<'_>> {
        self.figures().kind(name)
    }

    /// Expected answers a second of the profile's length; with an objective, those within it.
    pub fn goodput(&self) -> f64 {
        self.figures().goodput()
    }

    /// Requests sent a second of the profile's length.
    pub fn rate(&self) -> f64 {
        per_second(self.sent, self.length())
    }

    /// Arrivals a second that were intended.
    pub fn intended_rate(&self) -> f64 {
        per_second(self.intended, self.length())
    }

    fn length(&self) -> Duration {
        if self.ended_early { self.took } else { self.planned }
    }

    /// The report as JSON; durations are in milliseconds, rates a second.
    pub fn json(&self) -> Value {
        let mut figures = self.figures().json();
        let second = |second: &Second| {
            let milliseconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64() * 1000.0);
            json!({
                "intended": second.intended, "done": second.done, "expected": second.expected,
                "p50_ms": milliseconds(second.p50), "p99_ms": milliseconds(second.p99), "max_ms": milliseconds(second.max),
            })
        };
        json!({
            "version": VERSION,
            "target": self.target,
            "seed": self.seed,
            "planned_s": self.planned.as_secs_f64(),
            "took_s": self.took.as_secs_f64(),
            "ended_early": self.ended_early,
            "valid": self.validity == Validity::Valid,
            "intended": self.intended,
            "sent": self.sent,
            "attempts": self.attempts,
            "broken": self.broken.iter().map(|(why, count)| (*why, *count)).collect::<BTreeMap<_, _>>(),
            "intended_rate": self.intended_rate(),
            "rate": self.rate(),
            "goodput": self.goodput(),
            "objective_ms": self.objective.map(|bound| bound.as_secs_f64() * 1000.0),
            "lag_ms": self.lag.json(),
            "total": figures["total"].take(),
            "kinds": figures["kinds"].take(),
            "seconds": self.seconds.iter().map(second).collect::<Vec<_>>(),
        })
    }

    /// The report for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let total = self.total();
        let _ = writeln!(
            text,
            "{}: {} requests in {:.1} s, {:.1}/s intended, {:.1}/s sent, {:.1}/s answered as expected{}",
            self.target,
            total.count(),
            self.took.as_secs_f64(),
            self.intended_rate(),
            self.rate(),
            self.goodput(),
            self.objective.map(|bound| format!(" within {bound:?}")).unwrap_or_default()
        );
        for (name, rows) in &self.kinds {
            let summary = Summary(rows.iter().collect());
            let _ = write!(text, "  {name}: ");
            let outcomes = summary.outcomes().into_iter().map(|(outcome, count)| format!("{count} {}", outcome.word()));
            let _ = writeln!(text, "{}", outcomes.collect::<Vec<_>>().join(", "));
        }
        for (why, count) in &self.broken {
            let _ = writeln!(text, "  broken {count} times: {why}");
        }
        let _ = writeln!(
            text,
            "  {:24}{}",
            "",
            QUANTILES.map(|quantile| format!("{:>10}", word(quantile))).concat() + "       max"
        );
        for (told, latencies) in [
            ("from the intended time", total.latency()),
            ("from the sending", total.service()),
            ("late in leaving", self.lag.clone()),
        ] {
            let quantiles = QUANTILES.map(|quantile| format!("{:>10}", milliseconds(latencies.quantile(quantile))));
            let _ = writeln!(text, "  {told:24}{}{:>10}", quantiles.concat(), milliseconds(latencies.max()));
        }
        if self.attempts > self.sent {
            let _ = writeln!(text, "  {} attempts were made for {} requests", self.attempts, self.sent);
        }
        if self.ended_early {
            let _ = writeln!(
                text,
                "  ended early, after {:.1} of {:.1} s",
                self.took.as_secs_f64(),
                self.planned.as_secs_f64()
            );
        }
        if let Some(why) = self.validity.told(self.allowed_lag) {
            let _ = writeln!(text, "  INVALID: {why}");
        }
        text
    }
}

fn per_second(count: u64, length: Duration) -> f64 {
    if length.is_zero() { 0.0 } else { count as f64 / length.as_secs_f64() }
}

/// Formats a latency for a report: `1.25 ms`, `1.50 s`.
pub fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    if milliseconds < 1000.0 { format!("{milliseconds:.2} ms") } else { format!("{:.2} s", milliseconds / 1000.0) }
}
