//! `life.manager` on its specimens.

use crate::clause::life::manager::WATCHDOG;
use crate::probes::life::testing::{examine, falls_short};
use crate::testing::holds_but_for;

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_is_told_and_finds_everything_in_the_foreground() {
    holds_but_for(&examine("life.manager", "life-good", |_| {}).await, &[WATCHDOG]);
    falls_short("life.manager", "life-pid-file", ".pid").await;
    falls_short("life.manager", "life-silent", "no READY=1").await;
    falls_short("life.manager", "life-too-soon", "does not answer").await;
    falls_short("life.manager", "life-stray", "left its process group").await;
    falls_short("life.manager", "life-daemon", "is not in its process group").await;
}
