//! The judges of `data.clean` on observations, without a server.

use std::time::Duration;

use super::judge::{Seen, measured, quarantined, retried, validated};

fn seen() -> Seen {
    Seen { good: 7, good_stored: 7, bad_stored: Vec::new(), set_aside: vec![Some("no number".to_owned()); 3] }
}

#[test]
fn good_records_are_stored_and_bad_ones_are_not() {
    assert!(validated(&seen()).0 && seen().is_whole());
    assert!(!validated(&Seen { good_stored: 6, ..seen() }).0);
    assert!(!validated(&Seen { bad_stored: vec!["x".to_owned()], ..seen() }).0);
}

#[test]
fn bad_records_are_set_aside_with_a_reason() {
    let good = |set_aside| quarantined(&Seen { set_aside, ..seen() }, Duration::from_secs(1)).0;
    assert!(good(vec![Some("no number".to_owned())]));
    assert!(!good(vec![Some("no number".to_owned()), None]), "one is lost");
    assert!(!good(vec![Some(String::new())]), "one has no reason");
}

#[test]
fn a_mended_record_is_stored_and_leaves_the_quarantine() {
    assert!(retried(true, true, false).0);
    assert!(!retried(false, true, false).0 && !retried(true, false, false).0 && !retried(true, true, true).0);
}

#[test]
fn counters_rise_by_the_number_of_records() {
    assert_eq!(measured([7.0, 3.0], [7, 3]).0, Some(true));
    assert_eq!(measured([10.0, 3.0], [7, 3]).0, Some(false));
    assert_eq!(measured([7.0, 0.0], [7, 3]).0, Some(false));
}
