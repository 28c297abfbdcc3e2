//! `keel check`: one examination, its progress, its reports, its exit code.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use checklist::catalogue::Catalogue;
use checklist::decision::{Day, Decisions};
use checklist::examination::{Report, Selection, examine};
use checklist::lab::{Lab, StartFailure};
use checklist::report::terminal::Look;
use checklist::report::{html, json, junit, terminal};
use checklist::subject::{Dependencies, State, Subject};
use checklist::subject_file;
use clap::ValueEnum;

use crate::{FINE, INTERRUPTED, NOT_STARTED, SHORT, explain, print, usage};

/// What to examine, and how to tell.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to examine, as a file; keel.toml when it is there and --run is not given
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    config: Option<PathBuf>,
    /// The command that starts the service in the foreground
    #[arg(long, value_name = "COMMAND", requires = "url")]
    run: Option<String>,
    /// Where it listens
    #[arg(long, value_name = "http://HOST:PORT", requires = "run")]
    url: Option<String>,
    /// Where its health and metrics are, when that is another listener
    #[arg(long, value_name = "http://HOST:PORT", requires = "run")]
    admin: Option<String>,
    /// The path that says whether it is ready
    #[arg(long, value_name = "PATH", requires = "run")]
    ready: Option<String>,
    /// The path of its OpenAPI document
    #[arg(long, value_name = "PATH", requires = "run")]
    openapi: Option<String>,
    /// The repository that the static probes read
    #[arg(long, value_name = "FOLDER", requires = "run")]
    repository: Option<PathBuf>,
    /// A folder of its persistent data; can be given several times
    #[arg(long, value_name = "FOLDER", requires = "run")]
    data: Vec<PathBuf>,
    /// It keeps no state: every request only reads
    #[arg(long, requires = "run", conflicts_with = "data")]
    stateless: bool,
    /// It calls nothing over a network
    #[arg(long, requires = "run")]
    no_dependencies: bool,
    /// A variable of its environment; can be given several times
    #[arg(long, value_name = "NAME=VALUE", requires = "run")]
    env: Vec<String>,
    /// No request may take longer
    #[arg(long, value_name = "DURATION", requires = "run")]
    deadline: Option<String>,
    /// The decisions: what is skipped or attested, by whom, until when
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Only these attributes
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Only this chapter
    #[arg(long, value_name = "NAME")]
    chapter: Option<String>,
    /// What is printed
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// Also write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show the evidence of everything
    #[arg(long, short)]
    verbose: bool,
    /// What is unknown counts as falling short
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Terminal,
    Json,
    Html,
    Junit,
}

pub(crate) fn run(arguments: Arguments) -> u8 {
    let subject = match subject_of(&arguments) {
        Ok(subject) => subject,
        Err(problem) => return usage(&problem),
    };
    let decisions = match &subject.decisions {
        Some(path) => Decisions::load(path),
        None => Ok(Decisions::default()),
    };
    let decisions = match decisions {
        Ok(decisions) => decisions,
        Err(problem) => return usage(&problem),
    };
    let catalogue = Catalogue::embedded();
    if let Some(id) = arguments.only.iter().find(|id| catalogue.get(id).is_none()) {
        return explain::unknown(&catalogue, id);
    }
    if let Some(chapter) = &arguments.chapter {
        if !catalogue.chapters.iter().any(|known| known.chapter == *chapter) {
            return usage(&format!("there is no chapter {chapter:?}; `keel list` shows all"));
        }
    }
    let selection = Selection { only: arguments.only.clone(), chapter: arguments.chapter.clone() };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(&format!("cannot start: {error}")),
    };
    match runtime.block_on(examined(subject, &selection, &decisions)) {
        Ok(report) => tell(&arguments, &report),
        Err(failure) => {
            eprintln!("keel: the service could not be started: {failure}");
            for line in &failure.output {
                eprintln!("  | {line}");
            }
            NOT_STARTED
        }
    }
}

/// The whole examination; when it returns, everything that was started has ended.
async fn examined(subject: Subject, selection: &Selection, decisions: &Decisions) -> Result<Report, StartFailure> {
    let mut progress = Progress::new();
    let opened = tokio::select! {
        lab = Lab::open(subject) => lab?,
        () = interrupted() => return Err(StartFailure { reason: "broken off".to_owned(), output: Vec::new() }),
    };
    let mut lab = opened;
    let show = |number, count, id: &str| progress.show(number, count, id);
    let outcome = examine(&mut lab, selection, decisions, &Day::today(), show, interrupted()).await;
    drop(lab);
    progress.clear();
    outcome
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn subject_of(arguments: &Arguments) -> Result<Subject, String> {
    let mut subject = match (&arguments.run, &arguments.url, &arguments.config) {
        (Some(run), Some(url), _) => from_flags(arguments, run, url)?,
        (_, _, Some(path)) => subject_file::load(path)?,
        _ if Path::new("keel.toml").exists() => subject_file::load(Path::new("keel.toml"))?,
        _ => {
            return Err(
                "nothing to examine: write a keel.toml, or say --run COMMAND --url http://127.0.0.1:PORT".to_owned()
            );
        }
    };
    if arguments.decisions.is_some() {
        subject.decisions.clone_from(&arguments.decisions);
    }
    Ok(subject)
}

fn from_flags(arguments: &Arguments, run: &str, url: &str) -> Result<Subject, String> {
    let mut subject = subject_file::from_flags(run, url)?;
    subject.admin = arguments.admin.as_deref().map(|admin| subject_file::plain_url("--admin", admin)).transpose()?;
    subject.ready.clone_from(&arguments.ready);
    subject.openapi.clone_from(&arguments.openapi);
    subject.repository.clone_from(&arguments.repository);
    subject.data.clone_from(&arguments.data);
    subject.deadline = subject_file::duration("--deadline", arguments.deadline.as_deref(), 30)?;
    if arguments.stateless {
        subject.state = State::None;
    } else if !arguments.data.is_empty() {
        subject.state = State::Durable;
    }
    if arguments.no_dependencies {
        subject.dependencies = Dependencies::Declared(Vec::new());
    }
    for pair in &arguments.env {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("--env {pair:?}: expected NAME=VALUE"))?;
        subject.env.insert(name.to_owned(), value.to_owned());
    }
    Ok(subject)
}

/// Writes every report that was asked for; the exit code.
fn tell(arguments: &Arguments, report: &Report) -> u8 {
    for (path, text) in [
        (&arguments.html, html::text as fn(&Report) -> String),
        (&arguments.json, json::text),
        (&arguments.junit, junit::text),
    ] {
        let Some(path) = path else { continue };
        if let Err(error) = std::fs::write(path, text(report)) {
            return usage(&format!("cannot write {}: {error}", path.display()));
        }
    }
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    print(&match arguments.format {
        Format::Terminal => terminal::text(report, Look { colour, verbose: arguments.verbose }),
        Format::Json => json::text(report),
        Format::Html => html::text(report),
        Format::Junit => junit::text(report),
    });
    if report.interrupted {
        INTERRUPTED
    } else if report.falls_short() || (arguments.strict && report.score.unknown > 0) {
        SHORT
    } else {
        FINE
    }
}

/// One line on standard error that tells what is being examined; only on a terminal.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, number: usize, count: usize, id: &str) {
        if self.shown {
            eprint!("\r\x1b[K{number}/{count} {id}");
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
