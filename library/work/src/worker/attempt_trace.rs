//! The trace of an attempt: that of the work which enqueued its job.

use std::sync::Arc;

use telemetry::RequestContext;
use telemetry::errors::{Errors, Failure, RequestHead};
use telemetry::traces::{JobSpan, RequestTrace, Tracer};
use tokio::time::Instant;
use vitals::TraceContext;

use crate::job::claimed::ClaimedJob;

/// The trace of one attempt.
#[derive(Debug)]
pub(crate) struct AttemptTrace {
    context: RequestContext,
    spans: Option<Arc<RequestTrace>>,
    attempt: u32,
}

impl AttemptTrace {
    /// Continues the trace of the work that enqueued the job, or begins one. A malformed one is replaced.
    pub(crate) fn begin(job: &ClaimedJob, tracer: Option<&Tracer>) -> Self {
        let parent: Option<TraceContext> = job.trace.as_deref().and_then(|trace| trace.parse().ok());
        let mut trace = parent.map_or_else(TraceContext::new, |parent| parent.child());
        let begin = |tracer: &Tracer| Arc::new(tracer.begin(&mut trace, parent.as_ref(), None, Instant::now()));
        let spans = tracer.map(begin);
        let context = RequestContext { request_id: job.message_id.as_str().into(), trace };
        Self { context, spans, attempt: job.attempt }
    }

    /// Runs work of the attempt: its calls, its jobs and its log lines are of the trace. Cancel-safe if `work` is.
    pub(crate) fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.context.clone().scope_traced(self.spans.clone(), work)
    }

    /// Records the failed attempt, with the type and the text of its error. To be called within its scope.
    pub(crate) fn report(
        &self,
        errors: &Errors,
        kind: &str,
        error: (&'static str, &str),
        begun: Instant,
        ends_at: Option<Instant>,
    ) {
        let now = Instant::now();
        let failure = Failure {
            work: "job",
            name: kind,
            method: "",
            status: None,
            error: Some(error),
            request_id: &self.context.request_id,
            trace: self.context.trace,
            took: now.saturating_duration_since(begun),
            deadline_left: ends_at.map(|end| end.saturating_duration_since(now)),
            criticality: "",
        };
        let attempt = u64::from(self.attempt);
        errors.record(&failure, || RequestHead { load: vec![("attempt", attempt)], ..RequestHead::default() });
    }

    /// Ends the attempt, with the type of its error.
    pub(crate) fn end(self, kind: &str, queue: &str, error: Option<&'static str>) {
        let Some(spans) = &self.spans else { return };
        spans.end_job(JobSpan { kind, queue, message_id: &self.context.request_id, attempt: self.attempt, error });
    }
}
