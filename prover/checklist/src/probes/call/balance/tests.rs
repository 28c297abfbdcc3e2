//! `call.balance` on its specimens.

use crate::finding::Finding;
use crate::subject::{Dependencies, Subject};
use crate::testing::{calls_for_prices, examine_declared, falls_short, holds, is_unknown};

async fn examine(name: &str) -> Finding {
    examine_declared("call.balance", name, |subject| {
        calls_for_prices(subject);
        let Dependencies::Declared(declared) = &mut subject.dependencies else { return };
        declared[0].many = Some("http://{1},http://{2},http://{3}".to_owned());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_to_the_first_instance_alone_are_not_spread() {
    falls_short(&examine("balances-nothing").await, &["0 and 0 calls"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn balance_is_unknown_without_declared_instances() {
    let declare = |subject: &mut Subject| calls_for_prices(subject);
    is_unknown(&examine_declared("call.balance", "balances", declare).await, "`many`");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn an_instance_that_is_slow_or_fails_is_left_alone_and_called_again() {
    holds(&examine("balances").await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_failing_instance_that_is_called_in_turn_falls_short_although_no_request_fails() {
    falls_short(&examine("balances-in-turn").await, &["with the second one answering 503"]);
}
