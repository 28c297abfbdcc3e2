//! The judges of `ship.supply-chain` on files of a repository.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use super::*;
use crate::finding::Bearing;

const MANIFEST: (&str, &str) = ("Cargo.toml", "[dependencies]\n");

fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_lockfile_pins_with_checksums() {
    let bearing =
        |files: &[(&str, &str)]| pinned(repository(files).path(), &ECOSYSTEMS[0]).map(|piece| piece.bearing());
    assert_eq!(bearing(&[MANIFEST, ("Cargo.lock", "source = \"r\"\nchecksum = \"0\"\n")]), Some(Bearing::For));
    assert_eq!(bearing(&[MANIFEST, ("Cargo.lock", "source = \"r\"\n")]), Some(Bearing::Against));
    assert_eq!(bearing(&[MANIFEST, ("Cargo.lock", "version = 4\n")]), Some(Bearing::For), "nothing is from elsewhere");
    assert_eq!(bearing(&[MANIFEST]), Some(Bearing::Against));
    assert_eq!(bearing(&[]), None, "there is nothing to pin");
}

#[test]
fn a_lockfile_must_be_tracked_by_git() {
    let folder = repository(&[MANIFEST, ("Cargo.lock", "source = \"r\"\nchecksum = \"0\"\n")]);
    let git = |arguments: &[&str]| {
        let git = std::process::Command::new("git").arg("-C").arg(folder.path()).args(arguments).status().unwrap();
        assert!(git.success(), "git {arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "Cargo.toml"]);
    assert!(pinned(folder.path(), &ECOSYSTEMS[0]).unwrap().is_against());
    git(&["add", "Cargo.lock"]);
    assert!(pinned(folder.path(), &ECOSYSTEMS[0]).unwrap().is_for());
}

#[test]
fn a_check_counts_when_ci_reaches_it_and_its_failure_counts() {
    let bearing = |script: &str| {
        let folder = repository(&[(".ci/run", script)]);
        let (commands, has_ci) = build::commands(folder.path());
        let checks = |command: &Command| tools::checks(command, "").contains(&tools::Check::Vulnerable);
        runs(clause::VULNERABLE, &commands, has_ci, "vulnerabilities", checks).bearing()
    };
    assert_eq!(bearing("cargo deny check\n"), Bearing::For);
    assert_eq!(bearing("cargo deny check || true\n"), Bearing::Against);
    assert_eq!(bearing("cargo deny check licenses\n"), Bearing::Against, "that looks for something else");
    assert_eq!(bearing("cargo test\n"), Bearing::Against);
}
