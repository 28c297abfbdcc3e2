//! The judges of `see.traces` on headers, spans and answers without a server.

use std::time::{Duration, Instant};

use http::Method;
use keel_drill::collector::{Kind, Span};
use keel_drill::double::Call;
use keel_drill::process::Exit;
use keel_drill::trace_headers::{TraceHeaders, TraceParent};

use super::context::{called, entered, judge_decisions, judge_exports};
use super::propagated::{continued, malformed, replaced, same_decision};
use super::sick_collector::{Answers, judge_answers, judge_exit};
use super::{failures, queues};
use crate::probes::see::fresh_context::fresh;
use crate::testing::exchange::answered;

const SECOND: Duration = Duration::from_secs(1);

fn headers(parent: &str) -> TraceHeaders {
    TraceHeaders { parent: vec![parent.to_owned()], state: String::new() }
}

/// The headers of a call that continues a trace.
fn child(of: &TraceParent) -> TraceHeaders {
    headers(&TraceParent { span: fresh(0).span, ..of.clone() }.header())
}

fn call(trace: TraceHeaders) -> Call {
    let (method, path) = (Method::GET, "/".to_owned());
    Call { at: Instant::now(), method, path, key: None, patience: Vec::new(), trace, ended: None }
}

/// The span of the answer to a request.
fn answer(to: &TraceParent, failed: bool) -> Span {
    let (trace, parent) = (to.trace.clone(), to.span.clone());
    Span { trace, parent, id: fresh(0).span, kind: Kind::Server, failed, ..Span::default() }
}

#[test]
fn a_call_continues_a_trace_with_the_same_trace_id_and_another_parent_id() {
    let sent = fresh(1);
    assert!(continued(&sent, &child(&sent)).is_ok());
    let why = |came: &TraceHeaders| continued(&sent, came).unwrap_err();
    assert!(why(&TraceHeaders::default()).contains("no traceparent"));
    assert!(why(&headers("00-1-2-03")).contains("malformed"));
    assert!(why(&child(&fresh(1))).contains("another trace id"));
    assert!(why(&headers(&sent.header())).contains("copied"));
}

#[test]
fn every_call_of_a_request_must_continue_its_trace() {
    let sent = fresh(1);
    let verdicts = |calls: &[Call]| -> Vec<bool> {
        called("a read", "prices", &sent, calls).iter().map(|piece| piece.is_against()).collect()
    };
    let (own, other) = (call(child(&sent)), call(child(&fresh(1))));
    assert_eq!(verdicts(&[own.clone(), own.clone()]), vec![false, false, false]);
    assert_eq!(verdicts(&[own, other]), vec![false, true]);
    assert!(called("a read", "prices", &sent, &[]).iter().all(|piece| !piece.decides()), "no call was seen");
}

#[test]
fn a_context_was_taken_in_where_a_span_has_its_parent_or_where_nothing_is_exported_a_call_its_trace() {
    let sent = fresh(1);
    let judged = |calls: &[Call], spans: &[Span], exports| entered("a read", &sent, calls, spans, exports).unwrap();
    let (own, foreign) = (call(child(&sent)), call(child(&fresh(1))));
    assert!(judged(&[], &[answer(&sent, false)], true).is_for());
    assert!(judged(std::slice::from_ref(&own), &[], false).is_for());
    assert!(judged(&[own], &[], true).is_against(), "others are exported");
    let orphan = Span { parent: String::new(), ..answer(&sent, false) };
    assert!(judged(&[], &[orphan], true).is_against());
    assert!(!judged(&[foreign], &[], false).decides());
}

#[test]
fn a_sampling_flag_is_kept_only_where_both_flags_were_seen() {
    let (sampled, unsampled) = (fresh(1), fresh(0));
    assert_eq!(same_decision(&sampled, &child(&sampled)), Some(true));
    let raised = TraceParent { flags: 1, ..unsampled.clone() };
    assert_eq!(same_decision(&unsampled, &child(&raised)), Some(false));
    assert_eq!(same_decision(&sampled, &child(&fresh(1))), None, "another trace");
    assert!(judge_decisions("a read", [3, 1], [0, 0]).unwrap().is_for());
    assert!(judge_decisions("a read", [2, 1], [1, 0]).unwrap().is_against());
    assert!(judge_decisions("a read", [0, 1], [0, 0]).is_none(), "one that always says sampled does so too");
    assert!(judge_decisions("a read", [0, 0], [0, 0]).is_none());
}

