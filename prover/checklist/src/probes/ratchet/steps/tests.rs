//! `ratchet.steps` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::Subject;
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    examine_declared("ratchet.steps", name, |subject| {
        calls_for_prices(subject);
        declare(subject, folder.path());
        change(subject);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn works_that_go_on_from_their_last_step_hold() {
    let (good, by_path) = join!(examine("steps-good", |_| {}), examine("steps-by-path", |_| {}));
    holds(&good);
    holds(&by_path);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_runs_again_another_key_and_an_effect_that_is_left_fall_short() {
    let (restarts, rekeys, dirty) =
        join!(examine("steps-restarts", |_| {}), examine("steps-rekeys", |_| {}), examine("steps-dirty", |_| {}));
    falls_short(&restarts, &["calls of the first step came again"]);
    falls_short(&rekeys, &["in their last step under 8 keys"]);
    falls_short(&dirty, &["leave the number at `effect` moved by 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn works_that_are_left_in_the_middle_or_take_effect_twice_fall_short() {
    let (abandons, doubles) = join!(examine("steps-abandons", |_| {}), examine("steps-doubles", |_| {}));
    falls_short(&abandons, &["are not done"]);
    falls_short(&doubles, &["moved the number at `effect` 8 times"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_number_that_moves_and_a_step_that_fails_it_is_unknown() {
    let steps = |subject: &mut Subject, change: fn(&mut crate::subject::Steps)| {
        change(subject.work[0].steps.as_mut().expect("steps are declared"));
    };
    let (uncounted, unfailing, undeclared) = join!(
        examine("steps-good", |subject| steps(subject, |steps| steps.effect = None)),
        examine("steps-good", |subject| steps(subject, |steps| steps.fails.clear())),
        examine("steps-good", |subject| subject.work.clear())
    );
    is_unknown(&uncounted, "was not counted");
    is_unknown(&unfailing, "no step was made to fail");
    is_unknown(&undeclared, "declare one in [[requests]] with `steps`");
}
