//! `keel check`: one examination, its reports, its exit code.

mod list;
mod outcome;
mod profile;
mod reach;
mod reports;
mod tell;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_catalogue::Catalogue;
use keel_checklist::calendar::Day;
use keel_checklist::decision::Decisions;
use keel_checklist::examination::{Examination, PROBE_BOUND, Selection};
use keel_checklist::forecast::{self, Forecast};
use keel_checklist::lab::StartFailure;
use keel_checklist::probes;
use keel_checklist::report::{Report, plain};
use keel_checklist::selftest;
use keel_checklist::subject::{Flags, Subject};

use self::outcome::{Outcome, Rule};
use self::profile::Profile;
use self::reach::Reach;
use self::reports::Reports;
use self::tell::Teller;
use crate::exit::{FINE, NOT_STARTED, usage};
use crate::interrupt::Interrupt;
use crate::list::has_chapter;
use crate::output::{can_write, print};
use crate::undo;

/// The file that is read when no argument names the service.
const FILE: &str = "keel.toml";

/// The interval at which the progress line is refreshed on a terminal.
const TICK: Duration = Duration::from_secs(1);

/// Arguments of `keel check`: the service, the selection of attributes, and the reports.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  keel check                                 # the service of ./keel.toml\n  \
                  keel check --list                          # the probes that would run\n  \
                  keel check --only 'call.*,border.limits'   # some attributes\n  \
                  keel check --profile quick                 # about three minutes\n  \
                  keel check --json now.json --baseline main.json --fail-on new\n  \
                  keel check --markdown \"$GITHUB_STEP_SUMMARY\" --sarif keel.sarif\n\n\
                  Exit codes:\n  0    no finding matches --fail-on\n  1    at least one finding matches --fail-on\n  \
                  2    a mistake in the command line or a file; nothing was started\n  \
                  3    the service could not be started\n  130  interrupted by Ctrl-C or SIGTERM; the report has the findings so far")]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// The decisions file: attributes that people skip or attest, each with owner and expiry
    #[arg(long, value_name = "FILE", help_heading = "Service")]
    decisions: Option<PathBuf>,
    /// Check only these attributes: ids or globs, such as 'call.*,border.limits'; can be repeated
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = "Service")]
    only: Vec<String>,
    /// Check only the attributes of this chapter
    #[arg(long, value_name = "NAME", help_heading = "Service")]
    chapter: Option<String>,
    /// Profile: `full`, or `quick` for the probes that fit into three minutes; attributes that it leaves out are unknown
    #[arg(long, value_name = "NAME", default_value = "full", help_heading = "Service")]
    profile: Profile,
    /// List the probes that would run, with missing declarations and estimated durations, without starting anything
    #[arg(long, help_heading = "Service")]
    list: bool,
    #[command(flatten)]
    outcome: Outcome,
    #[command(flatten)]
    reports: Reports,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Service", group = clap::ArgGroup::new("started").args(["run", "attach"]))]
