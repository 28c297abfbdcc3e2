//! Judges servers of which the verdict is known, on the machine at hand: a probe that misjudges one is not to be believed there.
//!
//! Each specimen runs as a process of its own: `PROGRAM NAME PORT`. [`record`] keeps the outcome under the cache folder, and a
//! later examination names it ([`last`]).

pub(crate) mod declared;
mod judged;
mod matrix;
mod record;
pub(crate) mod stage;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};

pub use self::judged::{Judged, kind};
pub use self::matrix::{markdown, row};
pub use self::record::{last, record};
pub use self::stage::Stage;
use crate::finding::Finding;
use crate::lab::{Lab, Pace};
use crate::probe::{PROBE_BOUND, Probe};
use crate::specimen::Specimen;
use crate::subject::{Dependencies, Operation, State, Subject};

/// Probes whose verdict depends on when requests are sent: nothing else is examined beside them.
const ALONE: [&str; 12] = [
    "border.backpressure",
    "border.bulkhead",
    "border.criticality",
    "border.shed",
    "call.cpu-bulkhead",
    "call.jitter",
    "call.retry",
    "life.autoscale",
    "life.steady",
    "prove.load",
    "prove.soak",
    "prove.stress",
];
/// Specimens are quick, so their examination is: the probes' own durations are for the long run.
pub const PACE: Pace = Pace::part(0.25);
/// Work that is measured takes longer.
const MEASURED: Pace = Pace::part(0.4);

/// A specimen that a probe is to judge.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The probe.
    pub probe: Probe,
    /// The specimen; its verdict is known.
    pub specimen: Specimen,
}

impl Case {
    /// All that probes with these ids are to judge, or all probes when there are none.
    pub fn all(probes: &[Probe], ids: &[String]) -> Vec<Self> {
        let chosen = probes.iter().filter(|probe| ids.is_empty() || ids.iter().any(|id| id == probe.id));
        let case = |probe: &Probe| {
            let judged = probe.specimens.iter().filter(|specimen| specimen.verdict.is_some());
            judged.map(|specimen| Self { probe: *probe, specimen: *specimen }).collect::<Vec<_>>()
        };
        chosen.flat_map(case).collect()
    }

    /// The first sound specimen of each probe, the first that is plainly wrong, and the first that looks right and is not.
    pub fn few(all: &[Self]) -> Vec<Self> {
        let mut taken = BTreeMap::<(&str, &str), ()>::new();
        let mut first = |case: &&Self| taken.insert((case.probe.id, kind(&case.specimen)), ()).is_none();
        all.iter().filter(|case| kind(&case.specimen) != "other" && first(case)).copied().collect()
    }
}

/// Judges them, some at a time, and those that are misjudged once more, alone: on a busy machine the first try may say little.
/// `told` hears of each when it has been judged.
pub async fn run(program: &str, cases: Vec<Case>, mut told: impl FnMut(&Judged)) -> Vec<Judged> {
    let (alone, beside): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(|case| ALONE.contains(&case.probe.id));
    let at_a_time = std::thread::available_parallelism().map_or(1, usize::from) * 2;
    let (mut judged, mut wrong) = (Vec::new(), Vec::new());
    for (cases, width) in [(beside, at_a_time), (alone, 1)] {
        let judging = |case: Case| async move { (case, judge(program, case).await) };
        let mut running = stream::iter(cases.into_iter().map(judging)).buffered(width);
        while let Some((case, one)) = running.next().await {
            told(&one);
            if one.is_right() { judged.push(one) } else { wrong.push(case) }
        }
    }
    for case in wrong {
        let one = Judged { again: true, ..judge(program, case).await };
        told(&one);
        judged.push(one);
    }
    judged
}

/// The pace at which a specimen shows what it is about.
fn pace(id: &str, name: &str) -> Pace {
    match name {
        // They nap, and leak, from the refusals of a whole overload.
        "loaded-naps" | "loaded-leaks" => Pace::FULL,
        _ if id == "call.retry" || !ALONE.contains(&id) => PACE,
        _ => MEASURED,
    }
}

async fn judge(program: &str, case: Case) -> Judged {
    let since = Instant::now();
    let found = match tokio::time::timeout(PROBE_BOUND * 2, examine(program, case)).await {
        Ok(found) => found,
        Err(_) => Err("the examination did not come to its end".to_owned()),
    };
    Judged { id: case.probe.id, specimen: case.specimen, found, took: since.elapsed(), again: false }
}

/// Examines a specimen as it is declared for this probe.
async fn examine(program: &str, case: Case) -> Result<Finding, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder could be made: {error}"))?;
    let stage = Stage { program: program.to_owned(), folder: folder.path().to_owned() };
    let name = case.specimen.server.name;
    let subject = subject_of(case.probe.id, name, &stage)?;
    let mut lab = Lab::open(subject).await.map_err(|failure| failure.to_string())?;
    lab.pace = pace(case.probe.id, name);
    lab.ensure_running().await.map_err(|failure| failure.to_string())?;
    let finding = (case.probe.examine)(&mut lab).await;
    lab.end_all().await;
    Ok(finding)
}

/// Returns the description of a specimen, as keel.toml would have it.
///
/// # Errors
/// When its files cannot be made.
pub fn subject_of(id: &str, name: &str, stage: &Stage) -> Result<Subject, String> {
    let port = stage.port();
    let mut subject = bare(name, stage.command(name, port), port, &stage.folder);
    declared::declare(id, name, &mut subject, stage)
        .map_err(|error| format!("its files could not be made: {error}"))?;
    Ok(subject)
}

/// Returns the description of a specimen before anything is declared.
pub(crate) fn bare(name: &str, run: String, port: u16, folder: &Path) -> Subject {
    Subject {
        name: name.to_owned(),
        run,
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        operation: Operation::Foreground,
        trust: None,
        plain: None,
        renew_certificate: None,
        admin: None,
        ready: None,
        health: None,
        metrics: None,
        openapi: None,
        workdir: folder.to_owned(),
        repository: None,
        data: Vec::new(),
        state: State::Unsaid,
        env: BTreeMap::new(),
        deadline: Duration::from_secs(5),
        start_timeout: Duration::from_secs(10),
        drain_timeout: Duration::from_secs(5),
        steady: Duration::from_secs(5),
        soak: Duration::from_secs(5),
        decisions: None,
        dependencies: Dependencies::Unsaid,
        load: None,
        ops: None,
        requests: Vec::new(),
        work: Vec::new(),
        dead_letters: None,
        quarantine: None,
        query: None,
        outliers: None,
        errors: None,
        console: None,
        events: None,
        integrity: None,
        leader: None,
    }
}
