//! Requests with a trace context, without, and with malformed ones; and what their calls and spans carry.

use keel_drill::collector::{Kind, Span};
use keel_drill::double::Call;
use keel_drill::trace_headers::TraceParent;

use super::propagated::{continued, malformed, replaced, same_decision};
use super::traced::{Observed, Place, Traced, read_of};
use crate::clause::see::traces as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::fresh_context::fresh;
use crate::subject::{Dependencies, RequestSpec};

/// The most requests for each dependency.
const MAX_USERS: usize = 3;
/// Requests that are not sampled, of which no span must come.
const UNSAMPLED: usize = 3;
/// An answer that takes longer may be kept for that.
const SLOW: std::time::Duration = std::time::Duration::from_millis(300);
/// The `tracestate` of keel's requests.
const STATE: &str = "keel=t61rcwkgmze";

/// Observes the requests that call each dependency, or one that calls none.
pub(super) async fn examine(lab: &Lab, traced: &Traced) -> Vec<Evidence> {
    let mut evidence = unseen(lab, traced);
    let mut pairs: Vec<(RequestSpec, Option<&Place>)> = Vec::new();
    for place in &traced.places {
        let users = place.users(lab);
        if users.len() > MAX_USERS {
            let what = format!("only {MAX_USERS} of {} requests that use {} were sent", users.len(), place.name);
            evidence.push(clause::OUT.gap(what));
        }
        pairs.extend(users.into_iter().take(MAX_USERS).map(|spec| (spec, Some(place))));
    }
    if pairs.is_empty() {
        pairs.push((read_of(lab), None));
    }
    for (number, (spec, place)) in pairs.iter().enumerate() {
        if let Some(place) = place {
            let parent = fresh(1);
            let seen = traced.observe(lab, Some(place), spec, &[("traceparent", &parent.header())]).await;
            place.only_like(&parent, &seen.calls);
        }
        evidence.extend(with_context(lab, traced, spec, *place).await);
        if number == 0 {
            evidence.extend(with_malformed(lab, traced, spec, *place).await);
        }
        if let Some(place) = place {
            place.all_calls();
        }
    }
    evidence
}

/// The dependencies whose calls are not seen.
fn unseen(lab: &Lab, traced: &Traced) -> Vec<Evidence> {
    let declared = match &lab.subject.dependencies {
        Dependencies::Unsaid => {
            let what = "its dependencies are not declared, so none of its calls was seen: declare [dependencies.NAME]";
            return vec![clause::OUT.gap(what)];
        }
        Dependencies::Declared(declared) if declared.is_empty() => {
            return vec![clause::OUT.is_void("dependencies = \"none\"")];
        }
        Dependencies::Declared(declared) => declared,
    };
    let gap = |name: &String| {
        let what = match traced.places.iter().find(|place| place.name == *name) {
            None => format!("calls to {name} were not seen one by one: it does not speak plain HTTP"),
            Some(place) if place.users(lab).is_empty() => {
                format!("no request is declared that calls {name} before it is answered: say it in `uses`")
            }
            Some(_) => return None,
        };
        Some(clause::OUT.gap(what))
    };
    declared.iter().filter_map(|one| gap(&one.name)).collect()
}

