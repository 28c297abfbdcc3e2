//! What a drill found: on a terminal, as JSON, and as one page with its timeline.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::hypothesis::{Finding, Outcome, Seen, quantile};
use super::plan::Plan;

mod html;

/// The report of one drill.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// What it was about.
    pub title: String,
    /// Why it matters.
    pub description: String,
    /// When it began: RFC 3339, UTC.
    pub start: String,
    /// What the order of requests was drawn from.
    pub seed: u64,
    /// What became of it.
    pub verdict: Verdict,
    /// Each hypothesis.
    pub findings: Vec<Finding>,
    /// What was done, and when.
    pub events: Vec<Event>,
    /// The load, second by second, by the time at which requests were to be sent.
    pub seconds: Vec<Second>,
    /// Attempts for each request, retries included.
    pub attempts_per_request: f64,
}

/// What became of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
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
    pub mark: Mark,
    /// In words.
    pub what: String,
}

/// The sort of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Something was broken.
    Fault,
    /// It was undone.
    Undo,
    /// The drill was broken off.
    Abort,
}

/// One second of the load.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Second {
    /// Requests that were to be sent in it and succeeded.
    pub succeeded: usize,
    /// And that did not.
    pub failed: usize,
    /// By request: how many were to be sent, and the latencies below which half, and 99 of 100, were answered, in milliseconds.
    pub requests: BTreeMap<String, (usize, f64, f64)>,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Verdict {
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
    pub(super) fn new(
        plan: &Plan,
        start: String,
        verdict: Verdict,
        findings: Vec<Finding>,
        events: Vec<Event>,
        seen: &Seen,
    ) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "counts of requests")]
        let attempts_per_request = seen.attempts as f64 / seen.records.len().max(1) as f64;
        Self {
            title: plan.title.clone(),
            description: plan.description.clone(),
            start,
            seed: plan.load.seed,
            verdict,
            findings,
            events,
            seconds: by_second(plan, seen),
            attempts_per_request,
        }
    }

    /// For people, with what was seen of each hypothesis.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}: {}\n", self.title, self.verdict.words());
        for finding in &self.findings {
            let mark = match finding.outcome {
                Outcome::Held => "held      ",
                Outcome::FellShort => "fell short",
                Outcome::Unknown => "unknown   ",
            };
            text.push_str(&format!("  {mark}  {}: {}\n", finding.name, finding.evidence));
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        // Texts as keys, and no number that JSON does not have: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// One page that needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

fn by_second(plan: &Plan, seen: &Seen) -> Vec<Second> {
    let length = usize::try_from(plan.load.lasts.as_secs_f64().ceil() as u64).unwrap_or_default();
    let mut seconds = vec![Second::default(); length];
    let mut took: Vec<BTreeMap<usize, Vec<Duration>>> = vec![BTreeMap::new(); length];
    for record in &seen.records {
        let place = usize::try_from(record.at.as_secs()).unwrap_or(usize::MAX);
        let (Some(second), Some(took)) = (seconds.get_mut(place), took.get_mut(place)) else { continue };
        *(if record.succeeded { &mut second.succeeded } else { &mut second.failed }) += 1;
        took.entry(record.kind).or_default().push(record.took);
    }
    for (second, took) in seconds.iter_mut().zip(took) {
        for (kind, mut took) in took {
            took.sort_unstable();
            let value = |of_100| quantile(&took, of_100).as_secs_f64() * 1000.0;
            second.requests.insert(seen.kinds[kind].name.clone(), (took.len(), value(50), value(99)));
        }
    }
    seconds
}
