//! `ratchet.dead-letters` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::{Finding, Verdict};
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    examine_declared("ratchet.dead-letters", name, |subject| {
        declare(name, subject, folder.path());
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_that_operators_see_and_change_hold() {
    let (good, apart) = join!(examine("letters-good", |_| {}), examine("letters-apart", |_| {}));
    holds(&good);
    holds(&apart);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_is_ignored_a_drop_that_is_undone_and_an_invented_end_fall_short() {
    let (unedited, undead, pretends) = join!(
        examine("letters-unedited", |_| {}),
        examine("letters-undead", |_| {}),
        examine("letters-pretends", |_| {})
    );
    falls_short(&unedited, &["is not done as edited"]);
    falls_short(&undead, &["are there again a while later"]);
    falls_short(&pretends, &["are done, by `done`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_blocked_forgotten_or_set_aside_without_a_reason_falls_short() {
    let (blocks, discards, forgets, mute, bare) = join!(
        examine("letters-blocks", |_| {}),
        examine("letters-discards", |_| {}),
        examine("letters-forgets", |_| {}),
        examine("letters-mute", |_| {}),
        examine("letters-bare", |_| {})
    );
    falls_short(&blocks, &["are not done after"]);
    falls_short(&discards, &["are no dead letters"]);
    falls_short(&forgets, &["after a SIGKILL"]);
    falls_short(&mute, &["have no reason"]);
    falls_short(&bare, &["does not show what the work was asked for with"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declaration_or_with_work_that_cannot_be_mended_it_is_unknown() {
    let undeclared = examine("letters-good", |subject| subject.dead_letters = None).await;
    assert_eq!(undeclared.verdict(), Verdict::Unknown, "{undeclared:#?}");
    let unmended = examine("letters-good", |subject| {
        subject.work[0].dead = [("/to".to_owned(), "nobody".into())].into();
    })
    .await;
    is_unknown(&unmended, "mended by `dead`, is not done");
    let elsewhere = examine("letters-good", |subject| {
        subject.dead_letters.as_mut().expect("it is declared").rows = "/none".to_owned()
    });
    is_unknown(&elsewhere.await, "answers no list");
}
