//! `access.secrets` on its specimens.

use crate::finding::Verdict;
use crate::probes::ship::testing::{PASSWORD, falls_short, holds, repository};

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_printed_nor_answered() {
    holds("access.secrets").await;
    falls_short("access.secrets", "secrets-printing", "it prints the password in SHIP_DATABASE").await;
    falls_short("access.secrets", "secrets-telling", "GET /env").await;
    falls_short("access.secrets", "secrets-eavesdropping", "it prints").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_a_repository_are_found_and_never_shown() {
    let assigned = format!("password: {PASSWORD}\n");
    let finding = repository("access.secrets", &[("app.yaml", &assigned)]).await;
    assert_eq!(finding.verdict, Verdict::FallsShort, "{finding:#?}");
    assert!(!format!("{finding:?}").contains(PASSWORD), "the finding does not repeat the secret");
    let finding =
        repository("access.secrets", &[("tests/app.yaml", &assigned), ("app.yaml", "password: ${PASSWORD}")]).await;
    assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
}
