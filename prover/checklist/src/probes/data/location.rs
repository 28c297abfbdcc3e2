//! `data.location`: persistent data lives outside the artifact, where it was declared; a full disk degrades and recovers.
//!
//! - **Hypothesis**: while requests change state, files open for writing and files that change are only under the declared `data`;
//!   these folders are neither in the artifact's folder nor tracked by the repository; on a full volume writes fail clearly,
//!   reads go on, the process lives, writes work again once there is room, and what was acknowledged is there after a restart.
//! - **Sent**: the mix several times with pauses between, while `/proc` is read and folders are watched (inotify): the working folder
//!   and the artifact's whole, and those where services write on most hosts (`USUAL`); then, on a small volume of its own that is
//!   filled, a request that writes, a restart, and reads.
//! - **Decides**: any of these not being so. A file or folder that changes each time that requests are sent, and never in the
//!   pauses, is the service's; a file that changes more seldom may be another program's. A service declared to keep no state must leave no
//!   file; bytes that it wrote to a disk, and of which no file was found, are a gap. The folder of an interpreter is not the
//!   artifact; data beside a script is a gap, as it may be a checkout. Where the host does not let keel mount (not root, no
//!   `unshare`), the full disk is a gap. The volume of the run is not that of production, so the quota is a gap.
//! - **Blast radius**: what the mix does. For the full disk the service runs on an empty volume in a mount namespace of its own.
//! - **Bound in time**: 6 s, and three starts and 10 s for the full disk.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_wire::http::Request;
use procfs::process::Process;

use self::artifact::Artifact;
use self::watch::{Root, Watch};
use self::windows::Window;
use crate::clause::data::location as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::open_files;
use crate::probes::support::repository;
use crate::recipe::Recipe;
use crate::recipe::disk::Stray;
use crate::subject::State;

mod artifact;
mod full_disk;
#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod volume;
mod watch;
mod windows;

const ID: &str = "data.location";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// Number of times that the mix is sent meanwhile.
const ROUNDS: u32 = 6;
/// Pause between two rounds, without requests, for half of this to one and a half: changes then belong to other programs, and a program that
/// writes at regular times keeps no step with this.
const PAUSE: Duration = Duration::from_millis(400);
/// After the last answer of a round: what is written behind the answers belongs to them.
const AFTER: Duration = Duration::from_millis(100);
/// Between two looks at open files.
const LOOK: Duration = Duration::from_millis(10);
/// Files that are named.
const MAX_NAMED: usize = 5;
/// Requests that a script sends to show a file elsewhere.
const SHOWN: usize = 4;
/// Folders of the service's own are watched so deep.
const DEEP: usize = 12;
/// Folders in which services write on most hosts, and the depth to which they are watched.
const USUAL: [(&str, usize); 8] = [
    ("/tmp", 2),
    ("/var/tmp", 4),
    ("/dev/shm", 4),
    ("/var/log", 4),
    ("/var/lib", 3),
    ("/var/cache", 3),
    ("/var/spool", 3),
    ("/run", 2),
];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = lab.subject.data.clone();
    match lab.subject.state {
        State::Unsaid => {
            let reason = "it is not declared whether it keeps data: say `state = \"durable\"` and `data = [\"folder\"]`, or state = \"none\"";
            return Finding::unknown(ID, reason, Vec::new());
        }
        State::Durable if declared.is_empty() => {
            let reason = "it is declared durable, but the place of its data is not: say `data = [\"folder\"]`";
            return Finding::unknown(ID, reason, Vec::new());
        }
        State::Durable | State::None => {}
    }
    let folders: Vec<PathBuf> =
        declared.iter().map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone())).collect();
    let artifacts = artifact::of(&lab.process().pids());
    let seen = watch_while_asked(lab, &folders, &artifacts).await;
    let requests: Vec<Request> = lab.mix().iter().take(SHOWN).map(|spec| lab.fill_repeatable(spec)).collect();
    let mut evidence = strays(&seen, &folders, &requests);
    if lab.mix().is_empty() {
        evidence.push(clause::OUTSIDE.gap("no request is declared, so only GET / was sent: declare [[requests]]"));
    } else if seen.answered == 0 {
        evidence.push(
            clause::OUTSIDE
                .gap("no request was answered as declared, so what requests write was not seen: mend the mix"),
        );
    }
    if lab.subject.state == State::None {
        if !evidence.iter().any(Evidence::is_against) && seen.bytes > 0 {
            let what =
                format!("its processes wrote {} KiB to a disk, and no file of it was found", seen.bytes.div_ceil(1024));
            evidence.push(clause::OUTSIDE.gap(what));
        }
        let void =
            [clause::QUOTA, clause::FULL_DISK, clause::RECOVERS].map(|clause| clause.is_void("state = \"none\""));
        evidence.extend(void);
        return Finding::judge(ID, evidence);
    }
    match seen.inside(&folders) {
        Some(path) => evidence.push(clause::OUTSIDE.holds(format!("{} is written, as declared", path.display()))),
        None => {
            let reason =
                "requests changed state, and nothing under the declared folders was open or changed: check `data`";
            return Finding::unknown(ID, reason, evidence);
        }
    }
    evidence.extend(folders.iter().flat_map(|folder| outside(lab, folder, &artifacts)));
    evidence.push(clause::QUOTA.gap(
        "the volume and its quota are those of production, which were not seen; this run is on the examiner's own disk",
    ));
    evidence.extend(full_disk::examine(lab, &folders[0]).await);
    Finding::judge(ID, evidence)
}

