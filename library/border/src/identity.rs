//! Request id and trace context.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use telemetry::RequestContext;
use telemetry::traces::{RequestTrace, TraceState, Tracer};
use tokio::time::Instant;
use vitals::TraceContext;

use crate::glance::Glance;
use crate::headers::REQUEST_ID;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");
/// A caller's request id is taken over up to this length.
const MAX_REQUEST_ID: usize = 128;

/// A request's id and trace, and the trace's state or spans where it has them.
pub(crate) type Identity = (RequestContext, Option<Arc<RequestTrace>>);

/// Takes over the caller's request id and trace where they are well formed, else makes new ones, and begins to record its spans.
pub(crate) fn identify(headers: &HeaderMap, glance: &Glance, tracer: Option<&Tracer>, started: Instant) -> Identity {
    let (request_id, mut trace, parent) = match glance.identity {
        false => {
            let (request_id, trace) = vitals::new_request_id_and_trace();
            (request_id, trace, None)
        }
        true => {
            let parent = parent(headers);
            (request_id(headers), parent.map_or_else(TraceContext::new, |parent| parent.child()), parent)
        }
    };
    // A state belongs to its parent.
    let state = parent.and_then(|_| {
        let values = headers.get_all(&TRACE_STATE).into_iter().map(|value| value.to_str().unwrap_or_default());
        TraceState::read(values)
    });
    let recorded = match tracer {
        Some(tracer) => Some(tracer.begin(&mut trace, parent.as_ref(), state, started)),
        None => RequestTrace::passed_on(trace, state),
    };
    (RequestContext { request_id, trace }, recorded.map(Arc::new))
}

/// The caller's span, from the one `traceparent`; several make none.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(&TRACE_PARENT).into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok()?.parse().ok()
}

/// Takes over the caller's request id where it is well formed, else makes a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> Arc<str> {
    let id = headers.get(&REQUEST_ID).map(HeaderValue::as_bytes).filter(|id| is_well_formed(id));
    match id.and_then(|id| std::str::from_utf8(id).ok()) {
        Some(id) => id.into(),
        None => vitals::new_request_id(),
    }
}

/// Returns true for a request id that is taken over from a caller.
pub(crate) fn is_well_formed(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn identified(headers: &[(&'static str, &'static str)]) -> Identity {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        identify(&map, &Glance::of(&map), None, Instant::now())
    }

    #[test]
    fn a_parent_and_its_state_are_continued() {
        let (context, trace) = identified(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(context.trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(context.trace.span_id(), "b7ad6b7169203331");
        assert!(context.trace.is_sampled() && trace.is_some());
    }

    #[test]
    fn two_parents_or_a_malformed_one_begin_a_new_trace_without_the_state() {
        let two = [("traceparent", PARENT), ("traceparent", PARENT), ("tracestate", "a=1")];
        for headers in [&two[..], &[("traceparent", "00-0-0-01"), ("tracestate", "a=1")], &[("tracestate", "a=1")]] {
            let (context, trace) = identified(headers);
            assert_ne!(context.trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
            assert!(trace.is_none(), "{headers:?}");
        }
    }
}