#[test]
fn a_quick_request_that_is_not_sampled_is_not_exported() {
    assert!(judge_exports("a read", 3, 0).is_for());
    assert!(judge_exports("a read", 3, 1).is_against());
    assert!(!judge_exports("a read", 0, 0).decides(), "all were slow");
}

#[test]
fn a_malformed_header_is_replaced_by_a_new_one() {
    let context = fresh(1);
    for (text, fault) in malformed(&context) {
        assert_eq!(TraceParent::parse(&text), None, "{fault}");
        assert!(replaced(&text, &child(&fresh(1))).is_ok(), "{fault}");
        assert!(replaced(&text, &headers(&text)).is_err(), "{fault}: copied");
        assert!(replaced(&text, &TraceHeaders::default()).is_err(), "{fault}: none");
    }
    let (version, _) = &malformed(&context)[4];
    assert!(replaced(version, &child(&context)).is_err(), "the id of a header that says nothing");
}

#[test]
fn the_span_of_a_failed_request_is_an_error() {
    let sent = fresh(1);
    let judged = |spans: &[Span]| failures::judge("a read", 503, &sent, spans);
    assert!(judged(&[answer(&sent, true)]).is_for());
    assert!(judged(&[answer(&sent, false)]).is_against());
    assert!(judged(&[]).is_against(), "it is sampled");
    assert!(judged(&[answer(&fresh(1), true)]).is_against(), "an error of another trace");
}

#[test]
fn queued_work_is_of_the_trace_of_its_request_or_linked_to_it() {
    let (sent, own) = (fresh(1), fresh(1));
    let judged = |calls: &[Call], spans: &[Span]| {
        queues::judge("an order", "prices", &sent, calls, spans, &answered(202, &[], ""))
    };
    let linked = Span { links: vec![sent.trace.clone()], ..answer(&own, false) };
    assert!(judged(&[call(child(&sent))], &[]).is_for());
    assert!(judged(&[call(child(&own))], std::slice::from_ref(&linked)).is_for());
    assert!(judged(&[call(child(&own))], &[answer(&own, false)]).is_against(), "no link");
    assert!(judged(&[call(child(&fresh(1)))], &[linked]).is_against(), "the link is another trace's");
    assert!(!judged(&[], &[]).decides());
}

#[test]
fn answers_beside_a_sick_collector_are_as_many_and_hardly_slower() {
    let peace = Answers { sent: 10, well: 10, slowest: SECOND };
    let judged = |now| judge_answers("that is dead", peace, now);
    assert!(judged(Answers { slowest: SECOND * 2, ..peace }).is_for());
    assert!(judged(Answers { slowest: SECOND * 3, ..peace }).is_against());
    assert!(judged(Answers { well: 9, ..peace }).is_against());
    assert!(!judge_answers("that is dead", Answers { well: 9, ..peace }, peace).decides(), "it fails by itself");
}

#[test]
fn the_exit_beside_a_sick_collector_is_clean_where_it_is_beside_one_that_is_well() {
    let clean = Some(Exit::Code(0));
    let judged = |peace, now| judge_exit("that is dead", peace, now, SECOND);
    assert!(judged(Some(clean), Some((clean, SECOND))).is_for());
    assert!(judged(Some(clean), Some((None, SECOND))).is_against(), "it still runs");
    assert!(judged(Some(clean), Some((Some(Exit::Code(1)), SECOND))).is_against());
    assert!(!judged(Some(Some(Exit::Signal(15))), Some((Some(Exit::Signal(15)), SECOND))).decides());
    assert!(!judged(None, None).decides(), "keel did not start it");
}
