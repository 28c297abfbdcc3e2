//! The judges of `border.limits` on answers without a server.

use super::*;
use crate::finding::Bearing;

#[test]
fn a_refusal_speaks_of_the_size_and_not_of_who_asks() {
    for (status, expected) in
        [(413, true), (414, true), (431, true), (400, true), (200, false), (404, false), (500, false)]
    {
        assert_eq!(is_refusal(status), expected, "{status}");
    }
}

#[test]
fn memory_is_bounded_up_to_a_limit_and_too_much_from_another_on() {
    let bearing = |before, most| Memory { before, most }.evidence().bearing();
    let before = 10 << 20;
    assert_eq!(bearing(before, before + MEMORY - 1), Bearing::For);
    assert_eq!(bearing(before, before + MEMORY), Bearing::Gap, "a heap may stay large for a while");
    assert_eq!(bearing(before, before + TOO_MUCH), Bearing::Against);
    assert_eq!(bearing(0, 0), Bearing::Gap, "its memory was not seen");
}
