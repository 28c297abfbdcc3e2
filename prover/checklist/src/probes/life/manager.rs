//! `life.manager`: runs in the foreground under any process manager, and tells it how it is.
//!
//! - **Hypothesis**: the started process goes on in the foreground with all others in its process group; no PID file is written; over
//!   `NOTIFY_SOCKET` it says `READY=1` when it answers requests and not before, and `STOPPING=1` after SIGTERM (sd_notify(3)); it
//!   ends with code 0, or by the SIGTERM that it handled. With `WATCHDOG_USEC` it says `WATCHDOG=1` at least that often. Processes that listen on its port are in the group too. Units of systemd in the repository are not of `Type=forking`.
//! - **Sent**: a start with `NOTIFY_SOCKET` and `WATCHDOG_USEC` (1 s) set, a harmless request at the moment of `READY=1`, SIGTERM.
//! - **Decides**: any of these not being so. Whether `WATCHDOG=1` ends when a part is stuck is life.stuck's.
//! - **Blast radius**: the service is stopped, started, and stopped again.
//! - **Bound in time**: the declared start and drain time, and 3 s.

mod bare;
mod holders;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keel_drill::process::Exit;
use keel_wire::http::{Client, Exchange, Request};
use procfs::process::Process;
use tokio::net::UnixDatagram;

use crate::clause::life::manager as clause;
use crate::contention::{self, Contention};
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::life::starved;
use crate::probes::support::signals;
use crate::recipe::Recipe;
use crate::recipe::Start;

const ID: &str = "life.manager";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Time after the first ready answer that `READY=1` is waited for.
const READY_PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Interval of the watchdog messages, and the time for which these are observed.
const WATCHDOG: Duration = Duration::from_secs(1);
const WATCHED: Duration = Duration::from_millis(2500);
/// Notifications that are kept.
const MAX_MESSAGES: usize = 1000;
/// Usual folders of PID files, beside the service's own folders.
const PID_FOLDERS: [&str; 4] = ["/run", "/var/run", "/tmp", "/var/tmp"];
/// Depth of the search for PID files, and for units of systemd in the repository.
const DEPTH: usize = 3;
/// The most files that are looked at.
const MAX_FILES: usize = 20_000;
const SIGTERM: i32 = 15;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    lab.stop().await;
    let manager = match Manager::listen(lab) {
        Ok(manager) => manager,
        Err(error) => {
            return Finding::unknown(ID, format!("no socket for notifications could be made: {error}"), Vec::new());
        }
    };
    let socket = manager.path.display().to_string();
    let wanted = WATCHDOG.as_micros().to_string();
    let told = [("NOTIFY_SOCKET".to_owned(), socket), ("WATCHDOG_USEC".to_owned(), wanted)];
    let started = lab.start_with(|launch| launch.env.extend(told)).await;
    if let Err(failure) = started {
        let what = format!("it does not start with NOTIFY_SOCKET set: {failure}");
        return Finding::judge(ID, vec![starved::not_started(lab, clause::FOREGROUND, what)]);
    }
    let contention = contention::Watch::begin(lab);
    let patience = READY_PATIENCE.max(lab.slowest_start);
    let ready = manager.ready(patience).await;
    let mut evidence = vec![contention.end().excuse_given_up(ready, patience)];
    evidence.extend(foreground(lab));
    evidence.push(match pid_file(lab) {
        None => clause::NO_PID_FILE.holds("it writes no PID file"),
        Some(path) => clause::NO_PID_FILE.contradicts(format!("it writes a PID file: {}", path.display())),
    });
    evidence.push(manager.watchdog(lab).await);
    evidence.extend(stop(lab, &manager).await);
    // Whoever went into the background and still holds the port goes as well.
    lab.stop().await;
    evidence.push(bare::examine(lab).await);
    evidence.extend(units(lab));
    Finding::judge(ID, evidence)
}

/// The examiner in the place of a process manager.
struct Manager {
    path: PathBuf,
    heard: Arc<Mutex<Vec<Message>>>,
    listening: tokio::task::JoinHandle<()>,
}

/// A notification, with what a harmless request was answered at that moment when it says ready.
#[derive(Clone, Debug)]
struct Message {
    text: String,
    at: Instant,
    tried: Option<Exchange>,
}

