//! Drills: each on a fresh start of its subject; what held, and what of the rest is accepted.

use std::path::{Path, PathBuf};

use keel_checklist::calendar::Day;
use keel_checklist::lab::{Lab, StartFailure};
use keel_checklist::report::plain;
use keel_checklist::subject::Subject;
use keel_drill::experiment::plan::Plan;
use keel_drill::experiment::undo::UndoLog;
use keel_drill::experiment::{self, DrillVerdict, Judgement, Report, Setup};
use keel_drill::fault::Journal;
use keel_drill::process::Launch;

use super::accepted::Accepted;
use super::declared;
use super::stage::LabStage;
use crate::exit::{FELL_SHORT, FINE, NOT_STARTED};
use crate::interrupt::Interrupt;
use crate::output::{print, write};
use crate::undo::commands;

/// The service description that is read when neither the drill nor the command line names one.
const CONFIG: &str = "keel.toml";

#[derive(clap::Args)]
#[command(next_help_heading = "For drills")]
pub(super) struct Options {
    /// The description of the service, if the drill does not name one [default: keel.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder for reports: NAME.html and NAME.json per drill, and NAME.history.jsonl for drills with a bank
    #[arg(long, value_name = "FOLDER")]
    reports: Option<PathBuf>,
    /// Accepted failures, each with owner, reason and expiry, as a TOML file
    #[arg(long, value_name = "FILE")]
    accepted: Option<PathBuf>,
}

/// One drill, ready to be run.
struct Ready {
    name: String,
    plan: Plan,
    subject: Subject,
}

/// Runs them one after the other; the exit code. What a drill left that was killed is undone first; everything that is wrong
/// with a file is told before anything starts.
pub(super) async fn run(files: &[PathBuf], options: &Options) -> Result<u8, String> {
    commands::restored().await.iter().for_each(|line| eprintln!("keel: {line}"));
    let accepted = Accepted::load(options.accepted.as_deref())?;
    let drills = files.iter().map(|file| ready(file, options)).collect::<Result<Vec<_>, _>>()?;
    if let Some(folder) = &options.reports {
        std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    let (mut code, mut not_started) = (FINE, false);
    let mut listing = Vec::new();
    for drill in drills {
        let mut interrupt = Interrupt::new().map_err(|error| format!("cannot listen to signals: {error}"))?;
        print(&format!("{}\n", drill.plan.title));
        let Some(report) = carried_out(&drill, &mut interrupt).await? else {
            // It is said and counts; what others find is worth knowing all the same.
            not_started = true;
            listing.push(format!("{:11}  {}", "not started", drill.name));
            continue;
        };
        let fine = told(&drill.name, &report, &accepted);
        if !fine {
            code = FELL_SHORT;
        }
        if let Some(folder) = &options.reports {
            write(&folder.join(format!("{}.html", drill.name)), &report.to_html())?;
            write(&folder.join(format!("{}.json", drill.name)), &report.to_json())?;
            if !report.history.is_empty() {
                write(&folder.join(format!("{}.history.jsonl", drill.name)), &history(&report)?)?;
            }
        }
        listing.push(format!(
            "{:11}  {}",
            if fine && report.verdict != DrillVerdict::Held { "accepted" } else { word(&report) },
            drill.name
        ));
        if matches!(&report.verdict, DrillVerdict::Aborted(why) if why.contains("interrupted")) {
            break;
        }
    }
    if listing.len() > 1 {
        print(&format!("\n{}\n", listing.join("\n")));
    }
    Ok(if not_started && code == FINE { NOT_STARTED } else { code })
}

fn ready(file: &Path, options: &Options) -> Result<Ready, String> {
    let plan = Plan::from_file(file).map_err(|refusal| refusal.to_string())?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let config = match (&plan.subject.config, &options.config) {
        (Some(config), _) => folder.join(config),
        (None, Some(config)) => config.clone(),
        (None, None) => PathBuf::from(CONFIG),
    };
    let subject = Subject::from_file(&config).map_err(|mistakes| mistakes.to_string())?;
    declared::check(&plan, &subject)?;
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Ready { name, plan, subject })
}

/// None when the subject could not be started, which has been told.
async fn carried_out(drill: &Ready, interrupt: &mut Interrupt) -> Result<Option<Report>, String> {
    let journal = Journal::open(&Journal::default_folder()).map_err(|error| error.to_string())?;
    let mut stage = match started(drill, &journal).await {
        Ok(stage) => stage,
        Err(failure) => {
            eprintln!("keel: {}: {}", drill.name, failure.reason);
            failure.output.iter().for_each(|line| eprintln!("  | {}", plain(line)));
            return Ok(None);
        }
    };
    let tell = |line: &str| print(&format!("  {}\n", plain(line)));
    let folder = commands::folder();
    let mut undo = UndoLog::open(&folder).map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
    let report = experiment::run(&drill.plan, &mut stage, &mut undo, journal, &tell, interrupt.first()).await;
    let LabStage { mut lab, grounds } = stage;
    lab.stop().await;
    drop(lab);
    grounds.end().map_err(|problem| format!("{}: {problem}; `keel undo` tries again", drill.name))?;
    report.map(Some).map_err(|refusal| format!("{}: {refusal}", drill.name))
}

/// The subject, running on what was prepared for it.
async fn started(drill: &Ready, journal: &Journal) -> Result<LabStage, StartFailure> {
    let mut subject = drill.subject.clone();
    subject.env.extend(drill.plan.subject.env.clone());
    let mut launch = Launch {
        command: subject.run.clone(),
        env: subject.env.clone(),
        workdir: Some(subject.workdir.clone()),
        ..Launch::default()
    };
    let grounds = Setup::prepare(&drill.plan.prepare, &mut launch, journal);
    let grounds = grounds.map_err(|error| StartFailure { reason: error.to_string(), output: Vec::new() })?;
    (subject.run, subject.env) = (launch.command, launch.env);
    let mut lab = Lab::open(subject).await?;
    for dependency in drill.plan.watched() {
        lab.watch(dependency).await?;
    }
    lab.ensure_running().await?;
    Ok(LabStage { lab, grounds })
}

/// Prints what was found; whether all of it held or is accepted.
fn told(name: &str, report: &Report, accepted: &Accepted) -> bool {
    report.to_text().lines().for_each(|line| print(&format!("{}\n", plain(line))));
    let mut fine = matches!(report.verdict, DrillVerdict::Held | DrillVerdict::FellShort | DrillVerdict::Unknown);
    for finding in &report.findings {
        match (accepted.why(name, &finding.name, Day::today()), finding.outcome) {
            (Some(why), Judgement::Held) => {
                print(&format!(
                    "  {}: it held, and is still {why}; if it does every time, take that out\n",
                    finding.name
                ));
            }
            (Some(why), _) => print(&format!("  {}: {why}\n", finding.name)),
            (None, Judgement::Held) => {}
            (None, _) => fine = false,
        }
    }
    fine
}

/// The history in the format that `keel history check --checker bank` reads.
fn history(report: &Report) -> Result<String, String> {
    let mut text = Vec::new();
    keel_drill::history::write(&report.history, &mut text).map_err(|error| format!("the history: {error}"))?;
    String::from_utf8(text).map_err(|error| format!("the history: {error}"))
}

fn word(report: &Report) -> &'static str {
    match report.verdict {
        DrillVerdict::Held => "held",
        DrillVerdict::FellShort => "fell short",
        DrillVerdict::Unknown => "unknown",
        DrillVerdict::NotSteady => "not steady",
        DrillVerdict::Aborted(_) => "aborted",
    }
}