/// Sends one kind of request with contexts and without.
async fn with_context(lab: &Lab, traced: &Traced, spec: &RequestSpec, place: Option<&Place>) -> Vec<Evidence> {
    let plain = traced.observe(lab, place, spec, &[]).await;
    let mut unsampled = Vec::new();
    for _ in 0..UNSAMPLED {
        let parent = fresh(0);
        let seen = traced.observe(lab, place, spec, &[("traceparent", &parent.header())]).await;
        unsampled.push((parent, seen));
    }
    // With the flag of level 2 too, which says that the id is random.
    let parent = fresh(3);
    let headers = [("traceparent", parent.header()), ("tracestate", STATE.to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let sampled = traced.observe(lab, place, spec, &headers).await;
    let spans = traced.spans(lab, &parent).await;
    let control = control(spec, &plain, &parent);
    let mut evidence = Vec::new();
    if let Some(place) = place {
        evidence.extend(called(&spec.name, &place.name, &parent, &sampled.calls));
    }
    evidence.extend(entered(&spec.name, &parent, &sampled.calls, &spans, traced.exports));
    let of_calls = unsampled.iter().map(|(sent, seen)| (sent, seen.calls.as_slice()));
    evidence.extend(decided(&spec.name, of_calls.chain([(&parent, sampled.calls.as_slice())])));
    if traced.exports {
        evidence.extend(exported(traced, &spec.name, &unsampled, &spans));
    }
    evidence.into_iter().map(|piece| controlled(piece, &control)).collect()
}

/// The control: without a context the request is answered as declared, and its calls are of other traces.
fn control(spec: &RequestSpec, plain: &Observed, parent: &TraceParent) -> Result<Control, Uncontrolled> {
    let answered = plain.exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
    let same = plain.calls.iter().filter_map(|call| call.trace.context()).any(|context| context.trace == parent.trace);
    let what = format!("without a context {} is answered as declared, and is of another trace", spec.name);
    let otherwise = format!("{} is not answered as declared without a context either", spec.name);
    Control::seen(answered && !same, what, otherwise).map_err(|failed| failed.shown_by(&plain.exchange))
}

fn controlled(piece: Evidence, control: &Result<Control, Uncontrolled>) -> Evidence {
    match control {
        Ok(control) if piece.decides() => piece.by(control),
        Err(failed) if piece.decides() => {
            let mut piece = piece;
            piece.refuse(&failed.what);
            piece
        }
        _ => piece,
    }
}

/// Judges the calls of a request with a context.
pub(super) fn called(name: &str, to: &str, sent: &TraceParent, calls: &[Call]) -> Vec<Evidence> {
    if calls.is_empty() {
        return vec![clause::OUT.gap(format!("{name} caused no call to {to} that was seen"))];
    }
    let told = |call: &Call| {
        let (request, came) = (format!("traceparent: {}", sent.header()), call.trace.parent.join(", "));
        let piece = match continued(sent, &call.trace) {
            Ok(()) => {
                clause::OUT.holds(format!("the call of {name} to {to} is of the request's trace, with a new parent id"))
            }
            Err(why) => clause::OUT.contradicts(format!("the call of {name} to {to} {why}")),
        };
        piece.exchanged(request, format!("{} {} traceparent: {came}", call.method, call.path))
    };
    let mut evidence: Vec<Evidence> = calls.iter().map(told).collect();
    if calls.iter().all(|call| continued(sent, &call.trace).is_ok()) {
        let kept = calls.iter().all(|call| call.trace.state.contains(STATE));
        let told = if kept { "keeps" } else { "loses" };
        evidence.push(clause::OUT.figure(format!("the call of {name} {told} tracestate")));
    }
    evidence
}

/// Judges whether a request's context was taken in, by its calls and its spans.
pub(super) fn entered(
    name: &str,
    sent: &TraceParent,
    calls: &[Call],
    spans: &[Span],
    exports: bool,
) -> Option<Evidence> {
    let by_call = calls.iter().any(|call| call.trace.context().is_some_and(|context| context.trace == sent.trace));
    let by_span = spans.iter().any(|span| span.parent == sent.span);
    Some(match (by_span, by_call) {
        (true, _) => {
            clause::IN.holds(format!("the exported span of {name} has the trace id and the parent of its request"))
        }
        (false, _) if exports && spans.is_empty() => {
            clause::IN.contradicts(format!("spans are exported, and none has the trace id of {name}, which is sampled"))
        }
        (false, _) if exports => {
            clause::IN.contradicts(format!("no exported span of {name} has the span of its request as its parent"))
        }
        (false, true) => clause::IN.holds(format!("the call of {name} has the trace id of its request")),
        (false, false) => {
            let what = "neither a call nor an exported span shows the trace of";
            clause::IN.gap(format!("{what} {name}: declare a dependency and the requests that use it"))
        }
    })
}

/// Judges whether calls have the sampling flags of their requests.
fn decided<'c>(name: &str, sent: impl Iterator<Item = (&'c TraceParent, &'c [Call])>) -> Option<Evidence> {
    let (mut same, mut other) = ([0, 0], [0, 0]);
    for (sent, calls) in sent {
        let sampled = usize::from(sent.is_sampled());
        for is_same in calls.iter().filter_map(|call| same_decision(sent, &call.trace)) {
            if is_same { same[sampled] += 1 } else { other[sampled] += 1 }
        }
    }
    judge_decisions(name, same, other)
}

/// Judges the numbers of calls with the flag of their request and with the other one, of requests that are not sampled and that are.
pub(super) fn judge_decisions(name: &str, same: [usize; 2], other: [usize; 2]) -> Option<Evidence> {
    let all = same[0] + same[1] + other[0] + other[1];
    let wrong = other[0] + other[1];
    if wrong > 0 {
        return Some(
            clause::SAMPLING.contradicts(format!("{wrong} of {all} calls of {name} have another sampling flag")),
        );
    }
    // One flag alone may be all that it ever sends.
    (same[0] > 0 && same[1] > 0)
        .then(|| clause::SAMPLING.holds(format!("the {all} calls of {name} have the sampling flags of its requests")))
}

/// Judges whether only sampled requests are exported.
fn exported(traced: &Traced, name: &str, unsampled: &[(TraceParent, Observed)], marker: &[Span]) -> Vec<Evidence> {
    if marker.is_empty() {
        return vec![clause::SAMPLING.gap(format!("no span of {name} was exported, sampled or not"))];
    }
    let quick = |seen: &Observed| {
        seen.exchange.took <= SLOW && seen.exchange.status().is_some_and(|status| status.as_u16() < 500)
    };
    let kept = |sent: &TraceParent| !traced.collector.spans_of(&sent.trace).is_empty();
    let quick: Vec<&TraceParent> = unsampled.iter().filter(|(_, seen)| quick(seen)).map(|(sent, _)| sent).collect();
    vec![judge_exports(name, quick.len(), quick.iter().filter(|sent| kept(sent)).count())]
}

/// Judges the number of quick answered requests that were not sampled and of those that were exported.
pub(super) fn judge_exports(name: &str, quick: usize, kept: usize) -> Evidence {
    match (quick, kept) {
        (0, _) => {
            clause::SAMPLING.gap(format!("every {name} that is not sampled was slow or failed, which may be kept"))
        }
        (_, 0) => {
            clause::SAMPLING.holds(format!("of {name}, the sampled one is exported, and {quick} that are not are not"))
        }
        _ => clause::SAMPLING
            .contradicts(format!("{kept} of {quick} quick requests {name} are exported although they are not sampled")),
    }
}

/// Sends malformed contexts.
async fn with_malformed(lab: &Lab, traced: &Traced, spec: &RequestSpec, place: Option<&Place>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let plain = traced.observe(lab, place, spec, &[]).await;
    let well = |seen: &Observed| seen.exchange.status().is_some_and(|status| spec.expects(status.as_u16()));
    if !well(&plain) {
        let what = format!("{} is not answered as declared without a context either", spec.name);
        return vec![clause::MALFORMED.gap(what).with(&plain.exchange)];
    }
    for (text, fault) in malformed(&fresh(1)) {
        let before = traced.collector.received().spans.len();
        let seen = traced.observe(lab, place, spec, &[("traceparent", &text)]).await;
        let shown = |piece: Evidence| piece.exchanged(format!("traceparent: {text}"), parents(&seen.calls));
        if !well(&seen) {
            let what = format!("with a traceparent with {fault} {} is not answered as without", spec.name);
            evidence.push(clause::MALFORMED.contradicts(what).with(&seen.exchange));
            continue;
        }
        if seen.calls.is_empty() {
            evidence.push(by_span(lab, traced, &text, fault, before).await);
        }
        for call in &seen.calls {
            evidence.push(shown(match replaced(&text, &call.trace) {
                Ok(()) => clause::MALFORMED.holds(format!("a traceparent with {fault} is replaced by a new one")),
                Err(why) => clause::MALFORMED.contradicts(format!("a traceparent with {fault} {why}")),
            }));
        }
    }
    evidence
}

/// Judges by the span of the answer where no call shows the context.
async fn by_span(lab: &Lab, traced: &Traced, text: &str, fault: &str, before: usize) -> Evidence {
    match traced.next_span(lab, before, |span| span.kind == Kind::Server).await {
        None => {
            clause::MALFORMED.gap(format!("neither a call nor a span shows what becomes of a traceparent with {fault}"))
        }
        Some(span) => {
            let new = !text.contains(&span.trace) && span.parent.is_empty();
            let told = if new { "begins a new trace" } else { "is taken as it is" };
            clause::MALFORMED.saw(new, format!("a traceparent with {fault} {told}, as the exported span shows"))
        }
    }
}

fn parents(calls: &[Call]) -> String {
    let all: Vec<String> = calls.iter().map(|call| format!("traceparent: {}", call.trace.parent.join(", "))).collect();
    all.join("\n")
}
