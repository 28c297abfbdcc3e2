//! Request id and trace context.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use telemetry::RequestContext;
use vitals::TraceContext;

use crate::glance::Glance;
use crate::headers::REQUEST_ID;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// A caller's request id is taken over up to this length.
const MAX_REQUEST_ID: usize = 128;

/// Takes over the caller's request id and trace where they are well formed, else makes new ones.
pub(crate) fn identify(headers: &HeaderMap, glance: &Glance) -> RequestContext {
    if !glance.identity {
        let (request_id, trace) = vitals::new_request_id_and_trace();
        return RequestContext { request_id, trace };
    }
    let parent = headers.get(&TRACE_PARENT).and_then(|value| value.to_str().ok());
    let parent = parent.and_then(|header| header.parse::<TraceContext>().ok());
    let trace = parent.map_or_else(TraceContext::new, |parent| parent.child());
    RequestContext { request_id: request_id(headers), trace }
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
