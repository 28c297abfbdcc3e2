//! `see.errors` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    examine_declared("see.errors", name, |subject| {
        declare(name, subject);
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_groups_and_events_of_a_sentry_hold() {
    let (good, sentry) = join!(examine("errors-good", |_| {}), examine("errors-sentry", |_| {}));
    holds(&good);
    holds(&sentry);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_each_failure_and_a_group_of_each_fall_short() {
    let (flood, by_message) = join!(examine("errors-flood", |_| {}), examine("errors-by-message", |_| {}));
    falls_short(&flood, &["100 reports of 100 equal failures"]);
    falls_short(&by_message, &["raise the largest of 100 groups by 1"]);
    falls_short(&examine("errors-counts-reports", |_| {}).await, &["raise the largest of 1 groups by 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_headers_and_bodies_in_a_report_fall_short() {
    let (headers, body) = join!(examine("errors-headers", |_| {}), examine("errors-body", |_| {}));
    falls_short(&headers, &["a report has the secret of a header"]);
    falls_short(&body, &["a report has the secret of a body"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_the_cause_falls_short() {
    let bare = examine("errors-bare", |_| {}).await;
    falls_short(&bare, &["a report lacks the cause, a place in the source, what came before"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_are_not_declared_or_do_not_happen_are_unknown() {
    let plain = examine("border-plain", |_| {}).await;
    is_unknown(&plain, "[errors]");
    let works = examine("errors-good", |subject| {
        subject.requests[0].path = "/".to_owned();
    });
    let works = works.await;
    is_unknown(&works, "0 of 100 of order fail");
    let causeless =
        examine("errors-good", |subject| subject.errors.as_mut().expect("it is declared").cause = None).await;
    is_unknown(&causeless, "declare `cause`");
    let nobody = examine("errors-good", |subject| {
        let errors = subject.errors.as_mut().expect("it is declared");
        (errors.list, errors.sentry) = (None, true);
    });
    falls_short(&nobody.await, &["no report of 100 failures comes to SENTRY_DSN"]);
}
