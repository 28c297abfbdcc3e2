//! `call.discovery` on its specimens.

use super::{clause, goes_on, has_moved};
use crate::finding::Finding;
use crate::probes::call::support::instances::Load;
use crate::subject::Dependencies;
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds_but_for, is_unknown};

async fn examine(name: &str) -> Finding {
    examine_declared("call.discovery", name, |subject| {
        calls_for_prices(subject);
        let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
        declared[0].named = Some("http://{name}:{port}/?resolver={resolver}".to_owned());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_is_unknown_without_a_declared_name_variable() {
    is_unknown(&examine_declared("call.discovery", "looks-up-each", calls_for_prices).await, "`named`");
}

#[test]
fn calls_have_moved_when_none_stays_and_few_requests_failed() {
    assert!(has_moved(0, 2, 100));
    assert!(!has_moved(1, 0, 100));
    assert!(!has_moved(0, 3, 100));
}

#[test]
fn calls_go_on_only_when_they_are_made_and_no_request_fails() {
    let load = |failed, calls| Load { requests: 100, failed, calls: [0, calls, 0] };
    assert!(goes_on(&load(0, 100), "it is gone").is_for());
    assert!(goes_on(&load(0, 49), "it is gone").is_against());
    assert!(goes_on(&load(1, 100), "it is gone").is_against());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn calls_that_follow_a_name_and_go_on_without_it_are_right() {
    holds_but_for(&examine("looks-up-each").await, &[clause::LOOKUP]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn calls_that_fail_while_the_name_is_not_found_fall_short() {
    falls_short(&examine("looks-up-and-forgets").await, &["while the resolver says that it cannot be looked up"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn calls_that_stay_at_the_first_address_fall_short() {
    falls_short(&examine("looks-up-once").await, &["no call went there"]);
}
