//! One server without any defence, and the probes of chapter `border` that need no declaration.

use crate::testing::{examine, falls_short};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_any_defence_falls_short_of_the_rows_that_need_no_declaration() {
    for id in ["border.limits", "border.connections", "border.problem", "border.cacheable"] {
        falls_short(&examine(id, "border-plain").await, &[]);
    }
}
