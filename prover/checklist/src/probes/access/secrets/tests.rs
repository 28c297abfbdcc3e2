//! `access.secrets` on its specimens.

use crate::clause::access::secrets::{ENVIRONMENT, NOT_IN_CODE, NOT_LOGGED, ROTATION};
use crate::finding::Verdict;
use crate::probes::ship::testing::{PASSWORD, examine, falls_short, repository};
use crate::subject::{RequestSpec, Subject};
use crate::testing::{holds_but_for, request};

const ID: &str = "access.secrets";

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_printed_nor_answered() {
    holds_but_for(&examine(ID, "ship-good", |_| {}).await, &[NOT_IN_CODE, ROTATION]);
    falls_short(ID, "secrets-printing", "it prints the password in SHIP_DATABASE").await;
    falls_short(ID, "secrets-telling", "GET /env").await;
    falls_short(ID, "secrets-eavesdropping", "it prints").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_a_file_is_read_as_well() {
    falls_short(ID, "secrets-filing", "access.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_declared_login_is_looked_for() {
    let login = |subject: &mut Subject| {
        let mut spec =
            RequestSpec { body: Some("user=ada&password=sEcr3t-0f-Ada".into()), ..request("POST", "/login") };
        spec.headers.insert("Content-Type".into(), "application/x-www-form-urlencoded".into());
        subject.requests.push(spec);
    };
    let finding = examine(ID, "secrets-logins", login).await;
    crate::testing::falls_short(&finding, &["it prints password in the body of POST /login"]);
    assert!(!format!("{finding:?}").contains("sEcr3t"), "the finding does not repeat the secret");
    holds_but_for(&examine(ID, "ship-good", login).await, &[NOT_IN_CODE, ROTATION]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_on_the_command_line_is_seen_without_any_declared_variable() {
    let bare = |subject: &mut Subject| {
        subject.env.remove("SHIP_DATABASE");
    };
    let finding = examine(ID, "ship-good", bare).await;
    holds_but_for(&finding, &[ENVIRONMENT, NOT_IN_CODE, NOT_LOGGED, ROTATION]);
    let on_line = |subject: &mut Subject| {
        subject.env.remove("SHIP_DATABASE");
        subject.run = format!("{} --db-password=hunter2hunter2", subject.run);
    };
    crate::testing::falls_short(&examine(ID, "ship-good", on_line).await, &["--db-password is on its command line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_a_repository_are_found_and_never_shown() {
    let assigned = format!("password: {PASSWORD}\n");
    let finding = repository(ID, &[("app.yaml", &assigned)]).await;
    assert_eq!(finding.verdict_on(NOT_IN_CODE), Some(Verdict::FallsShort), "{finding:#?}");
    assert!(!format!("{finding:?}").contains(PASSWORD), "the finding does not repeat the secret");
    let sound = [("tests/app.yaml", assigned.as_str()), ("app.yaml", "password: ${PASSWORD}")];
    holds_but_for(&repository(ID, &sound).await, &[ROTATION]);
    let literal = format!("PASSWORD = '{PASSWORD}'\n");
    holds_but_for(&repository(ID, &[("app.py", &literal)]).await, &[NOT_IN_CODE, ROTATION]);
}
