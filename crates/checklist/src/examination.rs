//! Runs the probes in order, and applies the decisions.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::decision::{Day, Decisions};
use crate::finding::{Evidence, Finding, Verdict};
use crate::lab::{Lab, StartFailure};
use crate::probes::{self, Probe};

/// No probe takes longer.
pub const PROBE_BOUND: Duration = Duration::from_secs(150);

/// Which attributes to examine.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these ids; all when empty.
    pub only: Vec<String>,
    /// Only this chapter.
    pub chapter: Option<String>,
}

/// One finding, with what the catalogue says of its attribute.
#[derive(Clone, Debug, Serialize)]
pub struct Examined {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// The chapter.
    pub chapter: String,
    /// What is meant to hold.
    pub statement: String,
    /// What to change when it falls short.
    pub mend: String,
    /// How long the probe took, in seconds.
    pub took_seconds: f64,
}

/// How often each verdict was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// What was seen to hold.
    pub holds: usize,
    /// What was seen not to.
    pub falls_short: usize,
    /// What could not be seen.
    pub unknown: usize,
    /// What does not apply.
    pub not_applicable: usize,
    /// What somebody decided against, and the date has not passed.
    pub decided_against: usize,
}

/// An examination from beginning to end.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The prover's version.
    pub keel: String,
    /// The subject's name.
    pub subject: String,
    /// How it was started.
    pub command: String,
    /// Where it listens.
    pub url: String,
    /// How long everything took, in seconds.
    pub took_seconds: f64,
    /// Whether it was broken off.
    pub interrupted: bool,
    /// How many attributes the catalogue has.
    pub catalogue: usize,
    /// The verdicts, counted.
    pub score: Score,
    /// In the catalogue's order.
    pub findings: Vec<Examined>,
}

impl Selection {
    fn takes(&self, id: &str) -> bool {
        let chapter = id.split('.').next().unwrap_or_default();
        (self.only.is_empty() || self.only.iter().any(|only| only == id))
            && self.chapter.as_deref().is_none_or(|wanted| wanted == chapter)
    }
}

impl Report {
    /// Whether something falls short.
    pub fn falls_short(&self) -> bool {
        self.score.falls_short > 0
    }

    fn new(lab: &Lab) -> Self {
        Self {
            keel: env!("CARGO_PKG_VERSION").to_owned(),
            subject: lab.subject.name.clone(),
            command: lab.subject.run.clone(),
            url: lab.subject.url.to_string(),
            took_seconds: 0.0,
            interrupted: false,
            catalogue: 0,
            score: Score::default(),
            findings: Vec::new(),
        }
    }
}

impl Score {
    fn of(findings: &[Examined]) -> Self {
        let count = |verdict| findings.iter().filter(|examined| examined.finding.verdict == verdict).count();
        Self {
            holds: count(Verdict::Holds),
            falls_short: count(Verdict::FallsShort),
            unknown: count(Verdict::Unknown),
            not_applicable: count(Verdict::NotApplicable),
            decided_against: count(Verdict::DecidedAgainst),
        }
    }
}

/// Examines the subject. `progress` is told of each probe before it runs: its number, how many there are, its id.
///
/// Ends early, with what was found so far, when `interrupt` is done.
///
/// # Errors
/// When the subject cannot be started at all. Later failures to start are findings.
pub async fn examine(
    lab: &mut Lab,
    selection: &Selection,
    decisions: &Decisions,
    today: &Day,
    mut progress: impl FnMut(usize, usize, &str),
    interrupt: impl Future<Output = ()>,
) -> Result<Report, StartFailure> {
    let (begun, catalogue) = (Instant::now(), Catalogue::embedded());
    let chosen: Vec<Probe> = probes::all().into_iter().filter(|probe| selection.takes(probe.id)).collect();
    let mut report = Report::new(lab);
    report.catalogue = catalogue.attributes().count();
    lab.ensure_running().await?;

    let mut interrupt = std::pin::pin!(interrupt);
    let mut findings: Vec<(Finding, Duration)> = Vec::new();
    for (number, probe) in chosen.iter().enumerate() {
        progress(number + 1, chosen.len(), probe.id);
        let started = Instant::now();
        let finding = tokio::select! {
            finding = examine_one(lab, probe) => finding,
            () = interrupt.as_mut() => {
                report.interrupted = true;
                break;
            }
        };
        findings.push((decisions.apply(finding, today), started.elapsed()));
    }
    for id in &selection.only {
        if !chosen.iter().any(|probe| probe.id == id) {
            let reason = "this version has no probe for it";
            findings.push((decisions.apply(Finding::unknown(id, reason, Vec::new()), today), Duration::ZERO));
        }
    }
    lab.stop().await;

    report.findings = in_order(&catalogue, findings);
    report.score = Score::of(&report.findings);
    report.took_seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// One probe on the running subject, bounded in time; a probe that panics has found nothing out.
async fn examine_one(lab: &mut Lab, probe: &Probe) -> Finding {
    if let Err(failure) = lab.ensure_running().await {
        let reason = format!("the subject could not be started again before this probe: {failure}");
        return Finding::unknown(probe.id, reason, vec![Evidence::note(failure.output.join("\n"))]);
    }
    let examining = AssertUnwindSafe((probe.examine)(lab)).catch_unwind();
    match tokio::time::timeout(PROBE_BOUND, examining).await {
        Ok(Ok(finding)) => finding,
        Ok(Err(_panic)) => {
            Finding::unknown(probe.id, "the probe failed: a fault of keel, please report it", Vec::new())
        }
        Err(_) => Finding::unknown(probe.id, format!("the probe did not end within {PROBE_BOUND:?}"), Vec::new()),
    }
}

fn in_order(catalogue: &Catalogue, findings: Vec<(Finding, Duration)>) -> Vec<Examined> {
    let place = |id: &str| catalogue.attributes().position(|attribute| attribute.id == id);
    let mut examined: Vec<Examined> = findings
        .into_iter()
        .map(|(finding, took)| {
            let attribute = catalogue.get(&finding.id);
            Examined {
                chapter: finding.id.split('.').next().unwrap_or_default().to_owned(),
                statement: attribute.map(|attribute| attribute.statement.clone()).unwrap_or_default(),
                mend: attribute.map(|attribute| attribute.mend.clone()).unwrap_or_default(),
                took_seconds: took.as_secs_f64(),
                finding,
            }
        })
        .collect();
    examined.sort_by_key(|examined| place(&examined.finding.id));
    examined
}
