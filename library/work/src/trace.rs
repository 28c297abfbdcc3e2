//! The trace of the running work, which jobs and events carry on.

use telemetry::RequestContext;

/// Returns the `traceparent` of the request or job that the running task works for; none outside of both.
pub(crate) fn traceparent() -> Option<String> {
    RequestContext::current().map(|context| context.trace.to_string())
}
