//! The judges of `data.purge` on observations, without a server.

use std::time::Duration;

use super::judge::{Gone, batches, kept};

fn gone(look: usize, least: u64, most: u64) -> Option<Gone> {
    Some(Gone { look, least: Duration::from_millis(least), most: Duration::from_millis(most) })
}

#[test]
fn rows_are_there_for_their_time_and_gone_soon_after() {
    let good = |rows: &[Option<Gone>]| {
        let (keep, slack) = (Duration::from_secs(2), Duration::from_millis(100));
        kept("receipt", keep, slack, Duration::from_secs(20), rows).0
    };
    assert_eq!(good(&[gone(1, 2100, 2200), gone(2, 3000, 3100)]), Some(true));
    assert_eq!(good(&[gone(1, 1950, 2050)]), Some(true), "clocks differ a little");
    assert_eq!(good(&[gone(1, 2100, 2200), gone(1, 1200, 1800)]), Some(false), "one was too young");
    assert_eq!(good(&[gone(1, 2100, 2200), None]), Some(false), "one is still there");
    assert_eq!(good(&[gone(1, 1000, 3000)]), None, "a look took two seconds");
}

#[test]
fn rows_that_go_at_several_looks_go_in_batches() {
    assert_eq!(batches("receipt", 200, &[gone(7, 1, 1), gone(7, 1, 1), gone(9, 1, 1)]).0, Some(true));
    assert_eq!(batches("receipt", 200, &[gone(7, 1, 1), gone(7, 1, 1)]).0, None, "they may have gone in one");
    assert_eq!(batches("receipt", 200, &[None]).0, None);
}
