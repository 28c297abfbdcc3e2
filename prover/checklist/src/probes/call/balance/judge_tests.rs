//! The judges of `call.balance` on counts of calls without a server.

use super::*;

fn load(failed: usize, calls: [usize; 3]) -> Load {
    Load { requests: 200, failed, calls }
}

#[test]
fn calls_are_spread_when_each_instance_has_a_ninth_of_them() {
    assert!(is_spread(&load(0, [80, 80, 20])));
    assert!(!is_spread(&load(0, [100, 80, 19])));
    assert!(!is_spread(&load(0, [200, 0, 0])));
}

#[test]
fn an_instance_is_spared_when_it_has_few_calls_and_no_request_suffers() {
    assert!(is_spared(&load(4, [90, 20, 90]), 1, FAILING));
    assert!(!is_spared(&load(4, [90, 21, 89]), 1, FAILING));
    assert!(!is_spared(&load(5, [90, 20, 90]), 1, FAILING), "more than one request in fifty failed");
}
