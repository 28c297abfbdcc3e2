//! Context propagation: headers that carry the running request's context to the peer.

use http::{HeaderMap, HeaderName, HeaderValue};
use resilience::{Criticality, Deadline, encode_timeout};
use telemetry::{RequestContext, traces};
use vitals::TraceContext;

/// Header for the time that the caller waits for the answer, in the format of gRPC over HTTP/2.
pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Header for the criticality: `critical`, `default` or `sheddable`.
pub(crate) const CRITICALITY: HeaderName = HeaderName::from_static("criticality");

/// Adds the id, trace with its state, and criticality of the current request to a call, and the remaining time, if that is enabled.
pub(crate) fn propagate(headers: &mut HeaderMap, until: Option<Deadline>, span: Option<TraceContext>) {
    let timeout = until.map(|until| HeaderValue::from_str(&encode_timeout(until.left())));
    if let Some(Ok(timeout)) = timeout {
        headers.insert(TIMEOUT, timeout);
    }
    if let Some(criticality) = Criticality::explicit() {
        headers.entry(CRITICALITY).or_insert(HeaderValue::from_static(criticality.name()));
    }
    let Some(context) = RequestContext::current() else { return };
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.entry("x-request-id").or_insert(id);
    }
    if headers.contains_key("traceparent") {
        // The caller's own, with a state of its own.
        return;
    }
    let span = span.unwrap_or_else(|| context.trace.child());
    if let Ok(trace) = HeaderValue::from_str(&span.to_string()) {
        headers.insert("traceparent", trace);
    }
    let state = traces::trace_state().and_then(|state| HeaderValue::from_str(state.as_str()).ok());
    if let Some(state) = state {
        headers.insert("tracestate", state);
    }
}
