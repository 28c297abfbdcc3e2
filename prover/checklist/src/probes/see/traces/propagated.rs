//! The judgement of the trace headers of one call.

use keel_drill::trace_headers::{TraceHeaders, TraceParent};

/// Whether a call continues the trace of the request that caused it.
///
/// # Errors
/// The reason why it does not.
pub(super) fn continued(sent: &TraceParent, came: &TraceHeaders) -> Result<(), String> {
    let Some(context) = came.context() else {
        return Err(match came.parent.as_slice() {
            [] => "has no traceparent".to_owned(),
            all => format!("has a malformed traceparent: {}", all.join(", ")),
        });
    };
    if context.trace != sent.trace {
        return Err("has another trace id than the request".to_owned());
    }
    if context.span == sent.span {
        return Err("has the span id of the request's sender: the header was copied".to_owned());
    }
    Ok(())
}

/// Whether a call has the sampling flag of the request that caused it; none when it is not of its trace.
pub(super) fn same_decision(sent: &TraceParent, came: &TraceHeaders) -> Option<bool> {
    let context = came.context().filter(|context| context.trace == sent.trace)?;
    Some(context.is_sampled() == sent.is_sampled())
}

/// Whether a call has a new context in the place of a malformed one.
///
/// # Errors
/// The reason why it has not.
pub(super) fn replaced(malformed: &str, came: &TraceHeaders) -> Result<(), String> {
    if came.parent.iter().any(|parent| parent == malformed) {
        return Err("is copied".to_owned());
    }
    match (came.context(), came.parent.as_slice()) {
        (Some(context), _) if malformed.contains(&context.trace) => Err("keeps its trace id".to_owned()),
        (Some(_), _) => Ok(()),
        (None, []) => Err("leads to a call without traceparent".to_owned()),
        (None, all) => Err(format!("leads to a malformed one: {}", all.join(", "))),
    }
}

/// Malformed headers, each with its fault. Those with ids have these of the context.
pub(super) fn malformed(context: &TraceParent) -> [(String, &'static str); 6] {
    let TraceParent { trace, span, .. } = context;
    let zeros = |count| "0".repeat(count);
    [
        (format!("00-{}-{span}-01", zeros(32)), "a trace id of zeros"),
        (format!("00-{trace}-{}-01", zeros(16)), "a parent id of zeros"),
        (format!("00-{}-{span}-01", &trace[..31]), "a trace id of 31 digits"),
        (format!("00-{}z-{span}-01", &trace[..31]), "a trace id with a letter beyond f"),
        (format!("ff-{trace}-{span}-01"), "version ff"),
        (format!("00-{trace}-{span}-01-more"), "a fifth part in version 00"),
    ]
}
