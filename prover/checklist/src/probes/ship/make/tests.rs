//! `ship.make` on its specimens.

use crate::finding::Verdict;
use crate::probes::ship::testing::{examine, repository};
use crate::testing::mentions;

const MAKEFILE: &str = "setup run test check bench release deploy:\n\t@echo $@\n";

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
