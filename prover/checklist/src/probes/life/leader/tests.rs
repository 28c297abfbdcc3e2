//! `life.leader` on its specimens.

use tokio::join;

use super::specimen::declare;
use crate::finding::Finding;
use crate::subject::{Leader, Subject};
use crate::testing::{command, examine_declared, falls_short, holds, is_unknown, reserved_port};

async fn examine(name: &str, change: impl FnOnce(&mut Subject)) -> Finding {
    let (folder, port) = (tempfile::tempdir().expect("a temporary folder can be made"), reserved_port());
    examine_declared("life.leader", name, |subject| {
        declare(name, subject, folder.path(), command(name, port), port);
        change(subject);
    })
    .await
}

fn leader(subject: &mut Subject) -> &mut Leader {
    subject.leader.as_mut().expect("a leader is declared")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_looks_at_its_lease_where_it_writes_holds() {
    let (good, metrics) = join!(examine("leader-good", |_| {}), examine("leader-metrics", |_| {}));
    holds(&good);
    holds(&metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_leader_that_works_or_boasts_falls_short() {
    let (zombie, boasts) = join!(examine("leader-zombie", |_| {}), examine("leader-boasts", |_| {}));
    falls_short(&zombie, &["works are done twice"]);
    falls_short(&boasts, &["still says that it leads"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_leaders_none_and_a_fence_that_stays_fall_short() {
    let (crowd, forever, fenceless) =
        join!(examine("leader-crowd", |_| {}), examine("leader-forever", |_| {}), examine("leader-fenceless", |_| {}));
    falls_short(&crowd, &["2 of two instances say that they lead"]);
    falls_short(&forever, &["no other instance leads"]);
    falls_short(&fenceless, &["the fence does not rise"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_does_not_show_is_unknown() {
    let (unfenced, unseen, undeclared) = join!(
        examine("leader-good", |subject| leader(subject).fence = None),
        examine("leader-good", |subject| leader(subject).effect.value = "/nothing".to_owned()),
        examine("leader-good", |subject| subject.leader = None)
    );
    is_unknown(&unfenced, "declare `fence`");
    is_unknown(&unseen, "shows no number");
    is_unknown(&undeclared, "declare in [leader]");
}
