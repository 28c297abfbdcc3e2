//! The judges of `data.integrity` on observations, without a server.

use std::time::Duration;

use super::judge::{Alarm, alerts, checked, checksums};

fn alarm(found: Option<u64>, over: Option<u64>) -> Alarm {
    let (found, over) = (found.map(Duration::from_secs), over.map(Duration::from_secs));
    Alarm { name: "order 7".to_owned(), found, over, within: Duration::from_secs(20) }
}

#[test]
fn a_breach_alerts_within_its_bound() {
    assert_eq!(alerts(&alarm(Some(20), None)).0, Some(true));
    assert_eq!(alerts(&alarm(Some(21), None)).0, Some(false));
    assert_eq!(alerts(&alarm(None, None)).0, Some(false));
}

#[test]
fn checks_go_on_where_one_finds_the_damage_and_another_the_repair() {
    assert_eq!(checked(&alarm(Some(1), Some(1))).0, Some(true));
    assert_eq!(checked(&alarm(Some(1), None)).0, None, "people may have to end the alarm");
    assert_eq!(checked(&alarm(None, None)).0, None);
}

#[test]
fn a_change_under_a_checksum_is_found_or_not() {
    assert_eq!(checksums(&alarm(Some(1), None)).0, Some(true));
    assert_eq!(checksums(&alarm(None, None)).0, Some(false));
}
