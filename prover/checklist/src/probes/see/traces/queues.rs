//! Calls that are made after the answer, in queued work: they are of the request's trace, or linked to it.

use std::time::{Duration, Instant};

use keel_drill::collector::Span;
use keel_drill::double::Call;
use keel_drill::trace_headers::TraceParent;
use keel_wire::http::Exchange;

use super::traced::{Place, Traced};
use crate::clause::see::traces as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::fresh_context::fresh;
use crate::subject::RequestSpec;

/// The longest that queued work is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// After the first call, until it counts as one of no trace: its spans are exported later than it is made, and another may be the one.
const SPANS_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Sends each request that is declared to call a dependency later.
pub(super) async fn examine(lab: &Lab, traced: &Traced) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for spec in lab.mix().into_iter().filter(|spec| !spec.later.is_empty()) {
        for name in &spec.later {
            let Some(place) = traced.places.iter().find(|place| place.name == *name) else {
                let what = format!("calls to {name} were not seen one by one: it does not speak plain HTTP");
                evidence.push(clause::QUEUES.gap(what));
                continue;
            };
            evidence.push(send(lab, traced, &spec, place).await);
        }
    }
    if evidence.is_empty() {
        let what = "no request is declared that calls a dependency in queued work: say so in `later`";
        evidence.push(clause::QUEUES.gap(what));
    }
    evidence
}

async fn send(lab: &Lab, traced: &Traced, spec: &RequestSpec, place: &Place) -> Evidence {
    let sent = fresh(1);
    place.calls_by_itself(lab).await;
    let request = lab.fill(spec).header("traceparent", sent.header());
    let exchange = lab.http().send(request).await;
    if !exchange.status().is_some_and(|status| spec.expects(status.as_u16())) {
        let what = format!("{} is not answered as declared with a trace context", spec.name);
        return clause::QUEUES.gap(what).with(&exchange);
    }
    let (since, mut calls) = (Instant::now(), Vec::new());
    while since.elapsed() < lab.pace.of(PATIENCE) {
        calls.extend(place.new_calls());
        if !calls.is_empty() && is_of(&sent, &calls, &traced.collector.received().spans) {
            break;
        }
        let first = calls.iter().map(|call| call.at).min();
        if first.is_some_and(|at| at.elapsed() > lab.pace.of(SPANS_WITHIN)) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    judge(&spec.name, &place.name, &sent, &calls, &traced.collector.received().spans, &exchange)
}

/// Returns true if a call is of the trace, or its own trace has a link to it.
fn is_of(sent: &TraceParent, calls: &[Call], spans: &[Span]) -> bool {
    let contexts = calls.iter().filter_map(|call| call.trace.context());
    contexts.into_iter().any(|context| context.trace == sent.trace || links(sent, &context, spans))
}

/// Returns true if a span in the trace of a call has a link to the request's trace.
fn links(sent: &TraceParent, call: &TraceParent, spans: &[Span]) -> bool {
    spans.iter().any(|span| span.trace == call.trace && span.links.contains(&sent.trace))
}

/// Judges the calls that were made after the answer to a request.
pub(super) fn judge(
    name: &str,
    to: &str,
    sent: &TraceParent,
    calls: &[Call],
    spans: &[Span],
    exchange: &Exchange,
) -> Evidence {
    if calls.is_empty() {
        return clause::QUEUES.gap(format!("no call to {to} was seen after the answer to {name}")).with(exchange);
    }
    let came: Vec<String> = calls.iter().map(|call| format!("traceparent: {}", call.trace.parent.join(", "))).collect();
    let is_its = |context: &TraceParent| context.trace == sent.trace;
    let own = calls.iter().filter_map(|call| call.trace.context()).any(|context| is_its(&context));
    let piece = match (own, is_of(sent, calls, spans)) {
        (true, _) => clause::QUEUES.holds(format!("the call to {to} in the queued work of {name} is of its trace")),
        (false, true) => clause::QUEUES
            .holds(format!("the call to {to} in the queued work of {name} is of a trace with a link to its own")),
        (false, false) => clause::QUEUES
            .contradicts(format!("the call to {to} in the queued work of {name} is of no trace of its own")),
    };
    piece.exchanged(format!("traceparent: {}", sent.header()), came.join("\n"))
}
