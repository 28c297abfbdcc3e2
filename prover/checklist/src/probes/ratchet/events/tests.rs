//! `ratchet.events` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::clause::ratchet::events::{REBUILD, UPCASTING};
use crate::finding::{Finding, Verdict};
use crate::subject::{Old, Subject};
use crate::testing::{examine_declared, falls_short, holds, holds_but_for, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    examine_declared("ratchet.events", name, |subject| {
        declare(name, subject, folder.path());
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_one_order_without_gaps_holds() {
    let (good, watermark) = join!(examine("events-good", |_| {}), examine("events-watermark", |_| {}));
    holds(&good);
    holds(&watermark);
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_and_disorder_fall_short() {
    let (skips, shuffles) = join!(examine("events-skips", |_| {}), examine("events-shuffles", |_| {}));
    falls_short(&skips, &["has left out"]);
    assert_eq!(shuffles.verdict(), Verdict::FallsShort, "{shuffles:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_lost_or_change_fall_short() {
    let (forgets, marks) = join!(examine("events-forgets", |_| {}), examine("events-marks", |_| {}));
    falls_short(&forgets, &["after a SIGKILL"]);
    falls_short(&marks, &["is another one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_not_the_fold_falls_short_and_a_rebuild_that_does_not_show_is_unknown() {
    let (doubles, pretends) = join!(examine("events-doubles", |_| {}), examine("events-pretends", |_| {}));
    falls_short(&doubles, &["the projection has moved as by"]);
    holds_but_for(&pretends, &[REBUILD]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_form_that_stops_readers_or_is_not_folded_falls_short() {
    let (stops, ignores) = join!(examine("events-stops", |_| {}), examine("events-ignores", |_| {}));
    falls_short(&stops, &["no further event is read"]);
    falls_short(&ignores, &["have moved the projection"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_log_that_is_not_declared_is_unknown() {
    let change = |subject: &mut Subject, projection: bool| {
        let events = subject.events.as_mut().expect("events are declared");
        if projection {
            events.projection = None;
        } else {
            events.old = Old::Unsaid;
        }
    };
    let (unfolded, present, undeclared) = join!(
        examine("events-good", |subject| change(subject, true)),
        examine("events-good", |subject| change(subject, false)),
        examine("events-good", |subject| subject.events = None)
    );
    holds_but_for(&unfolded, &[REBUILD, UPCASTING]);
    holds_but_for(&present, &[UPCASTING]);
    is_unknown(&undeclared, "declare in [events]");
}
