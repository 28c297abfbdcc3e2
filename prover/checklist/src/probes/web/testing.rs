//! Examination of the specimens of the chapter `web` in tests.

use crate::finding::Verdict;
use crate::testing::examine;

pub(crate) async fn judged(id: &str, name: &str) -> Verdict {
    let finding = examine(id, name).await;
    assert!(!finding.evidence().is_empty(), "{finding:?}");
    finding.verdict()
}
