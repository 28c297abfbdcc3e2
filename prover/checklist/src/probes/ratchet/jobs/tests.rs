//! `ratchet.jobs` on its specimens.

use tokio::join;

use crate::finding::{Finding, Verdict};
use crate::subject::{RequestSpec, State, Subject};
use crate::testing::{
    calls_for_prices, examine_declared, falls_short, get, is_unknown, is_unless_busy, post, was_busy,
};

async fn examine(name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let data = folder.path().join("jobs").display().to_string();
    examine_declared("ratchet.jobs", name, |subject| {
        calls_for_prices(subject);
        subject.state = State::Durable;
        subject.env.insert("JOBS_DATA".to_owned(), data);
        let ask = RequestSpec {
            headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
            save: [("job".to_owned(), "/id".to_owned())].into(),
            uses: vec!["prices".to_owned()],
            later: vec!["prices".to_owned()],
            read: Some("/jobs/{job}".to_owned()),
            done: [("/state".to_owned(), "done".into())].into(),
            plain_jobs: true,
            idempotent: Some("Idempotency-Key".to_owned()),
            expect: Some(202),
            ..post("/jobs", serde_json::json!({}))
        };
        subject.requests = vec![get("/"), ask];
        declare(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_survive_failures_and_a_kill_hold() {
    let (good, checks) = join!(examine("jobs-good", |_| {}), examine("jobs-checks-health", |_| {}));
    is_unless_busy(&good, Verdict::Holds);
    is_unless_busy(&checks, Verdict::Holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_an_abandoned_and_an_invented_end_of_a_job_fall_short() {
    let (forgets, abandons, gives_up) =
        join!(examine("jobs-forgets", |_| {}), examine("jobs-abandons", |_| {}), examine("jobs-gives-up", |_| {}));
    falls_short(&forgets, &["after the new start"]);
    falls_short(&abandons, &["is not taken up again"]);
    falls_short(&gives_up, &["although no call to prices was answered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_at_once_all_jobs_at_once_and_a_job_for_each_repeat_fall_short() {
    let (insists, rushes, doubles) =
        join!(examine("jobs-insists", |_| {}), examine("jobs-rushes", |_| {}), examine("jobs-doubles", |_| {}));
    falls_short(&insists, &["in the last"]);
    if !was_busy(&rushes) {
        falls_short(&rushes, &["at the same time"]);
    }
    falls_short(&doubles, &["it made"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_shows_no_effect_and_jobs_that_may_have_an_order_are_unknown() {
    let finding = examine("jobs-good", |subject| subject.requests[1].plain_jobs = false).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    let waiting = [("/state".to_owned(), "waiting".into())];
    let finding = examine("jobs-good", |subject| subject.requests[1].done = waiting.into()).await;
    is_unknown(&finding, "name a value that shows the effect");
    let finding = examine("jobs-good", |subject| subject.requests[1].done.clear()).await;
    is_unknown(&finding, "the value that shows it (`done`)");
}
