//! `border.bulkhead` on specimens that do 100 requests a second on each route, however fast the machine is.

use std::time::Duration;

use crate::finding::Finding;
use crate::lab::capacity::Capacity;
use crate::probes::support::overload::testing::{PACE, works};
use crate::subject::{RequestSpec, Subject};
use crate::testing::{examine_in, falls_short, get, holds, is_unknown, lab};

/// Two routes, of which one declares its partition.
fn search(subject: &mut Subject) {
    works(subject);
    let bulkhead = Some("search".to_owned());
    subject.requests = vec![get("/checkout"), RequestSpec { bulkhead, ..get("/search") }];
}

fn both(subject: &mut Subject) {
    search(subject);
    subject.requests[0].bulkhead = Some("checkout".to_owned());
}

async fn examine(name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let mut lab = lab(name, declare).await;
    lab.pace = PACE;
    // What border.shed would have found.
    lab.capacity = Some(Ok(Capacity { rate: 200.0, peace: Duration::from_millis(40) }));
    examine_in("border.bulkhead", &mut lab).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_free_places_a_storm_borrows_falls_short() {
    falls_short(&examine("partitions-lent", search).await, &["in a storm on search"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn routes_with_places_of_their_own_hold_whichever_is_stormed() {
    holds(&examine("partitions-own", both).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn routes_that_share_places_fall_short() {
    falls_short(&examine("partitions-shared", both).await, &["in a storm on search", "in a storm on checkout"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declared_partition_nothing_is_sent() {
    is_unknown(&examine("partitions-own", works).await, "say `bulkhead");
}
