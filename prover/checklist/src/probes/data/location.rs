//! `data.location`: persistent data lives outside the artifact, where it was declared; a full disk degrades and recovers.
//!
//! - **Hypothesis**: while requests change state, files open for writing and files that change are only under the declared `data`;
//!   these folders are neither in the artifact's folder nor tracked by the repository; on a full volume writes fail clearly,
//!   reads go on, the process lives, and writes work again once there is room.
//! - **Sent**: the mix several times, while `/proc` is read; then, on a small volume of its own that is filled, the first request that
//!   writes.
//! - **Decides**: any of these not being so. A service declared to keep no state must have no file open for writing. Where the host
//!   does not let keel mount (not root, no `unshare`), the full disk is told as not tried.
//! - **Blast radius**: what the mix does. For the full disk the service runs on an empty volume in a mount namespace of its own.
//! - **Bound in time**: 3 s, and two starts and 10 s for the full disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use procfs::process::Process;

use crate::clause::data::location as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::open_files;
use crate::probes::support::repository;
use crate::subject::State;

mod full_disk;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "data.location";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// How often the mix is sent meanwhile.
const ROUNDS: usize = 5;
/// Between two looks at open files.
const LOOK: Duration = Duration::from_millis(10);
/// Files that are named.
const MAX_NAMED: usize = 5;

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let declared = lab.subject.data.clone();
    match lab.subject.state {
        State::Unsaid => {
            let reason = "nobody said whether it keeps data: say `state = \"durable\"` and `data = [\"folder\"]`, or state = \"none\"";
            return Finding::unknown(ID, reason, Vec::new());
        }
        State::Durable if declared.is_empty() => {
            let reason = "it is declared durable, and nobody said where its data is: say `data = [\"folder\"]`";
            return Finding::unknown(ID, reason, Vec::new());
        }
        State::Durable | State::None => {}
    }
    let folders: Vec<PathBuf> =
        declared.iter().map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone())).collect();
    let since = SystemTime::now();
    let open = written_while_asked(lab).await;
    let inside = |path: &&PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    let (good, stray): (Vec<&PathBuf>, Vec<&PathBuf>) = open.iter().partition(inside);
    let changed = changed_since(lab, since, &folders);
    let mut evidence = vec![
        files("open for writing outside of the declared folders", &stray),
        files("changed beside the service", &changed.iter().collect::<Vec<_>>()),
    ];
    if lab.subject.state == State::None {
        return Finding::judge(ID, evidence);
    }
    let grew = newer_in(&folders, since);
    match (good.first(), grew) {
        (Some(path), _) => {
            evidence.push(clause::OUTSIDE.holds(format!("{} is open for writing, as declared", path.display())))
        }
        (None, Some(path)) => evidence.push(clause::OUTSIDE.holds(format!("{} changed, as declared", path.display()))),
        (None, None) => {
            let reason =
                "requests changed state, and nothing under the declared folders was open or changed: check `data`";
            return Finding::unknown(ID, reason, evidence);
        }
    }
    evidence.extend(folders.iter().flat_map(|folder| outside(lab, folder)));
    evidence.extend(full_disk::examine(lab, &folders[0]).await);
    Finding::judge(ID, evidence)
}

fn files(what: &str, files: &[&PathBuf]) -> Evidence {
    let named: Vec<String> = files.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    match files.len() {
        0 => clause::OUTSIDE.holds(format!("no file was {what}")),
        count => clause::OUTSIDE.contradicts(format!("{count} files were {what}: {}", named.join(", "))),
    }
}

/// Every regular file that its processes had open for writing while the mix was sent.
async fn written_while_asked(lab: &mut Lab) -> BTreeSet<PathBuf> {
    let mut open = BTreeSet::new();
    let pids = lab.process().pids();
    let asking = async {
        for _ in 0..ROUNDS {
            lab.send_mix().await;
        }
    };
    tokio::pin!(asking);
    loop {
        open.extend(pids.iter().flat_map(|pid| open_files::written_by(*pid)));
        tokio::select! {
            () = &mut asking => return open,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Files directly in the working folder and in the artifact's folder that changed, outside of the declared folders.
fn changed_since(lab: &mut Lab, since: SystemTime, folders: &[PathBuf]) -> Vec<PathBuf> {
    let beside: BTreeSet<PathBuf> =
        [artifact(lab), lab.subject.workdir.canonicalize().ok()].into_iter().flatten().collect();
    let inside = |path: &Path| folders.iter().any(|folder| path.starts_with(folder));
    let newer = |path: &PathBuf| {
        let metadata = path.metadata().ok();
        metadata.is_some_and(|found| found.is_file() && found.modified().is_ok_and(|changed| changed > since))
    };
    let files = beside
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    files.filter(|path| !inside(path)).filter(newer).collect()
}

/// The folder of the program that runs, when it is not one of the system's.
fn artifact(lab: &mut Lab) -> Option<PathBuf> {
    let program = Process::new(lab.process().pid().cast_signed()).and_then(|process| process.exe()).ok()?;
    let system = ["/usr", "/bin", "/sbin", "/lib"].iter().any(|root| program.starts_with(root));
    if system { None } else { program.parent().map(Path::to_owned) }
}

/// A file directly in one of the folders that changed.
fn newer_in(folders: &[PathBuf], since: SystemTime) -> Option<PathBuf> {
    let files = folders
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let newer =
        |path: &PathBuf| path.metadata().and_then(|found| found.modified()).is_ok_and(|changed| changed > since);
    files.into_iter().find(newer)
}

/// Whether a data folder is apart from what is deployed.
fn outside(lab: &mut Lab, folder: &Path) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if let Some(artifact) = artifact(lab) {
        let apart = !folder.starts_with(&artifact);
        let told = if apart { "is outside of" } else { "is inside of" };
        evidence.push(
            clause::OUTSIDE
                .saw(apart, format!("{} {told} the artifact's folder {}", folder.display(), artifact.display())),
        );
    }
    if let Some(root) = &lab.subject.repository
        && repository::is_tracked(root, folder) == Some(true)
    {
        evidence.push(clause::OUTSIDE.contradicts(format!("files in {} are tracked by git", folder.display())));
    }
    evidence
}
