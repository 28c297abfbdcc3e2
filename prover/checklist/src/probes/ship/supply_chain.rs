//! `ship.supply-chain`: vulnerable, yanked, unlicensed or unpinned dependencies fail the build.
//!
//! - **Hypothesis**: beside each manifest of dependencies lies a lockfile with checksums, tracked by git; CI (without CI, a usual
//!   target of make) runs a check for vulnerabilities, yanked versions and licences, whose failure fails the build.
//! - **Read**: manifests at the root of the declared repository, their lockfiles, makefiles, CI's files and their rules.
//! - **Decides**: a manifest without such a lockfile, no command that checks, or one whose failure is ignored (`|| true`,
//!   `continue-on-error`, `if: false`, a dash of make, a pipe). A word in a text (`echo`) is no command. A check that CI is not seen
//!   to get to is a gap. Nothing is run, as checks need the network: that a finding fails the build stays a gap.
//! - **Blast radius**: none; it only reads.
//! - **Bound in time**: some files.

use std::path::Path;

use crate::clause::Clause;
use crate::clause::ship::supply_chain as clause;
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
mod tools;

use self::tools::Check;

const ID: &str = "ship.supply-chain";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Lockfiles for the dependencies of one kind of manifest.
struct Ecosystem {
    manifests: &'static [&'static str],
    lockfiles: &'static [&'static str],
    /// The marks of a lockfile with checksums, any of these.
    checksums: &'static [&'static str],
    /// The marks of a manifest with dependencies, any of these.
    depends: &'static [&'static str],
}

const ECOSYSTEMS: [Ecosystem; 6] = [
    Ecosystem {
        manifests: &["Cargo.toml"],
        lockfiles: &["Cargo.lock"],
        checksums: &["checksum = "],
        depends: &["dependencies", "[workspace"],
    },
    Ecosystem {
        manifests: &["package.json"],
        lockfiles: &["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"],
        checksums: &["integrity", "checksum"],
        depends: &["ependencies\""],
    },
    Ecosystem {
        manifests: &["pyproject.toml", "requirements.txt", "Pipfile", "setup.py"],
        lockfiles: &["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt"],
        checksums: &["hash", "sha256"],
        depends: &["dependencies", "==", ">=", "[packages]", "install_requires"],
    },
    Ecosystem { manifests: &["go.mod"], lockfiles: &["go.sum"], checksums: &["h1:"], depends: &["require"] },
    Ecosystem { manifests: &["Gemfile"], lockfiles: &["Gemfile.lock"], checksums: &["CHECKSUMS"], depends: &["gem "] },
    Ecosystem {
        manifests: &["composer.json"],
        lockfiles: &["composer.lock"],
        checksums: &["shasum", "reference"],
        depends: &["require"],
    },
];

/// Examines the declared repository.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(root) = lab.subject.repository.clone() else {
        return Finding::unknown(ID, "no repository is declared: say `repository = \".\"` in keel.toml", Vec::new());
    };
    let mut evidence: Vec<Evidence> = ECOSYSTEMS.iter().flat_map(|ecosystem| pinned(&root, ecosystem)).collect();
    if evidence.is_empty() {
        let reason = format!("no manifest of dependencies that keel knows is in {}", root.display());
        return Finding::unknown(ID, reason, evidence);
    }
    let (commands, has_ci) = build::commands(&root);
    let rules = repository::text(&root.join("deny.toml")).unwrap_or_default();
    for (clause, check, of) in [
        (clause::VULNERABLE, Check::Vulnerable, "vulnerabilities"),
        (clause::YANKED, Check::Yanked, "yanked versions"),
        (clause::UNLICENSED, Check::Unlicensed, "licences"),
    ] {
        evidence.push(runs(clause, &commands, has_ci, of, |command| tools::checks(command, &rules).contains(&check)));
    }
    evidence.push(clause::FAILS_BUILD.gap(if has_ci {
        "CI and its checks were read and not run: whether a finding fails the build was not seen"
    } else {
        "there are no files of CI in the repository: whether a build runs these checks was not seen"
    }));
    Finding::judge(ID, evidence)
}

/// Judges that the manifest has a complete lockfile; `None` if there is nothing to pin.
fn pinned(root: &Path, ecosystem: &Ecosystem) -> Option<Evidence> {
    let manifest = ecosystem.manifests.iter().find(|name| {
        let text = repository::text(&root.join(name));
        text.is_some_and(|text| ecosystem.depends.iter().any(|word| text.contains(word)))
    })?;
    let Some((name, text)) =
        ecosystem.lockfiles.iter().find_map(|name| Some((name, std::fs::read_to_string(root.join(name)).ok()?)))
    else {
        let what = format!("{manifest} has no lockfile ({})", ecosystem.lockfiles.join(", "));
        let any_of = ecosystem.lockfiles.iter().map(|name| (*name).to_owned()).collect();
        return Some(clause::UNPINNED.contradicts(what).reproduced_by(Recipe::Files { any_of }));
    };
    // A lockfile without any package from elsewhere needs no checksum.
    let alone = *name == "Cargo.lock" && !text.contains("source = ");
    Some(if !alone && !ecosystem.checksums.iter().any(|word| text.contains(word)) {
        clause::UNPINNED.contradicts(format!("{name} pins {manifest} without checksums"))
    } else if repository::is_tracked(root, Path::new(name)) == Some(false) {
        clause::UNPINNED.contradicts(format!("{name} is there, and git does not track it"))
    } else {
        clause::UNPINNED.holds(format!("{name} pins {manifest} with checksums"))
    })
}

/// Judges that make or CI runs such a check, and that its failure counts.
fn runs(clause: Clause, commands: &[Command], has_ci: bool, of: &str, checks: impl Fn(&Command) -> bool) -> Evidence {
    let found: Vec<&Command> = commands.iter().filter(|command| checks(command)).collect();
    let told = |command: &Command| format!("{} checks dependencies for {of}", command.file.display());
    if let Some(command) = found.iter().find(|command| command.reached && command.ignored.is_none()) {
        return clause.holds(told(command)).showing(&command.line);
    }
    if let Some(command) = found.iter().find(|command| command.reached) {
        let why = command.ignored.as_deref().unwrap_or_default();
        return clause
            .contradicts(format!("{}, and its failure counts for nothing: {why}", told(command)))
            .showing(&command.line);
    }
    match (found.first(), has_ci) {
        (Some(command), true) => clause
            .gap(format!("{}, and keel does not see how CI gets there: call it from a file of CI", told(command)))
            .showing(&command.line),
        (Some(command), false) => {
            clause.gap(format!("{}, and no usual target of make gets there", told(command))).showing(&command.line)
        }
        (None, _) if clause == clause::YANKED => clause
            .gap("no check for yanked versions was seen; package managers and registries know them by different names"),
        (None, _) => clause.contradicts(format!("neither make nor CI checks dependencies for {of}")),
    }
}
