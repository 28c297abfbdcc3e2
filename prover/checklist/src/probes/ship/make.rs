//! `ship.make`: the same make targets everywhere.
//!
//! - **Hypothesis**: the repository has a makefile with the targets of `TARGETS`, of which make can tell the commands; CI, where it
//!   is in the repository, calls them, and repeats none of their commands.
//! - **Sent**: `make -n TARGET` for each, in the repository.
//! - **Decides**: a missing makefile or target; a recipe that only prints; CI files of which none calls make so that its failure counts.
//!   Without a declared repository, without CI, or without make on this host, unknown.
//! - **Blast radius**: none; `make -n` runs no recipe (but what the makefile has in `$(shell …)`).
//! - **Bound in time**: 10 s a target.

use std::path::Path;
use std::time::Duration;

use keel_drill::process::{Exit, Launch, Process};

use crate::clause::ship::make as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::build::{self, Command};
use crate::probes::support::repository;
use crate::recipe::Recipe;

#[cfg(test)]
mod judge_tests;
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
/// Words of a recipe that is still to be written.
const PROMISES: [&str; 4] = ["todo", "not implemented", "one day", "tbd"];
/// For one target.
const BOUND: Duration = Duration::from_secs(10);
/// Exit code of a shell for a missing command.
const NOT_FOUND: i32 = 127;

/// Examines the declared repository.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(root) = lab.subject.repository.clone() else {
        return Finding::unknown(ID, "no repository is declared: say `repository = \".\"` in keel.toml", Vec::new());
    };
    if !MAKEFILES.iter().any(|name| root.join(name).is_file()) {
        let piece = clause::TARGETS.contradicts(format!("there is no Makefile in {}", root.display()));
        let any_of = MAKEFILES.map(str::to_owned).to_vec();
        return Finding::judge(ID, vec![piece.reproduced_by(Recipe::Files { any_of })]);
    }
    let mut evidence = Vec::new();
    for target in TARGETS {
        match told(&root, target).await {
            Some((Exit::Code(NOT_FOUND), _)) => {
                return Finding::unknown(ID, "make is not installed on this host: install it", evidence);
            }
            Some((Exit::Code(0), lines)) => evidence.push(judged(target, &lines)),
            Some((_, lines)) => {
                let what = format!("make cannot tell what {target} does");
                let piece = clause::TARGETS.contradicts(what).showing(lines.last().cloned().unwrap_or_default());
                evidence.push(piece.reproduced_by(Recipe::Command(dry_run(target))));
            }
            None => {
                let what = format!("make -n {target} does not end within {BOUND:?}, so what it does was not seen");
                evidence.push(clause::TARGETS.gap(what));
            }
        }
    }
    evidence.push(ci(&root));
    Finding::judge(ID, evidence)
}

/// Judges that the commands of a target do more than print.
fn judged(target: &str, lines: &[String]) -> Evidence {
    let printed = build::printed(lines);
    let shown = lines.first().cloned().unwrap_or_default();
    match printed {
        // A target without meaning may say so, as the catalogue advises, but not that it is still to be written.
        Some(text) if PROMISES.iter().any(|word| text.to_lowercase().contains(word)) => {
            clause::TARGETS.contradicts(format!("{target} only prints what it would do one day")).showing(shown)
        }
        Some(_) => clause::TARGETS.gap(format!("{target} only prints: what it does was not seen")).showing(shown),
        None => clause::TARGETS.holds(format!("make can tell what {target} does")).showing(shown),
    }
}

/// The command that prints what a target does.
fn dry_run(target: &str) -> String {
    format!("make --no-print-directory -n {target}")
}

/// Returns the exit and the output of `make -n`; `None` if it does not end in time.
async fn told(root: &Path, target: &str) -> Option<(Exit, Vec<String>)> {
    let command = dry_run(target);
    let launch = Launch { command, workdir: Some(root.to_owned()), ..Launch::default() };
    let mut process = Process::start(launch).ok()?;
    let exit = process.wait(BOUND).await;
    let lines = process.output().into_iter().map(|line| line.text).collect();
    process.stop(Duration::ZERO).await;
    Some((exit?, lines))
}

fn ci(root: &Path) -> Evidence {
    let (commands, has_ci) = build::commands(root);
    if !has_ci {
        return clause::EVERYWHERE.gap("there are no files of CI in the repository");
    }
    let calls = |command: &&Command| command.reached && repository::is_ci(&command.file) && command.is("make");
    let counts = |command: &&Command| calls(command) && command.ignored.is_none();
    match (commands.iter().find(counts), commands.iter().find(calls)) {
        (Some(command), _) => {
            clause::EVERYWHERE.holds(format!("CI calls make ({})", command.file.display())).showing(&command.line)
        }
        (None, Some(command)) => {
            let why = command.ignored.as_deref().unwrap_or_default();
            let what = format!("CI calls make ({}), and its failure counts for nothing: {why}", command.file.display());
            clause::EVERYWHERE.contradicts(what).showing(&command.line)
        }
        (None, None) => clause::EVERYWHERE.contradicts("CI does not call make"),
    }
}
