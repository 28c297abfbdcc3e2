//! `data.clean` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::{Finding, Verdict};
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    examine_declared("data.clean", name, |subject| {
        declare(name, subject);
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_that_are_set_aside_counted_and_mended_hold() {
    let (good, by_text) = join!(examine("records-good", |_| {}), examine("records-by-text", |_| {}));
    holds(&good);
    holds(&by_text);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_that_are_stored_lost_or_set_aside_without_a_reason_fall_short() {
    let (lenient, loses, stops, mute) = join!(
        examine("records-lenient", |_| {}),
        examine("records-loses", |_| {}),
        examine("records-stops", |_| {}),
        examine("records-mute", |_| {})
    );
    falls_short(&lenient, &["bad records are stored"]);
    falls_short(&loses, &["are not in the quarantine"]);
    falls_short(&stops, &["good records are not stored"]);
    falls_short(&mute, &["have no reason"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_flatter_and_a_retry_that_takes_nothing_fall_short() {
    let (flatters, deaf) = join!(examine("records-flatters", |_| {}), examine("records-deaf", |_| {}));
    falls_short(&flatters, &["rose by 10 and 0"]);
    falls_short(&deaf, &["is answered as taken, and is not stored"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_counters_a_quarantine_or_an_answer_it_is_unknown() {
    let records = |subject: &mut Subject, change: fn(&mut crate::subject::Records)| {
        change(subject.work[0].records.as_mut().expect("records are declared"));
    };
    let (uncounted, undeclared, refused) = join!(
        examine("records-good", |subject| records(subject, |records| records.counters = None)),
        examine("records-good", |subject| subject.quarantine = None),
        examine("records-good", |subject| subject.work[0].expect = Some(201))
    );
    is_unknown(&uncounted, "no counters");
    assert_eq!(undeclared.verdict(), Verdict::Unknown, "{undeclared:#?}");
    is_unknown(&refused, "is answered 200");
}
