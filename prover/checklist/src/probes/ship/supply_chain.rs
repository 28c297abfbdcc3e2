//! `ship.supply-chain`: vulnerable, yanked, unlicensed or unpinned dependencies fail the build.
//!
//! - **Hypothesis**: beside each manifest of dependencies lies a lockfile with checksums, tracked by git; make or CI runs a check for
//!   vulnerabilities and one for licences.
//! - **Read**: manifests at the root of the declared repository, their lockfiles, makefiles, CI's files and their rules.
//! - **Decides**: a manifest without such a lockfile, or no check that make or CI runs. A repository without a known manifest is
//!   unknown. The checks themselves are not run: they need the network, and CI runs them.
//! - **Blast radius**: none; it only reads.
//! - **Bound in time**: some files.

use std::path::{Path, PathBuf};

use crate::clause::Clause;
use crate::clause::ship::supply_chain as clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::probes::support::repository;

#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "ship.supply-chain";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// What pins the dependencies of one kind of manifest.
struct Ecosystem {
    manifests: &'static [&'static str],
    lockfiles: &'static [&'static str],
    /// What a lockfile with checksums contains, any of these.
    checksums: &'static [&'static str],
    /// What a manifest with dependencies contains, any of these.
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

/// Commands that look for vulnerabilities.
const VULNERABILITIES: [&str; 16] = [
    "cargo deny",
    "cargo-deny",
    "cargo audit",
    "cargo vet",
    "npm audit",
    "pnpm audit",
    "yarn audit",
    "yarn npm audit",
    "pip-audit",
    "safety check",
    "govulncheck",
    "osv-scanner",
    "trivy",
    "grype",
    "bundle audit",
    "dependency-review-action",
];
/// Commands that look at licences.
const LICENCES: [&str; 10] = [
    "cargo deny",
    "cargo-deny",
    "cargo about",
    "license-checker",
    "licensecheck",
    "pip-licenses",
    "go-licenses",
    "reuse lint",
    "scancode",
    "dependency-review-action",
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
    let build = repository::build_files(&root);
    evidence.push(runs(clause::VULNERABLE, &build, "vulnerabilities", &VULNERABILITIES));
    evidence.push(runs(clause::UNLICENSED, &build, "licences", &LICENCES));
    Finding::judge(ID, evidence)
}

/// Whether the manifest has a lockfile, and what of it is missing; none when there is nothing to pin.
fn pinned(root: &Path, ecosystem: &Ecosystem) -> Option<Evidence> {
    let manifest = ecosystem.manifests.iter().find(|name| {
        let text = repository::text(&root.join(name));
        text.is_some_and(|text| ecosystem.depends.iter().any(|word| text.contains(word)))
    })?;
    let Some((name, text)) =
        ecosystem.lockfiles.iter().find_map(|name| Some((name, std::fs::read_to_string(root.join(name)).ok()?)))
    else {
        let what = format!("{manifest} has no lockfile ({})", ecosystem.lockfiles.join(", "));
        return Some(clause::UNPINNED.contradicts(what));
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

/// Whether make or CI runs any of these commands.
fn runs(clause: Clause, build: &[(PathBuf, String)], of: &str, commands: &[&str]) -> Evidence {
    let found = build.iter().find_map(|(path, text)| {
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let line = lines.find(|line| commands.iter().any(|command| line.contains(command)))?;
        Some((path, line.trim().to_owned()))
    });
    match found {
        Some((path, line)) => clause.holds(format!("{} checks dependencies for {of}", path.display())).showing(line),
        None => clause.contradicts(format!("neither make nor CI checks dependencies for {of}")),
    }
}
