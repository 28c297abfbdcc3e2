//! The judges of `call.deadline` on calls without a server.

use http::Method;
use keel_drill::trace_headers::TraceHeaders;

use super::*;

const WAITS: Duration = Duration::from_secs(1);

/// A call so long after the request, which says this deadline.
fn call(sent: Instant, after: Duration, says: Option<Duration>) -> Call {
    Call {
        at: sent + after,
        method: Method::GET,
        path: "/".to_owned(),
        key: None,
        patience: says.map(|waits| DeadlineHeader { header: "grpc-timeout", waits }).into_iter().collect(),
        trace: TraceHeaders::default(),
        ended: None,
    }
}

fn silence(answered: Duration, calls_ended: Duration, says: Option<Duration>) -> Silence {
    let sent = Instant::now();
    let (calls, contention) = (vec![call(sent, Duration::ZERO, says)], Contention::default());
    Silence { sent, calls, answered, is_answered: true, calls_ended, is_open: false, contention }
}

#[test]
fn a_call_may_say_what_is_left_and_the_difference_of_clocks() {
    let sent = Instant::now();
    let said = |after, says| exceeds(&call(sent, after, says), sent, WAITS);
    assert!(!said(WAITS / 2, Some(WAITS * 3 / 4)), "a quarter is the difference of clocks");
    assert!(said(WAITS / 2, Some(WAITS)));
    assert!(!said(Duration::ZERO, Some(WAITS)));
    assert!(!said(WAITS / 2, None), "it says nothing");
    assert!(silence(WAITS, WAITS, Some(WAITS * 2)).too_much(WAITS).is_some_and(|piece| piece.is_against()));
    assert!(silence(WAITS, WAITS, Some(WAITS)).too_much(WAITS).is_none());
}

#[test]
fn a_request_and_its_calls_must_both_end_in_time() {
    assert!(silence(WAITS, WAITS, None).ended_within(WAITS));
    assert!(!silence(WAITS * 2, WAITS, None).ended_within(WAITS));
    assert!(!silence(WAITS, WAITS * 2, None).ended_within(WAITS), "the call goes on behind the answer");
}

#[test]
fn a_deadline_that_is_there_without_a_caller_is_fixed() {
    let asked = silence(WAITS, WAITS, Some(WAITS));
    let fixed = |alone: Option<Duration>| says_the_same(&silence(WAITS, WAITS, alone), &[&asked.calls[0]]);
    assert!(fixed(Some(WAITS)));
    assert!(!fixed(Some(WAITS * 3)));
    assert!(!fixed(None));
}

#[test]
fn a_request_without_an_answer_is_not_called_answered() {
    let mut silence = silence(WAITS * 8, WAITS * 8, None);
    assert_eq!(silence.told(), "was answered after 8.0s, its call ended after 8.0s");
    (silence.is_answered, silence.is_open) = (false, true);
    assert_eq!(silence.told(), "had no answer after 8.0s, its call was still open after 8.0s");
}
