//! The span of an attempt of a job, as OpenTelemetry's semantic conventions for messaging say.

use crate::traces::span::Span;

/// Description of an attempt of a job and of its end, for its span.
#[derive(Clone, Copy, Debug)]
pub struct JobSpan<'a> {
    /// The kind of the job.
    pub kind: &'a str,
    /// The queue.
    pub queue: &'a str,
    /// The id of the message, the same in all attempts.
    pub message_id: &'a str,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The type of the error; none for an attempt that did not fail.
    pub error: Option<&'static str>,
}

impl JobSpan<'_> {
    /// The name of the span: low in number, as there is one for each queue.
    pub(crate) fn name(&self) -> String {
        format!("process {}", self.queue)
    }

    pub(crate) fn describe(&self, span: &mut Span) {
        span.set("messaging.system", "evenkeel".into());
        span.set("messaging.operation.type", "process".into());
        span.set("messaging.destination.name", self.queue.to_owned().into());
        span.set("messaging.message.id", self.message_id.to_owned().into());
        span.set("job.kind", self.kind.to_owned().into());
        span.set("job.attempt", self.attempt.into());
        if let Some(error) = self.error {
            span.set("error.type", error.into());
        }
    }
}
