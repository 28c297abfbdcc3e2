//! Open spans of the running task's request.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;
use vitals::TraceContext;

use crate::context::current_trace;
use crate::traces::innermost::innermost;
use crate::traces::request::RequestTrace;
use crate::traces::span::{Span, SpanKind, SpanValue, cut};
use crate::traces::state::TraceState;

/// A span of the running task's request that is open. Dropped, it ends: where its work was cancelled it says so.
#[derive(Debug)]
pub struct ActiveSpan {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    request: Arc<RequestTrace>,
    span: Span,
}

/// Starts a span of the running task's request. Without one, or without a tracer, it records nothing, and its name is not made.
pub fn span(kind: SpanKind, name: impl FnOnce() -> Cow<'static, str>) -> ActiveSpan {
    let recorded = current_trace().and_then(|request| {
        let start = request.at(Instant::now())?;
        let trace = request.context().trace_id_bytes();
        let span = Span {
            id: request.new_id(),
            parent: Some(innermost(trace).unwrap_or(request.context().span_id_bytes())),
            kind,
            name: cut(name()),
            start,
            end: start,
            attributes: Vec::new(),
            failed: false,
        };
        Some(Open { request, span })
    });
    ActiveSpan { open: recorded }
}

/// Records work of the running task's request that began at `began` and ends now.
///
/// `describe` gives its name, its attributes, and whether it failed. It runs only when spans are recorded.
pub fn finished<F>(kind: SpanKind, began: Instant, describe: F)
where
    F: FnOnce(&mut ActiveSpan) -> Cow<'static, str>,
{
    let mut active = span(kind, || Cow::Borrowed(""));
    let Some(start) = active.open.as_ref().and_then(|open| open.request.at(began)) else {
        return;
    };
    let name = describe(&mut active);
    if let Some(open) = &mut active.open {
        open.span.name = cut(name);
        open.span.start = start;
    }
    active.end();
}

/// The state of the running task's trace, for the header `tracestate` of its calls.
pub fn trace_state() -> Option<TraceState> {
    current_trace().and_then(|request| request.state().cloned())
}

impl ActiveSpan {
    /// Returns true when it records.
    pub fn is_recording(&self) -> bool {
        self.open.is_some()
    }

    /// Sets an attribute; the value is made only when it records.
    pub fn set(&mut self, name: &'static str, value: impl FnOnce() -> SpanValue) {
        if let Some(open) = &mut self.open {
            open.span.set(name, value());
        }
    }

    /// Marks it as failed, with the type of the error.
    pub fn fail(&mut self, error: impl FnOnce() -> SpanValue) {
        if let Some(open) = &mut self.open {
            open.span.failed = true;
            open.span.set("error.type", error());
        }
    }

    /// The trace context of the work that this span stands for: its id is the parent of what a dependency records.
    pub fn context(&self) -> Option<TraceContext> {
        let open = self.open.as_ref()?;
        Some(open.request.context().with_span_id(open.span.id))
    }

    /// Throws it away.
    pub(crate) fn discard(mut self) {
        self.open = None;
    }

    /// Ends it now.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        let Some(open) = self.open.take() else { return };
        let Open { request, mut span } = open;
        span.end = request.at(Instant::now()).unwrap_or(span.start);
        request.add(span);
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        self.fail(|| "cancelled".into());
        self.finish();
    }
}
