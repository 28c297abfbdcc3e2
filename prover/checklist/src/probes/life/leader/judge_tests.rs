//! The judges of `life.leader` on observations, without a server.

use std::time::Duration;

use super::instance::Shown;
use super::judge::{Paused, elected, fences, paused, taken_over};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_page_of_an_instance_says_whether_it_leads() {
    let read = |text: &str| Shown::read(text, "leader{work=\"a\"} 1", Some("fence{work=\"a\"}"));
    let shown = read("leader{work=\"b\"} 0\nleader{work=\"a\"} 1\nfence{work=\"a\"} 17\nother 3\n");
    assert_eq!(shown, Shown { is_answered: true, leads: true, fence: Some(17.0) });
    assert_eq!(read("leader{work=\"a\"} 0").fence, None);
    assert_eq!(Shown::read("{\"leads\":true,\"term\":4}", "\"leads\":true", Some("\"term\":")).fence, Some(4.0));
}

#[test]
fn one_of_two_leads() {
    let shown = |leads| Shown { is_answered: true, leads, fence: None };
    assert!(elected(&[shown(true), shown(false)]).0);
    assert!(!elected(&[shown(true), shown(true)]).0);
    assert!(!elected(&[shown(false), shown(false)]).0);
}

#[test]
fn a_take_over_comes_in_time_and_does_each_work_once() {
    let good = |took, left| taken_over("killed", took, SECOND * 10, 5, left).0;
    assert!(good(Some(SECOND), 0.0));
    assert!(!good(None, 0.0));
    assert!(!good(Some(SECOND), 2.0), "two works are left");
    assert!(!good(Some(SECOND), -1.0), "one is done twice");
}

#[test]
fn an_old_leader_does_nothing_and_knows_it() {
    let seen = Paused { knows: Some(SECOND), bound: SECOND * 2, left: 0.0, fence: Some((3.0, 4.0)) };
    assert!(paused(&seen).0);
    assert!(!paused(&Paused { left: -1.0, ..seen }).0, "a work is done twice");
    assert!(!paused(&Paused { left: 1.0, ..seen }).0, "a work is lost");
    assert!(!paused(&Paused { left: f64::NAN, ..seen }).0, "the number does not show");
    assert!(!paused(&Paused { knows: None, ..seen }).0);
    assert!(!paused(&Paused { fence: Some((5.0, 4.0)), ..seen }).0);
    assert!(paused(&Paused { fence: None, ..seen }).0);
}

#[test]
fn fences_rise() {
    assert_eq!(fences(&[Some(1.0), Some(2.0), Some(5.0)]).0, Some(true));
    assert_eq!(fences(&[Some(1.0), Some(1.0), Some(2.0)]).0, Some(false));
    assert_eq!(fences(&[Some(1.0), None, Some(2.0)]).0, None);
}
