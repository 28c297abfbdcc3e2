//! The choice of the request that `prove.stress` sends more of.

use super::*;

#[test]
fn the_dearest_request_takes_longest() {
    let costs = |milliseconds: [Option<u64>; 3]| milliseconds.map(|cost| cost.map(Duration::from_millis));
    assert_eq!(dearest(&costs([Some(10), Some(50), Some(20)])), Some(1));
    assert_eq!(dearest(&costs([Some(10), None, Some(20)])), Some(2), "one was not answered");
    assert_eq!(dearest(&costs([None; 3])), None);
}
