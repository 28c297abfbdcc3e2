//! The judges of `ratchet.jobs` on observations, without a server.

use std::time::{Duration, Instant};

use keel_drill::double::Call;
use keel_drill::trace_headers::TraceHeaders;

use super::judge::{Attempts, backoff, calls_of_jobs, concurrency, transaction};

fn attempts(all: usize, first: usize, last: usize) -> Attempts {
    Attempts { jobs: 5, all, first, last, time: Duration::from_secs(12) }
}

#[test]
fn repeats_that_become_rarer_back_off_and_frequent_ones_do_not() {
    assert_eq!(backoff(&attempts(40, 25, 5)), Some(true));
    assert_eq!(backoff(&attempts(600, 200, 200)), Some(false));
    assert_eq!(backoff(&attempts(30, 10, 10)), None, "a wait of two seconds is neither");
    assert_eq!(backoff(&attempts(5, 5, 0)), None, "no job was repeated");
}

fn call(method: &str, path: &str) -> Call {
    Call {
        at: Instant::now(),
        method: method.parse().unwrap(),
        path: path.to_owned(),
        key: None,
        patience: Vec::new(),
        trace: TraceHeaders::default(),
        ended: None,
    }
}

#[test]
fn a_kind_of_call_that_came_less_often_than_there_were_jobs_is_of_no_job() {
    let mut calls: Vec<Call> = (0..3).map(|n| call("PUT", &format!("/pay/job-{n}"))).collect();
    calls.extend([call("GET", "/livez"), call("GET", "/livez")]);
    let kept = calls_of_jobs(calls, 3);
    assert!(kept.len() == 3 && kept.iter().all(|call| call.path.starts_with("/pay/")), "{kept:?}");
    assert!(calls_of_jobs(kept, 4).is_empty());
}

#[test]
fn failing_jobs_are_watched_no_longer_once_repeats_of_each_are_rare() {
    assert!(attempts(24, 15, 5).clearly_back_off());
    assert!(!attempts(24, 14, 2).clearly_back_off(), "a job may not have been repeated");
    assert!(!attempts(26, 15, 6).clearly_back_off());
}

#[test]
fn a_bound_shows_when_fewer_run_than_wait() {
    assert_eq!(concurrency(40, 8, 40), Some(true));
    assert_eq!(concurrency(40, 40, 40), Some(false));
    assert_eq!(concurrency(40, 35, 40), None, "nearly all may be all");
    assert_eq!(concurrency(10, 4, 40), None, "too few were acknowledged");
    assert_eq!(concurrency(40, 0, 40), None, "none was seen");
}

#[test]
fn a_job_is_there_for_each_acknowledged_request_and_for_no_other() {
    let good = |jobs, left, keys| transaction(jobs, left, keys, "pay", "bank").0;
    assert_eq!(good(20, 0, Some(20)), Some(true));
    assert_eq!(good(20, 0, Some(12)), Some(true), "some had called before");
    assert_eq!(good(20, 0, Some(21)), Some(false));
    assert_eq!(good(20, 3, Some(17)), Some(false));
    assert_eq!(good(20, 0, None), None);
}
