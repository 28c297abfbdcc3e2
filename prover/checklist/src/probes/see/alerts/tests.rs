//! `see.alerts` on its specimens.

use crate::clause::see::alerts::{GENERATED, SYMPTOMS};
use crate::finding::Verdict;
use crate::probes::see::testing::with_ops;
use crate::testing::{falls_short, holds, holds_but_for, is_unknown};

const ID: &str = "see.alerts";

#[tokio::test(flavor = "multi_thread")]
async fn alerts_on_symptoms_with_playbooks_hold_with_recording_rules_and_without() {
    holds(&with_ops(ID, "ops-good").await);
    holds(&with_ops(ID, "ops-elsewhere").await);
    holds_but_for(&with_ops(ID, "ops-blind-check").await, &[GENERATED]);
    is_unknown(&crate::testing::examine(ID, "border-plain").await, "`rules` in [ops]");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_on_causes_missing_metrics_and_missing_playbooks_are_seen() {
    falls_short(&with_ops(ID, "ops-cpu").await, &["pages on a cause"]);
    falls_short(&with_ops(ID, "ops-no-playbook").await, &["Slow does not exist"]);
    let finding = with_ops(ID, "ops-renamed").await;
    falls_short(&finding, &["http_request_errors_total, which the service does not publish"]);
    assert_eq!(finding.verdict_on(SYMPTOMS), Some(Verdict::FallsShort), "{finding:#?}");
    falls_short(&with_ops(ID, "ops-by-hand").await, &["not what the code generates"]);
}
