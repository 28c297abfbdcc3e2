//! `see.logs` on its specimens.

use crate::clause::see::logs::{FILES, OTLP};
use crate::probes::see::testing::{declare, falls_short};
use crate::testing::examine_declared;
use crate::testing::holds_but_for;

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_json_with_ids_and_a_bound_and_without_secrets() {
    holds_but_for(&examine_declared("see.logs", "see-good", declare).await, &[OTLP, FILES]);
    falls_short("see.logs", "see-text-logs", "JSON objects").await;
    falls_short("see.logs", "see-leaky-logs", "Authorization").await;
    falls_short("see.logs", "see-boundless-logs", "a second made").await;
    falls_short("see.logs", "see-anonymous", "no line has the X-Request-Id").await;
    falls_short("see.logs", "border-plain", "printed nothing").await;
}
