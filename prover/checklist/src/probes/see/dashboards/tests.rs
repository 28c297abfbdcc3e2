//! `see.dashboards` on its specimens.

use crate::probes::see::testing::with_ops;
use crate::testing::{falls_short, holds, is_unknown};

const ID: &str = "see.dashboards";

#[tokio::test(flavor = "multi_thread")]
async fn panels_of_renamed_metrics_and_changes_by_hand_are_seen() {
    holds(&with_ops(ID, "ops-good").await);
    falls_short(&with_ops(ID, "ops-renamed-panel").await, &["the panel \"Requests\" names http_server_requests_total"]);
    falls_short(&with_ops(ID, "ops-by-hand").await, &["not what the code generates"]);
    falls_short(&with_ops(ID, "ops-blind-to-dashboards").await, &["does not fail on a copy with a changed dashboard"]);
    is_unknown(&crate::testing::examine(ID, "border-plain").await, "`dashboards` in [ops]");
}