impl Manager {
    fn listen(lab: &Lab) -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("keel-notify-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.sock", lab.subject.url.port_or_known_default().unwrap_or(0)));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path)?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listening = tokio::spawn(hear(socket, Arc::clone(&heard), lab.http(), lab.harmless()));
        Ok(Self { path, heard, listening })
    }

    fn message(&self, state: &str) -> Option<Message> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().find(|message| message.text.lines().any(|line| line == state)).cloned()
    }

    /// Waits so long for `READY=1`.
    async fn ready(&self, patience: Duration) -> Evidence {
        let since = Instant::now();
        loop {
            if let Some(Message { tried: Some(exchange), .. }) = self.message("READY=1") {
                let good = exchange.status().is_some_and(|status| status.as_u16() < 500);
                let told = if good { "answers" } else { "does not answer" };
                return clause::READY.saw(good, format!("at the moment of READY=1 it {told}")).with(&exchange);
            }
            if since.elapsed() > patience {
                let what = format!("it answers requests, but says no READY=1 on NOTIFY_SOCKET within {patience:.0?}");
                return clause::READY.contradicts(what).reproduced_by(Recipe::Start(Start::Notified));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Judges that `WATCHDOG=1` comes as often as configured, from now on.
    async fn watchdog(&self, lab: &Lab) -> Evidence {
        let (contention, from) = (contention::Watch::begin(lab), Instant::now());
        tokio::time::sleep(WATCHED).await;
        let contention = contention.end();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_watchdog = |message: &&Message| message.text.lines().any(|line| line == "WATCHDOG=1");
        let times: Vec<Instant> = heard.iter().filter(is_watchdog).map(|message| message.at).collect();
        watched(&times, from, Instant::now(), contention)
    }
}

/// The longest silence between these times, from one instant to another, against what was asked for.
fn watched(times: &[Instant], from: Instant, to: Instant, contention: Contention) -> Evidence {
    let later = times.iter().copied().filter(|at| *at > from).chain([to]);
    let (mut last, mut longest) = (from, Duration::ZERO);
    for at in later {
        longest = longest.max(at.saturating_duration_since(last));
        last = at;
    }
    let said = times.len();
    // A quarter more: a message is a moment on its way.
    let limit = WATCHDOG + WATCHDOG / 4;
    let what =
        format!("asked for WATCHDOG=1 each {WATCHDOG:?}, it said so {said} times, with {longest:.1?} between at most");
    let piece = clause::WATCHDOG.saw(longest <= limit, what).reproduced_by(Recipe::Start(Start::Watched(WATCHDOG)));
    contention.excuse(piece, longest, limit)
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.listening.abort();
        let _ = std::fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            // Another examination of this process may still use it; the last one succeeds.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

async fn hear(socket: UnixDatagram, heard: Arc<Mutex<Vec<Message>>>, client: Client, harmless: Request) {
    let mut bytes = vec![0; 4096];
    while let Ok(length) = socket.recv(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let tried = match text.lines().any(|line| line == "READY=1") {
            true => Some(client.send(harmless.clone()).await),
            false => None,
        };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() < MAX_MESSAGES {
            heard.push(Message { text, at: Instant::now(), tried });
        }
    }
}

/// Judges that the leader goes on and everything else is in its group.
fn foreground(lab: &mut Lab) -> Vec<Evidence> {
    let process = lab.process();
    let leader = process.pid();
    let running = process.is_running();
    let told = if running { "goes on in the foreground" } else { "has ended and left others behind" };
    let mut evidence = vec![clause::FOREGROUND.saw(running, format!("the process that was started ({leader}) {told}"))];
    let strays: Vec<String> = process
        .pids()
        .into_iter()
        .filter(|pid| group_of(*pid).is_some_and(|group| group != leader))
        .map(|pid| pid.to_string())
        .collect();
    evidence.push(match strays.as_slice() {
        [] => clause::FOREGROUND.holds("all its processes are in its process group"),
        strays => clause::FOREGROUND.contradicts(format!("processes left its process group: {}", strays.join(", "))),
    });
    evidence.push(listening(lab, leader));
    evidence
}

/// Judges that the processes that listen on its port are in the group: a daemon that left the group is found by its port alone.
fn listening(lab: &Lab, leader: u32) -> Evidence {
    let port = lab.subject.url.port_or_known_default().unwrap_or(80);
    let holders = holders::listening_on(port);
    let outside = holders.iter().find(|pid| group_of(**pid).is_some_and(|group| group != leader));
    match (outside, holders.first()) {
        (Some(pid), _) => clause::FOREGROUND
            .contradicts(format!("process {pid} listens on port {port} and is not in its process group")),
        (None, Some(pid)) => {
            clause::FOREGROUND.holds(format!("process {pid} of its process group listens on port {port}"))
        }
        (None, None) => clause::FOREGROUND.gap(format!("who listens on port {port} is not visible from here")),
    }
}

/// The process group of a process.
fn group_of(pid: u32) -> Option<u32> {
    let stat = Process::new(pid.cast_signed()).and_then(|process| process.stat()).ok()?;
    u32::try_from(stat.pgrp).ok()
}

async fn stop(lab: &mut Lab, manager: &Manager) -> Vec<Evidence> {
    let patience = lab.subject.drain_timeout;
    let handled = lab.leader().is_some_and(|pid| signals::handles(pid, SIGTERM.unsigned_abs()));
    lab.process().signal(SIGTERM);
    let exit = lab.process().wait(patience).await;
    let (good, told) = judge_end(exit, handled, patience);
    // A message sent just before the end may still be on its way.
    tokio::time::sleep(LOOK).await;
    let stopping = manager.message("STOPPING=1").is_some();
    let said = if stopping { "it says STOPPING=1" } else { "it says no STOPPING=1" };
    vec![
        clause::STOPPING.saw(stopping, format!("after SIGTERM {said}")),
        clause::STOPPING.saw(good, format!("after SIGTERM {told}")),
    ]
}

/// Judges the end after SIGTERM, for which the process has a handler or not.
fn judge_end(exit: Option<Exit>, handled: bool, patience: Duration) -> (bool, String) {
    match exit {
        Some(Exit::Code(0)) => (true, "it ends with code 0".to_owned()),
        Some(Exit::Code(code)) => (false, format!("it ends with code {code}")),
        Some(Exit::Signal(SIGTERM)) if handled => {
            (true, "it handles SIGTERM and raises it again at its end".to_owned())
        }
        Some(Exit::Signal(signal)) => (false, format!("it is ended by signal {signal} and not by itself")),
        None => (false, format!("it still runs after {patience:?}")),
    }
}

/// A file that ends with `.pid`, where they are usually written, and holds the id of one of its processes.
fn pid_file(lab: &mut Lab) -> Option<PathBuf> {
    let pids: Vec<String> = lab.process().pids().iter().map(u32::to_string).collect();
    let subject = &lab.subject;
    let own = std::iter::once(&subject.workdir).chain(&subject.data).cloned();
    let folders = own.chain(PID_FOLDERS.map(PathBuf::from)).filter_map(|folder| folder.canonicalize().ok());
    let folders: BTreeSet<PathBuf> = folders.collect();
    let holds_one = |path: &PathBuf| {
        let named = path.extension().is_some_and(|extension| extension == "pid");
        named && std::fs::read_to_string(path).is_ok_and(|text| pids.iter().any(|pid| text.trim() == pid))
    };
    folders.iter().flat_map(|folder| files(folder)).find(holds_one)
}

fn units(lab: &Lab) -> Option<Evidence> {
    let repository = lab.subject.repository.as_ref()?;
    let units =
        files(repository).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "service"));
    let forking = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line.replace(' ', "").eq_ignore_ascii_case("type=forking"))
    };
    let (bad, good): (Vec<PathBuf>, Vec<PathBuf>) = units.partition(forking);
    match (bad.first(), good.first()) {
        (Some(unit), _) => Some(clause::FOREGROUND.contradicts(format!("{} is of Type=forking", unit.display()))),
        (None, Some(unit)) => Some(clause::FOREGROUND.holds(format!("{} is not of Type=forking", unit.display()))),
        (None, None) => None,
    }
}

/// Files under a folder, to a bounded depth and number; links are not followed.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![(folder.to_owned(), 0)]);
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.filter_map(Result::ok) {
            let Ok(kind) = entry.file_type() else { continue };
            if files.len() >= MAX_FILES {
                return files;
            }
            if kind.is_dir() && depth < DEPTH && !skipped(&entry.file_name().to_string_lossy()) {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files
}

/// Folders of tools, which hold no file of the service's own.
fn skipped(name: &str) -> bool {
    ["node_modules", ".git", "debug", "release", ".cargo", "venv", ".venv"].contains(&name)
}
