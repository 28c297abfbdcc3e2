//! The judges of `ratchet.events` on observations, without a server.

use super::judge::{Folded, Followed, Writer, folded, gap_free, kept, old_form, ordered, rebuilt};
use super::log::Row;

/// Events by their positions and ids.
fn rows(text: &str) -> Vec<Row> {
    let row = |word: &str| {
        let (cursor, id) = word.split_once(':').expect("POSITION:ID");
        Row { cursor: cursor.to_owned(), id: id.to_owned(), whole: word.to_owned() }
    };
    text.split_whitespace().map(row).collect()
}

fn writer(text: &str) -> Writer {
    text.split_whitespace().map(|name| vec![name.to_owned(), format!("key of {name}")]).collect()
}

fn judged(writers: &[&str], live: &[&str], again: &str) -> (bool, bool) {
    let writers: Vec<Writer> = writers.iter().map(|text| writer(text)).collect();
    let live: Vec<Vec<Row>> = live.iter().map(|text| rows(text)).collect();
    let again = rows(again);
    let seen = Followed { writers: &writers, live: &live, again: &again, each: 1 };
    (ordered(&seen).0, gap_free(&seen).0)
}

#[test]
fn a_log_has_one_order_which_is_that_of_each_writer() {
    let all = "1:a 2:x 3:b 4:y";
    assert_eq!(judged(&["a b", "x y"], &[all, all], all), (true, true));
    assert_eq!(judged(&["a b", "x y"], &[all, "1:a 3:b 2:x 4:y"], all), (false, true), "a reader has another order");
    assert_eq!(judged(&["b a", "x y"], &[all, all], all), (false, true), "a writer has sent them in another order");
}

#[test]
fn no_reader_may_leave_an_event_out_or_have_it_twice() {
    let all = "1:a 2:x 3:b 4:y";
    assert_eq!(judged(&["a b", "x y"], &[all, "1:a 3:b 4:y"], all), (true, false), "a reader has skipped 2");
    assert_eq!(judged(&["a b", "x y"], &["1:a 2:x 3:b"], "1:a 2:x 3:b"), (true, false), "y was acknowledged");
    let twice = "1:a 2:x 3:b 4:y 5:x";
    assert_eq!(judged(&["a b", "x y"], &[twice], twice), (true, false), "x is there twice");
    assert_eq!(judged(&["a b"], &[all], all), (true, true), "events of others are in the log as well");
}

#[test]
fn events_stay_as_they_are() {
    let good = |before: &str, after: &str| kept(&rows(before), &rows(after), &writer("a b c"), "after a kill").0;
    assert!(good("1:a 2:b", "1:a 2:b 3:c"));
    assert!(!good("1:a 2:b", "1:a 2:b"), "c was acknowledged");
    assert!(!good("1:a 2:b", "1:a 3:c 4:b"), "event 2 is gone");
    assert!(!good("1:a 2:b", "1:a 2:x 3:b 4:c"), "event 2 has changed");
    assert!(!good("1:a 3:b", "1:a 2:c 3:b"), "event 2 has come before one that was read");
}

#[test]
fn a_projection_is_the_fold_of_the_log() {
    let good = |now, events, strangers| folded(&Folded { before: 10.0, by: -2.0, now, events, strangers }, "").0;
    assert_eq!(good(0.0, 5, 0), Some(true));
    assert_eq!(good(2.0, 5, 0), Some(false), "one was not folded");
    assert_eq!(good(-2.0, 5, 1), Some(false), "one was folded twice");
    assert_eq!(good(2.0, 5, 1), None, "one may be of another kind");
    assert_eq!(good(4.0, 5, 1), Some(false));
}

#[test]
fn a_rebuild_shows_on_its_way_and_ends_as_it_was() {
    assert_eq!(rebuilt(7.0, &[0.0, 3.0, 7.0]).0, Some(true));
    assert_eq!(rebuilt(7.0, &[7.0]).0, None);
    assert_eq!(rebuilt(7.0, &[0.0, 6.0]).0, Some(false));
}

#[test]
fn an_event_in_an_old_form_holds_nothing_up_and_counts_as_one() {
    assert_eq!(old_form(1, true, Some(2.0)).0, Some(true));
    assert_eq!(old_form(1, true, Some(1.0)).0, Some(false), "it was not folded");
    assert_eq!(old_form(1, false, Some(1.0)).0, Some(false), "nothing is read behind it");
    assert_eq!(old_form(0, false, Some(0.0)).0, Some(false), "neither it nor what is behind it is read");
    assert_eq!(old_form(0, true, Some(1.0)).0, None);
    assert_eq!(old_form(1, true, None).0, None);
}
