//! `ship.supply-chain` on its specimens.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::path::Path;
use std::process::Command;

use crate::clause::ship::supply_chain::{FAILS_BUILD, UNLICENSED, VULNERABLE, YANKED};
use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, repository};
use crate::testing::{falls_short, holds_but_for, mentions};

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
async fn a_word_in_a_text_and_a_check_whose_failure_is_ignored_check_nothing() {
    let files = |step: &'static str| {
        [
            ("Cargo.toml", "[dependencies]\n"),
            ("Cargo.lock", "source = \"r\"\nchecksum = \"0\""),
            (".github/workflows/ci.yml", step),
        ]
    };
    let finding = repository(
        "ship.supply-chain",
        &files("jobs:\n  b:\n    steps:\n      - run: echo \"TODO one day: cargo audit\"\n"),
    )
    .await;
    falls_short(&finding, &["neither make nor CI checks dependencies for vulnerabilities"]);
    for ignored in [
        "jobs:\n  b:\n    steps:\n      - run: cargo deny check || true\n",
        "jobs:\n  b:\n    steps:\n      - run: cargo deny check\n        continue-on-error: true\n",
        "jobs:\n  b:\n    if: false\n    steps:\n      - run: cargo deny check\n",
    ] {
        let finding = repository("ship.supply-chain", &files(ignored)).await;
        falls_short(&finding, &["its failure counts for nothing"]);
    }
    let licences =
        "jobs:\n  b:\n    steps:\n      - run: cargo deny check licenses\n      - run: cargo deny --version\n";
    let finding = repository("ship.supply-chain", &files(licences)).await;
    falls_short(&finding, &["neither make nor CI checks dependencies for vulnerabilities"]);
    assert_eq!(finding.verdict_on(UNLICENSED), Some(Verdict::Holds), "{finding:#?}");
    let whole = "jobs:\n  b:\n    steps:\n      - uses: EmbarkStudios/cargo-deny-action@v2\n";
    let mut known = files(whole).to_vec();
    known.push(("deny.toml", "[advisories]\nyanked = \"deny\"\n"));
    holds_but_for(&repository("ship.supply-chain", &known).await, &[FAILS_BUILD]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_ci_is_not_seen_to_get_to_is_a_gap() {
    let finding = repository(
        "ship.supply-chain",
        &[
            ("Cargo.toml", "[dependencies]\n"),
            ("Cargo.lock", "source = \"r\"\nchecksum = \"0\""),
            ("Makefile", "check:\n\tcargo deny check\ntest:\n\tcargo test\n"),
            (".ci/run", "exec make test\n"),
        ],
    )
    .await;
    holds_but_for(&finding, &[VULNERABLE, YANKED, UNLICENSED, FAILS_BUILD]);
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
