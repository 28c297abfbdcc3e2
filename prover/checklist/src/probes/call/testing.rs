//! How the probes of chapter `call` examine their specimens in tests.

use crate::finding::Finding;
use crate::testing::{calls_for_prices, examine_declared};

pub(crate) async fn examine(id: &str, name: &str) -> Finding {
    let finding = examine_declared(id, name, calls_for_prices).await;
    assert!(!finding.evidence().is_empty(), "{finding:?}");
    finding
}
