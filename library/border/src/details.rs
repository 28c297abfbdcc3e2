//! Details of a request for `RUST_LOG=debug`: the decision about it, with the numbers behind it.

use std::time::Duration;

use axum::http::StatusCode;

use crate::shed::Shed;

/// Logs the decision of admission.
pub(crate) fn admission(shed: &Shed, decision: &'static str, waited: Duration) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    // Nothing is shed where there is no gate.
    let gate = shed.snapshot();
    let (limit, in_flight) = (gate.as_ref().map(|gate| gate.limit), gate.as_ref().map(|gate| gate.in_flight));
    tracing::debug!(decision, limit, in_flight, waited_ms = waited.as_secs_f64() * 1e3, "admission");
}

/// Logs a refusal before the handler.
pub(crate) fn refusal(status: StatusCode, detail: &str) {
    tracing::debug!(status = status.as_u16(), detail, "refused");
}
