//! The report of a drill: on a terminal, as JSON, and as one page with its timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::finding::{Finding, Judgement};
use super::observed::Observed;
use super::plan::{Phase, Plan};
use crate::history::Operation;
use keel_load::Part;

mod html;

/// The report of one drill.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its subject.
    pub title: String,
    /// The reason why it matters.
    pub description: String,
    /// Its start: RFC 3339, UTC.
    pub start: String,
    /// The seed of the order of requests.
    pub seed: u64,
    /// The verdict.
    pub verdict: DrillVerdict,
    /// Each hypothesis.
    pub findings: Vec<Finding>,
    /// Everything that was done, with its time.
    pub events: Vec<Event>,
    /// From when to when something was broken.
    pub spans: Vec<Span>,
    /// The figures of the load; none when it broke off.
    pub load: Option<keel_load::Report>,
    /// The figures by phase: before the first step, until the last was undone, after the recovery.
    pub phases: Vec<(&'static str, Part)>,
    /// The load, second by second, by the time at which requests were to be sent.
    pub seconds: Vec<Second>,
    /// Transfers and reads of balances, where money was watched: what `keel history check --checker bank` judges.
    pub history: Vec<Operation>,
}

/// The verdict of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrillVerdict {
    /// Every hypothesis held.
    Held,
    /// At least one did not.
    FellShort,
    /// Too little was seen of at least one.
    Unknown,
    /// A hypothesis did not hold before anything was done: nothing was.
    NotSteady,
    /// It was broken off, and everything was undone.
    Aborted(String),
}

/// Something that was done.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// From the beginning of the load, in seconds.
    #[serde(serialize_with = "seconds")]
    pub at: Duration,
    /// Of which sort.
    pub mark: EventKind,
    /// In words.
    pub what: String,
}

/// The sort of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Something was broken.
    Fault,
    /// It was undone.
    Undo,
    /// The drill was broken off.
    Abort,
}

/// From when to when something was broken.
#[derive(Clone, Debug, Serialize)]
pub struct Span {
    /// From the beginning of the load, in seconds.
    #[serde(serialize_with = "seconds")]
    pub from: Duration,
    /// Until its undo, in seconds.
    #[serde(serialize_with = "seconds")]
    pub to: Duration,
    /// The step.
    pub what: String,
}

/// One second of the load.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Second {
    /// Requests that were to be sent in it.
    pub intended: u64,
    /// And were answered as expected.
    pub expected: u64,
    /// By request: the latency below which 99 of 100 were answered, in milliseconds.
    pub p99_ms: BTreeMap<String, f64>,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl DrillVerdict {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Held => "held".to_owned(),
            Self::FellShort => "fell short".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::NotSteady => "not run: it was not steady before anything was done".to_owned(),
            Self::Aborted(why) => format!("aborted: {why}"),
        }
    }
}

impl Report {
    /// Without what happened.
    pub(super) fn new(
        plan: &Plan,
        start: String,
        verdict: DrillVerdict,
        findings: Vec<Finding>,
        observed: &Observed,
        load: Option<keel_load::Report>,
    ) -> Self {
        let phases = [("before", Phase::Before), ("during", Phase::During), ("after", Phase::After)];
        Self {
            title: plan.title.clone(),
            description: plan.description.clone(),
            start,
            seed: plan.load.seed,
            verdict,
            findings,
            events: Vec::new(),
            spans: Vec::new(),
            load,
            phases: phases
                .into_iter()
                .map(|(name, phase)| (name, observed.samples.part(observed.span(phase))))
                .collect(),
            seconds: by_second(observed),
            history: Vec::new(),
        }
    }

    /// For people, with what was seen of each hypothesis.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n", self.title, self.verdict.words());
        for finding in &self.findings {
            let mark = match finding.outcome {
                Judgement::Held => "held      ",
                Judgement::FellShort => "fell short",
                Judgement::Unknown => "unknown   ",
            };
            text.push_str(&format!("  {mark}  {}: {}\n", finding.name, finding.evidence));
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        let phases = self.phases.iter().map(|(name, part)| ((*name).to_owned(), part.figures().json()));
        let document = json!({
            "title": self.title,
            "description": self.description,
            "start": self.start,
            "seed": self.seed,
            "verdict": self.verdict,
            "findings": self.findings,
            "events": self.events,
            "spans": self.spans,
            "load": self.load.as_ref().map(keel_load::Report::json),
            "phases": phases.collect::<serde_json::Map<String, Value>>(),
            "seconds": self.seconds,
        });
        format!("{document:#}")
    }
}

fn by_second(observed: &Observed) -> Vec<Second> {
    const SECOND: Duration = Duration::from_secs(1);
    let ends_after = |second: &u32| SECOND * *second < observed.lasts;
    let figures = |second: u32| {
        let part = observed.samples.part(SECOND * second..(SECOND * (second + 1)).min(observed.lasts));
        let (figures, total) = (part.figures(), part.figures().total());
        let p99 = |name: &String| {
            let latency = figures.kind(name)?.latency();
            (latency.count() > 0).then(|| (name.clone(), latency.quantile(0.99).as_secs_f64() * 1000.0))
        };
        let p99_ms = observed.kinds.iter().filter_map(p99).collect();
        Second { intended: total.count(), expected: total.expected(), p99_ms }
    };
    (0..).take_while(ends_after).map(figures).collect()
}
