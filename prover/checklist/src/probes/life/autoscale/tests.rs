//! `life.autoscale` on its specimens.

use crate::clause::life::autoscale::{DEPENDENCY, SIGNALS};
use crate::finding::Finding;
use crate::selftest::declared;
use crate::selftest::stage::Stage;
use crate::subject::Subject;
use crate::testing::{examine_declared, falls_short, holds, holds_but_for, is_unknown, program};

const ID: &str = "life.autoscale";

/// Examines a specimen with its manifest, which ends with the examination.
async fn examined(name: &str) -> Finding {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let stage = Stage { program: program(), folder: folder.path().to_owned() };
    let declare =
        |subject: &mut Subject| declared::declare(ID, name, subject, &stage).expect("the manifest can be written");
    examine_declared(ID, name, declare).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_rises_under_load_alone_holds() {
    holds(&examined("scale-good").await);
    is_unknown(&crate::testing::examine(ID, "border-plain").await, "`autoscale` in [ops]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_a_slow_dependency_raises_falls_short() {
    falls_short(&examined("scale-counts-waiting").await, &["wait 400ms for prices"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn signals_that_never_move_or_never_fall_and_manifests_without_bounds_fall_short() {
    falls_short(&examined("scale-flat").await, &["no signal rises"]);
    falls_short(&examined("scale-most").await, &["stays there"]);
    falls_short(&examined("scale-no-maximum").await, &["no maximum"]);
    falls_short(&examined("scale-flaps").await, &["waits 0 s"]);
    falls_short(&examined("scale-renamed").await, &["does not publish"]);
    falls_short(&examined("scale-cpu").await, &["cpu alone"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_query_of_a_gauge_is_followed_and_one_of_a_rate_is_not() {
    holds(&examined("scale-keda").await);
    holds_but_for(&examined("scale-rate").await, &[SIGNALS, DEPENDENCY]);
}
