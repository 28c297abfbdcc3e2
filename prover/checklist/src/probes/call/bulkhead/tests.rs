//! `call.bulkhead` on its specimens.

use crate::clause::call::bulkhead::{BOUNDED, PER_DEPENDENCY, PER_GROUP};
use crate::finding::Verdict;
use crate::probes::call::testing::examine;
use crate::testing::holds_but_for;
use crate::testing::{is_unless_busy, mentions};

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_hangs_must_not_starve_others() {
    let finding = examine("call.bulkhead", "calls-partitioned").await;
    holds_but_for(&finding, &[PER_GROUP]);
    mentions(&finding, "at most 8 calls");
    is_unless_busy(&examine("call.bulkhead", "calls-shared").await, Verdict::FallsShort);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_only_time_out_are_no_bound() {
    let finding = examine("call.bulkhead", "call-good").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "no bound");
    let finding = examine("call.bulkhead", "calls-trickling").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "no bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_no_bound() {
    let finding = examine("call.bulkhead", "calls-rationed").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    for clause in [PER_DEPENDENCY, BOUNDED] {
        assert_eq!(finding.verdict_on(clause), Some(Verdict::Unknown), "{finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn others_that_any_load_starves_are_not_starved_by_the_dependency() {
    let finding = examine("call.bulkhead", "calls-labouring").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "it is the load");
}
