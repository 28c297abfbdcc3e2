//! `ship.make` on its specimens.

use crate::clause::ship::make::{EVERYWHERE, TARGETS};
use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, repository};
use crate::testing::{falls_short, holds_but_for, mentions};

const MAKEFILE: &str = "setup run test check bench release deploy:\n\t@cargo $@\n";

#[tokio::test(flavor = "multi_thread")]
async fn make_must_know_the_usual_targets_and_ci_must_call_it() {
    let finding = repository("ship.make", &[("Makefile", MAKEFILE), (".ci/run", "exec make test\n")]).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    let finding = repository("ship.make", &[("Makefile", "setup run test:\n\t@echo\n")]).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "release");
    let finding = repository("ship.make", &[("Makefile", MAKEFILE), (".ci/run", "cargo test\n")]).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    assert_eq!(repository("ship.make", &[("README.md", "none")]).await.verdict(), Verdict::FallsShort);
    assert_eq!(examine("ship.make", "ship-good", |_| {}).await.verdict(), Verdict::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_that_only_promises_and_a_call_of_make_that_is_only_printed_are_none() {
    let promises = MAKEFILE.replace("@cargo $@", "@echo \"todo: npm audit\"");
    let finding = repository("ship.make", &[("Makefile", &promises), (".ci/run", "exec make test\n")]).await;
    falls_short(&finding, &["only prints what it would do one day"]);
    let printing = MAKEFILE.replace("@cargo $@", "@echo nothing to do for $@");
    let finding = repository("ship.make", &[("Makefile", &printing), (".ci/run", "exec make test\n")]).await;
    holds_but_for(&finding, &[TARGETS]);
    for ci in ["echo \"run make test\"\n", "set -e\nmake test || true\ntrue\n"] {
        let finding = repository("ship.make", &[("Makefile", MAKEFILE), (".ci/run", ci)]).await;
        assert_eq!(finding.verdict_on(EVERYWHERE), Some(Verdict::FallsShort), "{ci}: {finding:#?}");
    }
}
