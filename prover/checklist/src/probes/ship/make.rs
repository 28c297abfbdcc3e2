//! `ship.make`: the same make targets everywhere.
//!
//! - **Hypothesis**: the repository has a makefile with the targets of `TARGETS`, of which make can tell the commands; CI, where it
//!   is in the repository, calls make.
//! - **Sent**: `make -n TARGET` for each, in the repository.
//! - **Decides**: a missing makefile or target; CI files of which none calls make. Without a declared repository, or without make on
//!   this host, unknown.
//! - **Blast radius**: none; `make -n` runs no recipe (but what the makefile has in `$(shell …)`).
//! - **Bound in time**: 10 s a target.

use std::path::Path;
use std::time::Duration;

use keel_drill::process::{Exit, Launch, Process};

use crate::clause::ship::make as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::repository;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "ship.make";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
const TARGETS: [&str; 7] = ["setup", "run", "test", "check", "bench", "release", "deploy"];
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// For one target.
const BOUND: Duration = Duration::from_secs(10);
/// What a shell answers for a command that is not there.
const NOT_FOUND: i32 = 127;

/// Examines the declared repository.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(root) = lab.subject.repository.clone() else {
        return Finding::unknown(ID, "no repository is declared: say `repository = \".\"` in keel.toml", Vec::new());
    };
    if !MAKEFILES.iter().any(|name| root.join(name).is_file()) {
        return Finding::judge(
            ID,
            vec![clause::TARGETS.contradicts(format!("there is no Makefile in {}", root.display()))],
        );
    }
    let mut evidence = Vec::new();
    for target in TARGETS {
        match told(&root, target).await {
            Some((Exit::Code(NOT_FOUND), _)) => {
                return Finding::unknown(ID, "make is not installed on this host: install it", evidence);
            }
            Some((Exit::Code(0), _)) => {
                evidence.push(clause::TARGETS.holds(format!("make can tell what {target} does")))
            }
            Some((_, last)) => {
                let what = format!("make cannot tell what {target} does");
                evidence.push(clause::TARGETS.contradicts(what).showing(last.unwrap_or_default()));
            }
            None => {
                evidence.push(clause::TARGETS.contradicts(format!("make -n {target} does not end within {BOUND:?}")))
            }
        }
    }
    evidence.push(ci(&root));
    Finding::judge(ID, evidence)
}

/// How `make -n` ends, and the last line that it printed; none when it does not end in time.
async fn told(root: &Path, target: &str) -> Option<(Exit, Option<String>)> {
    let command = format!("make --no-print-directory -n {target}");
    let launch = Launch { command, workdir: Some(root.to_owned()), ..Launch::default() };
    let mut process = Process::start(launch).ok()?;
    let exit = process.wait(BOUND).await;
    let last = process.output().last().map(|line| line.text.clone());
    process.stop(Duration::ZERO).await;
    Some((exit?, last))
}

fn ci(root: &Path) -> Evidence {
    let files: Vec<_> = repository::build_files(root).into_iter().filter(|(path, _)| repository::is_ci(path)).collect();
    let calls = files
        .iter()
        .find(|(_, text)| text.lines().any(|line| line.contains("make ") && !line.trim_start().starts_with('#')));
    match (calls, files.first()) {
        (Some((path, _)), _) => clause::EVERYWHERE.holds(format!("CI calls make ({})", path.display())),
        (None, Some((path, _))) => {
            clause::EVERYWHERE.contradicts(format!("CI does not call make ({} and others)", path.display()))
        }
        (None, None) => clause::EVERYWHERE.gap("there are no files of CI in the repository"),
    }
}
