//! `see.outliers` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    examine_declared("see.outliers", name, |subject| {
        declare(name, subject);
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_in_lists_of_a_fixed_size_or_in_a_sample_hold() {
    let (good, sample) = join!(examine("outliers-good", |_| {}), examine("outliers-sample", |_| {}));
    holds(&good);
    holds(&sample);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_a_flood_fills_or_empties_falls_short() {
    let (full, last) = join!(examine("outliers-full", |_| {}), examine("outliers-last", |_| {}));
    falls_short(&full, &["after 2000 other clients"]);
    falls_short(&last, &["is not named after them"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_each_client_falls_short_also_where_few_are_named() {
    let (grows, all) = join!(examine("outliers-grows", |_| {}), examine("outliers-all", |_| {}));
    falls_short(&grows, &["its memory grows by"]);
    is_unknown(&all, "whether there is a bound above that was not seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_for_all_questions_and_sums_fall_short() {
    let (one, totals) = join!(examine("outliers-one-list", |_| {}), examine("outliers-totals", |_| {}));
    falls_short(&one, &["the client with the most failures", "the client with the most time"]);
    falls_short(&totals, &["the client with the most requests, is not named"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_not_declared_is_unknown() {
    is_unknown(&examine("outliers-good", |subject| subject.outliers = None).await, "[outliers]");
    let bare = examine("outliers-good", |subject| {
        let outliers = subject.outliers.as_mut().expect("it is declared");
        (outliers.errors, outliers.all, outliers.slow) = (None, None, Some("look".to_owned()));
    });
    let bare = bare.await;
    for what in ["declare `errors` and `fails`", "declare a slower one", "declare `all`"] {
        is_unknown(&bare, what);
    }
}
