//! Request id and trace context.

use axum::http::{HeaderMap, HeaderName};
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
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let well_formed = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let request_id = match text(&REQUEST_ID).filter(well_formed) {
        Some(id) => id.into(),
        None => vitals::new_request_id(),
    };
    let parent = text(&TRACE_PARENT).and_then(|header| header.parse::<TraceContext>().ok());
    RequestContext { request_id, trace: parent.map_or_else(TraceContext::new, |parent| parent.child()) }
}
