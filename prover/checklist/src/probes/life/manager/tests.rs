//! `life.manager` on its specimens.

use crate::probes::life::testing::{falls_short, holds};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_notifies_its_manager_and_stays_in_the_foreground_holds() {
    holds("life.manager").await;
    falls_short("life.manager", "life-pid-file", ".pid").await;
    falls_short("life.manager", "life-needs-home", "it does not start without a terminal").await;
    falls_short("life.manager", "life-silent", "no READY=1").await;
    falls_short("life.manager", "life-no-watchdog", "it said so 0 times").await;
    falls_short("life.manager", "life-watchdog-once", "it said so 1 times").await;
    falls_short("life.manager", "life-too-soon", "does not answer").await;
    falls_short("life.manager", "life-stray", "left its process group").await;
    falls_short("life.manager", "life-daemon", "is not in its process group").await;
}
