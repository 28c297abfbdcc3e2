//! `ship.supply-chain` on its specimens.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::Path;
use std::process::Command;

use crate::clause::ship::supply_chain::{FAILS_BUILD, YANKED};
use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, repository};
use crate::testing::holds_but_for;
use crate::testing::mentions;

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_must_be_pinned_and_checked() {
    const MANIFEST: (&str, &str) = ("Cargo.toml", "[dependencies]\nserde = \"1\"\n");
    const LOCK: (&str, &str) = ("Cargo.lock", "source = \"registry\"\nchecksum = \"00\"\n");
    const CHECKED: (&str, &str) = ("Makefile", "check:\n\tcargo deny check\n");
    let finding = repository("ship.supply-chain", &[MANIFEST, LOCK, CHECKED]).await;
    holds_but_for(&finding, &[YANKED, FAILS_BUILD]);
    for files in [&[MANIFEST, CHECKED][..], &[MANIFEST, LOCK], &[MANIFEST, ("Cargo.lock", "source = \"x\""), CHECKED]] {
        let finding = repository("ship.supply-chain", files).await;
        assert_eq!(finding.verdict(), Verdict::FallsShort, "{files:?}: {finding:#?}");
    }
    assert_eq!(repository("ship.supply-chain", &[("README.md", "none")]).await.verdict(), Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockfile_that_git_does_not_track_pins_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    for (name, text) in [
        ("Cargo.toml", "[dependencies]\n"),
        ("Cargo.lock", "source = \"r\"\nchecksum = \"0\""),
        ("Makefile", "check:\n\tcargo deny check\n"),
    ] {
        std::fs::write(root.join(name), text).unwrap();
    }
    git(&root, &["init", "-q"]);
    git(&root, &["add", "Cargo.toml", "Makefile"]);
    let finding = examine("ship.supply-chain", "ship-good", |subject| subject.repository = Some(root)).await;
    mentions(&finding, "git does not track it");
}

fn git(root: &Path, arguments: &[&str]) {
    assert!(Command::new("git").arg("-C").arg(root).args(arguments).status().unwrap().success(), "git {arguments:?}");
}
