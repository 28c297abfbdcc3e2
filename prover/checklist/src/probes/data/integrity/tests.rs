//! `data.integrity` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::clause::data::integrity::{CHECKED, CHECKSUMS};
use crate::finding::Finding;
use crate::subject::{Integrity, Subject};
use crate::testing::{examine_declared, falls_short, holds, holds_but_for, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    examine_declared("data.integrity", name, |subject| {
        declare(name, subject, folder.path());
        change(subject);
    })
    .await
}

fn integrity(subject: &mut Subject) -> &mut Integrity {
    subject.integrity.as_mut().expect("integrity is declared")
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_go_on_and_name_the_row_hold() {
    let (good, metric) = join!(examine("integrity-good", |_| {}), examine("integrity-metric", |_| {}));
    holds(&good);
    holds(&metric);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_does_not_end_shows_one_check() {
    holds_but_for(&examine("integrity-sticks", |_| {}).await, &[CHECKSUMS, CHECKED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_is_not_found_or_not_named_falls_short() {
    let (once, nameless, blind) = join!(
        examine("integrity-once", |_| {}),
        examine("integrity-nameless", |_| {}),
        examine("integrity-blind", |_| {})
    );
    for finding in [&once, &nameless, &blind] {
        falls_short(finding, &["a row was damaged, and no alarm named"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_under_a_checksum_that_is_never_compared_falls_short() {
    falls_short(&examine("integrity-unsummed", |_| {}).await, &["was changed under its checksum"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_without_damage_and_data_that_cannot_be_damaged_are_unknown() {
    let (lists, broken, undeclared) = join!(
        examine("integrity-lists", |_| {}),
        examine("integrity-good", |subject| integrity(subject).damage.command = "false".to_owned()),
        examine("integrity-good", |subject| subject.integrity = None)
    );
    is_unknown(&lists, "although nothing is damaged");
    is_unknown(&broken, "the command in `damage` failed");
    is_unknown(&undeclared, "declare in [integrity]");
}
