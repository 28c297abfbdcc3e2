//! `see.query` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    examine_declared("see.query", name, |subject| {
        declare(name, subject);
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn live_state_that_is_asked_in_sql_or_in_words_holds() {
    let (good, words) = join!(examine("query-good", |_| {}), examine("query-words", |_| {}));
    holds(&good);
    holds(&words);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_prepared_or_old_fall_short() {
    let (canned, stale) = join!(examine("query-canned", |_| {}), examine("query-stale", |_| {}));
    falls_short(&canned, &["a count of it, which keel made is answered 400"]);
    falls_short(&stale, &["raised the number by 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_change_something_fall_short_also_where_they_are_said_to_be_refused() {
    let (writes, secretly) = join!(examine("query-writes", |_| {}), examine("query-writes-secretly", |_| {}));
    falls_short(&writes, &["is answered 200"]);
    falls_short(&secretly, &["is 0 after it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_an_end_or_a_bound_fall_short() {
    let (endless, goes_on, alone, large) = join!(
        examine("query-endless", |_| {}),
        examine("query-goes-on", |_| {}),
        examine("query-one-at-a-time", |_| {}),
        examine("query-large", |_| {})
    );
    falls_short(&endless, &["is not answered within"]);
    falls_short(&goes_on, &["of a processor"]);
    falls_short(&alone, &["others are not, or late"]);
    falls_short(&large, &["is answered with 20480 KiB"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interface_that_is_not_declared_is_unknown() {
    let undeclared = examine("query-good", |subject| subject.query = None).await;
    assert_eq!(undeclared.verdict(), crate::finding::Verdict::Unknown, "{undeclared:#?}");
    is_unknown(&examine("query-one-page", |_| {}).await, "nonsense must be refused");
    let bare = examine("query-good", |subject| {
        let query = subject.query.as_mut().expect("it is declared");
        (query.write, query.large) = (None, Some("SELECT * FROM pools".to_owned()));
    });
    let bare = bare.await;
    is_unknown(&bare, "declare `write`");
    is_unknown(&bare, "mend `large`");
    let moving = examine("query-good", |subject| {
        subject.query.as_mut().expect("it is declared").counts.as_mut().expect("it is declared").value = None;
    });
    is_unknown(&moving.await, "has no number at `value`");
}
