//! An examination from beginning to end: the findings, the score, the exit code.

use std::time::Duration;

use keel_catalogue::Catalogue;
use serde::{Deserialize, Serialize};

use super::changes::Changes;
use crate::finding::{Finding, Verdict};
use crate::first_try::FirstTry;
use crate::subject::Subject;

/// The form of the JSON view; it changes when a field goes or changes its meaning.
pub const SCHEMA: u32 = 2;

/// Nothing falls short.
const FINE: u8 = 0;
/// Something falls short.
const SHORT: u8 = 1;
/// The exit code of an interrupted examination.
const BROKEN_OFF: u8 = 130;

/// The findings that make the exit code 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// An attribute falls short.
    #[default]
    FallsShort,
    /// An attribute falls short or is unknown.
    Unknown,
    /// An attribute falls short that does not in the baseline.
    New,
}

/// One finding, with what the catalogue says of its attribute.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Examined {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The chapter.
    pub chapter: String,
    /// The statement of the attribute.
    pub statement: String,
    /// The remedy, if it falls short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// A script that shows it without keel; only when it falls short, and a short one can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// The duration of the probe, in seconds.
    pub took_seconds: f64,
}

/// Number of findings per verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Score {
    /// Attributes that hold.
    pub holds: usize,
    /// Attributes that fall short.
    pub falls_short: usize,
    /// Attributes that are unknown.
    pub unknown: usize,
    /// Attributes that do not apply.
    pub not_applicable: usize,
    /// Attributes with a current decision against them.
    pub decided_against: usize,
    /// Attributes that a person attests; nothing was seen.
    pub attested: usize,
}

/// An examination from beginning to end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The form of this report: [`SCHEMA`].
    pub schema: u32,
    /// The prover's version.
    pub keel: String,
    /// The subject's name.
    pub subject: String,
    /// The command that started it.
    pub command: String,
    /// The address it listens on.
    pub url: String,
    /// The file that declares it; none when the command line does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The start: RFC 3339, UTC.
    pub started: String,
    /// The duration of the whole run, in seconds.
    pub took_seconds: f64,
    /// True if it was interrupted.
    pub interrupted: bool,
    /// The findings that make the exit code 1.
    #[serde(default)]
    pub fail_on: FailOn,
    /// The exit code: 0 or 1 by `fail_on`, 130 if it was interrupted.
    pub exit_code: u8,
    /// The number of attributes in the catalogue.
    pub catalogue: usize,
    /// The number of attributes that a probe ran on.
    pub examined: usize,
    /// The verdicts, counted.
    pub score: Score,
    /// The result of the last selftest; `None` if there was none.
    #[serde(default)]
    pub selftest: Option<Selftest>,
    /// The version of keel that collected the evidence, when another one judged it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_by: Option<String>,
    /// The outcome of the first try of the declared requests; none when nothing was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_try: Option<FirstTry>,
    /// The changes since an earlier report, when it was compared with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
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
            script: None,
            took_seconds: seconds(took),
            finding,
        }
    }
}

/// A selftest of the machine on which a run was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Selftest {
    /// The end: RFC 3339, UTC.
    pub ended: String,
    /// The version of keel.
    pub keel: String,
    /// The machine: system, architecture and number of processors.
    pub machine: String,
    /// The number of specimens that were judged.
    pub judged: usize,
    /// Those that were judged otherwise than they should be: attribute and specimen.
    pub misjudged: Vec<String>,
}

impl Selftest {
    /// One sentence about it.
    pub fn told(&self) -> String {
        let Self { ended, keel, machine, judged, misjudged } = self;
        let found = match misjudged.as_slice() {
            [] => "all of them right".to_owned(),
            some => format!("{} of them wrong ({})", some.len(), some.join(", ")),
        };
        format!("The selftest of {ended} (keel {keel}, {machine}) judged {judged} specimens, {found}.")
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
            config: None,
            started,
            took_seconds: 0.0,
            interrupted: false,
            fail_on: FailOn::default(),
            exit_code: FINE,
            catalogue: Catalogue::embedded().attributes().count(),
            score: Score::default(),
            examined: 0,
            selftest: None,
            evidence_by: None,
            first_try: None,
            changes: None,
            contradictions: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Counts, when everything has been found.
    pub(crate) fn close(&mut self, took: Duration) {
        self.took_seconds = seconds(took);
        self.score = Score::of(self.findings.iter().map(|examined| examined.finding.verdict()));
        self.exit_code = self.code();
    }

    /// Says which findings make the exit code 1, and what has changed since an earlier report.
    #[must_use]
    pub fn judged(mut self, fail_on: FailOn, changes: Option<Changes>) -> Self {
        self.changes = changes;
        self.fail_on = fail_on;
        self.exit_code = self.code();
        self
    }

    fn code(&self) -> u8 {
        let newly_short = self.changes.as_ref().map(|changes| changes.newly_short.len());
        let counts = match self.fail_on {
            FailOn::FallsShort => self.score.falls_short,
            FailOn::Unknown => self.score.falls_short + self.score.unknown,
            // Without a baseline everything is new.
            FailOn::New => newly_short.unwrap_or(self.score.falls_short),
        };
        match (self.interrupted, counts) {
            (true, _) => BROKEN_OFF,
            (false, 0) => FINE,
            (false, _) => SHORT,
        }
    }
}

/// To the millisecond: more is noise.
fn seconds(took: Duration) -> f64 {
    took.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::changes::Change;
    use crate::report::sample;

    #[test]
    fn the_exit_code_counts_what_was_asked_for() {
        let of = |verdicts: &[Verdict]| {
            let mut report = sample::report();
            report.findings = verdicts.iter().map(|verdict| sample::examined("border.limits", *verdict)).collect();
            report.close(Duration::ZERO);
            report
        };
        for (verdict, codes) in [
            (Verdict::Holds, [0, 0, 0]),
            (Verdict::Attested, [0, 0, 0]),
            (Verdict::Unknown, [0, 1, 0]),
            (Verdict::FallsShort, [1, 1, 1]),
        ] {
            let code = |fail_on| of(&[verdict]).judged(fail_on, None).exit_code;
            assert_eq!([FailOn::FallsShort, FailOn::Unknown, FailOn::New].map(code), codes, "{verdict:?}");
        }
    }

    #[test]
    fn only_what_falls_short_anew_counts_against_a_baseline() {
        let report = sample::report();
        let changes = |newly_short| Some(Changes { newly_short, ..Changes::default() });
        assert_eq!(report.clone().judged(FailOn::New, changes(Vec::new())).exit_code, FINE);
        assert_eq!(report.clone().judged(FailOn::FallsShort, changes(Vec::new())).exit_code, SHORT);
        let change = Change { id: "life.kill".to_owned(), before: None, now: Verdict::FallsShort };
        assert_eq!(report.judged(FailOn::New, changes(vec![change])).exit_code, SHORT);
    }

    #[test]
    fn an_interrupted_report_says_so_for_any_findings() {
        let mut report = sample::report();
        report.interrupted = true;
        assert_eq!(report.judged(FailOn::Unknown, None).exit_code, BROKEN_OFF);
    }
}
