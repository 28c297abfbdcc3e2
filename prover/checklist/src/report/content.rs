//! An examination from beginning to end: the findings, the score, the exit code.

use std::time::Duration;

use keel_catalogue::Catalogue;
use serde::Serialize;

use crate::finding::{Bearing, Evidence, Finding, Verdict};
use crate::subject::Subject;

/// The form of the JSON view; it changes when a field goes or changes its meaning.
pub const SCHEMA: u32 = 2;

/// Nothing falls short.
const FINE: u8 = 0;
/// Something falls short.
const SHORT: u8 = 1;
/// It was broken off.
const BROKEN_OFF: u8 = 130;

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
    /// What to change; only when it falls short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
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
    /// What somebody decided against, and the day has not passed.
    pub decided_against: usize,
    /// What somebody says that it holds; nothing was seen.
    pub attested: usize,
}

/// An examination from beginning to end.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The form of this report: [`SCHEMA`].
    pub schema: u32,
    /// The prover's version.
    pub keel: String,
    /// The subject's name.
    pub subject: String,
    /// How it was started.
    pub command: String,
    /// Where it listens.
    pub url: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// How long everything took, in seconds.
    pub took_seconds: f64,
    /// Whether it was broken off.
    pub interrupted: bool,
    /// 0 nothing falls short, 1 something does (or is unknown, when that counts), 130 it was broken off.
    pub exit_code: u8,
    /// How many attributes the catalogue has.
    pub catalogue: usize,
    /// How many attributes a probe ran on.
    pub examined: usize,
    /// The verdicts, counted.
    pub score: Score,
    /// Facts about which findings contradict each other, a sentence each; none of these findings holds.
    pub contradictions: Vec<String>,
    /// In the catalogue's order.
    pub findings: Vec<Examined>,
}

impl Examined {
    /// A finding on an attribute of the catalogue.
    pub(crate) fn new(catalogue: &Catalogue, finding: Finding, took: Duration) -> Self {
        let attribute = catalogue.get(finding.id());
        let mend = attribute.map(|attribute| attribute.mend.clone()).filter(|mend| !mend.is_empty());
        Self {
            chapter: finding.id().split('.').next().unwrap_or_default().to_owned(),
            statement: attribute.map(|attribute| attribute.statement.clone()).unwrap_or_default(),
            mend: mend.filter(|_| finding.verdict() == Verdict::FallsShort),
            took_seconds: seconds(took),
            finding,
        }
    }
}

impl Score {
    /// Counts verdicts. Each is counted as itself and nothing else.
    pub fn of(verdicts: impl Iterator<Item = Verdict>) -> Self {
        let mut score = Self::default();
        for verdict in verdicts {
            *match verdict {
                Verdict::Holds => &mut score.holds,
                Verdict::FallsShort => &mut score.falls_short,
                Verdict::Unknown => &mut score.unknown,
                Verdict::NotApplicable => &mut score.not_applicable,
                Verdict::DecidedAgainst => &mut score.decided_against,
                Verdict::Attested => &mut score.attested,
            } += 1;
        }
        score
    }

    /// Each verdict with its count, in the order of the views.
    pub(super) fn parts(self) -> [(usize, Verdict); 6] {
        [
            (self.holds, Verdict::Holds),
            (self.attested, Verdict::Attested),
            (self.falls_short, Verdict::FallsShort),
            (self.unknown, Verdict::Unknown),
            (self.not_applicable, Verdict::NotApplicable),
            (self.decided_against, Verdict::DecidedAgainst),
        ]
    }
}

impl Report {
    /// A report in which nothing has been found yet.
    pub(crate) fn new(subject: &Subject, started: String) -> Self {
        Self {
            schema: SCHEMA,
            keel: env!("CARGO_PKG_VERSION").to_owned(),
            subject: subject.name.clone(),
            command: subject.run.clone(),
            url: keel_input::credentials::shown(&subject.url),
            started,
            took_seconds: 0.0,
            interrupted: false,
            exit_code: FINE,
            catalogue: Catalogue::embedded().attributes().count(),
            score: Score::default(),
            examined: 0,
            contradictions: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Counts, when everything has been found; `strict` counts what is unknown as falling short.
    pub(crate) fn close(&mut self, took: Duration, strict: bool) {
        self.took_seconds = seconds(took);
        self.score = Score::of(self.findings.iter().map(|examined| examined.finding.verdict()));
        self.exit_code = if self.interrupted {
            BROKEN_OFF
        } else if self.score.falls_short > 0 || (strict && self.score.unknown > 0) {
            SHORT
        } else {
            FINE
        };
    }
}

/// A verdict as people read it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::FallsShort => "falls short",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "not applicable",
        Verdict::DecidedAgainst => "decided against",
        Verdict::Attested => "attested",
    }
}

/// The mark of a piece of evidence in the views.
pub(super) fn mark(bearing: Bearing) -> &'static str {
    match bearing {
        Bearing::For => "+",
        Bearing::Against => "-",
        Bearing::Gap => "?",
        Bearing::Figure => "\u{b7}",
    }
}

/// What a piece of evidence says, after the clause that it is about, with its control.
pub(super) fn told(piece: &Evidence) -> String {
    let clause = piece.clause().map_or_else(String::new, |clause| format!("{clause}: "));
    let control = piece.control().map_or_else(String::new, |control| format!(" (control: {control})"));
    format!("{clause}{}{control}", piece.what)
}

/// To the millisecond: more is noise.
fn seconds(took: Duration) -> f64 {
    took.as_millis() as f64 / 1000.0
}
