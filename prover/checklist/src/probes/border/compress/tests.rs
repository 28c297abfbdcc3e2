//! `border.compress` on its specimens.

use serde_json::json;

use crate::clause::border::compress::BOUNDED;
use crate::probes::border::testing::things;
use crate::subject::{State, Subject};
use crate::testing::holds_but_for;
use crate::testing::{does_not_apply, examine, examine_declared, falls_short, holds, is_unknown, post};

fn json_write(subject: &mut Subject) {
    subject.requests.push(post("/things", json!({ "name": "a thing" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_codings_as_asked_and_bodies_unpacked_within_bounds() {
    holds(&examine_declared("border.compress", "border-packed", json_write).await);
    holds(&examine_declared("border.compress", "border-packed-masked", json_write).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_each_way_to_mislead_and_for_a_bomb() {
    for (name, words) in [
        ("border-packed-forced", "although gzip;q=0"),
        ("border-packed-twice", "compressed twice"),
        ("border-packed-no-vary", "lacks Vary"),
        ("border-packed-other", "something else"),
        ("border-packed-unbounded", "raise resident memory"),
        ("border-packed-guessable", "the token csrf_token, which stays the same"),
    ] {
        falls_short(&examine_declared("border.compress", name, json_write).await, &[words]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_alone_are_compressed_are_examined() {
    let declared = |subject: &mut Subject| {
        json_write(subject);
        subject.metrics = Some("/metrics".to_owned());
    };
    let finding = examine_declared("border.compress", "border-packed-metrics", declared).await;
    falls_short(&finding, &["GET /metrics: the compressed answer lacks Vary"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_what_it_is_sent_does_not_fall_for_a_bomb() {
    let finding = examine_declared("border.compress", "border-packed-kept", json_write).await;
    holds_but_for(&finding, &[BOUNDED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_refused_plainly_says_nothing_about_bombs() {
    let refused = |subject: &mut Subject| subject.requests.push(post("/nowhere", json!({ "name": "a thing" })));
    let finding = examine_declared("border.compress", "border-packed-unbounded", refused).await;
    is_unknown(&finding, "not as declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_apply_where_nothing_is_compressed_nor_taken_compressed() {
    does_not_apply(&examine_declared("border.compress", "border-sound", things).await);
    let stateless = |subject: &mut Subject| subject.state = State::None;
    does_not_apply(&examine_declared("border.compress", "border-plain", stateless).await);
    is_unknown(&examine("border.compress", "border-plain").await, "declare");
}
