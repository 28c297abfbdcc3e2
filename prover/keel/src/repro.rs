//! `keel repro`: a script of at most fifteen lines that shows a finding without keel.

use std::path::{Path, PathBuf};

use keel_catalogue::Catalogue;
use keel_checklist::calendar::Day;
use keel_checklist::decision::Decisions;
use keel_checklist::examination::{Examination, PROBE_BOUND, Profile, Selection};
use keel_checklist::finding::Verdict;
use keel_checklist::report::{Examined, Report, word};
use keel_checklist::{probes, rejudge, repro};

use crate::check::{SubjectArguments, examined, not_started};
use crate::exit::{FELL_SHORT, FINE, usage};
use crate::output::print;
use crate::{explain, undo};

/// Arguments of `keel repro`: the finding, and its report or service.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The attribute's id, such as border.limits
    id: String,
    /// Take the finding from a report of `keel check --json`, without examining anything
    #[arg(long, value_name = "REPORT.json", conflicts_with_all = ["run", "config"])]
    report: Option<PathBuf>,
    #[command(flatten)]
    subject: SubjectArguments,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    let (catalogue, id) = (Catalogue::embedded(), arguments.id.as_str());
    if catalogue.get(id).is_none() {
        return explain::unknown(catalogue, id);
    }
    if !explain::has_probe(id) {
        return usage(format!("this version has no probe for {id}, so there is no finding to reproduce"));
    }
    if let Some(reason) = repro::without::reason(id) {
        return no_script(reason);
    }
    match &arguments.report {
        Some(path) => match stored(path) {
            Ok(report) => told(&report, id, &path.display().to_string()),
            Err(problem) => usage(format!("{}: {problem}", path.display())),
        },
        None => examine(arguments),
    }
}

fn stored(path: &Path) -> Result<Report, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    rejudge::read(&text)
}

/// Examines the subject with the one probe.
fn examine(arguments: &Arguments) -> u8 {
    let subject = match arguments.subject.subject() {
        Ok(subject) => subject,
        Err(problem) => return usage(problem),
    };
    let examination = Examination {
        probes: probes::all(),
        selection: Selection { only: vec![arguments.id.clone()], chapter: None },
        decisions: Decisions::default(),
        today: Day::today(),
        bound: PROBE_BOUND,
        profile: Profile::Full,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    undo::before_anything_else();
    let name = subject.name.clone();
    match runtime.block_on(examined(&examination, subject, false)) {
        Ok(Ok(report)) => told(&report, &arguments.id, &name),
        Ok(Err(failure)) => not_started(&failure),
        Err(error) => usage(format!("cannot listen to signals: {error}")),
    }
}

/// Prints the script of a finding, or says why there is none.
fn told(report: &Report, id: &str, of: &str) -> u8 {
    match report.findings.iter().find(|examined| examined.finding.id() == id) {
        None => usage(format!("{of} has no finding for {id}")),
        Some(Examined { script: Some(script), .. }) => {
            print(script);
            FINE
        }
        Some(Examined { finding, .. }) if finding.verdict() == Verdict::FallsShort => no_script(finding.summary()),
        Some(Examined { finding, .. }) => {
            let verdict = word(finding.verdict());
            usage(format!(
                "{id} is \"{verdict}\" for {of}, and only findings that fall short can be reproduced: {}",
                finding.summary()
            ))
        }
    }
}

fn no_script(reason: &str) -> u8 {
    eprintln!("keel: no short script can reproduce this: {reason}");
    FELL_SHORT
}