/// Observations while requests were sent, and in the pauses between.
struct Seen {
    /// Regular files that its processes had open for writing.
    open: BTreeSet<PathBuf>,
    windows: Vec<Window>,
    /// The number of requests that were answered as declared.
    answered: usize,
    /// The number of watched folders; `None` if the kernel gave no watch.
    watched: Option<usize>,
    missed: Option<String>,
    /// The users that it runs as.
    users: BTreeSet<u32>,
    /// Bytes that its processes wrote to a disk meanwhile.
    bytes: u64,
}

impl Seen {
    /// A file in one of the folders that was open for writing, or changed with requests.
    fn inside(&self, folders: &[PathBuf]) -> Option<&PathBuf> {
        let changed = self.windows.iter().filter(|window| window.asked).flat_map(|window| &window.changed);
        self.open.iter().chain(changed).find(|path| is_in(path, folders))
    }
}

fn is_in(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Sends the mix several times, with pauses, and looks at files all the time.
async fn watch_while_asked(lab: &mut Lab, folders: &[PathBuf], artifacts: &BTreeSet<Artifact>) -> Seen {
    let pids = lab.process().pids();
    let mut watch = Watch::of(&roots(lab, &pids, folders, artifacts)).ok();
    let written =
        || pids.iter().filter_map(|pid| Process::new(pid.cast_signed()).ok()?.io().ok()).map(|io| io.write_bytes);
    let before: u64 = written().sum();
    let (pause, after) = (lab.pace.of(PAUSE), lab.pace.of(AFTER));
    let (mut open, mut windows, mut answered) = (BTreeSet::new(), Vec::new(), 0);
    let chance = RandomState::new();
    for round in 0..ROUNDS {
        let uneven = pause / 2 + pause * u32::try_from(chance.hash_one(round) % 256).unwrap_or(0) / 256;
        windows.push(look(&pids, watch.as_mut(), false, &mut open, tokio::time::sleep(uneven)).await);
        let asking = async {
            answered += ask(lab).await;
            tokio::time::sleep(after).await;
        };
        windows.push(look(&pids, watch.as_mut(), true, &mut open, asking).await);
    }
    Seen {
        open,
        windows,
        answered,
        users: pids.iter().filter_map(|pid| Process::new(pid.cast_signed()).ok()?.uid().ok()).collect(),
        bytes: written().sum::<u64>().saturating_sub(before),
        watched: watch.as_ref().map(Watch::len),
        missed: watch.and_then(|watch| watch.missed),
    }
}

/// Sends the mix, or without one a harmless request; how many were answered as they should be.
async fn ask(lab: &mut Lab) -> usize {
    if lab.mix().is_empty() {
        let exchange = lab.http().send(lab.harmless()).await;
        return usize::from(exchange.status().is_some_and(|status| status.as_u16() < 400));
    }
    let sent = lab.send_mix().await;
    sent.iter().filter(|(spec, exchange)| exchange.status().is_some_and(|status| spec.expects(status.as_u16()))).count()
}

/// Observes changed and open files until this is done.
async fn look(
    pids: &[u32],
    mut watch: Option<&mut Watch>,
    asked: bool,
    open: &mut BTreeSet<PathBuf>,
    until: impl Future<Output = ()>,
) -> Window {
    let mut window = Window { asked, changed: BTreeSet::new() };
    tokio::pin!(until);
    loop {
        let over = tokio::select! {
            () = &mut until => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        open.extend(pids.iter().flat_map(|pid| open_files::written_by(*pid)));
        if let Some(watch) = &mut watch {
            window.changed.extend(watch.changed());
        }
        if over {
            return window;
        }
    }
}

/// Returns the folders in which its files may be: its own folders first.
fn roots(lab: &Lab, pids: &[u32], folders: &[PathBuf], artifacts: &BTreeSet<Artifact>) -> Vec<Root> {
    let cwds = pids.iter().filter_map(|pid| Process::new(pid.cast_signed()).ok()?.cwd().ok());
    let declared = lab.subject.env.values().map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir());
    let own = folders.iter().cloned().chain(lab.subject.workdir.canonicalize()).chain(cwds).chain(declared);
    let own: BTreeSet<PathBuf> = own.chain(artifacts.iter().map(|artifact| artifact.folder.clone())).collect();
    // What lies in another one is watched with it; nobody's own folder is the root.
    let outermost = own
        .iter()
        .filter(|path| path.parent().is_some() && !own.iter().any(|other| *path != other && path.starts_with(other)));
    let usual = USUAL.iter().map(|(folder, depth)| Root { folder: PathBuf::from(folder), depth: *depth });
    let own = outermost.map(|folder| Root { folder: folder.clone(), depth: DEEP });
    own.chain(usual.filter(|root| root.folder.is_dir())).collect()
}

/// Files of the service outside of the declared folders; a script sends these requests.
fn strays(seen: &Seen, folders: &[PathBuf], requests: &[Request]) -> Vec<Evidence> {
    let open: Vec<&PathBuf> = seen.open.iter().filter(|path| !is_in(path, folders)).collect();
    let counts = |path: &Path| {
        let metadata = path.symlink_metadata().ok();
        !is_in(path, folders) && metadata.is_some_and(|found| found.is_file() && seen.users.contains(&found.uid()))
    };
    let changes = windows::sorted(&seen.windows, counts);
    let mut evidence = vec![files("open for writing outside of the declared folders", &open, requests)];
    match seen.watched {
        None => evidence
            .push(clause::OUTSIDE.gap("the kernel gave no watch on folders, so files open for a moment were not seen")),
        Some(watched) => {
            let what = format!("changed with requests in {watched} watched folders outside of the declared ones");
            evidence.push(files(&what, &changes.with_requests.iter().collect::<Vec<_>>(), requests));
            if changes.others > 0 {
                let what =
                    format!("{} other files changed there, not each time that requests were sent", changes.others);
                evidence.push(clause::OUTSIDE.figure(what));
            }
        }
    }
    evidence.extend(seen.missed.as_ref().map(|missed| clause::OUTSIDE.gap(missed)));
    evidence
}

fn files(what: &str, files: &[&PathBuf], requests: &[Request]) -> Evidence {
    let named: Vec<String> = files.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    match files.len() {
        0 => clause::OUTSIDE.holds(format!("no file was {what}")),
        count => {
            let piece = clause::OUTSIDE.contradicts(format!("{count} files were {what}: {}", named.join(", ")));
            let stray = files.first().map(|path| Stray { path: (*path).clone(), requests: requests.to_vec() });
            stray.map(Recipe::Stray).into_iter().fold(piece, Evidence::reproduced_by)
        }
    }
}

/// Judges whether a data folder is apart from the deployed files.
fn outside(lab: &Lab, folder: &Path, artifacts: &BTreeSet<Artifact>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for artifact in artifacts {
        let apart = !folder.starts_with(&artifact.folder);
        let told = if apart { "is outside of" } else { "is inside of" };
        let what = format!("{} {told} the artifact's folder {}", folder.display(), artifact.folder.display());
        evidence.push(if artifact.script && !apart {
            clause::OUTSIDE
                .gap(format!("{what}: whether a deploy replaces it was not seen; say a folder elsewhere in `data`"))
        } else {
            clause::OUTSIDE.saw(apart, what)
        });
    }
    if let Some(root) = &lab.subject.repository
        && repository::is_tracked(root, folder) == Some(true)
    {
        evidence.push(clause::OUTSIDE.contradicts(format!("files in {} are tracked by git", folder.display())));
    }
    evidence
}
