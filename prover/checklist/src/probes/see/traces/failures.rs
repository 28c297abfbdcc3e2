//! The spans of requests that fail.

use keel_drill::collector::Span;
use keel_drill::double::Behaviour;
use keel_drill::trace_headers::TraceParent;

use super::traced::{Place, Traced, is_answer};
use crate::clause::see::traces as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::fresh_context::fresh;
use crate::subject::RequestSpec;

/// Makes a request fail, and looks at its spans.
pub(super) async fn examine(lab: &Lab, traced: &Traced) -> Vec<Evidence> {
    if !traced.exports {
        let what = "it exports no spans to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names";
        return vec![clause::ERRORS.gap(what)];
    }
    let failing = lab.mix().into_iter().filter(|spec| spec.expect.is_some_and(|status| status >= 500));
    let mut candidates: Vec<(RequestSpec, Option<&Place>)> = failing.map(|spec| (spec, None)).collect();
    for place in &traced.places {
        candidates.extend(place.users(lab).into_iter().map(|spec| (spec, Some(place))));
    }
    for (spec, place) in &candidates {
        let sampled = fresh(1);
        let Some(status) = fail(lab, traced, spec, *place, &sampled).await else { continue };
        let spans = traced.spans(lab, &sampled).await;
        let mut evidence = vec![judge(&spec.name, status, &sampled, &spans)];
        let unsampled = fresh(0);
        if fail(lab, traced, spec, *place, &unsampled).await.is_some() {
            let kept = !traced.spans(lab, &unsampled).await.is_empty();
            let told = if kept { "exported too" } else { "not exported" };
            evidence.push(clause::ERRORS.figure(format!("{} that fails and is not sampled is {told}", spec.name)));
        }
        return evidence;
    }
    let what = "no request was answered 5xx: declare one with `expect = 500`, or `uses` of a dependency without which it fails";
    vec![clause::ERRORS.gap(what)]
}

/// Sends a request whose call is answered 503; the status, when that is 5xx.
async fn fail(
    lab: &Lab,
    traced: &Traced,
    spec: &RequestSpec,
    place: Option<&Place>,
    sent: &TraceParent,
) -> Option<u16> {
    if let Some(place) = place {
        place.double.set(Behaviour::Unavailable(None));
    }
    let seen = traced.observe(lab, place, spec, &[("traceparent", &sent.header())]).await;
    if let Some(place) = place {
        place.double.set(Behaviour::Pass);
    }
    seen.exchange.status().map(|status| status.as_u16()).filter(|status| *status >= 500)
}

/// Judges the spans of a sampled request that was answered 5xx.
pub(super) fn judge(name: &str, status: u16, sent: &TraceParent, spans: &[Span]) -> Evidence {
    let answer: Vec<&Span> = spans.iter().filter(|span| is_answer(span, sent)).collect();
    match answer.iter().any(|span| span.failed) {
        true => clause::ERRORS.holds(format!("the span of {name}, which is answered {status}, is an error")),
        false if answer.is_empty() => {
            clause::ERRORS.contradicts(format!("{name} is answered {status}, is sampled, and is not exported"))
        }
        false => clause::ERRORS.contradicts(format!("the span of {name}, which is answered {status}, is no error")),
    }
}
