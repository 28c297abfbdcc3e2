//! The judges of `prove.load` on figures without a load.

use super::*;

const DECLARED: Load = Load { rate: 50.0, peak: 100.0, p99: Duration::from_millis(500), errors: 0.01 };

#[test]
fn latency_is_at_most_as_declared() {
    assert!(is_fast(Duration::from_millis(500), &DECLARED));
    assert!(!is_fast(Duration::from_millis(501), &DECLARED));
}

#[test]
fn errors_are_at_most_as_declared_of_requests_that_were_sent() {
    assert!(is_served(100, 0.01, &DECLARED));
    assert!(!is_served(100, 0.02, &DECLARED));
    assert!(!is_served(0, 0.0, &DECLARED), "nothing was sent");
}