pub(crate) struct SubjectArguments {
    /// The file that describes the service [default: ./keel.toml, unless --url is given]
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
    /// The command that starts the service in the foreground
    #[arg(long, value_name = "COMMAND", requires = "url")]
    run: Option<String>,
    #[command(flatten)]
    reach: Reach,
    /// The address of the service: http://HOST:PORT, https://HOST:PORT or unix:/PATH
    #[arg(long, value_name = "URL", requires = "started")]
    url: Option<String>,
    /// The address of health and metrics, if they have a listener of their own
    #[arg(long, value_name = "http://HOST:PORT", requires = "url")]
    admin: Option<String>,
    /// The path of the readiness check [default: any answer below 500 to / counts as ready]
    #[arg(long, value_name = "PATH", requires = "url")]
    ready: Option<String>,
    /// The path of the health check
    #[arg(long, value_name = "PATH", requires = "url")]
    health: Option<String>,
    /// The path of the metrics
    #[arg(long, value_name = "PATH", requires = "url")]
    metrics: Option<String>,
    /// The path of the OpenAPI document
    #[arg(long, value_name = "PATH", requires = "url")]
    openapi: Option<String>,
    /// The repository of the service, for the static probes
    #[arg(long, value_name = "FOLDER", requires = "url")]
    repository: Option<PathBuf>,
    /// A folder of persistent data; can be repeated
    #[arg(long, value_name = "FOLDER", requires = "url")]
    data: Vec<PathBuf>,
    /// Declare that the service keeps no state: every request only reads
    #[arg(long, requires = "url", conflicts_with = "data")]
    stateless: bool,
    /// Declare that the service calls nothing over a network
    #[arg(long, requires = "url")]
    no_dependencies: bool,
    /// An environment variable of the service; can be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "url")]
    env: Vec<String>,
    /// The deadline of each request [default: 30s]
    #[arg(long, value_name = "DURATION", requires = "url")]
    deadline: Option<String>,
    /// The time limit for the service to become ready [default: 10s]
    #[arg(long, value_name = "DURATION", requires = "url")]
    start_timeout: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> u8 {
    let plan = match Plan::of(&arguments) {
        Ok(plan) => plan,
        Err(problem) => return usage(problem),
    };
    if arguments.list {
        return listed(&plan, &arguments.reports).unwrap_or_else(usage);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage(format!("cannot start its threads: {error}")),
    };
    undo::before_anything_else();
    let Plan { subject, examination, rule, config } = plan;
    match runtime.block_on(examined(&examination, subject, arguments.reports.quiet)) {
        Ok(Ok(report)) => arguments.reports.write(&rule.judge(Report { config, selftest: selftest::last(), ..report })),
        Ok(Err(failure)) => not_started(&failure),
        Err(error) => usage(format!("cannot listen to signals: {error}")),
    }
}

/// The plan of an examination. Every mistake in it is reported before anything is started.
struct Plan {
    subject: Subject,
    examination: Examination,
    rule: Rule,
    /// The file that declares the subject.
    config: Option<String>,
}

impl Plan {
    fn of(arguments: &Arguments) -> Result<Self, String> {
        let probes = probes::all();
        let selection = Selection { only: arguments.only.clone(), chapter: arguments.chapter.clone() };
        selection.check(&probes)?;
        if let Some(name) = &arguments.chapter {
            has_chapter(Catalogue::embedded(), name)?;
        }
        for path in arguments.reports.files() {
            can_write(path)?;
        }
        let rule = arguments.outcome.rule()?;
        let subject = arguments.subject.subject()?;
        let decisions = match arguments.decisions.as_ref().or(subject.decisions.as_ref()) {
            Some(path) => Decisions::load(path).map_err(|mistakes| mistakes.to_string())?,
            None => Decisions::default(),
        };
        let profile = arguments.profile.into();
        let examination =
            Examination { probes, selection, decisions, today: Day::today(), bound: PROBE_BOUND, profile };
        if examination.attributes().is_empty() {
            return Err(
                "nothing to examine: this version has no probe for the selected attributes, and no decision names them; \
                        `keel list` shows which attributes have a probe"
                    .to_owned(),
            );
        }
        let subject = Subject { decisions: arguments.decisions.clone().or(subject.decisions.clone()), ..subject };
        Ok(Self { subject, examination, rule, config: arguments.subject.file().map(|path| path.display().to_string()) })
    }
}

fn forecasts(examination: &Examination, subject: &Subject) -> Vec<Forecast> {
    examination.chosen().into_iter().map(|probe| forecast::of(probe.id, subject)).collect()
}

/// Prints the probes that would run.
fn listed(plan: &Plan, reports: &Reports) -> Result<u8, String> {
    let forecasts = forecasts(&plan.examination, &plan.subject);
    let left_out = plan.examination.left_out();
    let attested = plan.examination.attributes().len() - forecasts.len() - left_out.len();
    print(&match reports.format.name {
        "terminal" => list::text(&plan.subject, &forecasts, &left_out, attested),
        "json" => list::json(&plan.subject, &forecasts, &left_out),
        other => return Err(format!("--list supports the formats terminal and json, not {other}")),
    });
    Ok(FINE)
}

/// The whole examination; when it returns, everything that was started has ended.
pub(crate) async fn examined(
    examination: &Examination,
    subject: Subject,
    quiet: bool,
) -> std::io::Result<Result<Report, StartFailure>> {
    let mut interrupt = Interrupt::new()?;
    reach::tell_before(examination, &subject);
    let teller = RefCell::new(Teller::begin(&subject.name, &forecasts(examination, &subject), quiet));
    let ticks = teller.borrow().ticks();
    let running = examination.run(subject, |event| teller.borrow_mut().tell(&event), interrupt.first());
    let mut running = std::pin::pin!(running);
    loop {
        tokio::select! {
            outcome = running.as_mut() => return Ok(outcome),
            () = tokio::time::sleep(TICK), if ticks => teller.borrow().tick(),
        }
    }
}

pub(crate) fn not_started(failure: &StartFailure) -> u8 {
    eprintln!("keel: the service could not be started: {failure}");
    if !failure.output.is_empty() {
        eprintln!("keel: the last lines it printed:");
    }
    for line in &failure.output {
        eprintln!("  | {}", plain(line));
    }
    NOT_STARTED
}

impl SubjectArguments {
    pub(crate) fn subject(&self) -> Result<Subject, String> {
        let told = match (&self.url, &self.config) {
            (Some(url), _) => Subject::from_flags(self.flags(self.run.as_deref().unwrap_or_default(), url)),
            (_, Some(path)) => Subject::from_file(path),
            _ if Path::new(FILE).exists() => Subject::from_file(Path::new(FILE)),
            _ => {
                return Err(format!(
                    "nothing to examine: write a {FILE} (`keel init` helps), or pass --run COMMAND --url http://127.0.0.1:PORT"
                ));
            }
        };
        told.map_err(|mistakes| mistakes.to_string())
    }

    /// The file that declares the subject; none when the flags do.
    fn file(&self) -> Option<&Path> {
        let found = || (self.run.is_none() && Path::new(FILE).exists()).then_some(Path::new(FILE));
        self.config.as_deref().or_else(found)
    }

    fn flags(&self, run: &str, url: &str) -> Flags {
        Flags {
            run: run.to_owned(),
            url: url.to_owned(),
            attach: self.reach.attach,
            pid: self.reach.pid,
            ca: self.reach.ca.clone(),
            pin: self.reach.pin.clone(),
            insecure_accept_any_certificate: self.reach.insecure_accept_any_certificate,
            server_name: self.reach.server_name.clone(),
            admin: self.admin.clone(),
            ready: self.ready.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            openapi: self.openapi.clone(),
            repository: self.repository.clone(),
            data: self.data.clone(),
            stateless: self.stateless,
            no_dependencies: self.no_dependencies,
            decisions: None,
            deadline: self.deadline.clone(),
            start_timeout: self.start_timeout.clone(),
            env: self.env.clone(),
        }
    }
}
