//! `data.purge` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::clause::data::purge::BATCHES;
use crate::finding::{Finding, Verdict};
use crate::testing::{examine_declared, falls_short, holds, holds_but_for, is_unknown};

async fn examine(name: &str) -> Finding {
    examine_declared("data.purge", name, |subject| declare(name, subject)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_after_their_time_a_few_at_a_time_hold() {
    let (good, partitions) = join!(examine("purge-good"), examine("purge-partitions"));
    holds(&good);
    holds(&partitions);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_at_once_are_not_known_to_go_in_batches() {
    holds_but_for(&examine("purge-whole").await, &[BATCHES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_stay_or_go_too_young_fall_short() {
    let (keeps, young, forgets) = join!(examine("purge-keeps"), examine("purge-young"), examine("purge-forgets"));
    falls_short(&keeps, &["10 of 10 rows of note are there"]);
    falls_short(&young, &["is to be kept for"]);
    falls_short(&forgets, &["of 10 rows of note are there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declaration_or_with_rows_that_are_not_read_back_it_is_unknown() {
    assert_eq!(examine_declared("data.purge", "purge-good", |_| {}).await.verdict(), Verdict::Unknown);
    let finding = examine_declared("data.purge", "purge-good", |subject| {
        declare("purge-good", subject);
        subject.work[0].read = Some("/nothing/{note}".to_owned());
    });
    is_unknown(&finding.await, "0 of 10 rows are read back");
}
